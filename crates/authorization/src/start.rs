//! The service as a list of parts.

use std::net::SocketAddr;
use std::path::PathBuf;
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
use proto::authorization::v1::authorization_service_server::AuthorizationServiceServer;

use crate::consumer::{BINDING, Follower, SETTLEMENT};
use crate::display::Links;
use crate::grpc::Api;
use crate::lookup::lookup;
use crate::resolve::Resolver;
use crate::{Config, MIGRATIONS, SERVICE, sweep};

/// How long a loop may go without a round before it counts as stuck.
const STUCK_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error("the database of authorization cannot be used")]
    Database(#[from] db::OpenError),
    /// The broker cannot be used.
    #[error("the broker cannot be used by authorization")]
    Bus(#[from] BusError),
    /// A key is missing or cannot be read.
    #[error("the keys of authorization cannot be used")]
    Keys(#[from] KeyError),
    /// There is nothing to sign calls to binding with.
    #[error("authorization needs a key to call binding: set access.key")]
    NoKey,
    /// The address of binding cannot be read.
    #[error("binding cannot be called")]
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
    #[error("authorization could not be served")]
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
    let binding = grpc::peer(&config.binding_url, BINDING.service, signer, SERVICE)?;
    let db = db::open(&config.database, &MIGRATIONS).await?;
    let bus = Bus::connect(&config.bus, SERVICE).await?;

    let relay = health.background("authorization relay", STUCK_AFTER);
    let relay = Relay::new(db.clone(), bus.clone(), SERVICE, relay, clock.clone());
    tasks.add("authorization relay", relay.run(tasks.stop()));

    let consumer = |follow: Follow, part: &'static str| {
        let follower = Follower::new(follow, Arc::clone(&packs));
        let progress = health.background(part, STUCK_AFTER);
        Consumer::new(
            db.clone(),
            bus.clone(),
            SERVICE,
            follow,
            follower,
            clock.clone(),
            progress,
        )
    };
    let of_binding = consumer(BINDING, "authorization follows binding");
    tasks.add(
        "authorization follows binding",
        of_binding.run(tasks.stop()),
    );
    let of_settlement = consumer(SETTLEMENT, "authorization follows settlement");
    tasks.add(
        "authorization follows settlement",
        of_settlement.run(tasks.stop()),
    );

    let within = config.credential.sweep.saturating_add(STUCK_AFTER);
    let sweeping = health.background("authorization sweep", within);
    let sweep = sweep::run(
        db.clone(),
        config.credential,
        clock.clone(),
        sweeping,
        tasks.stop(),
    );
    tasks.add("authorization sweep", sweep);

    let (lookup, reader) = lookup(db.clone(), &config.lookup);
    tasks.add("authorization lookup", reader.run(tasks.stop()));

    let api = Api {
        db,
        clock,
        packs,
        fence: config.fence,
        credential: config.credential,
        links: Links::new(binding.clone()),
        resolver: Resolver::new(lookup, binding),
    };
    let server = Server::new(SERVICE, proto::ACCESS, proto::DESCRIPTORS, verifier, health);
    let server = server.add(AuthorizationServiceServer::new(api));
    Ok(server.serve(config.listen, tasks).await?)
}

/// The shipped rule packs, under the overlay if there is one.
fn packs(overlay: Option<&std::path::Path>) -> Result<Packs, StartError> {
    let Some(path) = overlay else {
        return Ok(Packs::shipped());
    };
    let text = std::fs::read_to_string(path).map_err(|source| StartError::Overlay {
        path: path.to_owned(),
        source,
    })?;
    Ok(Packs::with_overlay(&path.display().to_string(), &text)?)
}
