//! What people are told: one notice per fact, recipient and template (`domain.md` section 12).
//!
//! Facts come in over the bus ([`consumer`]), become notices by one pure mapping ([`tell`]) and are stored without names or
//! sentences ([`notice`]). They are put into words ([`words`]) when somebody reads them, over gRPC ([`grpc`]).
//! No amount is worked out here: every figure comes from an event.

use std::net::SocketAddr;
use std::sync::Arc;

use chassis::access::{KeyError, Signer, Verifier};
use chassis::bus::{Bus, BusError};
use chassis::grpc::PeerError;
use chassis::health::Health;
use chassis::inbox::{Consumer, Follow};
use chassis::tasks::Tasks;
use chassis::{db, grpc as calls};
use jiff::SignedDuration;
use kernel::Clock;
use proto::Event as _;
use proto::authorization::v1::MandateChanged;
use proto::binding::v1::{
    Bound, Declined, DisplayLinked, DisplayUnlinked, Expired, Rejected, Requested, Unbound,
};
use proto::notification::v1::completeness_service_server::CompletenessServiceServer;
use proto::notification::v1::notification_service_server::NotificationServiceServer;
use proto::notification::v1::webhook_service_server::WebhookServiceServer;
use proto::settlement::v1::{
    Accepted, AccountClosed, AccountFrozen, AccountUnfrozen, BalanceChanged, Cancelled, Charged,
    GivenUp, Overdrawn, Refunded,
};
use sqlx::PgPool;
use sqlx::migrate::Migrator;

pub use config::Config;
use webhook::post::Post;
use webhook::sign::{MasterKey, MasterKeyError};
use words::{Words, WordsError};

pub mod audit;
pub mod completeness;
pub mod config;
pub mod consumer;
pub mod courier;
pub mod endpoints;
pub mod grpc;
pub mod names;
pub mod notice;
pub mod park;
pub mod read;
pub mod store;
pub mod tell;
pub mod watch;
pub mod webhook;
pub mod words;

/// The schema of the service.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The name of the service: of its stream followers, its tokens and its settings.
pub const SERVICE: &str = "notification";

/// What is followed and of whom, each under the name of its task.
const FOLLOWED: [(&str, Follow); 3] = [
    (
        "notification follows binding",
        Follow {
            service: "binding",
            subjects: &[
                Requested::SUBJECT,
                Declined::SUBJECT,
                Expired::SUBJECT,
                Rejected::SUBJECT,
                Bound::SUBJECT,
                Unbound::SUBJECT,
                DisplayLinked::SUBJECT,
                DisplayUnlinked::SUBJECT,
            ],
        },
    ),
    (
        "notification follows authorization",
        Follow {
            service: "authorization",
            subjects: &[MandateChanged::SUBJECT],
        },
    ),
    (
        "notification follows settlement",
        Follow {
            service: "settlement",
            subjects: &[
                Accepted::SUBJECT,
                GivenUp::SUBJECT,
                Charged::SUBJECT,
                Cancelled::SUBJECT,
                Refunded::SUBJECT,
                BalanceChanged::SUBJECT,
                Overdrawn::SUBJECT,
                AccountFrozen::SUBJECT,
                AccountUnfrozen::SUBJECT,
                AccountClosed::SUBJECT,
            ],
        },
    ),
];

