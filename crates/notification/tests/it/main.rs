//! The service on a real Postgres and a real nats-server.

mod facts;
mod parking;
mod reading;
mod stage;
mod storing;
