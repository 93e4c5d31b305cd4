//! What all stories of this process share: one Postgres with a template of each service's database, and telemetry.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use chassis::config::Telemetry;
use chassis::telemetry::Guard;
use servers::{Binaries, Postgres, Progress, Scratch};
use stack::layout::{Layout, SERVICES, Wiring};
use tokio::sync::Semaphore;

/// How many stories run at once: each has some forty connections to the one Postgres.
const AT_ONCE: usize = 3;

/// Traces need spans, and spans need to be enabled; what services log about broken brokers is left out.
const LOG: &str = "error,chassis::grpc=info,chassis::inbox=off,chassis::outbox=off,async_nats=off";

static STORIES: AtomicU32 = AtomicU32::new(0);

/// A story waits here until there is room for it.
pub static ROOM: Semaphore = Semaphore::const_new(AT_ONCE);

pub struct Shared {
    pub binaries: Binaries,
    postgres: Postgres,
    _telemetry: Guard,
    _scratch: Scratch,
}

/// The shared part, made by whoever comes first.
pub fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| apart(Shared::start))
}

/// Runs `work` on a runtime of its own: the one of a story ends with the story.
fn apart<T: Send, F: Future<Output = T>>(work: impl FnOnce() -> F + Send) -> T {
    thread::scope(|scope| {
        let apart = scope.spawn(|| {
            tokio::runtime::Runtime::new()
                .expect("this machine can run a runtime")
                .block_on(work())
        });
        apart.join().expect("the shared servers start")
    })
}

impl Shared {
    async fn start() -> Self {
        let telemetry = Telemetry {
            filter: LOG.to_owned(),
            ..Telemetry::default()
        };
        let telemetry = chassis::telemetry::start(&telemetry, "tests")
            .expect("nobody else starts telemetry here");
        let binaries = tokio::task::spawn_blocking(|| Binaries::find(Progress::Lines))
            .await
            .expect("finding does not panic")
            .expect("this machine has both servers, or can fetch them");
        let scratch = Scratch::new().expect("there is a place for temporary files");
        let postgres = Postgres::start(&binaries.postgres, scratch.path())
            .await
            .expect("Postgres starts");
        let shared = Self {
            binaries,
            postgres,
            _telemetry: telemetry,
            _scratch: scratch,
        };
        shared.make_templates().await;
        shared
    }

    /// Each service's database is migrated once; stories get copies.
    async fn make_templates(&self) {
        for service in SERVICES {
            self.postgres
                .create_database(service)
                .await
                .expect("the name is new");
        }
        let home = Scratch::new().expect("there is a place for temporary files");
        let layout = Layout::write(&Wiring {
            home: home.path().join("gongji"),
            databases: SERVICES.map(|service| self.postgres.url_as(service, service)),
            nats_url: "nats://127.0.0.1:1".to_owned(),
            overlay: None,
            allow_unsafe_durability: false,
        })
        .expect("the scratch directory is ours");
        stack::services::migrate(&layout)
            .await
            .expect("the schemas of this build are sound");
    }

    /// Fresh databases for one story, in the order of [`SERVICES`].
    pub async fn databases(&self) -> [String; 4] {
        let story = STORIES.fetch_add(1, Ordering::Relaxed);
        let names = SERVICES.map(|service| format!("{service}_{story}"));
        for (service, name) in SERVICES.iter().zip(&names) {
            self.postgres
                .clone_database(service, name)
                .await
                .expect("nobody is connected to a template");
        }
        let mut names = names.iter();
        SERVICES.map(|service| {
            let name = names.next().expect("there is a name for each service");
            self.postgres.url_as(service, name)
        })
    }
}
