//! Facts on their way in: what was told is applied once.
//!
//! A service reaches an event only through the transaction that records it as handled: inbox row, effect and the
//! service's own events are one commit, and the acknowledgement after it only saves a redelivery. The inbox row is the
//! truth about "done", so an event may arrive as often as it likes.
//!
//! The unit is a batch; one delivery is a batch of one. A batch that fails is taken apart, so that no event fails its
//! neighbours. A failed event is either tried again (the world was not ready) or parked (it will never make sense): the
//! type of the error decides. The broker never gives up on our behalf. Facts of one key are applied in the order in
//! which they were published: one process at a time consumes a stream for a service, and what waits behind an event
//! that is tried again waits with it.

mod batch;
mod consumer;
mod envelope;
mod order;
mod session;
mod store;

use std::future::Future;

use bytes::Bytes;
use kernel::{EventId, Timestamp};
use sqlx::PgConnection;

use crate::db::Corrupt;
use crate::tasks::BoxError;

pub use consumer::Consumer;

/// What a service follows of another.
#[derive(Debug, Clone, Copy)]
pub struct Follow {
    /// Whose stream.
    pub service: &'static str,
    /// Which subjects of it.
    pub subjects: &'static [&'static str],
}

/// One event as it arrived. [`proto::event::Fact::decode`] reads the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event.
    pub event_id: EventId,
    /// Where it was published.
    pub subject: String,
    /// What orders it.
    pub key: String,
    /// The message.
    pub payload: Bytes,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The trace it belongs to. A batch has as many as it has events; what is recorded because of one of them
    /// should carry that one's.
    pub trace_parent: Option<String>,
}

/// Why an event could not be handled, and so what happens to it.
#[derive(Debug)]
pub enum Failure {
    /// The world was not ready: it is delivered again, later each time.
    Retry(BoxError),
    /// It will never make sense: it is parked, with the payload and this error, and can be replayed.
    Park(BoxError),
}

impl Failure {
    /// It will never make sense, because of `why`.
    pub fn park(why: impl Into<BoxError>) -> Self {
        Self::Park(why.into())
    }

    /// The world was not ready, because of `why`.
    pub fn retry(why: impl Into<BoxError>) -> Self {
        Self::Retry(why.into())
    }
}

/// Data that the database will never take (SQLSTATE classes 22 and 23) is parked; everything else is the world's fault and retried.
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        match code.as_deref().and_then(|code| code.get(..2)) {
            Some("22" | "23") => Self::Park(error.into()),
            _ => Self::Retry(error.into()),
        }
    }
}

impl From<proto::Malformed> for Failure {
    fn from(error: proto::Malformed) -> Self {
        Self::Park(error.into())
    }
}

impl From<proto::Unreadable> for Failure {
    fn from(error: proto::Unreadable) -> Self {
        Self::Park(error.into())
    }
}

impl From<Corrupt> for Failure {
    fn from(error: Corrupt) -> Self {
        Self::Park(error.into())
    }
}

/// What a service does with the facts it follows.
pub trait Handle: Send + Sync + 'static {
    /// Applies facts that were not handled before, in order, in the transaction that also records them as handled.
    /// The loop commits. After a failure nothing of it remains, and the facts come again one at a time.
    fn handle(
        &self,
        conn: &mut PgConnection,
        deliveries: &[Delivery],
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}
