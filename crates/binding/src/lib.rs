//! Who is related to whom: people and their enrolments, and the aid bindings between them.
//!
//! This service knows who may be bound to whom and never moves money. It is the only one that knows a name or an ID number,
//! and it keeps them sealed; everybody else knows opaque ids.
//!
//! Nouns: `identity`, `person`, `binding`, `link`, `keys`. Verbs: `import`, `request`, `confirm`, `decline`, `review`,
//! `unbind`, `end`, and those of display links in `link/`, each one transaction.

use sqlx::migrate::Migrator;

mod actor;
mod binding;
mod change;
mod circle;
mod config;
mod confirm;
mod consumer;
mod decline;
mod end;
mod erase;
pub mod error;
mod event;
mod grpc;
mod identity;
mod import;
pub mod keys;
mod link;
mod look_up;
mod person;
mod proof;
mod reads;
mod request;
mod review;
pub mod rotate;
mod serve;
mod store;
mod terminate;
mod unbind;

pub use config::Config;
pub use serve::{StartError, serve};

/// The schema of this service's database.
pub static MIGRATIONS: Migrator = sqlx::migrate!();
