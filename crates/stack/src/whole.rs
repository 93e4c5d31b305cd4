//! The whole stack: the two servers, the four services and the gateway, started together and stopped together.

use std::path::{Path, PathBuf};

use kernel::Clock;
use servers::{Binaries, DataError, DataHome, LocateError, Progress, Servers, ServersError};

use crate::callers::{Callers, CallersError};
use crate::layout::{Layout, LayoutError, SERVICES, Wiring};
use crate::services::{self, Services, ServicesError};

/// Why the stack is not there.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// Postgres or nats-server is missing.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// There is no place for the data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A server did not start or stop.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// A database could not be made.
    #[error("a database could not be made")]
    Database(#[from] servers::postgres::AdminError),
    /// Keys or settings could not be written.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A service did not start or stop.
    #[error(transparent)]
    Services(#[from] ServicesError),
    /// No caller could be made.
    #[error(transparent)]
    Callers(#[from] CallersError),
}

/// A running stack.
pub struct Stack {
    servers: Servers,
    services: Services,
    /// Where everything is.
    pub layout: Layout,
    /// Callers of any role.
    pub callers: Callers,
    home: DataHome,
}

/// What kind of stack is wanted.
#[derive(Debug)]
pub struct Wanted {
    /// Where its data is kept.
    pub data: PathBuf,
    /// Rules on top of the shipped packs.
    pub overlay: Option<PathBuf>,
    /// Its business time.
    pub clock: Clock,
}

impl Stack {
    /// Finds or fetches the servers, starts them, brings the databases to this build's schema, and starts the services.
    pub async fn start(wanted: Wanted, progress: Progress) -> Result<Self, StackError> {
        let home = DataHome::open(&wanted.data)?;
        // Nothing else runs yet, so nobody minds that this blocks while it fetches.
        let binaries = Binaries::find(progress)?;
        let step = progress.step(format!(
            "Starting PostgreSQL {} and nats-server {}",
            binaries.postgres.version, binaries.nats.version
        ));
        let servers = Servers::start(&binaries, home.path()).await?;
        step.done("ready");

        let step = progress
            .step("Starting binding, authorization, settlement, notification and the gateway");
        let databases = databases(&servers).await?;
        let layout = Layout::write(&Wiring {
            home: home.path().join("gongji"),
            databases,
            nats_url: servers.nats.url(),
            overlay: wanted.overlay,
            allow_unsafe_durability: false,
        })?;
        services::migrate(&layout).await?;
        let services = Services::start(&layout, &wanted.clock).await?;
        step.done("ready");
        Ok(Self {
            callers: Callers::of(&layout)?,
            servers,
            services,
            layout,
            home,
        })
    }

    /// Where the data really is: Postgres cannot run as root, and may not reach the wanted place.
    pub fn data(&self) -> &Path {
        self.home.path()
    }

    /// The two servers.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// Runs until Ctrl-C or until a part fails, then stops everything in reverse order.
    pub async fn run(self) -> Result<(), StackError> {
        let ran = self.services.run().await;
        let stopped = self.servers.stop().await;
        ran?;
        Ok(stopped?)
    }

    /// Stops everything in reverse order.
    pub async fn stop(self) -> Result<(), StackError> {
        let stopped = self.services.stop().await;
        self.servers.stop().await?;
        Ok(stopped?)
    }
}

/// The URL of each service's database, made if it is new.
async fn databases(servers: &Servers) -> Result<[String; 4], StackError> {
    for service in SERVICES {
        if !servers.postgres.has_database(service).await? {
            servers.postgres.create_database(service).await?;
        }
    }
    Ok(SERVICES.map(|service| servers.postgres.url_as(service, service)))
}
