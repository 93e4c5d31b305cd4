//! Which service a command is about, and what it needs to know of it.

use std::path::{Path, PathBuf};

use chassis::config::Database;
use clap::{Args, ValueEnum};
use sqlx::PgPool;
use sqlx::migrate::Migrator;

/// What can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Binding,
    Authorization,
    Settlement,
    Notification,
    Gateway,
}

impl Part {
    /// As it is written everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binding => "binding",
            Self::Authorization => "authorization",
            Self::Settlement => "settlement",
            Self::Notification => "notification",
            Self::Gateway => "gateway",
        }
    }
}

/// What owns a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Service {
    Binding,
    Authorization,
    Settlement,
    Notification,
}

impl From<Service> for Part {
    fn from(service: Service) -> Self {
        match service {
            Service::Binding => Self::Binding,
            Service::Authorization => Self::Authorization,
            Service::Settlement => Self::Settlement,
            Service::Notification => Self::Notification,
        }
    }
}

/// A service and its settings.
#[derive(Debug, Args)]
pub struct Target {
    /// The service.
    pub service: Service,
    /// Its configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// A service's database.
pub struct Store {
    pub config: Database,
    pub migrations: &'static Migrator,
}

impl Target {
    /// The database its settings name.
    pub fn store(&self) -> anyhow::Result<Store> {
        let file: Option<&Path> = self.config.as_deref();
        let (config, migrations) = match self.service {
            Service::Binding => (binding::Config::load(file)?.database, &binding::MIGRATIONS),
            Service::Authorization => (
                authorization::Config::load(file)?.database,
                &authorization::MIGRATIONS,
            ),
            Service::Settlement => (
                settlement::Config::load(file)?.database,
                &settlement::MIGRATIONS,
            ),
            Service::Notification => (
                notification::Config::load(file)?.database,
                &notification::MIGRATIONS,
            ),
        };
        Ok(Store { config, migrations })
    }

    /// Opens that database.
    pub async fn open(&self) -> anyhow::Result<PgPool> {
        let Store { config, migrations } = self.store()?;
        Ok(chassis::db::open(&config, migrations).await?)
    }
}
