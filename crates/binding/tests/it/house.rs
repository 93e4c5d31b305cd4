//! A running binding service, with an operator who asks it.

use std::time::{Duration, Instant};

use binding::Config;
use chassis::access::{Caller, Signer};
use chassis::bus::Bus;
use chassis::grpc::Peer;
use chassis::health::Health;
use chassis::outbox::Relay;
use chassis::tasks::Tasks;
use jiff::SignedDuration;
use kernel::{Clock, PersonId, Role};
use proto::binding::v1 as pb;
use proto::binding::v1::binding_service_client::BindingServiceClient;
use proto::binding::v1::display_link_service_client::DisplayLinkServiceClient;
use proto::common::v1 as words;
use servers::{Binaries, Nats, Postgres, Progress, Scratch};
use sqlx::PgPool;
use tokio::sync::OnceCell;

/// Rules of Zhejiang that ship disabled: at most seven beneficiaries. And one in a lifetime in Hunan, a review in Guizhou,
/// proofs in Jiangxi.
const OVERLAY: &str = r#"
    overlay = "test"
    [[region]]
    code = "330000"
    enable = ["max_beneficiaries"]
    [[region]]
    code = "430000"
    rules = { max_beneficiaries_lifetime = { value = 1, source = "test", grade = "INF" } }
    [[region]]
    code = "520000"
    rules = { agency_review = { value = true, source = "test", grade = "INF" } }
    [[region]]
    code = "360000"
    rules = { proof = { value = ["HOUSEHOLD_PAGE", "FACE"], source = "test", grade = "INF" }, confirmation = { value = "INVITE_ACCEPT", source = "test", grade = "INF" } }
"#;

/// How long anything may take here before it counts as never.
const NEVER: Duration = Duration::from_secs(30);

/// One Postgres for all tests of this binary; it ends with the process.
struct Ground {
    scratch: Scratch,
    binaries: Binaries,
    postgres: Postgres,
}

static GROUND: OnceCell<Ground> = OnceCell::const_new();

async fn ground() -> &'static Ground {
    GROUND
        .get_or_init(|| async {
            let binaries = tokio::task::spawn_blocking(|| Binaries::find(Progress::Silent))
                .await
                .unwrap()
                .unwrap();
            let scratch = Scratch::new().unwrap();
            let postgres = Postgres::start(&binaries.postgres, &scratch.path().join("postgres"))
                .await
                .unwrap();
            Ground {
                scratch,
                binaries,
                postgres,
            }
        })
        .await
}

/// A service of its own for one test.
pub struct House {
    pub db: PgPool,
    pub clock: Clock,
    peer: Peer,
    config: Config,
    tasks: Tasks,
    _nats: Nats,
}

impl House {
    /// Starts the service on a fresh database called `name`.
    pub async fn open(name: &'static str) -> Self {
        let ground = ground().await;
        ground.postgres.create_database(name).await.unwrap();
        let home = ground.scratch.path().join(name);
        std::fs::create_dir_all(&home).unwrap();
        let nats = Nats::start(&ground.binaries.nats, &home.join("nats"))
            .await
            .unwrap();
        let key = Signer::generate("test").unwrap();
        let write = |file: &str, text: &str| {
            let path = home.join(file);
            std::fs::write(&path, text).unwrap();
            path
        };

        let mut config = Config::load(None).unwrap();
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.database.url = ground.postgres.url_as(name, name).into();
        config.bus.url = nats.url();
        config.access.issuer = "test".to_owned();
        config.access.jwks = write("jwks.json", &key.jwks);
        config.keys = write("identity.json", &binding::keys::generate());
        config.policy_overlay = Some(write("overlay.toml", OVERLAY));
        config.synthetic_identities = true;
        config.unbind_wait_ms = 0;
        config.overdue_every_ms = 50;
        chassis::db::migrate(&config.database, &binding::MIGRATIONS)
            .await
            .unwrap();

        let clock = Clock::manual("2026-03-02T02:00:00Z".parse().unwrap());
        let mut tasks = Tasks::new();
        let address = binding::serve(config.clone(), clock.clone(), Health::new(), &mut tasks)
            .await
            .unwrap();
        let peer = chassis::grpc::peer(&format!("http://{address}"), "binding", key.signer, "test")
            .unwrap();
        let db = PgPool::connect(&ground.postgres.url_as(name, name))
            .await
            .unwrap();
        Self {
            db,
            clock,
            peer,
            config,
            tasks,
            _nats: nats,
        }
    }

