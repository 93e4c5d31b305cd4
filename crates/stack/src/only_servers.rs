//! `cargo stack servers`: Postgres and nats-server without any service, for working on one by hand.

use std::io;
use std::path::Path;

use servers::{Binaries, DataError, DataHome, LocateError, Progress, Servers, ServersError};

use crate::interrupt;

/// Why the servers could not be kept running.
#[derive(Debug, thiserror::Error)]
pub enum OnlyServersError {
    /// Something is missing.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// No place for the data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A server did not start or stop.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// Signals cannot be waited for.
    #[error("cannot wait for Ctrl-C")]
    Signals(#[source] io::Error),
}

/// Starts both servers, prints their addresses, and stops them when asked to.
pub async fn run(data: &Path) -> Result<(), OnlyServersError> {
    let progress = Progress::to_stderr();
    let home = DataHome::open(data)?;
    if home.moved() {
        eprintln!(
            "Postgres cannot run as root and cannot reach {}; the data is in {}",
            data.display(),
            home.path().display()
        );
    }
    // Nothing else is running yet, so nobody minds that this blocks while it fetches.
    let binaries = Binaries::find(progress)?;

    let step = progress.step(format!(
        "Starting PostgreSQL {} and nats-server {}",
        binaries.postgres.version, binaries.nats.version
    ));
    let servers = Servers::start(&binaries, home.path()).await?;
    step.done("ready");
    println!("postgres  {}", servers.postgres.url("postgres"));
    println!("nats      {}", servers.nats.url());
    println!("data      {}", home.path().display());
    println!("Ctrl-C stops both.");

    interrupt::asked_to_stop()
        .await
        .map_err(OnlyServersError::Signals)?;
    let step = progress.step("Stopping");
    servers.stop().await?;
    step.done("done");
    Ok(())
}
