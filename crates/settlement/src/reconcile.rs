//! Compares what an institution has in its books with the centre's. Reads only.
//!
//! The books may move while records stream in. A record is looked up once, when it comes, and what was listed is never told
//! again as something that only the centre has: whoever reconciles a day that is not over gets one outcome per record all
//! the same.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use kernel::clock::shifted;
use kernel::{Reason, Refusal, Scheme, SettlementId, Timestamp};

use crate::reconciliation::{
    Clearing, Comparison, Field, Kept, Met, Outcome, Record, Scope, Totals, of_totals,
};
use crate::store::{self, StoreError};
use crate::writer::Office;

/// How many of the centre's records are read, and told, at once.
const PAGE: i64 = 2_000;

/// What is left over is looked for day by day: a statement that finds the next page sorts what it chooses from, and a month
/// of a large hospital would be sorted hundreds of times.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Why a reconciliation has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The scope of an institution's days; narrowed down by whoever asked.
///
/// # Errors
/// `INSTITUTION_UNKNOWN`, `RECONCILIATION_DAYS_INVALID`.
pub async fn scope_of(
    office: &Office,
    institution: &str,
    days: (kernel::Date, kernel::Date),
) -> Result<Scope, ReconcileError> {
    let code = institution.to_owned();
    let known = store::institution::find(&office.db, &[code]).await?;
    let known = known
        .get(institution)
        .ok_or_else(|| Refusal::about(Reason::InstitutionUnknown, institution))?;
    Ok(Scope::new(known, days)?)
}

/// The centre's books of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    pub totals: Totals,
    pub refunds: i64,
    pub groups: BTreeMap<(Scheme, Clearing), Totals>,
}

/// Adds the centre's books up.
///
/// # Errors
/// `AMOUNT_TOO_LARGE` if a sum does not fit.
pub async fn books(office: &Office, scope: &Scope) -> Result<Books, ReconcileError> {
    let mut books = Books {
        totals: Totals::NONE,
        refunds: 0,
        groups: BTreeMap::new(),
    };
    for group in store::reconciliation::sums(&office.db, scope).await? {
        let key = (group.scheme, Clearing::of(scope.kind, group.usage));
        let so_far = books.groups.entry(key).or_insert(Totals::NONE);
        *so_far = so_far.plus(&group.totals)?;
        books.totals = books.totals.plus(&group.totals)?;
        books.refunds = books.refunds.saturating_add(group.refunds);
    }
    Ok(books)
}

/// How an institution's totals stand to the centre's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    pub outcome: Outcome,
    pub differing: Vec<Field>,
    pub centre: Books,
}

/// Compares totals.
///
/// # Errors
/// As [`books()`].
pub async fn totals(
    office: &Office,
    scope: &Scope,
    institution: &Totals,
) -> Result<Balance, ReconcileError> {
    let centre = books(office, scope).await?;
    let (outcome, differing) = of_totals(institution, &centre.totals);
    Ok(Balance {
        outcome,
        differing,
        centre,
    })
}

/// A record of the institution with what the centre has under its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub met: Met,
    pub centre: Option<Kept>,
    /// The centre has it, and not among what is compared.
    pub outside: bool,
}

/// A comparison record by record, as they come.
#[derive(Debug)]
pub struct Details {
    pub scope: Scope,
    pub comparison: Comparison,
    /// The day whose left-over records are read next, and the last one of it that was read.
    day: Timestamp,
    read: Option<(Timestamp, SettlementId)>,
}

impl Details {
    /// Nothing is compared yet.
    pub fn new(scope: Scope) -> Self {
        Self {
            day: scope.from,
            scope,
            comparison: Comparison::default(),
            read: None,
        }
    }

    /// What became of each of these records of the institution, in their order.
    ///
    /// # Errors
    /// `AMOUNT_TOO_LARGE`, `PAGE_TOO_LARGE`.
    pub async fn meet(
        &mut self,
        office: &Office,
        told: &[Record],
    ) -> Result<Vec<Found>, ReconcileError> {
        let wanted: Vec<SettlementId> = told.iter().filter_map(|record| record.id).collect();
        let kept =
            store::reconciliation::find(&office.db, &self.scope.institution, &wanted).await?;
        let kept: BTreeMap<SettlementId, Kept> =
            kept.into_iter().map(|kept| (kept.id, kept)).collect();
        let mut found = Vec::with_capacity(told.len());
        for record in told {
            let centre = record.id.and_then(|id| kept.get(&id));
            let inside = centre.filter(|kept| self.scope.covers(kept));
            let met = self
                .comparison
                .meet(record, inside.map(|kept| &kept.record))?;
            found.push(Found {
                met,
                outside: centre.is_some() && inside.is_none(),
                centre: centre.cloned(),
            });
        }
        Ok(found)
    }

    /// The next of the centre's records that the institution did not list, oldest first; none once all were read.
    ///
    /// # Errors
    /// A statement that failed.
    pub async fn left_over(&mut self, office: &Office) -> Result<Option<Vec<Kept>>, StoreError> {
        while self.day < self.scope.until {
            let next = shifted(self.day, DAY);
            let today = Scope {
                from: self.day,
                until: next,
                ..self.scope.clone()
            };
            let mut page = store::reconciliation::page(&office.db, &today, self.read, PAGE).await?;
            self.read = page.last().map(|last| (last.at, last.id));
            if i64::try_from(page.len()) != Ok(PAGE) {
                (self.day, self.read) = (next, None);
            }
            page.retain(|kept| self.comparison.is_left_over(kept.id));
            if !page.is_empty() {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }
}
