//! One transaction: record events as handled, let the handler apply those that are new, commit.

use std::any::Any;
use std::collections::HashSet;
use std::error::Error;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use kernel::{EventId, Timestamp};
use sqlx::{PgConnection, PgPool};
use tracing::Instrument as _;
use uuid::Uuid;

use super::envelope::Incoming;
use super::{Delivery, Failure, Handle, store};
use crate::db::is_outage;
use crate::parked::{self, Parked, Reason};
use crate::tasks::BoxError;
use crate::telemetry;

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is committed, or was before.
    Done,
    /// The database is in trouble; nothing is known about the events.
    Outage(sqlx::Error),
    /// To be tried again.
    Retry(BoxError),
    /// To be parked.
    Park(BoxError),
    /// The handler panicked, with these words.
    Died(String),
}

/// Who handles, and for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Desk<'a, H> {
    pub(super) db: &'a PgPool,
    pub(super) consumer: &'static str,
    /// Whose stream.
    pub(super) source: &'static str,
    pub(super) handler: &'a H,
}

impl<H: Handle> Desk<'_, H> {
    /// Handles what of `incoming` was not handled before, in one transaction.
    pub(super) async fn apply(&self, incoming: &[Incoming], now: Timestamp) -> Outcome {
        match self.try_apply(incoming, now).await {
            Ok(outcome) => outcome,
            Err(error) if is_outage(&error) => Outcome::Outage(error),
            Err(error) => Outcome::Retry(error.into()),
        }
    }

    async fn try_apply(
        &self,
        incoming: &[Incoming],
        now: Timestamp,
    ) -> Result<Outcome, sqlx::Error> {
        let event_ids = ids(incoming);
        let mut tx = match crate::db::begin(self.db).await {
            Ok(tx) => tx,
            Err(error) => return Ok(Outcome::Outage(error)), // whatever the reason, these events are not it
        };
        let mut fresh = store::claim(&mut tx, self.consumer, &event_ids, now).await?;
        let deliveries = first_of_each(incoming, &mut fresh);
        if !deliveries.is_empty() {
            let failure = self.handle(&mut tx, &deliveries, now).await;
            if let Some(outcome) = failure {
                tx.rollback().await?;
                return Ok(outcome);
            }
        }
        store::end(&mut tx, self.consumer, &event_ids).await?;
        tx.commit().await?;
        self.count(&deliveries, now);
        Ok(Outcome::Done)
    }

    /// Lets the handler work, in the trace of the first event; what went wrong, if anything did.
    async fn handle(
        &self,
        conn: &mut PgConnection,
        deliveries: &[Delivery],
        now: Timestamp,
    ) -> Option<Outcome> {
        let span = tracing::info_span!(
            "consume",
            consumer = self.consumer,
            source = self.source,
            subject = deliveries[0].subject,
            events = deliveries.len()
        );
        if let Some(trace_parent) = &deliveries[0].trace_parent {
            telemetry::continue_trace(&span, trace_parent);
        }
        // A panic of a handler is an outcome of these events and not the end of the process.
        let handled = AssertUnwindSafe(self.handler.handle(conn, deliveries, now))
            .catch_unwind()
            .instrument(span)
            .await;
        match handled {
            Ok(Ok(())) => None,
            Ok(Err(Failure::Park(error))) => Some(Outcome::Park(error)),
            Ok(Err(Failure::Retry(error))) => Some(match error.downcast::<sqlx::Error>() {
                Ok(error) if is_outage(&error) => Outcome::Outage(*error),
                Ok(error) => Outcome::Retry(error),
                Err(error) => Outcome::Retry(error),
            }),
            Err(panic) => Some(Outcome::Died(words(panic.as_ref()))),
        }
    }

    /// Parks an event, unless it was handled or parked before.
    pub(super) async fn park(
        &self,
        incoming: &Incoming,
        reason: Reason,
        error_chain: Vec<String>,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let event_id = incoming.delivery.event_id;
        let mut tx = crate::db::begin(self.db).await?;
        if store::claim(&mut tx, self.consumer, &[event_id.uuid()], now)
            .await?
            .contains(&event_id)
        {
            tracing::error!(
                consumer = self.consumer,
                %event_id,
                subject = incoming.delivery.subject,
                reason = reason.word(),
                error = error_chain.join(": "),
                "an event is parked"
            );
            let parked = Parked {
                consumer: self.consumer.to_owned(),
                source: self.source.to_owned(),
                delivery: incoming.delivery.clone(),
                headers: incoming.headers(),
                reason,
                error_chain,
                parked_at: now,
                replay_requested_at: None,
            };
            parked::insert(&mut tx, &parked).await?;
            metrics::counter!("gongji_inbox_parked_total", "consumer" => self.consumer)
                .increment(1);
        }
        store::end(&mut tx, self.consumer, &[event_id.uuid()]).await?;
        tx.commit().await
    }

    /// Handles one parked event that somebody wants to be handled again. Whether there was one.
    pub(super) async fn replay(&self, now: Timestamp) -> Result<bool, sqlx::Error> {
        let mut tx = crate::db::begin(self.db).await?;
        let Some(delivery) = parked::next_request(&mut tx, self.consumer, self.source).await?
        else {
            return Ok(false);
        };
        let event_id = delivery.event_id;
        let failed = match self
            .handle(&mut tx, std::slice::from_ref(&delivery), now)
            .await
        {
            None | Some(Outcome::Done) => {
                parked::finish(&mut tx, self.consumer, event_id, now).await?;
                tx.commit().await?;
                tracing::info!(consumer = self.consumer, %event_id, "a parked event was replayed");
                return Ok(true);
            }
            Some(Outcome::Outage(error)) => return Err(error),
            Some(Outcome::Retry(error) | Outcome::Park(error)) => chain(&*error),
            Some(Outcome::Died(words)) => vec![words],
        };
        tx.rollback().await?;
        tracing::error!(consumer = self.consumer, %event_id, error = failed.join(": "), "a replay failed");
        parked::refuse(self.db, self.consumer, event_id, &failed).await?;
        Ok(true)
    }

    fn count(&self, deliveries: &[Delivery], now: Timestamp) {
        let consumer = self.consumer;
        let handled = u64::try_from(deliveries.len()).unwrap_or(u64::MAX);
        metrics::counter!("gongji_inbox_handled_total", "consumer" => consumer).increment(handled);
        let lag = metrics::histogram!("gongji_inbox_lag_seconds", "consumer" => consumer);
        for delivery in deliveries {
            lag.record(now.duration_since(delivery.occurred_at).as_secs_f64());
        }
    }
}

fn ids(incoming: &[Incoming]) -> Vec<Uuid> {
    incoming
        .iter()
        .map(|one| one.delivery.event_id.uuid())
        .collect()
}

/// The deliveries of the events in `fresh`, each once, in the order of the stream.
fn first_of_each(incoming: &[Incoming], fresh: &mut HashSet<EventId>) -> Vec<Delivery> {
    incoming
        .iter()
        .filter(|one| fresh.remove(&one.delivery.event_id))
        .map(|one| one.delivery.clone())
        .collect()
}

/// An error and all it stems from, the outermost first.
pub(super) fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut chain = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        chain.push(error.to_string());
        cause = error.source();
    }
    chain
}

fn words(panic: &(dyn Any + Send)) -> String {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    words
        .unwrap_or("the handler panicked without words")
        .to_owned()
}