    /// The file with the service's keys.
    pub fn key_file(&self) -> &std::path::Path {
        &self.config.keys
    }

    fn client(&self, role: Role, subject: String) -> BindingServiceClient<Peer> {
        let caller = Caller {
            role,
            subject,
            about: None,
        };
        BindingServiceClient::new(self.peer.on_behalf_of(&caller))
    }

    /// The service, asked by the agency's operator.
    pub fn operator(&self) -> BindingServiceClient<Peer> {
        self.client(Role::Operator, "op-1".to_owned())
    }

    /// The service, asked by that operator.
    pub fn operator_called(&self, number: &str) -> BindingServiceClient<Peer> {
        self.client(Role::Operator, number.to_owned())
    }

    /// The service, asked by one of the people.
    pub fn citizen(&self, person: &pb::Person) -> BindingServiceClient<Peer> {
        self.client(Role::Citizen, person.person_id.clone())
    }

    /// Display links, asked for by one of the people.
    pub fn citizen_links(&self, person: &pb::Person) -> DisplayLinkServiceClient<Peer> {
        self.links(Role::Citizen, &person.person_id)
    }

    /// Display links, asked for by an operator of the agency.
    pub fn operator_links(&self, number: &str) -> DisplayLinkServiceClient<Peer> {
        self.links(Role::Operator, number)
    }

    fn links(&self, role: Role, subject: &str) -> DisplayLinkServiceClient<Peer> {
        let caller = Caller {
            role,
            subject: subject.to_owned(),
            about: None,
        };
        DisplayLinkServiceClient::new(self.peer.on_behalf_of(&caller))
    }

    /// The service, asked by another part of Gongji.
    pub fn service(&self) -> BindingServiceClient<Peer> {
        self.client(Role::Service, "authorization".to_owned())
    }

    /// Imports rows, none of which may be refused.
    pub async fn import(&self, rows: Vec<pb::PersonRow>) -> Vec<pb::Person> {
        let answer = self
            .operator()
            .import_people(pb::ImportPeopleRequest { rows })
            .await
            .unwrap();
        let person = |result: pb::ImportedPerson| match result.outcome {
            Some(pb::imported_person::Outcome::Person(person)) => person,
            other => panic!("not imported: {other:?}"),
        };
        answer
            .into_inner()
            .results
            .into_iter()
            .map(person)
            .collect()
    }

    /// Asks for one parent in the contributor's name.
    pub async fn bind(
        &self,
        contributor: &pb::Person,
        beneficiary: &pb::Person,
        id: &str,
    ) -> Result<pb::Binding, String> {
        let request = ask(contributor, beneficiary, id);
        only(
            self.citizen(contributor)
                .request_bindings(request)
                .await
                .unwrap()
                .into_inner(),
        )
    }

    /// Agrees to a binding in one person's name; the code if that is refused.
    pub async fn confirm(
        &self,
        by: &pb::Person,
        binding: &pb::Binding,
    ) -> Result<pb::Binding, String> {
        let request = pb::ConfirmBindingRequest {
            binding_id: binding.binding_id.clone(),
            proofs: Vec::new(),
        };
        let answer = self
            .citizen(by)
            .confirm_binding(request)
            .await
            .map_err(|status| code(&status))?;
        Ok(answer.into_inner().binding.unwrap())
    }

    /// Declines a binding in one person's name; the code if that is refused.
    pub async fn decline(
        &self,
        by: &pb::Person,
        binding: &pb::Binding,
    ) -> Result<pb::Binding, String> {
        let request = pb::DeclineBindingRequest {
            binding_id: binding.binding_id.clone(),
        };
        let answer = self
            .citizen(by)
            .decline_binding(request)
            .await
            .map_err(|status| code(&status))?;
        Ok(answer.into_inner().binding.unwrap())
    }

