//! A private Postgres and nats-server for development, tests and benches: found or fetched, started, watched, stopped.
//!
//! Nothing here knows a service, so that the tool which prepares the services' SQL (`prepare`) does not need
//! them to compile.
//!
//! What holds everywhere in this crate:
//!
//! - A server started here does not outlive this process, not even when it is killed (see [`child`]).
//! - No server listens anywhere but on loopback, and Postgres asks for a password that is made for its data directory.
//! - Postgres refuses to run as root; then it runs as an unprivileged user, and every file it needs lies where
//!   that user can reach it (see [`identity`] and [`place`]).
//! - An error is text for a person. [`explain`] puts an error and its causes into one line.

pub mod child;
pub mod data;
pub mod fetch;
pub mod identity;
pub mod locate;
pub mod nats;
pub mod place;
pub mod ports;
pub mod postgres;
pub mod prepare;
pub mod progress;
pub mod surroundings;
pub mod version;

use std::error::Error;
use std::path::Path;

pub use crate::data::{DataError, DataHome, Scratch};
pub use crate::locate::{Binaries, LocateError};
pub use crate::nats::{Nats, NatsError};
pub use crate::postgres::{Postgres, PostgresError};
pub use crate::progress::Progress;

/// The two servers every stack stands on.
#[derive(Debug)]
pub struct Servers {
    /// The database server.
    pub postgres: Postgres,
    /// The event bus.
    pub nats: Nats,
}

impl Servers {
    /// Starts both servers with their data in `home`, and answers when both accept connections.
    pub async fn start(binaries: &Binaries, home: &Path) -> Result<Self, ServersError> {
        let (postgres_home, nats_home) = (home.join("postgres"), home.join("nats"));
        let (postgres, nats) = tokio::join!(
            Postgres::start(&binaries.postgres, &postgres_home),
            Nats::start(&binaries.nats, &nats_home)
        );
        Ok(Self {
            postgres: postgres?,
            nats: nats?,
        })
    }

    /// Stops both servers cleanly and answers when they are gone.
    pub async fn stop(self) -> Result<(), ServersError> {
        let (postgres, nats) = tokio::join!(self.postgres.stop(), self.nats.stop());
        postgres?;
        nats?;
        Ok(())
    }
}

/// Why the two servers could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// See the source's message.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// See the source's message.
    #[error(transparent)]
    Nats(#[from] NatsError),
}

/// One line for a person: what failed, then each cause.
pub fn explain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
