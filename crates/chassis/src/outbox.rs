//! Facts on their way out: what was committed is told.
//!
//! A use case records an event in the transaction that makes it true, and never touches the broker. The [`Relay`]
//! publishes what is recorded and not in the stream yet: a *set* of rows, never a cursor over their numbers, because a
//! row may commit after one with a higher number. One relay per service works at a time.
//!
//! The broker's word is not believed for ever. What was published stays in the outbox until every follower has
//! confirmed it and the retention has passed, together with the place in the stream where it should be; the audit
//! compares the two, and whatever the stream no longer has is published again. Whoever has handled it already knows.

mod audit;
mod blocked;
mod publish;
mod relay;
mod status;
mod store;

use bytes::Bytes;
use kernel::{EventId, Timestamp};
use proto::Event;
use sqlx::{PgConnection, PgPool};

use crate::telemetry;

pub use relay::Relay;
pub use status::{Follower, Status, status};

/// One event that is to be recorded.
#[derive(Debug, Clone)]
pub struct Entry {
    id: EventId,
    subject: &'static str,
    key: String,
    body: Bytes,
    occurred_at: Timestamp,
    trace_parent: Option<String>,
}

impl Entry {
    /// `event`, in the trace of the current span. `at` is the time of the decision that made it true: a consumer that
    /// meets it after the retention of its inbox parks it.
    pub fn new<E: Event>(event: &E, at: Timestamp) -> Self {
        Self {
            id: EventId::generate(),
            subject: E::SUBJECT,
            key: event.key().to_owned(),
            body: event.encode_to_vec().into(),
            occurred_at: at,
            trace_parent: telemetry::trace_parent(),
        }
    }

    /// The same event in the trace that `trace_parent` names; in a batch, each command and each delivery has its own.
    pub fn in_trace(self, trace_parent: Option<String>) -> Self {
        Self {
            trace_parent,
            ..self
        }
    }

    /// The id under which the event is told.
    pub fn id(&self) -> EventId {
        self.id
    }
}

/// Records one event in the caller's transaction; the relay publishes it after the commit.
///
/// Its position in the history of its key is drawn here, so call it while what changed is locked.
pub async fn record<E: Event>(
    conn: &mut PgConnection,
    event: &E,
    at: Timestamp,
) -> Result<EventId, sqlx::Error> {
    let entry = Entry::new(event, at);
    store::insert(conn, std::slice::from_ref(&entry)).await?;
    Ok(entry.id)
}

/// Records any number of events in the caller's transaction, in their order, with one statement.
pub async fn record_all(conn: &mut PgConnection, entries: &[Entry]) -> Result<(), sqlx::Error> {
    if entries.is_empty() {
        return Ok(());
    }
    store::insert(conn, entries).await
}

/// How many events are recorded and not published.
pub async fn pending(db: &PgPool) -> Result<i64, sqlx::Error> {
    store::count_pending(db).await
}

/// Stops waiting for a follower that is gone for good: what only it had not confirmed may be forgotten.
/// `false`: no follower of that name was ever seen.
pub async fn forget_follower(db: &PgPool, durable: &str) -> Result<bool, sqlx::Error> {
    store::forget_follower(db, durable).await
}
