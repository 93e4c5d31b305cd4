//! Stories about events: what was committed is told, what was told is applied once, whatever happens to the broker.
//!
//! Real Postgres, real nats-server, one database pair and one broker per story.

#![expect(
    clippy::unwrap_used,
    reason = "a story ends where it meets what it did not expect"
)]

mod giving_up;
mod hearing;
mod lasting;
mod losing;
mod telling;
mod world;
