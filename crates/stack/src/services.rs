//! The four services and the gateway inside this process.

use std::error::Error;

use chassis::config::ConfigError;
use chassis::health::Health;
use chassis::tasks::{TaskFailed, Tasks};
use kernel::Clock;

use crate::layout::Layout;

/// Why the services did not start. Which one, and its own sentence behind it.
#[derive(Debug, thiserror::Error)]
pub enum ServicesError {
    /// Its settings cannot be read.
    #[error("{service} cannot read its settings")]
    Config {
        /// Which.
        service: &'static str,
        /// Why.
        source: ConfigError,
    },
    /// Its database could not be brought to this build's schema.
    #[error("{service} cannot prepare its database")]
    Migrate {
        /// Which.
        service: &'static str,
        /// Why.
        source: chassis::db::MigrateError,
    },
    /// It did not come up.
    #[error("{service} did not start")]
    Start {
        /// Which.
        service: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Something in it failed while it ran or stopped.
    #[error("a service failed")]
    Task(#[from] TaskFailed),
}

/// The services, running.
pub struct Services {
    tasks: Tasks,
}

/// Settings of all services, read.
struct Configs {
    binding: binding::Config,
    authorization: authorization::Config,
    settlement: settlement::Config,
    notification: notification::Config,
    gateway: gateway::Config,
}

impl Configs {
    fn load(layout: &Layout) -> Result<Self, ServicesError> {
        let failed = |service| move |source| ServicesError::Config { service, source };
        Ok(Self {
            binding: binding::Config::load(Some(&layout.config("binding")))
                .map_err(failed("binding"))?,
            authorization: authorization::Config::load(Some(&layout.config("authorization")))
                .map_err(failed("authorization"))?,
            settlement: settlement::Config::load(Some(&layout.config("settlement")))
                .map_err(failed("settlement"))?,
            notification: notification::Config::load(Some(&layout.config("notification")))
                .map_err(failed("notification"))?,
            gateway: gateway::Config::load(Some(&layout.config("gateway")))
                .map_err(failed("gateway"))?,
        })
    }
}

/// Brings every database to this build's schema.
pub async fn migrate(layout: &Layout) -> Result<(), ServicesError> {
    let configs = Configs::load(layout)?;
    for (service, config, migrations) in [
        ("binding", &configs.binding.database, &binding::MIGRATIONS),
        (
            "authorization",
            &configs.authorization.database,
            &authorization::MIGRATIONS,
        ),
        (
            "settlement",
            &configs.settlement.database,
            &settlement::MIGRATIONS,
        ),
        (
            "notification",
            &configs.notification.database,
            &notification::MIGRATIONS,
        ),
    ] {
        chassis::db::migrate(config, migrations)
            .await
            .map_err(|source| ServicesError::Migrate { service, source })?;
    }
    Ok(())
}

impl Services {
    /// Starts everything in the order of dependence; when it answers, every service listens.
    pub async fn start(layout: &Layout, clock: &Clock) -> Result<Self, ServicesError> {
        let configs = Configs::load(layout)?;
        let mut tasks = Tasks::new();
        let health = Health::new();
        macro_rules! start {
            ($service:ident) => {
                $service::serve(configs.$service, clock.clone(), health.clone(), &mut tasks)
                    .await
                    .map_err(|source| ServicesError::Start {
                        service: stringify!($service),
                        source: source.into(),
                    })?
            };
        }
        start!(binding);
        start!(authorization);
        start!(settlement);
        start!(notification);
        start!(gateway);
        Ok(Self { tasks })
    }

    /// Runs until Ctrl-C or until a part fails, then stops everything in reverse order.
    pub async fn run(self) -> Result<(), ServicesError> {
        Ok(self.tasks.run().await?)
    }

    /// Stops everything in reverse order.
    pub async fn stop(self) -> Result<(), ServicesError> {
        Ok(self.tasks.shut_down().await?)
    }
}