/// A loop that has not gone round for this long is stuck: each goes round at least every few seconds, idle or not.
const STUCK_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error("the notification database is not usable")]
    Database(#[from] db::OpenError),
    /// The broker cannot be used.
    #[error("the broker is not usable")]
    Bus(#[from] BusError),
    /// A key or the key set cannot be used.
    #[error("callers cannot be recognised, or own calls cannot be signed")]
    Key(#[from] KeyError),
    /// There is no key to sign calls to the binding service with.
    #[error(
        "access.key is not set: name the file with the key that signs calls to the binding service"
    )]
    NoKey,
    /// The address of the binding service cannot be used.
    #[error("binding_url is not usable")]
    Binding(#[from] PeerError),
    /// The address of the settlement service cannot be used.
    #[error("settlement_url is not usable")]
    Settlement(#[source] PeerError),
    /// The key of the webhooks cannot be used.
    #[error(transparent)]
    Webhooks(#[from] MasterKeyError),
    /// The words of the notices cannot be used.
    #[error("the words of the notices are not usable")]
    Words(#[from] WordsError),
    /// The server cannot be served.
    #[error("the gRPC server could not start")]
    Server(#[from] calls::StartError),
}

/// Starts the service: adds its parts to `tasks` and says where it listens.
pub async fn serve(
    config: Config,
    clock: Clock,
    health: Health,
    tasks: &mut Tasks,
) -> Result<SocketAddr, StartError> {
    let words = Arc::new(Words::load(config.words.as_deref())?);
    let db = db::open(&config.database, &MIGRATIONS).await?;
    let bus = Bus::connect(&config.bus, SERVICE).await?;
    let verifier = Verifier::new(&config.access)?;
    let key = config.access.key.as_deref().ok_or(StartError::NoKey)?;
    let signer = Signer::from_pem_file(key, &config.access.issuer)?;
    let settlement = calls::peer(
        &config.settlement_url,
        "settlement",
        signer.clone(),
        SERVICE,
    )
    .map_err(StartError::Settlement)?;
    let binding = calls::peer(&config.binding_url, "binding", signer, SERVICE)?;

    for (task, follow) in FOLLOWED {
        let progress = health.background(task, STUCK_AFTER);
        let teller = consumer::Teller::new(clock.clone());
        let (db, bus) = (db.clone(), bus.clone());
        let consumer = Consumer::new(db, bus, SERVICE, follow, teller, clock.clone(), progress);
        tasks.add(task, consumer.run(tasks.stop()));
    }

    let watchers = watch::Watchers::default();
    let progress = health.background("watch", STUCK_AFTER);
    let poll = watch::poll(
        watchers.clone(),
        db.clone(),
        config.watch_poll.unsigned_abs(),
        progress,
        tasks.stop(),
    );
    tasks.add("notification watch", poll);

    let auditor = audit::Auditor::new(db.clone(), settlement, clock.clone(), config.audit.grace);
    compare(auditor, &config.audit, &health, tasks);
    let subscriptions = announce(&config.webhooks, &db, &clock, (&health, tasks))?;

    let names = names::NameBook::new(binding, config.names_wait.unsigned_abs());
    let completeness = grpc::CompletenessApi::new(db.clone(), config.audit.grace, clock.clone());
    let reader = read::Reader::new(db, names, words, clock.clone());
    let webhooks = grpc::WebhookApi::new(subscriptions, clock.clone());
    let api = grpc::Api::new(reader, watchers, clock, tasks.stop());
    let server = calls::Server::new(SERVICE, proto::ACCESS, proto::DESCRIPTORS, verifier, health)
        .add(NotificationServiceServer::new(api))
        .add(WebhookServiceServer::new(webhooks))
        .add(CompletenessServiceServer::new(completeness));
    Ok(server.serve(config.listen, tasks).await?)
}

/// Compares what was told with the books, for ever.
fn compare(auditor: audit::Auditor, pace: &config::Audit, health: &Health, tasks: &mut Tasks) {
    let progress = health.background("completeness", STUCK_AFTER);
    let pace = audit::Pace {
        page: pace.page_every.unsigned_abs(),
        round: pace.round_every.unsigned_abs(),
    };
    let comparing = auditor.run(pace, progress, tasks.stop());
    tasks.add("notification completeness", comparing);
}

/// Posts what is announced, where the settings name a key.
fn announce(
    config: &config::Webhooks,
    db: &PgPool,
    clock: &Clock,
    (health, tasks): (&Health, &mut Tasks),
) -> Result<Option<endpoints::Subscriptions>, StartError> {
    let Some(file) = &config.key else {
        return Ok(None);
    };
    let subscriptions = endpoints::Subscriptions {
        db: db.clone(),
        key: MasterKey::from_file(file)?,
        allowed: config.allow.clone(),
        overlap: config.rotation,
    };
    let courier = courier::Courier {
        db: db.clone(),
        key: subscriptions.key.clone(),
        post: Post::new(config.timeout.unsigned_abs()),
        allowed: subscriptions.allowed.clone(),
        timeout: config.timeout,
        clock: clock.clone(),
    };
    let progress = health.background("webhooks", STUCK_AFTER);
    let posting = courier.run(config.poll.unsigned_abs(), progress, tasks.stop());
    tasks.add("notification webhooks", posting);
    Ok(Some(subscriptions))
}

#[cfg(test)]
mod tests {
    use proto::event::Fact;

    use super::*;

    #[test]
    fn each_subject_is_followed_in_the_stream_of_its_service() {
        for (_, follow) in FOLLOWED {
            for subject in follow.subjects {
                assert_eq!(subject.split('.').nth(2), Some(follow.service), "{subject}");
            }
        }
    }

    /// A fact that makes notices and that nobody follows would leave a balance change untold.
    #[test]
    fn what_is_not_followed_concerns_nobody() {
        let followed: Vec<&str> = FOLLOWED
            .iter()
            .flat_map(|(_, follow)| follow.subjects.iter().copied())
            .collect();
        for subject in Fact::SUBJECTS {
            if !followed.contains(subject) {
                let fact = Fact::decode(subject, &[]).expect("an empty message is a message");
                let notices = tell::notices_of(&fact);
                assert!(notices.is_ok_and(|notices| notices.is_empty()), "{subject}");
            }
        }
    }
}
