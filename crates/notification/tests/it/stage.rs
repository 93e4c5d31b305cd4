//! A database of its own for each story, and the whole service on it for those that need one.

use std::path::PathBuf;

use chassis::access::{Claims, NewKey, Signer};
use chassis::config;
use chassis::db;
use chassis::grpc::{Peer, peer};
use chassis::health::Health;
use chassis::inbox::{Delivery, Failure, Handle as _};
use chassis::tasks::Tasks;
use jiff::SignedDuration;
use kernel::{Clock, EventId, PersonId, Role};
use notification::consumer::Teller;
use notification::{Config, MIGRATIONS};
use proto::notification::v1::notification_service_client::NotificationServiceClient;
use proto::notification::v1::webhook_service_client::WebhookServiceClient;
use servers::{Binaries, Nats, Postgres, Progress, Scratch};
use sqlx::PgPool;
use tokio::sync::OnceCell;

use crate::facts::noon;

/// The one Postgres of this process. It ends with it.
static GROUND: OnceCell<Ground> = OnceCell::const_new();

const TEMPLATE: &str = "notification";
const ISSUER: &str = "gongji";

struct Ground {
    postgres: Postgres,
    binaries: Binaries,
    scratch: Scratch,
}

impl Ground {
    async fn break_new() -> Self {
        let binaries =
            Binaries::find(Progress::Silent).expect("both servers are there or can be fetched");
        let scratch = Scratch::new().expect("there is a place for temporary files");
        let postgres = Postgres::start(&binaries.postgres, &scratch.path().join("postgres"))
            .await
            .expect("Postgres starts");
        postgres
            .create_database(TEMPLATE)
            .await
            .expect("the name is free");
        db::migrate(&at(postgres.url_as(TEMPLATE, TEMPLATE)), &MIGRATIONS)
            .await
            .expect("the migrations fit");
        Self {
            postgres,
            binaries,
            scratch,
        }
    }
}

fn at(url: String) -> config::Database {
    config::Database {
        url: url.into(),
        max_connections: 8,
        allow_unsafe_durability: false,
    }
}

/// A database with the schema and nothing in it.
pub struct Stage {
    /// Its address.
    pub database: config::Database,
    /// A pool on it.
    pub db: PgPool,
    ground: &'static Ground,
    /// A folder of its own.
    pub home: PathBuf,
}

impl Stage {
    pub async fn open() -> Self {
        let ground = GROUND.get_or_init(Ground::break_new).await;
        let name = format!("s_{}", EventId::generate()).replace('-', "_");
        ground
            .postgres
            .clone_database(TEMPLATE, &name)
            .await
            .expect("nobody is connected to the template");
        let database = at(ground.postgres.url_as(TEMPLATE, &name));
        let db = db::open(&database, &MIGRATIONS)
            .await
            .expect("the database is safe and migrated");
        let home = ground.scratch.path().join(&name);
        std::fs::create_dir(&home).expect("the directory is new");
        Self {
            database,
            db,
            ground,
            home,
        }
    }

    /// Handles deliveries as the inbox loop does: in one transaction. Nothing is left behind by a failure.
    pub async fn tell(&self, deliveries: &[Delivery]) -> Result<(), Failure> {
        let mut tx = chassis::db::begin(&self.db).await?;
        let teller = Teller::new(Clock::system());
        teller.handle(&mut tx, deliveries, noon()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What a person was told: sequence and template, in order.
    pub async fn told(&self, person: PersonId) -> Vec<(i64, String)> {
        notification::store::find_after(&self.db, person, 0, 10_000)
            .await
            .expect("the table is there")
            .into_iter()
            .map(|row| (row.sequence, row.template))
            .collect()
    }

    /// The whole service, with a broker of its own and nobody behind `binding_url`.
    pub async fn serve(&self) -> Serving {
        self.serve_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn serve_with(&self, change: impl FnOnce(&mut Config)) -> Serving {
        let nats = Nats::start(&self.ground.binaries.nats, &self.home.join("nats"))
            .await
            .expect("nats-server starts");
        let NewKey { signer, jwks, pem } = Signer::generate(ISSUER).expect("the system has chance");
        let (jwks_file, key_file) = (self.home.join("jwks.json"), self.home.join("key.pem"));
        std::fs::write(&jwks_file, jwks).expect("the directory is ours");
        std::fs::write(&key_file, secrecy::ExposeSecret::expose_secret(&pem))
            .expect("the directory is ours");
        let nobody = servers::ports::free().expect("a port is free");

        let mut config = Config::load(None).expect("the defaults are whole");
        config.listen = ([127, 0, 0, 1], 0).into();
        config.database = self.database.clone();
        config.bus.url = nats.url();
        config.access.jwks = jwks_file;
        config.access.key = Some(key_file);
        config.binding_url = format!("http://127.0.0.1:{nobody}");
        config.settlement_url = config.binding_url.clone();
        config.watch_poll = SignedDuration::from_millis(20);
        change(&mut config);

        let mut tasks = Tasks::new();
        let bus = config.bus.clone();
        let address = notification::serve(config, Clock::system(), Health::new(), &mut tasks)
            .await
            .expect("the service starts");
        Serving {
            url: format!("http://{address}"),
            signer,
            bus,
            tasks,
            _nats: nats,
        }
    }
}

/// A running service.
pub struct Serving {
    url: String,
    signer: Signer,
    /// Where its broker is.
    pub bus: config::Bus,
    /// Everything that runs.
    pub tasks: Tasks,
    _nats: Nats,
}

impl Serving {
    /// A client in the name of a citizen.
    pub fn citizen(&self, person: PersonId) -> NotificationServiceClient<Peer> {
        NotificationServiceClient::new(self.peer(Role::Citizen, person.to_string()))
    }

    /// A client in the name of an operator.
    pub fn webhooks(&self) -> WebhookServiceClient<Peer> {
        WebhookServiceClient::new(self.peer(Role::Operator, "OP1".to_owned()))
    }

    fn peer(&self, role: Role, subject: String) -> Peer {
        let claims = Claims {
            role,
            subject,
            audience: notification::SERVICE.to_owned(),
            about: None,
        };
        let hour = SignedDuration::from_hours(1);
        let token = self.signer.token(&claims, hour, Clock::system().now());
        peer(
            &self.url,
            notification::SERVICE,
            self.signer.clone(),
            "test",
        )
        .and_then(|service| service.with_token(&token))
        .expect("address and token are whole")
    }
}
