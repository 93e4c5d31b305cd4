//! Compares what people were told with settlement's own books, account by account and for ever; counts what is missing.
//!
//! The books are walked in pages, in the order of account ids. Where the walk has got is a row, so that a restart goes on, and
//! replicas that walk at once only do some pages in vain: whoever moves the row on first has compared the page. An account that
//! has moved further than any event said is written down as such; if nobody is told of it in time, it counts as untold.

use std::error::Error;
use std::time::{Duration, Instant};

use chassis::grpc::Peer;
use chassis::health::Progress;
use chassis::tasks::{BoxError, Stop};
use jiff::SignedDuration;
use kernel::clock::{business_day, shifted};
use kernel::{AccountId, Clock};
use proto::Unreadable;
use proto::common::v1::Page;
use proto::convert::id;
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;
use proto::settlement::v1::{ListAccountVersionsRequest, ListAccountVersionsResponse};
use sqlx::PgPool;
use tracing::{error, warn};

use crate::completeness::{Booked, Seen, Standing};
use crate::notice::Moved;
use crate::store::completeness as store;

/// How many accounts a page holds.
const PAGE: i32 = 500;
/// How often what is missing is counted.
const COUNTED: Duration = Duration::from_secs(5);
/// How long a page is waited for.
const WAIT: Duration = Duration::from_secs(10);

/// Why a page could not be compared. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Settlement did not answer.
    #[error("settlement did not show its books")]
    Books(#[from] Box<tonic::Status>),
    /// Its answer makes no sense.
    #[error("what settlement showed of its books cannot be read")]
    Unreadable(#[from] Unreadable),
    /// The database did not do it.
    #[error("the comparison could not be stored")]
    Store(#[from] sqlx::Error),
}

/// What one page was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more in this round.
    Page,
    /// It was the last of its round.
    Round,
}

/// Compares and counts.
#[derive(Clone)]
pub struct Auditor {
    db: PgPool,
    settlement: SettlementServiceClient<Peer>,
    clock: Clock,
    /// How long a change may take until it is told.
    grace: SignedDuration,
}

/// How fast the books are walked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two pages.
    pub page: Duration,
    /// Between two rounds.
    pub round: Duration,
}

impl Auditor {
    /// Compares what is in `db` with the books of `settlement`; what is not told within `grace` is missing.
    pub fn new(db: PgPool, settlement: Peer, clock: Clock, grace: SignedDuration) -> Self {
        Self {
            db,
            settlement: SettlementServiceClient::new(settlement),
            clock,
            grace,
        }
    }

    /// Goes round until `stop` is requested.
    pub async fn run(self, pace: Pace, progress: Progress, stop: Stop) -> Result<(), BoxError> {
        let mut counted: Option<Instant> = None;
        let mut next = Instant::now();
        while !stop.is_requested() {
            if next <= Instant::now() {
                let wait = match self.step().await {
                    Ok(Step::Page) => pace.page,
                    Ok(Step::Round) | Err(AuditError::Books(_)) => pace.round,
                    Err(AuditError::Unreadable(_) | AuditError::Store(_)) => COUNTED,
                };
                next = Instant::now() + wait;
            }
            if counted.is_none_or(|at| at.elapsed() >= COUNTED) {
                counted = Some(Instant::now());
                self.count().await;
            }
            progress.made();
            let pause = next.saturating_duration_since(Instant::now()).min(COUNTED);
            tokio::select! {
                () = stop.requested() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        Ok(())
    }

    /// Compares the next page.
    ///
    /// # Errors
    /// It is told in the log as well, and the same page is next.
    pub async fn step(&self) -> Result<Step, AuditError> {
        let step = self.compare().await;
        if let Err(failed) = &step {
            let error: &dyn Error = failed;
            warn!(error, "the books could not be compared with what was told");
        }
        step
    }

    async fn compare(&self) -> Result<Step, AuditError> {
        let walk = store::find_walk(&self.db).await?;
        let booked = self.page(walk.after).await?;
        let now = self.clock.now();
        let Some(last) = booked.last() else {
            return self.finish(&walk).await;
        };
        let behind = store::find_behind(&self.db, &booked).await?;
        let known: Vec<Seen> = behind.iter().map(not_told).collect();
        let accounts = i64::try_from(booked.len()).unwrap_or(i64::MAX);
        let changes = booked.iter().map(|one| one.version);
        let changes = changes.fold(0_i64, i64::saturating_add);
        let mut tx = chassis::db::begin(&self.db).await?;
        let page = (last.account, accounts, changes);
        if store::advance(&mut tx, &walk, page, now).await? {
            store::record(&mut tx, &known, now).await?;
            tx.commit().await?;
        }
        if booked.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            // Nothing comes after it, and what was opened meanwhile is in the next round.
            let walk = store::find_walk(&self.db).await?;
            return self.finish(&walk).await;
        }
        Ok(Step::Page)
    }

    async fn finish(&self, walk: &store::Walk) -> Result<Step, AuditError> {
        let now = self.clock.now();
        let standing = self.standing().await?;
        let found = (business_day(now), standing.untold);
        let mut tx = chassis::db::begin(&self.db).await?;
        if store::finish(&mut tx, walk, found, now).await? {
            tx.commit().await?;
        }
        Ok(Step::Round)
    }

    /// How it stands now.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn standing(&self) -> Result<Standing, sqlx::Error> {
        standing(&self.db, self.grace, &self.clock).await
    }

