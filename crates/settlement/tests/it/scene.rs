//! A town of families, a pharmacy, and a writer over a database of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a scene that cannot be set fails its test"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use chassis::health::Health;
use chassis::inbox::{Delivery, Handle};
use chassis::tasks::Tasks;
use jiff::SignedDuration;
use kernel::{
    AccountId, AllocationId, BindingId, Bucket, Clock, EventId, Fen, PersonId, Refusal, Role,
    SettlementId, Timestamp, Usage,
};
use policy::Packs;
use proto::Event;
use proto::authorization::v1 as authorization;
use proto::binding::v1 as binding;
use proto::common::v1 as common;
use proto::convert::wire_time;
use proto::settlement::v1 as pb;
use settlement::bill::Bill;
use settlement::command::{
    Allocate, AllocationKind, Answer, Cancel, Command, Origin, Presented, Settle,
};
use settlement::consumer::Projection;
use settlement::deferral::Deduct;
use settlement::institution::{Institution, Kind};
use settlement::keep::Keep;
use settlement::request::RequestKey;
use settlement::writer::{Office, Settings, Writer};
use sqlx::PgPool;

use crate::database;

pub const SHOP: &str = "P0001";

pub struct Scene {
    pub db: PgPool,
    pub clock: Clock,
    pub writer: Writer,
    pub office: Office,
    projection: Projection,
    tasks: Tasks,
    numbers: AtomicU32,
}

/// One enrolled person.
#[derive(Debug, Clone, Copy)]
pub struct Enrolled {
    pub person: PersonId,
    pub account: AccountId,
}

/// A binding with its mandate in force.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub id: BindingId,
    pub contributor: Enrolled,
    pub beneficiary: Enrolled,
}

/// What a settled bill comes to: own, aid, cash.
pub fn parts(answer: &pb::SettleResponse) -> (i64, i64, i64) {
    let split = settlement(answer)
        .split
        .as_ref()
        .expect("a settlement has a split");
    (split.own_fen, split.aid_fen, split.cash_fen)
}

pub fn settlement(answer: &pb::SettleResponse) -> &pb::Settlement {
    match answer.outcome.as_ref().expect("an answer has an outcome") {
        pb::settle_response::Outcome::Settlement(settlement) => settlement,
        other => panic!("not settled: {other:?}"),
    }
}

pub fn bill(total: i64) -> Bill {
    Bill {
        person_no: None,
        scheme: None,
        usage: Usage::PharmacyDrug,
        total: Fen::new(total),
        lines: Vec::new(),
        without_account: false,
        without_aid: false,
        chosen: None,
        premium: None,
    }
}

impl Scene {
    pub async fn begin() -> Self {
        Self::with(Self::usual()).await
    }

    const fn usual() -> Settings {
        Settings {
            lanes: 2,
            batch: 64,
            queue: 1024,
            import_batch: 64,
            import_queue: 1024,
        }
    }

    pub async fn with(settings: Settings) -> Self {
        Self::under(settings, Packs::shipped()).await
    }

    /// Under the shipped rules and an overlay over 320600, where everybody is insured.
    pub async fn with_rules(rules: &str) -> Self {
        let overlay = format!("overlay = \"test\"\n[[region]]\ncode = \"320600\"\n{rules}");
        let packs = Packs::with_overlay("test", &overlay).expect("the overlay is right");
        Self::under(Self::usual(), packs).await
    }

    async fn under(settings: Settings, packs: Packs) -> Self {
        let db = database::empty().await;
        let clock = Clock::manual("2026-03-05T02:00:00Z".parse().unwrap());
        settlement::maintain(&db, &clock, 1).await.unwrap();
        let packs = Arc::new(packs);
        let office = Office {
            db: db.clone(),
            packs: Arc::clone(&packs),
            clock: clock.clone(),
            catalogue: settlement::catalogue::Catalogue::default(),
        };
        let mut tasks = Tasks::new();
        let writer = Writer::start(settings, &office, &Health::new(), &mut tasks);
        let shop = Institution {
            code: SHOP.to_owned(),
            name: "测试药店".to_owned(),
            kind: Kind::Pharmacy,
            region: "320600".parse().unwrap(),
            tier: 0,
            sandbox: false,
        };
        settlement::store::institution::register(&db, &[shop], clock.now())
            .await
            .unwrap();
        let projection = Projection::new(packs);
        Self {
            db,
            clock,
            writer,
            office,
            projection,
            tasks,
            numbers: AtomicU32::new(0),
        }
    }

    /// Stops the writer and checks the books.
    pub async fn end(self) {
        let found = crate::verify::in_the_tables(&self, Vec::new()).await;
        found.unwrap();
        self.end_forged().await;
    }

