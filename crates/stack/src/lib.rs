//! Postgres, nats-server and every service as one process tree: what `cargo stack` runs, and what the tests stand on.
//!
//! The servers themselves are the business of the crate `servers`; here is what is put on top of them.

mod bench;
pub mod callers;
pub mod cli;
mod demo;
mod interrupt;
pub mod layout;
mod only_servers;
pub mod quiet;
pub mod services;
mod tokens;
mod up;
pub mod whole;
