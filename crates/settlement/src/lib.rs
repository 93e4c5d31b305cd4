//! The settlement service: personal accounts, the ledger, and the split of every bill.
//!
//! All money goes through the [`writer`]: a batch of commands is one transaction that claims their keys, locks the
//! accounts they may touch, decides them one after the other over the locked state, and writes the outcome with one
//! statement per table. Nouns are pure ([`account`], [`bill`], [`enforced`], [`settlement`], [`refund`]), and so are the
//! decisions ([`decide`], [`give_back`], [`reverse`], [`allocation`], [`keep`], [`premium`]); all SQL is in [`store`].
//!
//! A bill may be accepted at first and deducted later ([`deferral`], [`deduct`]): [`collect`] has it deducted whenever an event
//! says that money or permission came.
//!
//! What others tell about people and permissions is copied by the [`consumer`], under the same locks: a permission that
//! was withdrawn stops paying in the moment in which `fenced` says so.

pub mod account;
pub mod allocation;
mod answer;
pub mod benefit;
pub mod bill;
pub mod book;
pub mod catalogue;
pub mod close_task;
pub mod collect;
pub mod command;
mod config;
pub mod consumer;
pub mod correction;
pub mod decide;
pub mod deduct;
pub mod deferral;
pub mod enforced;
mod event;
pub mod give_back;
mod grpc;
pub mod hold;
pub mod import;
pub mod institution;
pub mod keep;
pub mod limit;
mod maintenance;
pub mod movement;
pub mod pay_premiums;
pub mod premium;
pub mod project;
pub mod quote;
pub mod reconcile;
pub mod reconciliation;
pub mod refund;
pub mod replace;
pub mod request;
mod resolver;
pub mod reverse;
pub mod seal;
pub mod settlement;
mod start;
pub mod statement;
pub mod store;
pub mod sweep;
pub mod task;
pub mod tax;
pub mod verify;
pub mod writer;
pub mod year;
pub mod year_end;

pub use config::{Config, Retention};
pub use maintenance::{forget, maintain};
pub use start::{StartError, serve};

use sqlx::migrate::Migrator;

/// The schema of the service's database.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The name of the service: of its streams, its consumers and its callers.
pub const SERVICE: &str = "settlement";
