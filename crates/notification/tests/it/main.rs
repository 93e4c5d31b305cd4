//! The service on a real Postgres and a real nats-server.

mod facts;
mod reading;
mod stage;
mod storing;