    /// The same where the story wrote rows itself, which no block holds.
    pub async fn end_forged(self) {
        self.books_balance().await;
        self.tasks.shut_down().await.unwrap();
    }

    /// Lets the story write what the ledger never would: other times, other balances.
    pub async fn forge(&self) {
        self.run("ALTER TABLE movement DISABLE TRIGGER movement_is_for_ever")
            .await;
    }

    /// A person with an employees' account that holds `fen` of this year's money.
    pub async fn enrol(&self, fen: i64) -> Enrolled {
        let enrolled = Enrolled {
            person: PersonId::generate(),
            account: AccountId::generate(),
        };
        self.tell(&self.enrolment(enrolled)).await;
        if fen > 0 {
            self.credit(enrolled, fen).await.unwrap();
        }
        enrolled
    }

    pub fn enrolment(&self, enrolled: Enrolled) -> binding::Enrolled {
        binding::Enrolled {
            account_id: enrolled.account.to_string(),
            person_id: enrolled.person.to_string(),
            version: 1,
            person_no: format!(
                "32060000{:08}",
                self.numbers.fetch_add(1, Ordering::Relaxed)
            ),
            region: "320600".to_owned(),
            scheme: common::Scheme::Employee.into(),
            kind: common::PersonKind::Working.into(),
            standing: common::Standing::Normal.into(),
            sandbox: false,
        }
    }

    pub async fn link(
        &self,
        contributor: Enrolled,
        beneficiary: Enrolled,
        per_month: Option<i64>,
    ) -> Link {
        let link = Link {
            id: BindingId::generate(),
            contributor,
            beneficiary,
        };
        self.tell(&binding::Bound {
            terms: Some(self.terms(link, 2)),
        })
        .await;
        let mandate = Self::mandate(link, 1, authorization::MandateState::InForce, per_month);
        self.tell(&authorization::MandateGranted {
            mandate: Some(mandate),
        })
        .await;
        link
    }

    pub fn terms(&self, link: Link, version: i64) -> binding::BindingTerms {
        binding::BindingTerms {
            binding_id: link.id.to_string(),
            version,
            contributor_person_id: link.contributor.person.to_string(),
            contributor_account_id: link.contributor.account.to_string(),
            contributor_region: "320600".to_owned(),
            beneficiary_person_id: link.beneficiary.person.to_string(),
            beneficiary_account_id: link.beneficiary.account.to_string(),
            beneficiary_region: "320600".to_owned(),
            relation: common::Relation::Parent.into(),
            bound_at: Some(wire_time(self.clock.now() - SignedDuration::from_hours(48))),
            effective_from: Some(wire_time(self.clock.now() - SignedDuration::from_hours(24))),
            valid_until: None,
            rules: Vec::new(),
        }
    }

    pub fn mandate(
        link: Link,
        version: i64,
        state: authorization::MandateState,
        per_month: Option<i64>,
    ) -> authorization::Mandate {
        authorization::Mandate {
            binding_id: link.id.to_string(),
            version,
            state: state.into(),
            contributor_person_id: link.contributor.person.to_string(),
            contributor_account_id: link.contributor.account.to_string(),
            beneficiary_person_id: link.beneficiary.person.to_string(),
            beneficiary_account_id: link.beneficiary.account.to_string(),
            terms: Some(authorization::MandateTerms {
                rank: 1,
                per_month_fen: per_month,
                ..Default::default()
            }),
            changed_at: None,
        }
    }

