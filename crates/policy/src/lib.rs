//! The rules of mutual aid, as data and as pure decisions.
//!
//! Regions differ in nearly everything: who may be bound, whose money goes first, what must stay in an account. So the
//! differences are dated rule packs ([`packs`]), and the decisions read them: [`bind`] says who may be bound and released,
//! [`display`] who may show whose code, [`moves`] what may go into a pool or from wallet to wallet, [`benefit`] takes a bill apart and says what the pooled fund
//! pays, [`plan()`] splits the rest among own account, contributors and cash, and [`explain`] puts that split into sentences.
//!
//! Nothing here reads a clock, a file, the environment or a random number: the same arguments give the same answer, always.

pub mod allocation;
mod axes;
pub mod benefit;
pub mod bind;
pub mod display;
pub mod explain;
pub mod moves;
pub mod packs;
pub mod plan;
mod usages;
pub mod values;

pub use axes::{Axis, Rules};
pub use packs::{PackVersion, Packs};
pub use plan::{Plan, PlanInput, plan};
pub use usages::Usages;
