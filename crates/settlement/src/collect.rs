//! Has accepted bills deducted: when one was accepted, and whenever a fact says that money or permission came.
//!
//! No wake-up is lost. Whoever brings money holds its account's lock when it asks who waits, and a deduction holds the same lock
//! when it finds too little: one of them sees the other. A permission is told in any case, and who waits for it is looked up
//! only after it is committed. A fact that comes late or twice finds nothing to do. The sweep is for what nobody tells of:
//! limits that begin anew, bindings that take effect, bills whose time is over.

use std::collections::BTreeSet;
use std::time::Duration;

use chassis::health::Progress;
use chassis::inbox::{Delivery, Failure, Follow, Handle};
use chassis::tasks::{BoxError, Stop};
use chassis::telemetry::Chain;
use kernel::{AccountId, PersonId, Reason, Refusal, Role, SettlementId, Timestamp};
use proto::Event as _;
use proto::convert;
use proto::event::Fact;
use proto::settlement::v1::{Accepted, MoneyCame, PermissionCame};
use sqlx::PgConnection;

use crate::SERVICE;
use crate::command::{Command, DeductNow, Origin};
use crate::store::{StoreError, deferral};
use crate::writer::{Office, Writer};

/// What of its own facts settlement follows.
pub const ITSELF: Follow = Follow {
    service: SERVICE,
    subjects: &[
        Accepted::SUBJECT,
        MoneyCame::SUBJECT,
        PermissionCame::SUBJECT,
    ],
};

/// How many due bills the sweep takes up at once.
const PAGE: i64 = 200;

/// Hands accepted bills to the writer.
#[derive(Debug, Clone)]
pub struct Collector {
    writer: Writer,
}

/// Whom facts may help.
#[derive(Debug, Default)]
struct Helped {
    settlements: BTreeSet<SettlementId>,
    patients: BTreeSet<PersonId>,
    contributors: BTreeSet<AccountId>,
}

impl Helped {
    fn add(&mut self, fact: &Fact) -> Result<(), proto::Unreadable> {
        match fact {
            Fact::Accepted(fact) => {
                let id = convert::id("settlement_id", &fact.settlement_id)?;
                self.settlements.insert(id);
            }
            Fact::MoneyCame(fact) => {
                let person = convert::id("person_id", &fact.person_id)?;
                self.patients.insert(person);
                let account = convert::id("account_id", &fact.account_id)?;
                self.contributors.insert(account);
            }
            Fact::PermissionCame(fact) => {
                let id = convert::id("beneficiary_person_id", &fact.beneficiary_person_id)?;
                self.patients.insert(id);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Collector {
    /// One that hands bills to `writer`.
    pub fn new(writer: Writer) -> Self {
        Self { writer }
    }

    /// Has these bills deducted, in this order.
    ///
    /// # Errors
    /// The first bill that could not be decided for now; the others were.
    pub async fn collect(
        &self,
        bills: Vec<SettlementId>,
        trace_parent: Option<String>,
    ) -> Result<(), Refusal> {
        let origin = Origin {
            role: Role::Service,
            caller: SERVICE.to_owned(),
            trace_parent,
        };
        let asked = bills.into_iter().map(|settlement| {
            let command = Command::Deduct(DeductNow { settlement });
            self.writer.submit_in_turn(command, origin.clone())
        });
        let answers = futures::future::join_all(asked).await;
        answers.into_iter().try_for_each(|answer| answer.map(drop))
    }

    /// Takes up every bill whose time to be looked at has come, whether or not a fact told of it; says how many there were.
    ///
    /// # Errors
    /// The database, or the writer, cannot serve for now.
    pub async fn sweep(&self, office: &Office) -> Result<usize, NotSwept> {
        let mut swept = 0_usize;
        loop {
            let due = deferral::due(&office.db, office.clock.now(), PAGE).await?;
            if due.is_empty() {
                return Ok(swept);
            }
            swept = swept.saturating_add(due.len());
            self.collect(due, None).await?;
        }
    }
}

/// Why a sweep did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum NotSwept {
    #[error("the bills that are due cannot be read")]
    Store(#[from] StoreError),
    #[error("a bill could not be deducted for now")]
    Refused(#[from] Refusal),
}

impl Handle for Collector {
    async fn handle(
        &self,
        conn: &mut PgConnection,
        deliveries: &[Delivery],
        _now: Timestamp,
    ) -> Result<(), Failure> {
        let mut helped = Helped::default();
        for delivery in deliveries {
            helped.add(&Fact::decode(&delivery.subject, &delivery.payload)?)?;
        }
        let settlements: Vec<SettlementId> = helped.settlements.into_iter().collect();
        let patients: Vec<PersonId> = helped.patients.into_iter().collect();
        let contributors: Vec<AccountId> = helped.contributors.into_iter().collect();
        let bills = deferral::waiting(conn, &settlements, &patients, &contributors).await?;
        // The writer commits on its own, so this transaction holds no locks but the inbox's; if it fails now, the facts come
        // again and find nothing to do.
        let trace = deliveries
            .first()
            .and_then(|delivery| delivery.trace_parent.clone());
        self.collect(bills, trace)
            .await
            .map_err(|refusal| match refusal.reason {
                Reason::Internal => Failure::park(refusal),
                _ => Failure::retry(refusal),
            })
    }
}

/// Sweeps every `pause` until it is stopped. What fails is told, and tried again at the next round.
pub(crate) async fn run(
    (collector, office): (Collector, Office),
    pause: Duration,
    progress: Progress,
    stop: Stop,
) -> Result<(), BoxError> {
    loop {
        progress.made();
        tokio::select! {
            () = stop.requested() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        if let Err(error) = collector.sweep(&office).await {
            tracing::error!(error = %Chain(&error), "accepted bills could not be looked after");
        }
    }
}
