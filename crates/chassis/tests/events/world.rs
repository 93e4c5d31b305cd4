//! Somebody who tells (settlement), somebody who listens (notification), and the servers between them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use chassis::bus::{Bus, Keep};
use chassis::health::Health;
use chassis::inbox::{Consumer, Delivery, Failure, Follow, Handle};
use chassis::outbox::{self, Relay};
use chassis::tasks::Tasks;
use chassis::{config, db};
use jiff::SignedDuration;
use kernel::{Clock, EventId, Timestamp};
use proto::Event as _;
use proto::event::Fact;
use proto::settlement::v1::Fenced;
use servers::{Binaries, Nats, Postgres, Progress, Scratch};
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::sync::OnceCell;

/// How long anything may take. Much longer than it does.
const DEADLINE: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(10);
const FOLLOW: Follow = Follow {
    service: "settlement",
    subjects: &[Fenced::SUBJECT],
};

pub static TABLES: LazyLock<Migrator> = LazyLock::new(|| {
    let mut tables = sqlx::migrate!("tests/events/migrations");
    tables.dangerous_set_table_name("_sqlx_migrations");
    tables
});

struct Shared {
    binaries: Binaries,
    postgres: Postgres,
    _scratch: Scratch,
}

static SHARED: OnceCell<Shared> = OnceCell::const_new();
static STORIES: AtomicU32 = AtomicU32::new(0);

async fn shared() -> &'static Shared {
    SHARED
        .get_or_init(|| async {
            let binaries = tokio::task::spawn_blocking(|| Binaries::find(Progress::Lines))
                .await
                .unwrap()
                .unwrap();
            let scratch = Scratch::new().unwrap();
            let postgres = Postgres::start(&binaries.postgres, scratch.path())
                .await
                .unwrap();
            Shared {
                binaries,
                postgres,
                _scratch: scratch,
            }
        })
        .await
}

pub struct World {
    pub nats: Nats,
    pub teller: PgPool,
    pub listener: PgPool,
    pub clock: Clock,
    pub bus: config::Bus,
    pub health: Health,
    listener_name: String,
    nats_home: PathBuf,
    _scratch: Scratch,
}

impl World {
    pub async fn start() -> Self {
        let shared = shared().await;
        let story = STORIES.fetch_add(1, Ordering::Relaxed);
        let scratch = Scratch::new().unwrap();
        let nats_home = scratch.path().join("nats");
        let nats = Nats::start(&shared.binaries.nats, &nats_home)
            .await
            .unwrap();
        let keep = Keep {
            audit: SignedDuration::from_millis(200),
            ..Keep::default()
        };
        let listener_name = format!("listener_{story}");
        Self {
            bus: config::Bus {
                url: nats.url(),
                replicas: 1,
                nkey: None,
                keep,
            },
            nats,
            teller: open(&database(&format!("teller_{story}")).await).await,
            listener: open(&database(&listener_name).await).await,
            listener_name,
            clock: Clock::system(),
            health: Health::new(),
            nats_home,
            _scratch: scratch,
        }
    }

    /// Where the broker keeps its streams.
    pub fn store(&self) -> PathBuf {
        self.nats_home.join("store")
    }

    /// A relay; dropping it is a crash.
    pub async fn relay(&self) -> Tasks {
        let bus = Bus::connect(&self.bus, "settlement").await.unwrap();
        let progress = self.health.part("relay", SignedDuration::from_mins(2));
        let relay = Relay::new(
            self.teller.clone(),
            bus,
            "settlement",
            progress,
            self.clock.clone(),
        );
        let mut tasks = Tasks::new();
        let stop = tasks.stop();
        tasks.add("relay", relay.run(stop));
        tasks
    }

    /// A consumer; dropping it is a crash.
    pub async fn listen(&self, ledger: &Ledger) -> Tasks {
        let bus = Bus::connect(&self.bus, "notification").await.unwrap();
        let progress = self.health.part("consumer", SignedDuration::from_mins(2));
        let db = self.listener.clone();
        let consumer = Consumer::new(
            db,
            bus,
            "notification",
            FOLLOW,
            ledger.clone(),
            self.clock.clone(),
            progress,
        );
        let mut tasks = Tasks::new();
        let stop = tasks.stop();
        tasks.add("consumer", consumer.run(stop));
        tasks
    }

