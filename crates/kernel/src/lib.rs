//! The words every service uses: money, ids, places, kin, time, roles and reasons.
//!
//! No I/O and nothing async. [`Clock`] and the id constructors are the only places in the whole
//! workspace whose values come from the machine and not from an argument; secrets (tokens, keys) are drawn where they are made.

pub mod clock;
pub mod fen;
pub mod id;
pub mod insurance;
pub mod reason;
pub mod region;
pub mod relation;
pub mod role;
pub mod usage;
mod words;

pub use clock::Clock;
pub use fen::Fen;
pub use id::{
    AccountId, AllocationId, BindingId, DisplayLinkId, EndpointId, EventId, HoldId, MovementId,
    NoticeId, PersonId, QuoteId, ReadId, SettlementId,
};
pub use insurance::{Bucket, PersonKind, Scheme, Standing};
pub use jiff::Timestamp;
pub use jiff::civil::Date;
pub use reason::{Reason, Refusal};
pub use region::Region;
pub use relation::Relation;
pub use role::Role;
pub use usage::Usage;
