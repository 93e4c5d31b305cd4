//! Two sides' books of one institution, compared (`domain.md` 14.7): totals, and record by record.
//!
//! Both sides are of one type and treated alike: which of them is the centre shows only in the names of the outcomes, so
//! swapping the sides swaps "only at" and nothing else. What a side does not tell is not compared.
//!
//! The national totals have no place for aid, and institutions read `acct_pay` in two ways: the own account alone, or all
//! personal accounts (14.6). A side that tells no aid is equal if either reading is; one that tells it is held to both.

use std::collections::BTreeSet;

use kernel::clock::start_of;
use kernel::{Date, Fen, Reason, Refusal, Scheme, SettlementId, Timestamp, Usage};

use crate::institution::{Institution, Kind, clearing_type};

mod tally;

pub use tally::{Tally, Totals};

/// The most days of one reconciliation: a month, as it is cleared.
pub const MOST_DAYS: i32 = 31;

/// The most records that an institution may send to one reconciliation.
pub const MOST_RECORDS: usize = 200_000;

/// The type under which a bill is cleared (`clr_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clearing {
    /// 11
    Outpatient,
    /// 21
    Inpatient,
    /// 41
    Pharmacy,
    /// 99: a premium that an agency collects.
    Other,
}

impl Clearing {
    /// Under which type an institution of this kind clears a bill of this usage.
    pub fn of(kind: Kind, usage: Usage) -> Self {
        match clearing_type(kind, usage) {
            "11" => Self::Outpatient,
            "21" => Self::Inpatient,
            "41" => Self::Pharmacy,
            _ => Self::Other,
        }
    }
}

/// Which records are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub institution: String,
    pub kind: Kind,
    /// A vendor's test money and real money are never in one total.
    pub sandbox: bool,
    /// The first day begins.
    pub from: Timestamp,
    /// The last day is over.
    pub until: Timestamp,
    /// None is every scheme.
    pub scheme: Option<Scheme>,
    /// None is every type.
    pub clearing: Option<Clearing>,
    pub with_refunds: bool,
}

impl Scope {
    /// All records of an institution, from the first day to the last.
    ///
    /// # Errors
    /// `RECONCILIATION_DAYS_INVALID` if there is no such day, or there are more than [`MOST_DAYS`].
    pub fn new(institution: &Institution, (first, last): (Date, Date)) -> Result<Self, Refusal> {
        let wrong = || {
            Refusal::about(
                Reason::ReconciliationDaysInvalid,
                format!("{first} … {last}"),
            )
        };
        let days = first.until(last).map(|days| days.get_days());
        if !matches!(days, Ok(0..MOST_DAYS)) {
            return Err(wrong());
        }
        let after = last.tomorrow().ok().and_then(start_of);
        Ok(Self {
            institution: institution.code.clone(),
            kind: institution.kind,
            sandbox: institution.sandbox,
            from: start_of(first).ok_or_else(wrong)?,
            until: after.ok_or_else(wrong)?,
            scheme: None,
            clearing: None,
            with_refunds: true,
        })
    }

    /// The schemes in it.
    pub fn schemes(&self) -> Vec<Scheme> {
        match self.scheme {
            Some(scheme) => vec![scheme],
            None => Scheme::ALL.to_vec(),
        }
    }

    /// The usages in it: a type of clearing is a set of usages.
    pub fn usages(&self) -> Vec<Usage> {
        let wanted = |usage: &Usage| {
            self.clearing
                .is_none_or(|clearing| Clearing::of(self.kind, *usage) == clearing)
        };
        Usage::ALL.iter().copied().filter(wanted).collect()
    }

    /// Whether one of the institution's records is in it.
    pub fn covers(&self, kept: &Kept) -> bool {
        (self.from..self.until).contains(&kept.at)
            && kept.sandbox == self.sandbox
            && (self.with_refunds || kept.record.refund != Some(true))
            && self.scheme.is_none_or(|scheme| kept.scheme == scheme)
            && self.usages().contains(&kept.usage)
    }
}

/// What personal accounts paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accounts {
    /// The own account and aid, each by itself.
    Apart { own: Fen, aid: Fen },
    /// `acct_pay` of a side that does not tell aid: the own account, or all of them together.
    Unclear(Fen),
}

/// Amounts of one record, or of many. Below zero for what was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    pub total: Fen,
    pub pooled: Option<Fen>,
    pub accounts: Option<Accounts>,
    pub cash: Option<Fen>,
}

/// What differs between two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Records,
    Total,
    Pooled,
    Own,
    Aid,
    Cash,
    PersonNo,
    Refund,
}

/// Whether both sides tell it, and not the same.
fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

