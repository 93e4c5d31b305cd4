//! Events that a consumer could not handle: kept with all that is needed to understand them and to handle them again.
//!
//! A parked event is done for its consumer (its inbox row was written in the same transaction), so nothing waits
//! for it. Who has removed the cause asks for a replay; the running consumer then handles the event, with its own
//! handler, in a transaction that also notes that it was replayed.

mod store;

use kernel::{EventId, Timestamp};
use serde_json::Value;
use sqlx::PgPool;

use crate::inbox::Delivery;

pub(crate) use store::{finish, insert, next_request, refuse};

/// Why an event was parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The handler said that it will never make sense.
    Refused,
    /// It has no readable envelope.
    Unreadable,
    /// It is older than what the inbox remembers, so whether it was applied cannot be known.
    TooOld,
    /// Handling it ended the process, again and again.
    HandlerDied,
}

impl Reason {
    /// The word in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::TooOld => "too old",
            Self::HandlerDied => "handler died",
        }
    }

    /// The reason with this word.
    fn of(word: &str) -> Option<Self> {
        [
            Self::Refused,
            Self::Unreadable,
            Self::TooOld,
            Self::HandlerDied,
        ]
        .into_iter()
        .find(|one| one.word() == word)
    }
}

/// A parked event.
#[derive(Debug, Clone)]
pub struct Parked {
    /// Who could not handle it.
    pub consumer: String,
    /// Whose stream it came from.
    pub source: String,
    /// The event.
    pub delivery: Delivery,
    /// The message's headers: name to values.
    pub headers: Value,
    /// Why.
    pub reason: Reason,
    /// What went wrong, the outermost error first.
    pub error_chain: Vec<String>,
    /// When it was parked.
    pub parked_at: Timestamp,
    /// When somebody asked for it to be handled again; none if nobody did, or the replay failed.
    pub replay_requested_at: Option<Timestamp>,
}

/// What is parked and was not replayed, the oldest first, at most `limit`.
pub async fn list(db: &PgPool, limit: i64) -> Result<Vec<Parked>, sqlx::Error> {
    store::list(db, limit).await
}

/// How many events are parked and were not replayed.
pub async fn count(db: &PgPool) -> Result<i64, sqlx::Error> {
    store::count(db).await
}

/// Asks the running consumer to handle one event again. `false`: it is not parked, or was replayed.
pub async fn replay(
    db: &PgPool,
    consumer: &str,
    event_id: EventId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    store::request_one(db, consumer, event_id, now).await
}

/// Asks the running consumer to handle everything that is parked for it again; how many events that is.
pub async fn replay_all(db: &PgPool, consumer: &str, now: Timestamp) -> Result<u64, sqlx::Error> {
    store::request_all(db, consumer, now).await
}
