//! How a service runs: configuration, telemetry, tasks, the database, calls, events, access.
//!
//! No domain word enters here. What a service says about money or kinship, it says in its own crate;
//! what it needs to start, to stop, to be called, to be told and to tell, it finds in this one.

pub mod access;
pub mod bus;
pub mod config;
pub mod db;
pub mod grpc;
pub mod health;
pub mod inbox;
pub mod lease;
pub mod outbox;
pub mod parked;
pub mod tasks;
pub mod telemetry;

mod trouble;