    /// Has the projection handle one event, as the consumer's loop does.
    pub async fn tell<E: Event>(&self, event: &E) {
        let delivery = Delivery {
            event_id: EventId::generate(),
            subject: E::SUBJECT.to_owned(),
            key: event.key().to_owned(),
            payload: Bytes::from(event.encode_to_vec()),
            occurred_at: Timestamp::UNIX_EPOCH,
            trace_parent: None,
        };
        let mut tx = chassis::db::begin(&self.db).await.unwrap();
        self.projection
            .handle(&mut tx, &[delivery], self.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    pub fn key(&self) -> RequestKey {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        RequestKey::new(SHOP, &format!("{SHOP}{number:012}")).unwrap()
    }

    pub async fn settle(
        &self,
        patient: Enrolled,
        bill: Bill,
    ) -> Result<pb::SettleResponse, Refusal> {
        self.settle_under(self.key(), card(patient), bill).await
    }

    /// Has a bill accepted, to be deducted after the visit.
    pub async fn accept(
        &self,
        key: RequestKey,
        patient: Enrolled,
        bill: Bill,
    ) -> Result<pb::SettleResponse, Refusal> {
        self.submit_bill(key, card(patient), bill, Deduct::AfterVisit)
            .await
    }

    pub async fn settle_under(
        &self,
        key: RequestKey,
        patient: Presented,
        bill: Bill,
    ) -> Result<pb::SettleResponse, Refusal> {
        self.submit_bill(key, patient, bill, Deduct::AtOnce).await
    }

    async fn submit_bill(
        &self,
        key: RequestKey,
        patient: Presented,
        bill: Bill,
        deduct: Deduct,
    ) -> Result<pb::SettleResponse, Refusal> {
        let settle = Settle {
            id: SettlementId::generate(),
            key,
            patient,
            bill,
            quote: None,
            deduct,
            replaces: None,
        };
        self.submit(settle).await
    }

    pub async fn submit(&self, settle: Settle) -> Result<pb::SettleResponse, Refusal> {
        match self
            .writer
            .submit(Command::Settle(Box::new(settle)), origin())
            .await?
        {
            Answer::Settle(answer) => Ok(*answer),
            other => panic!("{other:?}"),
        }
    }

    pub async fn cancel(
        &self,
        key: RequestKey,
        settlement: SettlementId,
    ) -> Result<pb::Cancellation, Refusal> {
        let cancel = Cancel {
            id: SettlementId::generate(),
            key,
            settlement,
            person_no: None,
        };
        match self
            .writer
            .submit(Command::Cancel(cancel), origin())
            .await?
        {
            Answer::Cancel(answer) => Ok(answer.cancellation.expect("it is there")),
            other => panic!("{other:?}"),
        }
    }

    pub async fn credit(&self, to: Enrolled, fen: i64) -> Result<pb::Account, Refusal> {
        self.post(Allocate {
            id: AllocationId::generate(),
            account: to.account,
            kind: AllocationKind::Monthly,
            bucket: Bucket::Current,
            amount: Fen::new(fen),
            period: "2026-03".to_owned(),
        })
        .await
    }

    pub async fn post(&self, allocate: Allocate) -> Result<pb::Account, Refusal> {
        match self
            .writer
            .submit(Command::Allocate(allocate), origin())
            .await?
        {
            Answer::Allocate(account) => Ok(*account),
            other => panic!("{other:?}"),
        }
    }

    /// One allocation of this account's current bucket.
    pub async fn allocate(
        &self,
        to: Enrolled,
        kind: AllocationKind,
        (fen, period): (i64, &str),
    ) -> Result<pb::Account, Refusal> {
        self.post(Allocate {
            id: AllocationId::generate(),
            account: to.account,
            kind,
            bucket: Bucket::Current,
            amount: Fen::new(fen),
            period: period.to_owned(),
        })
        .await
    }

    /// Something that `operator` does to an account.
    pub async fn keep(&self, keep: Keep, operator: &str) -> Result<pb::Account, Refusal> {
        let origin = Origin {
            role: Role::Operator,
            caller: operator.to_owned(),
            trace_parent: None,
        };
        match self.writer.submit(Command::Keep(keep), origin).await? {
            Answer::Keep(account) => Ok(*account),
            other => panic!("{other:?}"),
        }
    }

    /// The facts about one account that wait to be published, in their order: the last part of each subject.
    pub async fn facts(&self, of: Enrolled) -> Vec<String> {
        let subjects: Vec<String> =
            sqlx::query_scalar("SELECT subject FROM outbox WHERE key = $1 ORDER BY position")
                .bind(of.account.to_string())
                .fetch_all(&self.db)
                .await
                .unwrap();
        subjects
            .into_iter()
            .filter_map(|subject| subject.rsplit('.').next().map(ToOwned::to_owned))
            .collect()
    }

    pub async fn balance(&self, of: Enrolled) -> i64 {
        self.number(&format!(
            "SELECT current_fen + prior_fen FROM account WHERE account_id = '{}'",
            of.account.uuid()
        ))
        .await
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::query_scalar::<_, Option<i64>>(sql)
            .fetch_one(&self.db)
            .await
            .unwrap()
            .unwrap_or(0)
    }

    pub async fn run(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.db).await.unwrap();
    }
}

pub fn card(patient: Enrolled) -> Presented {
    Presented {
        person: patient.person,
        expires_at: None,
        fingerprint: Vec::new(),
    }
}

pub fn origin() -> Origin {
    Origin {
        role: Role::Institution,
        caller: SHOP.to_owned(),
        trace_parent: None,
    }
}

pub fn id_of(answer: &pb::SettleResponse) -> SettlementId {
    settlement(answer).settlement_id.parse().unwrap()
}
