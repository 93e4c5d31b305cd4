//! The service is a list of parts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chassis::access::Verifier;
use chassis::bus::Bus;
use chassis::grpc::Server;
use chassis::health::{Health, Progress};
use chassis::inbox::Consumer;
use chassis::outbox::Relay;
use chassis::tasks::{BoxError, Stop, Tasks};
use chassis::telemetry::Chain;
use jiff::SignedDuration;
use kernel::Clock;
use policy::Packs;
use proto::binding::v1::binding_service_server::BindingServiceServer;
use proto::binding::v1::display_link_service_server::DisplayLinkServiceServer;
use sqlx::PgPool;

use crate::config::Config;
use crate::consumer::{FOLLOWED, Listener};
use crate::end;
use crate::error::BindingError;
use crate::grpc::Api;
use crate::identity::Strictness;
use crate::keys::{Keys, KeysError};
use crate::terminate;

const SERVICE: &str = "binding";

/// How long a loop may make no progress before it counts as stuck.
const STUCK_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("binding cannot use its database")]
    Database(#[from] chassis::db::OpenError),
    #[error("binding cannot reach the event bus")]
    Bus(#[from] chassis::bus::BusError),
    #[error("binding cannot verify callers")]
    Access(#[from] chassis::access::KeyError),
    #[error(
        "binding has no keys for identities: make them with `gongji keys`, and name the file as `keys`"
    )]
    Keys(#[from] KeysError),
    #[error("the policy overlay {} cannot be read", .path.display())]
    Overlay {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    #[error("the policy overlay cannot be used")]
    Policy(#[from] policy::packs::PackError),
    #[error("binding cannot be served")]
    Server(#[from] chassis::grpc::StartError),
}

/// Starts every part of the service and says where it listens.
pub async fn serve(
    config: Config,
    clock: Clock,
    health: Health,
    tasks: &mut Tasks,
) -> Result<SocketAddr, StartError> {
    let keys = Arc::new(Keys::load(&config.keys)?);
    let packs = Arc::new(packs(config.policy_overlay.as_deref())?);
    let verifier = Verifier::new(&config.access)?;
    let db = chassis::db::open(&config.database, &crate::MIGRATIONS).await?;
    let bus = Bus::connect(&config.bus, SERVICE).await?;

    let part = |name| health.background(name, STUCK_AFTER);
    let relay = Relay::new(
        db.clone(),
        bus.clone(),
        SERVICE,
        part("relay"),
        clock.clone(),
    );
    let stop = tasks.stop();
    tasks.add("relay", relay.run(stop));

    let consumer = Consumer::new(
        db.clone(),
        bus,
        SERVICE,
        FOLLOWED,
        Listener,
        clock.clone(),
        part("settlement"),
    );
    let stop = tasks.stop();
    tasks.add("settlement", consumer.run(stop));

    let every = Duration::from_millis(config.overdue_every_ms);
    // A round may be as rare as the settings say, and is stuck only after that.
    let within =
        STUCK_AFTER.saturating_add(SignedDuration::try_from(every).unwrap_or(SignedDuration::MAX));
    let overdue = Overdue {
        db: db.clone(),
        clock: clock.clone(),
        every,
        progress: health.background("overdue", within),
    };
    let stop = tasks.stop();
    tasks.add("overdue", overdue.run(stop));

    let strictness = if config.synthetic_identities {
        Strictness::AlsoSynthetic
    } else {
        Strictness::Real
    };
    let patience = Duration::from_millis(config.unbind_wait_ms);
    let api = Api {
        db,
        packs,
        keys,
        clock,
        strictness,
        patience,
    };
    let server = Server::new(
        SERVICE,
        proto::ACCESS,
        proto::DESCRIPTORS,
        verifier,
        health.clone(),
    );
    Ok(server
        .add(BindingServiceServer::new(api.clone()))
        .add(DisplayLinkServiceServer::new(api))
        .serve(config.listen, tasks)
        .await?)
}

fn packs(overlay: Option<&Path>) -> Result<Packs, StartError> {
    let Some(path) = overlay else {
        return Ok(Packs::shipped());
    };
    let text = std::fs::read_to_string(path).map_err(|source| StartError::Overlay {
        path: path.to_owned(),
        source,
    })?;
    Ok(Packs::with_overlay(&path.display().to_string(), &text)?)
}

/// The loop that ends bindings whose last day is over or whose insurance ended, and invitations that nobody answered.
struct Overdue {
    db: PgPool,
    clock: Clock,
    every: Duration,
    progress: Progress,
}

impl Overdue {
    async fn round(&self) -> Result<usize, BindingError> {
        let now = self.clock.now();
        let ended = end::end_overdue(&self.db, now).await?;
        Ok(ended + terminate::end_terminated(&self.db, now).await?)
    }

    async fn run(self, stop: Stop) -> Result<(), BoxError> {
        let mut rounds = tokio::time::interval(self.every.max(Duration::from_millis(1)));
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !stop.is_requested() {
            tokio::select! {
                () = stop.requested() => break,
                _ = rounds.tick() => {}
            }
            match self.round().await {
                Ok(0) => self.progress.made(),
                Ok(ended) => {
                    self.progress.made();
                    tracing::info!(ended, "bindings whose time is over are being ended");
                }
                // The next round tries again; health shows it if that goes on.
                Err(error) => tracing::warn!(
                    error = %Chain(&error),
                    "overdue bindings could not be ended"
                ),
            }
        }
        Ok(())
    }
}