    async fn page(&self, after: Option<AccountId>) -> Result<Vec<Booked>, AuditError> {
        let mut request = tonic::Request::new(ListAccountVersionsRequest {
            page: Some(Page {
                size: PAGE,
                cursor: after.map_or_else(String::new, |account| account.to_string()),
            }),
        });
        request.set_timeout(WAIT);
        let mut settlement = self.settlement.clone();
        let answer = settlement.list_account_versions(request).await;
        let ListAccountVersionsResponse { accounts, .. } = answer.map_err(Box::new)?.into_inner();
        let booked = accounts.iter().map(|one| {
            Ok(Booked {
                account: id("accounts.account_id", &one.account_id)?,
                person: id("accounts.person_id", &one.person_id)?,
                version: one.version,
            })
        });
        booked
            .collect::<Result<_, Unreadable>>()
            .map_err(Into::into)
    }

    /// The figures of the alert: they are zero, or somebody is called.
    async fn count(&self) {
        let standing = match self.standing().await {
            Ok(standing) => standing,
            Err(failed) => {
                let error: &dyn Error = &failed;
                warn!(error, "could not count the changes that nobody was told of");
                return;
            }
        };
        if standing.untold > 0 {
            let (changes, accounts) = (standing.untold, standing.accounts);
            error!(changes, accounts, "balances changed and nobody was told");
        }
        let now = self.clock.now();
        let age = |since: Option<jiff::Timestamp>| {
            since.map_or(0, |since| now.duration_since(since).as_secs().max(0))
        };
        for (name, figure) in [
            ("gongji_unreminded_balance_changes", standing.untold),
            ("gongji_unreminded_oldest_seconds", age(standing.oldest)),
            (
                "gongji_books_compared_age_seconds",
                age(standing.compared_at),
            ),
        ] {
            let figure = u32::try_from(figure).unwrap_or(u32::MAX);
            metrics::gauge!(name).set(f64::from(figure));
        }
    }
}

/// How it stands: what has not been told for longer than `grace`.
///
/// # Errors
/// The database did not answer.
pub async fn standing(
    db: &PgPool,
    grace: SignedDuration,
    clock: &Clock,
) -> Result<Standing, sqlx::Error> {
    let back = grace.checked_neg().unwrap_or(SignedDuration::ZERO);
    store::standing(db, shifted(clock.now(), back)).await
}

fn not_told(booked: &Booked) -> Seen {
    Seen {
        person: booked.person,
        moved: Moved {
            account: booked.account,
            version: booked.version,
        },
        told: false,
    }
}
