//! The authorization service: on what terms a contributor's money may flow, and whose code a patient shows.
//!
//! It owns mandates and e-credentials, and never knows a balance. Nouns are pure ([`mandate`], [`credential`]); a verb is
//! one use case and one transaction (`change`, `pause`, `resume`, `revoke`, `issue`, `display`, `follow`); all SQL is in [`store`].

pub mod actor;
pub mod change;
mod config;
pub mod consumer;
pub mod credential;
pub mod display;
mod event;
pub mod follow;
mod grpc;
pub mod issue;
pub mod lookup;
pub mod mandate;
pub mod page;
pub mod pause;
mod record;
pub mod resolve;
pub mod resume;
pub mod revoke;
pub mod show;
mod start;
pub mod store;
pub mod sweep;
pub mod wait;

pub use config::{Config, Credential, Fence, Lookup};
pub use start::{StartError, serve};

use sqlx::migrate::Migrator;

/// The schema of the service's database.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The name of the service: of its streams, its consumers and its callers.
pub const SERVICE: &str = "authorization";
