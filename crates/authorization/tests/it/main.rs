//! The verbs of the service against a real Postgres.

mod credentials;
mod database;
mod heard;
mod mandates;
mod scene;