    /// Asks for the end of a binding in one person's name; the code if that is refused.
    pub async fn unbind(
        &self,
        by: &pb::Person,
        binding: &pb::Binding,
    ) -> Result<pb::Binding, String> {
        let request = pb::RequestUnbindRequest {
            binding_id: binding.binding_id.clone(),
            note: "测试".to_owned(),
        };
        let answer = self
            .citizen(by)
            .request_unbind(request)
            .await
            .map_err(|status| code(&status))?;
        Ok(answer.into_inner().binding.unwrap())
    }

    /// A binding as it is now.
    pub async fn binding(&self, binding: &pb::Binding) -> pb::Binding {
        let request = pb::GetBindingRequest {
            binding_id: binding.binding_id.clone(),
        };
        self.operator()
            .get_binding(request)
            .await
            .unwrap()
            .into_inner()
            .binding
            .unwrap()
    }

    /// A stand-in for the outbox of settlement on the same bus: what is recorded in its database is published.
    pub async fn neighbour(&mut self, name: &'static str) -> PgPool {
        let ground = ground().await;
        ground.postgres.create_database(name).await.unwrap();
        let mut database = self.config.database.clone();
        database.url = ground.postgres.url_as(name, name).into();
        chassis::db::migrate(&database, &binding::MIGRATIONS)
            .await
            .unwrap();
        let db = chassis::db::open(&database, &binding::MIGRATIONS)
            .await
            .unwrap();
        let bus = Bus::connect(&self.config.bus, "settlement").await.unwrap();
        let progress = Health::new().part("relay", SignedDuration::from_mins(1));
        let relay = Relay::new(db.clone(), bus, "settlement", progress, self.clock.clone());
        let stop = self.tasks.stop();
        self.tasks.add("settlement", relay.run(stop));
        db
    }
}

/// Waits until `look` finds something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + NEVER;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {NEVER:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An employee of `region`; the serial number makes them somebody of their own.
pub fn employee(region: &str, serial: u32) -> pb::PersonRow {
    pb::PersonRow {
        cert_type: "01".to_owned(),
        cert_no: cert_no(serial),
        name: format!("测试{serial}"),
        phone: format!("138{serial:08}"),
        social_security_card: format!("T{serial:08}"),
        enrolments: vec![pb::EnrolmentRow {
            person_no: format!("P-TEST-{serial}"),
            region: region.to_owned(),
            scheme: words::Scheme::Employee.into(),
            kind: words::PersonKind::Working.into(),
            standing: words::Standing::Normal.into(),
        }],
        sandbox: true,
    }
}

/// A number nobody can have: there is no area 000000.
fn cert_no(serial: u32) -> String {
    format!(
        "00000019{:02}0307{:04}",
        serial / 10_000 % 100,
        serial % 10_000
    )
}

/// A request for one parent.
pub fn ask(
    contributor: &pb::Person,
    beneficiary: &pb::Person,
    request_id: &str,
) -> pb::RequestBindingsRequest {
    let id: PersonId = beneficiary.person_id.parse().unwrap();
    pb::RequestBindingsRequest {
        request_id: request_id.to_owned(),
        contributor_account_id: contributor.enrolments[0].account_id.clone(),
        members: vec![pb::BindingMember {
            beneficiary: Some(pb::binding_member::Beneficiary::PersonId(id.to_string())),
            relation: words::Relation::Parent.into(),
            ..Default::default()
        }],
        commitment_sha256: String::new(),
    }
}

/// The one result of a request for one.
pub fn only(response: pb::RequestBindingsResponse) -> Result<pb::Binding, String> {
    let [result] = <[_; 1]>::try_from(response.results).unwrap();
    match result.outcome.unwrap() {
        pb::binding_result::Outcome::Binding(binding) => Ok(binding),
        pb::binding_result::Outcome::Refused(reason) => Err(reason.code),
    }
}

/// The code of a refusal.
pub fn code(status: &tonic::Status) -> String {
    chassis::grpc::refusal_of(status)
        .unwrap_or_else(|| panic!("not a refusal: {status:?}"))
        .code
}
