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
use proto::notification::v1::notification_service_server::NotificationServiceServer;
use proto::notification::v1::webhook_service_server::WebhookServiceServer;
use proto::settlement::v1::{
    Accepted, AccountClosed, AccountFrozen, AccountUnfrozen, BalanceChanged, Cancelled, Charged,
    GivenUp, Overdrawn, Refunded,
};
use sqlx::migrate::Migrator;

pub use config::Config;
use webhook::post::Post;
use webhook::sign::{MasterKey, MasterKeyError};
use words::{Words, WordsError};

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

    let webhooks = match &config.webhooks.key {
        Some(file) => Some(MasterKey::from_file(file)?),
        None => None,
    };
    let subscriptions = webhooks.map(|key| endpoints::Subscriptions {
        db: db.clone(),
        key,
        allowed: config.webhooks.allow.clone(),
        overlap: config.webhooks.rotation,
    });
    if let Some(subscriptions) = &subscriptions {
        let progress = health.background("webhooks", STUCK_AFTER);
        let courier = courier::Courier {
            db: db.clone(),
            key: subscriptions.key.clone(),
            post: Post::new(config.webhooks.timeout.unsigned_abs()),
            allowed: subscriptions.allowed.clone(),
            timeout: config.webhooks.timeout,
            clock: clock.clone(),
        };
        let poll = config.webhooks.poll.unsigned_abs();
        tasks.add(
            "notification webhooks",
            courier.run(poll, progress, tasks.stop()),
        );
    }

    let names = names::NameBook::new(binding, config.names_wait.unsigned_abs());
    let reader = read::Reader::new(db, names, words, clock.clone());
    let webhooks = grpc::WebhookApi::new(subscriptions, clock.clone());
    let api = grpc::Api::new(reader, watchers, clock, tasks.stop());
    let server = calls::Server::new(SERVICE, proto::ACCESS, proto::DESCRIPTORS, verifier, health)
        .add(NotificationServiceServer::new(api))
        .add(WebhookServiceServer::new(webhooks));
    Ok(server.serve(config.listen, tasks).await?)
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
