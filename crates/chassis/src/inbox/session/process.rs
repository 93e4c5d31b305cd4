//! What a session does with a batch: whole if it can, one by one if there is something about one of its events.

use std::time::Instant;

use kernel::EventId;
use uuid::Uuid;

use super::{Ended, Next, Session};
use crate::inbox::batch::{Outcome, chain};
use crate::inbox::consumer::ConsumerError;
use crate::inbox::envelope::Incoming;
use crate::inbox::{Handle, store};
use crate::parked::Reason;
use crate::tasks::Stop;
use crate::trouble::Trouble;

/// An event that this many lives began and did not end is handled alone: it must not take its neighbours with it.
const LIVES_TOGETHER: i32 = 3;
/// An event that this many lives began and did not end is parked.
const LIVES: i32 = 10;

impl<H: Handle> Session<'_, H> {
    /// Handles a batch: whole, or one by one if there is something about one of them.
    pub(super) async fn process(
        &mut self,
        batch: Vec<Incoming>,
        unanswered: u64,
        stop: &Stop,
        trouble: &mut Trouble,
    ) -> Result<Next, ConsumerError> {
        if !self.must_take_apart(&batch, unanswered).await? {
            let suspects = suspects(&batch, unanswered);
            self.begin(&suspects).await?;
            loop {
                match self.desk().apply(&batch, self.now()).await {
                    Outcome::Done => {
                        for one in &batch {
                            one.ack().await;
                        }
                        return Ok(Next::GoOn);
                    }
                    Outcome::Outage(error) => {
                        if let Some(ended) = self.sit_out(error, stop, trouble).await {
                            return Ok(Next::End(ended));
                        }
                    }
                    outcome => {
                        tracing::debug!(
                            ?outcome,
                            events = batch.len(),
                            "a batch failed and goes one by one"
                        );
                        break;
                    }
                }
            }
        }
        for one in batch {
            let next = self.process_alone(one, unanswered, stop, trouble).await?;
            if let Next::End(ended) = next {
                return Ok(Next::End(ended));
            }
        }
        Ok(Next::GoOn)
    }

    /// Whether the events of a batch had better be handled one by one.
    async fn must_take_apart(
        &self,
        batch: &[Incoming],
        unanswered: u64,
    ) -> Result<bool, ConsumerError> {
        let special = batch.iter().any(|one| {
            let key = &one.delivery.key;
            one.unreadable.is_some()
                || self.is_too_old(one)
                || self.order.is_stalled(key, one.sequence)
                || self.order.is_behind(key, one.sequence)
        });
        if special {
            return Ok(true);
        }
        let suspects = suspects(batch, unanswered);
        if suspects.is_empty() {
            return Ok(false);
        }
        let lives = store::lives(&self.consumer.db, self.consumer.durable.name, &suspects).await?;
        Ok(lives.values().any(|lives| *lives >= LIVES_TOGETHER))
    }

    /// Handles one event, parks it, or sets it aside.
    async fn process_alone(
        &mut self,
        one: Incoming,
        unanswered: u64,
        stop: &Stop,
        trouble: &mut Trouble,
    ) -> Result<Next, ConsumerError> {
        let key = one.delivery.key.clone();
        if self.order.is_behind(&key, one.sequence) {
            one.again(self.order.set_aside(&key, one.sequence, Instant::now()))
                .await;
            return Ok(Next::GoOn);
        }
        if let Some((reason, why)) = self.verdict(&one, unanswered).await? {
            self.park(&one, reason, vec![why]).await?;
            return Ok(Next::GoOn);
        }
        loop {
            match self
                .desk()
                .apply(std::slice::from_ref(&one), self.now())
                .await
            {
                Outcome::Done => {
                    one.ack().await;
                    self.order.done(&key, one.sequence);
                }
                Outcome::Park(error) => self.park(&one, Reason::Refused, chain(&*error)).await?,
                Outcome::Retry(error) => self.try_later(&one, &chain(&*error).join(": ")).await,
                Outcome::Died(words) => self.note_death(&one, words).await?,
                Outcome::Outage(error) => {
                    if let Some(ended) = self.sit_out(error, stop, trouble).await {
                        return Ok(Next::End(ended));
                    }
                    continue;
                }
            }
            return Ok(Next::GoOn);
        }
    }

    /// Why an event is parked without being tried, if it is.
    async fn verdict(
        &mut self,
        one: &Incoming,
        unanswered: u64,
    ) -> Result<Option<(Reason, String)>, ConsumerError> {
        if let Some(why) = &one.unreadable {
            return Ok(Some((Reason::Unreadable, why.clone())));
        }
        if self.is_too_old(one) {
            let why = format!(
                "it happened at {}, before what the inbox remembers",
                one.delivery.occurred_at
            );
            return Ok(Some((Reason::TooOld, why)));
        }
        if one.sequence <= unanswered {
            let id = one.delivery.event_id;
            let lives =
                store::lives(&self.consumer.db, self.consumer.durable.name, &[id.uuid()]).await?;
            let lives = lives.get(&id).copied().unwrap_or(0);
            if lives >= LIVES {
                return Ok(Some((
                    Reason::HandlerDied,
                    format!("{lives} lives of the process ended while handling it"),
                )));
            }
            self.begin(&[id.uuid()]).await?;
        }
        Ok(None)
    }

    fn is_too_old(&self, one: &Incoming) -> bool {
        self.now().duration_since(one.delivery.occurred_at) > self.consumer.bus.keep().inbox
    }

    /// Notes that this life begins to handle events that an earlier life may not have survived. Once per life: an
    /// event that comes again because the database was away has cost no life.
    async fn begin(&mut self, suspects: &[Uuid]) -> Result<(), ConsumerError> {
        let new: Vec<Uuid> = suspects
            .iter()
            .copied()
            .filter(|id| !self.begun.contains(&EventId::from_uuid(*id)))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        store::begin(&self.consumer.db, self.consumer.durable.name, &new).await?;
        self.begun.extend(new.into_iter().map(EventId::from_uuid));
        Ok(())
    }

    /// A panic is counted like the end of the process that it would otherwise have been.
    async fn note_death(&mut self, one: &Incoming, words: String) -> Result<(), ConsumerError> {
        let id = one.delivery.event_id;
        if !self.begun.remove(&id) {
            store::begin(&self.consumer.db, self.consumer.durable.name, &[id.uuid()]).await?;
        }
        let lives =
            store::lives(&self.consumer.db, self.consumer.durable.name, &[id.uuid()]).await?;
        if lives.get(&id).is_some_and(|lives| *lives >= LIVES) {
            return self.park(one, Reason::HandlerDied, vec![words]).await;
        }
        self.try_later(one, &words).await;
        Ok(())
    }

    async fn park(
        &mut self,
        one: &Incoming,
        reason: Reason,
        error_chain: Vec<String>,
    ) -> Result<(), ConsumerError> {
        self.desk()
            .park(one, reason, error_chain, self.now())
            .await?;
        one.ack().await;
        self.order.done(&one.delivery.key, one.sequence);
        Ok(())
    }

    async fn try_later(&mut self, one: &Incoming, error: &str) {
        let pause = self
            .order
            .failed(&one.delivery.key, one.sequence, Instant::now());
        let consumer = self.consumer.durable.name;
        let (event_id, subject) = (one.delivery.event_id, &one.delivery.subject);
        tracing::warn!(consumer, %event_id, subject, error, again_in = ?pause, "an event could not be handled and comes again");
        metrics::counter!("gongji_inbox_retried_total", "consumer" => consumer).increment(1);
        one.again(pause).await;
    }

    /// Waits until the database may be back. Nothing is given back to the broker: nothing else would fare better.
    async fn sit_out(
        &mut self,
        error: sqlx::Error,
        stop: &Stop,
        trouble: &mut Trouble,
    ) -> Option<Ended> {
        let pause = trouble.met(&ConsumerError::Store(error));
        tokio::select! {
            () = stop.requested() => Some(Ended::Stopped),
            () = tokio::time::sleep(pause) => match self.lease.renew().await {
                Ok(false) => Some(Ended::LostLease),
                // If it still does not answer, the next attempt says so.
                Ok(true) | Err(_) => None,
            },
        }
    }
}

/// What an earlier life may have begun.
fn suspects(batch: &[Incoming], unanswered: u64) -> Vec<Uuid> {
    batch
        .iter()
        .filter(|one| one.sequence <= unanswered)
        .map(|one| one.delivery.event_id.uuid())
        .collect()
}
