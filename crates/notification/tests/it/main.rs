//! The service on a real Postgres and a real nats-server.

mod completeness;
mod facts;
mod office;
mod ordering;
mod parking;
mod reading;
mod receiver;
mod stage;
mod storing;
mod webhooks;