    /// Records and commits one event.
    pub async fn tell(&self, binding: &str, version: i64) -> EventId {
        let mut tx = chassis::db::begin(&self.teller).await.unwrap();
        let id = outbox::record(&mut tx, &fenced(binding, version), self.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub async fn until_told(&self) {
        until("everything is published", async || {
            outbox::pending(&self.teller).await.unwrap() == 0
        })
        .await;
    }

    /// What was done, in order.
    pub async fn effects(&self) -> Vec<(String, i64)> {
        sqlx::query_as("SELECT binding_id, version FROM effect ORDER BY nth")
            .fetch_all(&self.listener)
            .await
            .unwrap()
    }

    pub async fn until_effects(&self, count: usize) {
        until(&format!("{count} effects"), async || {
            self.effects().await.len() >= count
        })
        .await;
    }

    /// Ends every connection of the listener to its database and allows no new one.
    pub async fn shut_out_listener(&self) {
        let role = &self.listener_name;
        self.as_superuser(format!("ALTER ROLE \"{role}\" NOLOGIN"))
            .await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename";
        self.as_superuser(format!("{end} = '{role}'")).await;
    }

    pub async fn let_listener_in(&self) {
        self.as_superuser(format!("ALTER ROLE \"{}\" LOGIN", self.listener_name))
            .await;
    }

    async fn as_superuser(&self, statement: String) {
        let mut conn = PgConnection::connect(&shared().await.postgres.url("postgres"))
            .await
            .unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut conn)
            .await
            .unwrap();
    }

    /// A client that can see and break everything.
    pub async fn jetstream(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(async_nats::connect(&self.bus.url).await.unwrap())
    }

    /// How many messages the stream of the teller has.
    pub async fn messages(&self) -> u64 {
        let mut stream = self
            .jetstream()
            .await
            .get_stream("GONGJI_SETTLEMENT")
            .await
            .unwrap();
        stream.info().await.unwrap().state.messages
    }
}

pub fn fenced(binding: &str, version: i64) -> Fenced {
    Fenced {
        binding_id: binding.to_owned(),
        version,
        ..Fenced::default()
    }
}

/// An empty database and how to reach it.
pub async fn database(name: &str) -> config::Database {
    let postgres = &shared().await.postgres;
    postgres.create_database(name).await.unwrap();
    config::Database {
        url: postgres.url_as(name, name).into(),
        max_connections: 5,
        allow_unsafe_durability: false,
    }
}

pub async fn open(config: &config::Database) -> PgPool {
    db::migrate(config, &TABLES).await.unwrap();
    db::open(config, &TABLES).await.unwrap()
}

/// Waits for a condition.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < DEADLINE, "still waiting: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// What the listener does: it writes down what it was told, unless it is in a mood.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<HashMap<(String, i64), Mood>>>);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Not ready, so many times.
    NotYet(u32),
    /// Never.
    Refuses,
    /// Falls over.
    Panics,
}

impl Ledger {
    pub fn mood(&self, binding: &str, version: i64, mood: Mood) {
        self.0
            .lock()
            .unwrap()
            .insert((binding.to_owned(), version), mood);
    }

    pub fn cheer_up(&self) {
        self.0.lock().unwrap().clear();
    }

    fn react(&self, fenced: &Fenced) -> Result<(), Failure> {
        let mut moods = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match moods.get_mut(&(fenced.binding_id.clone(), fenced.version)) {
            None | Some(Mood::NotYet(0)) => Ok(()),
            Some(Mood::NotYet(times)) => {
                *times -= 1;
                Err(Failure::retry("not yet"))
            }
            Some(Mood::Refuses) => Err(Failure::park("never")),
            Some(Mood::Panics) => panic!("fell over {}", fenced.binding_id),
        }
    }
}

impl Handle for Ledger {
    async fn handle(
        &self,
        conn: &mut PgConnection,
        deliveries: &[Delivery],
        _now: Timestamp,
    ) -> Result<(), Failure> {
        for delivery in deliveries {
            let Fact::Fenced(fenced) = Fact::decode(&delivery.subject, &delivery.payload)? else {
                return Err(Failure::park("nobody asked for this fact"));
            };
            sqlx::query("INSERT INTO effect (binding_id, version) VALUES ($1, $2)")
                .bind(&fenced.binding_id)
                .bind(fenced.version)
                .execute(&mut *conn)
                .await?;
            self.react(&fenced)?;
        }
        Ok(())
    }
}
