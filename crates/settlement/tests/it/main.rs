//! The writer and the projection against a real Postgres. Stories over the whole stack are elsewhere.

mod accounts;
mod after_visit;
mod benefits;
mod blocks;
mod books;
mod charges;
mod credits;
mod database;
mod ear;
mod family_years;
mod fences;
mod holds;
mod imports;
mod keys;
mod limits;
mod premiums;
mod quotes;
mod reconciliation;
mod refunds;
mod replacements;
mod reversals;
mod scene;
mod statements;
mod tasks;
mod verify;
mod years;
