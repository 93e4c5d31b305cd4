//! The verbs of the service against a real Postgres.

mod credentials;
mod database;
mod displayed;
mod heard;
mod mandates;
mod scene;