impl Accounts {
    fn differences(self, other: Self) -> Vec<Field> {
        match (self, other) {
            (Self::Unclear(one), Self::Unclear(other)) if one == other => Vec::new(),
            (Self::Unclear(_), Self::Unclear(_)) => vec![Field::Own],
            (Self::Apart { own, aid }, Self::Unclear(told))
            | (Self::Unclear(told), Self::Apart { own, aid }) => {
                if told == own || Some(told) == own.checked_add(aid) {
                    Vec::new()
                } else {
                    vec![Field::Own]
                }
            }
            (Self::Apart { own, aid }, Self::Apart { own: o, aid: a }) => {
                let fields = [(Field::Own, own != o), (Field::Aid, aid != a)];
                let differing = fields.into_iter().filter(|(_, differs)| *differs);
                differing.map(|(field, _)| field).collect()
            }
        }
    }
}

impl Figures {
    /// The amounts that both sides tell and that are not the same.
    fn differences(&self, other: &Self) -> Vec<Field> {
        let mut fields = Vec::new();
        if self.total != other.total {
            fields.push(Field::Total);
        }
        if differ(self.pooled, other.pooled) {
            fields.push(Field::Pooled);
        }
        if let Some((one, other)) = self.accounts.zip(other.accounts) {
            fields.extend(one.differences(other));
        }
        if differ(self.cash, other.cash) {
            fields.push(Field::Cash);
        }
        fields
    }
}

/// A record as one side has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// None for a number that the centre never gave out.
    pub id: Option<SettlementId>,
    pub person_no: Option<String>,
    pub refund: Option<bool>,
    pub figures: Figures,
}

impl Record {
    fn differences(&self, other: &Self) -> Vec<Field> {
        let mut fields = self.figures.differences(&other.figures);
        if differ(self.person_no.as_ref(), other.person_no.as_ref()) {
            fields.push(Field::PersonNo);
        }
        if differ(self.refund, other.refund) {
            fields.push(Field::Refund);
        }
        fields
    }
}

/// A record as the centre keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub id: SettlementId,
    /// What was settled; of a refund, what it took back.
    pub settlement: SettlementId,
    pub msgid: String,
    pub scheme: Scheme,
    pub usage: Usage,
    pub sandbox: bool,
    pub at: Timestamp,
    pub record: Record,
}

/// How both sides stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Equal,
    OnlyAtCentre,
    OnlyAtInstitution,
    /// Never of nothing.
    Differs(Vec<Field>),
}

/// How totals stand to each other: who has more records, or, if both have as many, what else differs.
pub fn of_totals(institution: &Totals, centre: &Totals) -> (Outcome, Vec<Field>) {
    let mut fields = Vec::new();
    if institution.records != centre.records {
        fields.push(Field::Records);
    }
    fields.extend(institution.figures.differences(&centre.figures));
    let outcome = match institution.records.cmp(&centre.records) {
        std::cmp::Ordering::Less => Outcome::OnlyAtCentre,
        std::cmp::Ordering::Greater => Outcome::OnlyAtInstitution,
        std::cmp::Ordering::Equal if fields.is_empty() => Outcome::Equal,
        std::cmp::Ordering::Equal => Outcome::Differs(fields.clone()),
    };
    (outcome, fields)
}

/// What became of one record of the institution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    pub outcome: Outcome,
    /// It was listed before: one of the centre's stands against one of the institution's.
    pub repeated: bool,
}

/// A comparison under way: first every record of the institution meets the centre's, then the centre's others are left over.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What the institution listed.
    listed: BTreeSet<SettlementId>,
    pub tally: Tally,
    /// What the institution sent, summed.
    pub institution: Totals,
}

impl Default for Comparison {
    fn default() -> Self {
        Self {
            listed: BTreeSet::new(),
            tally: Tally::default(),
            institution: Totals::NONE,
        }
    }
}

impl Comparison {
    /// Compares a record of the institution with the centre's under the same number, if that is in the scope.
    ///
    /// # Errors
    /// `AMOUNT_TOO_LARGE` if the sum of what was sent does not fit, `PAGE_TOO_LARGE` above [`MOST_RECORDS`].
    pub fn meet(&mut self, told: &Record, centre: Option<&Record>) -> Result<Met, Refusal> {
        if usize::try_from(self.institution.records).is_ok_and(|records| records >= MOST_RECORDS) {
            let most = format!("at most {MOST_RECORDS} records");
            return Err(Refusal::about(Reason::PageTooLarge, most));
        }
        self.institution = self.institution.with(told)?;
        let repeated = told.id.is_some_and(|id| !self.listed.insert(id));
        let outcome = match centre {
            Some(centre) if !repeated => match told.differences(centre) {
                fields if fields.is_empty() => Outcome::Equal,
                fields => Outcome::Differs(fields),
            },
            _ => Outcome::OnlyAtInstitution,
        };
        self.tally.count(&outcome);
        Ok(Met { outcome, repeated })
    }

    /// Whether a record of the centre is one that the institution never listed.
    pub fn is_left_over(&mut self, centre: SettlementId) -> bool {
        let left_over = !self.listed.contains(&centre);
        if left_over {
            self.tally.count(&Outcome::OnlyAtCentre);
        }
        left_over
    }
}

#[cfg(test)]
mod tests;
