//! The service as a list of parts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chassis::access::{KeyError, Signer, Verifier};
use chassis::bus::{Bus, BusError};
use chassis::db;
use chassis::grpc::{self, PeerError, Server};
use chassis::health::Health;
use chassis::inbox::{Consumer, Follow};
use chassis::outbox::Relay;
use chassis::tasks::Tasks;
use jiff::SignedDuration;
use kernel::Clock;
use policy::Packs;
use policy::packs::PackError;
use proto::settlement::v1::settlement_service_server::SettlementServiceServer;

use crate::catalogue::Catalogue;
use crate::collect::{self, Collector, ITSELF};
use crate::consumer::{AUTHORIZATION, BINDING, Projection};
use crate::grpc::Api;
use crate::resolver::resolver;
use crate::store::StoreError;
use crate::writer::{Office, Writer};
use crate::{Config, MIGRATIONS, SERVICE, maintenance, sweep};

/// How long a loop may go without a round before it counts as stuck.
const STUCK_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error("the database of settlement cannot be used")]
    Database(#[from] db::OpenError),
    /// The ledger's partitions cannot be made.
    #[error("the ledger cannot be made ready")]
    Ledger(#[from] StoreError),
    /// The broker cannot be used.
    #[error("the broker cannot be used by settlement")]
    Bus(#[from] BusError),
    /// A key is missing or cannot be read.
    #[error("the keys of settlement cannot be used")]
    Keys(#[from] KeyError),
    /// There is nothing to sign calls to authorization with.
    #[error("settlement needs a key to call authorization: set access.key")]
    NoKey,
    /// The address of authorization cannot be read.
    #[error("authorization cannot be called")]
    Peer(#[from] PeerError),
    /// The overlay on the rule packs cannot be read.
    #[error("the rule overlay {} cannot be read", path.display())]
    Overlay {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The overlay is wrong.
    #[error("the rule packs cannot be used")]
    Packs(#[from] PackError),
    /// The server could not start.
    #[error("settlement could not be served")]
    Server(#[from] grpc::StartError),
}

/// Starts the service: adds its parts to `tasks` and answers where it listens.
pub async fn serve(
    config: Config,
    clock: Clock,
    health: Health,
    tasks: &mut Tasks,
) -> Result<SocketAddr, StartError> {
    let packs = Arc::new(packs(config.policy_overlay.as_deref())?);
    let verifier = Verifier::new(&config.access)?;
    let key = config.access.key.as_deref().ok_or(StartError::NoKey)?;
    let signer = Signer::from_pem_file(key, &config.access.issuer)?;
    let authorization = grpc::peer(
        &config.authorization_url,
        AUTHORIZATION.service,
        signer,
        SERVICE,
    )?;
    let db = db::open(&config.database, &MIGRATIONS).await?;
    maintenance::maintain(&db, &clock, config.partitions_ahead).await?;
    let bus = Bus::connect(&config.bus, SERVICE).await?;

    let relay = health.background("settlement relay", STUCK_AFTER);
    let relay = Relay::new(db.clone(), bus.clone(), SERVICE, relay, clock.clone());
    tasks.add("settlement relay", relay.run(tasks.stop()));

    let consumer = |follow: Follow, part: &'static str| {
        let (handler, progress) = (
            Projection::new(Arc::clone(&packs)),
            health.background(part, STUCK_AFTER),
        );
        Consumer::new(
            db.clone(),
            bus.clone(),
            SERVICE,
            follow,
            handler,
            clock.clone(),
            progress,
        )
    };
    let of_binding = consumer(BINDING, "settlement follows binding");
    tasks.add("settlement follows binding", of_binding.run(tasks.stop()));
    let of_authorization = consumer(AUTHORIZATION, "settlement follows authorization");
    tasks.add(
        "settlement follows authorization",
        of_authorization.run(tasks.stop()),
    );

    let kept = health.background(
        "settlement maintenance",
        config.maintenance.saturating_add(STUCK_AFTER),
    );
    let ahead = config.partitions_ahead;
    let maintenance = maintenance::run(
        (db.clone(), clock.clone(), ahead, config.retention),
        config.maintenance.unsigned_abs(),
        kept,
        tasks.stop(),
    );
    tasks.add("settlement maintenance", maintenance);

    // The lanes come before the server: it is stopped first, and what it has taken in is still answered.
    let office = Office {
        db,
        packs,
        clock,
        catalogue: Catalogue::default(),
    };
    let writer = Writer::start(config.writer, &office, &health, tasks);
    sweep::start(&office, &writer, &health, tasks);
    let pause = config.after_visit_sweep;
    follow_itself((&office, bus), &writer, pause, &health, tasks);
    let (resolver, asker) = resolver(authorization);
    tasks.add("settlement resolver", asker.run(tasks.stop()));
    let api = Api::new(office, writer, resolver, tasks.stop());
    let server = Server::new(SERVICE, proto::ACCESS, proto::DESCRIPTORS, verifier, health);
    let server = server.add(SettlementServiceServer::new(api));
    Ok(server.serve(config.listen, tasks).await?)
}

/// Has accepted bills deducted: when a fact of its own says so, and every `pause` besides.
fn follow_itself(
    (office, bus): (&Office, Bus),
    writer: &Writer,
    pause: SignedDuration,
    health: &Health,
    tasks: &mut Tasks,
) {
    let collector = Collector::new(writer.clone());
    let part = "settlement follows itself";
    let of_itself = Consumer::new(
        office.db.clone(),
        bus,
        SERVICE,
        ITSELF,
        collector.clone(),
        office.clock.clone(),
        health.background(part, STUCK_AFTER),
    );
    tasks.add(part, of_itself.run(tasks.stop()));
    let part = "settlement sweep";
    let swept = health.background(part, pause.saturating_add(STUCK_AFTER));
    let office = (collector, office.clone());
    let sweep = collect::run(office, pause.unsigned_abs(), swept, tasks.stop());
    tasks.add(part, sweep);
}

/// The shipped rule packs, under the overlay if there is one.
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
