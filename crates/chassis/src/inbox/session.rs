//! The loop of a consumer between two times it joins its stream.

mod process;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::{FutureExt as _, StreamExt as _};
use kernel::{EventId, Timestamp};

use super::batch::Desk;
use super::consumer::{Consumer, ConsumerError};
use super::envelope::Incoming;
use super::order::Order;
use super::{Handle, store};
use crate::bus::Joined;
use crate::lease::Lease;
use crate::tasks::Stop;
use crate::telemetry::Chain;
use crate::trouble::Trouble;

/// How many events are handled in one transaction at most.
const LARGEST_BATCH: usize = 256;
/// How often an idle consumer looks after its lease and whether a replay is wanted.
const TICK: Duration = Duration::from_millis(500);
/// How often old inbox rows are deleted, and how many in one statement.
const SWEEP: Duration = Duration::from_mins(1);
const SWEPT: i64 = 5000;

/// Why a session ended without trouble.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The task should return.
    Stopped,
    /// Another process has taken over.
    LostLease,
    /// Stream or durable are no longer what was joined.
    Rejoin,
}

/// One holding of the lease.
pub(super) struct Session<'a, H> {
    consumer: &'a Consumer<H>,
    lease: Lease,
    order: Order,
    /// What this life has begun to handle and was seen to survive.
    begun: HashSet<EventId>,
    /// When nothing more was left to delete; none if that is not known.
    swept: Option<Instant>,
}

/// What a batch asks the session to do.
enum Next {
    GoOn,
    End(Ended),
}

impl<'a, H: Handle> Session<'a, H> {
    pub(super) fn new(consumer: &'a Consumer<H>, lease: Lease) -> Self {
        Self {
            consumer,
            lease,
            order: Order::default(),
            begun: HashSet::new(),
            swept: None,
        }
    }

    pub(super) async fn release(self) -> Result<(), sqlx::Error> {
        self.lease.release().await
    }

    fn desk(&self) -> Desk<'a, H> {
        self.consumer.desk()
    }

    fn now(&self) -> Timestamp {
        self.consumer.clock.now()
    }

    /// Joins the stream and handles what comes.
    pub(super) async fn run(
        &mut self,
        stop: &Stop,
        trouble: &mut Trouble,
    ) -> Result<Ended, ConsumerError> {
        let consumer = self.consumer;
        let mut connections = consumer.bus.connections();
        connections.mark_unchanged();
        if !self.keep_lease().await? {
            return Ok(Ended::LostLease);
        }
        // A request to a broker that is gone is never answered: the next connection says so sooner than a timeout.
        let mut joined = tokio::select! {
            joined = consumer.bus.join(&consumer.durable) => joined?,
            _ = connections.changed() => return Ok(Ended::Rejoin),
        };
        // All that was not answered comes again, in order.
        self.order = Order::default();
        let mut audited = Instant::now();
        let mut looked = Instant::now();
        loop {
            if !self.keep_lease().await? {
                return Ok(Ended::LostLease);
            }
            if audited.elapsed() >= consumer.bus.keep().audit.unsigned_abs() {
                let current = tokio::select! {
                    current = consumer.bus.is_current(&consumer.durable, &joined) => current?,
                    _ = connections.changed() => false,
                };
                if !current {
                    tracing::warn!(
                        consumer = consumer.durable.name,
                        "the stream or the durable was made anew: joins again"
                    );
                    return Ok(Ended::Rejoin);
                }
                audited = Instant::now();
            }
            if looked.elapsed() >= TICK {
                if let Err(error) = self.sweep().await {
                    // Housekeeping never holds up what has to be handled.
                    tracing::warn!(error = %Chain(&error), "the inbox could not be swept");
                    self.swept = Some(Instant::now());
                }
                while self.desk().replay(self.now()).await? {}
                looked = Instant::now();
            }
            trouble.over();
            consumer.progress.made();
            let first = tokio::select! {
                () = stop.requested() => return Ok(Ended::Stopped),
                _ = connections.changed() => return Ok(Ended::Rejoin),
                () = tokio::time::sleep(TICK) => continue,
                message = joined.messages.next() => message,
            };
            let Some(first) = first else {
                return Ok(Ended::Rejoin);
            };
            let batch = collect(first.map_err(deliveries)?, &mut joined)?;
            if let Next::End(ended) = self
                .process(batch, joined.unanswered, stop, trouble)
                .await?
            {
                return Ok(ended);
            }
        }
    }

    async fn keep_lease(&mut self) -> Result<bool, ConsumerError> {
        Ok(!self.lease.is_due() || self.lease.renew().await?)
    }

    async fn sweep(&mut self) -> Result<(), ConsumerError> {
        if self.swept.is_some_and(|swept| swept.elapsed() < SWEEP) {
            return Ok(());
        }
        let before = self
            .now()
            .checked_sub(self.consumer.bus.keep().inbox)
            .unwrap_or(Timestamp::MIN);
        let deleted = store::delete_handled(&self.consumer.db, before, SWEPT).await?;
        self.swept = (deleted == 0).then(Instant::now);
        Ok(())
    }
}

/// The first message and those that are there already, up to a batch: an event never waits for company.
fn collect(
    first: async_nats::jetstream::Message,
    joined: &mut Joined,
) -> Result<Vec<Incoming>, ConsumerError> {
    let mut batch = vec![Incoming::read(first).map_err(ConsumerError::Deliveries)?];
    while batch.len() < LARGEST_BATCH
        && let Some(Some(message)) = joined.messages.next().now_or_never()
    {
        batch
            .push(Incoming::read(message.map_err(deliveries)?).map_err(ConsumerError::Deliveries)?);
    }
    Ok(batch)
}

fn deliveries(error: async_nats::jetstream::consumer::pull::MessagesError) -> ConsumerError {
    ConsumerError::Deliveries(error.into())
}
