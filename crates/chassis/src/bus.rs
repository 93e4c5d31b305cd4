//! The connection to the broker, and what this service asks of it.
//!
//! The broker is transport, not truth. A service starts and works without it: the connection is made in the
//! background for as long as it takes, and what has to be told waits in the outbox. What is *not* accepted is a broker
//! that says yes and does less: servers before 2.12 drop settings they do not know without a word, so the version is
//! checked, and every stream and consumer is compared, as the server echoes it, with what was asked for.

mod follower;
mod keep;
mod stream;

use std::time::Duration;

use async_nats::jetstream;
use async_nats::{ConnectOptions, Event};
use tokio::sync::watch;

use crate::config;
use crate::tasks::BoxError;

pub use keep::{Keep, KeepError};

pub(crate) use follower::{Durable, Joined};
pub(crate) use stream::{Follower, State};

/// The oldest server that publishes batches whole.
const OLDEST_SERVER: (i64, i64, i64) = (2, 12, 0);
/// How long the broker may take over any answer: a batch of a thousand events and its fsync included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a start waits for the broker before it goes on without it.
const START_PATIENCE: Duration = Duration::from_secs(2);
/// The longest pause between two attempts to connect.
const LONGEST_RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Why the broker cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The address cannot be read, or the server does not let us in.
    #[error("the broker cannot be connected to")]
    Connect(#[source] async_nats::ConnectError),
    /// The file with the service's key cannot be read.
    #[error("the broker key {} cannot be read", .path.display())]
    Key {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is too old.
    #[error("nats-server {0} drops settings it does not know: 2.12 or newer is needed")]
    TooOld(String),
    /// Events would be forgotten in the wrong order.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// It did not answer, or is not there.
    #[error("the broker does not answer")]
    Unanswered(#[source] BoxError),
    /// There is no such stream (yet, or any more).
    #[error("the stream {0} does not exist")]
    NoStream(String),
    /// It said yes and does something else.
    #[error("the broker keeps {what} with {setting} {got} where {want} was asked for")]
    Differs {
        /// Which stream or consumer.
        what: String,
        /// Which setting.
        setting: &'static str,
        /// What the server says it does.
        got: String,
        /// What was asked.
        want: String,
    },
}

/// The connection of one service. Clones share it.
#[derive(Clone, Debug)]
pub struct Bus {
    service: &'static str,
    client: async_nats::Client,
    context: jetstream::Context,
    replicas: usize,
    keep: Keep,
    connections: watch::Receiver<u64>,
}

impl Bus {
    /// Connects, and declares the stream of `service`.
    ///
    /// If the broker is not there, the connection is made in the background and the stream is declared by the relay.
    /// If it is there and is not good enough, that is an error.
    pub async fn connect(config: &config::Bus, service: &'static str) -> Result<Self, BusError> {
        config.keep.check()?;
        let (made, mut connections) = watch::channel(0_u64);
        let mut options = ConnectOptions::new()
            .name(service)
            .custom_inbox_prefix(format!("_INBOX_{service}"))
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(reconnect_pause)
            .request_timeout(Some(ANSWER_TIMEOUT))
            .event_callback(move |event| {
                let made = made.clone();
                async move { heard(service, &event, &made) }
            });
        if let Some(path) = &config.nkey {
            let seed = std::fs::read_to_string(path).map_err(|source| BusError::Key {
                path: path.clone(),
                source,
            })?;
            options = options.nkey(seed.trim().to_owned());
        }
        let client = options
            .connect(&config.url)
            .await
            .map_err(BusError::Connect)?;
        let context = jetstream::ContextBuilder::new()
            .timeout(ANSWER_TIMEOUT)
            .build(client.clone());
        let first = connections.wait_for(|made| *made > 0);
        let connected = tokio::time::timeout(START_PATIENCE, first)
            .await
            .is_ok_and(|made| made.is_ok());
        let bus = Self {
            service,
            client,
            context,
            replicas: config.replicas,
            keep: config.keep.clone(),
            connections,
        };
        if connected {
            match bus.declare(None).await {
                Ok(_) => {}
                Err(BusError::Unanswered(error)) => {
                    tracing::warn!(error, "the broker does not answer yet");
                }
                Err(refused) => return Err(refused),
            }
        } else {
            tracing::warn!(
                url = config.url,
                "the broker is not there yet: events wait in the outbox"
            );
        }
        Ok(bus)
    }

    /// For how long what is kept.
    pub fn keep(&self) -> &Keep {
        &self.keep
    }

    /// Whose connection it is.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// How many connections were made so far, to wait for the next.
    pub(crate) fn connections(&self) -> watch::Receiver<u64> {
        self.connections.clone()
    }

    pub(crate) fn client(&self) -> &async_nats::Client {
        &self.client
    }

    fn check_version(&self) -> Result<(), BusError> {
        let Some(server) = self.client.try_server_info() else {
            return Err(BusError::Unanswered("not connected yet".into()));
        };
        let (major, minor, patch) = OLDEST_SERVER;
        if self.client.is_server_compatible(major, minor, patch) {
            return Ok(());
        }
        Err(BusError::TooOld(server.version))
    }
}

/// The stream of a service.
pub(crate) fn stream_name(service: &str) -> String {
    format!("GONGJI_{}", service.to_ascii_uppercase())
}

fn reconnect_pause(attempts: usize) -> Duration {
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    Duration::from_millis(25)
        .saturating_mul(attempts)
        .min(LONGEST_RECONNECT_PAUSE)
}

fn heard(service: &'static str, event: &Event, made: &watch::Sender<u64>) {
    match event {
        Event::Connected => {
            made.send_modify(|made| *made += 1);
            tracing::info!(service, "connected to the broker");
        }
        // The last of us let go of it.
        Event::Closed => tracing::debug!(service, "disconnected from the broker"),
        Event::Disconnected | Event::LameDuckMode => {
            tracing::warn!(service, %event, "the connection to the broker is lost");
        }
        // A refused subject shows up here and otherwise only as an answer that never comes.
        Event::ServerError(_) | Event::SlowConsumer(_) => {
            tracing::error!(service, %event, "the broker complains");
        }
        Event::ClientError(_) | Event::Draining => {
            tracing::debug!(service, %event, "the broker client reports");
        }
    }
}
