//! When everything that was committed has been told and handled: no outbox holds anything, and no consumer lags.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use futures::TryStreamExt as _;
use sqlx::PgPool;

use crate::layout::Layout;

/// How often the condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Why it cannot be said, or is not so.
#[derive(Debug, thiserror::Error)]
pub enum NotQuiet {
    /// Facts are still on their way after the time given.
    #[error("events were still on their way after {0:?}")]
    Deadline(Duration),
    /// A database cannot be asked.
    #[error("cannot ask a service's outbox")]
    Database(#[from] sqlx::Error),
    /// The bus cannot be asked.
    #[error("cannot ask the bus for its consumers")]
    Bus(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Watches the event path of one stack.
pub struct Watcher {
    databases: Vec<PgPool>,
    bus: jetstream::Context,
}

impl Watcher {
    /// Connects to the databases and the bus of a stack.
    pub async fn of(layout: &Layout) -> Result<Self, NotQuiet> {
        let mut databases = Vec::new();
        for url in &layout.databases {
            databases.push(
                sqlx::postgres::PgPoolOptions::new()
                    .max_connections(1)
                    .connect(url)
                    .await?,
            );
        }
        let client = async_nats::connect(&layout.nats_url)
            .await
            .map_err(|error| NotQuiet::Bus(error.into()))?;
        Ok(Self {
            databases,
            bus: jetstream::new(client),
        })
    }

    /// Answers as soon as everything is told and handled.
    pub async fn until_quiet(&self, within: Duration) -> Result<(), NotQuiet> {
        let since = Instant::now();
        let mut look = tokio::time::interval(LOOK);
        while since.elapsed() < within {
            look.tick().await;
            // Handling an event may have written another one, so the outboxes are asked before and after the consumers.
            if self.outboxes_are_empty().await?
                && self.consumers_are_through().await?
                && self.outboxes_are_empty().await?
            {
                return Ok(());
            }
        }
        Err(NotQuiet::Deadline(within))
    }

    async fn outboxes_are_empty(&self) -> Result<bool, NotQuiet> {
        for database in &self.databases {
            if chassis::outbox::pending(database).await? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn consumers_are_through(&self) -> Result<bool, NotQuiet> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| NotQuiet::Bus(error);
        let mut streams = self.bus.stream_names();
        while let Some(name) = streams
            .try_next()
            .await
            .map_err(|error| failed(error.into()))?
        {
            let stream = self
                .bus
                .get_stream(&name)
                .await
                .map_err(|error| failed(error.into()))?;
            let mut consumers = stream.consumers();
            while let Some(consumer) = consumers
                .try_next()
                .await
                .map_err(|error| failed(error.into()))?
            {
                if consumer.num_pending > 0 || consumer.num_ack_pending > 0 {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
