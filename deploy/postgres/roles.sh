#!/bin/sh
# Runs once, when the database server's volume is new: a role and a database of its own for each service.
# A role can do nothing in another service's database.
set -eu

make() {
  psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set service="$1" --set password="$2" <<'SQL'
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"service";
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
}

make binding "$BINDING_PASSWORD"
make authorization "$AUTHORIZATION_PASSWORD"
make settlement "$SETTLEMENT_PASSWORD"
make notification "$NOTIFICATION_PASSWORD"
