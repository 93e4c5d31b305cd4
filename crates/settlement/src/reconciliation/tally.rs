//! What many records come to: their number, their sums, and how many had which outcome.

use kernel::{Fen, Reason, Refusal};

use super::{Accounts, Figures, Outcome, Record};

/// The records of one side together. A figure is told only if every record tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Refunds among them.
    pub records: i64,
    pub figures: Figures,
}

impl Totals {
    /// No record: every figure is told, and zero.
    pub const NONE: Self = Self {
        records: 0,
        figures: Figures {
            total: Fen::ZERO,
            pooled: Some(Fen::ZERO),
            accounts: Some(Accounts::Apart {
                own: Fen::ZERO,
                aid: Fen::ZERO,
            }),
            cash: Some(Fen::ZERO),
        },
    };

    /// One record more.
    ///
    /// # Errors
    /// `AMOUNT_TOO_LARGE` if a sum does not fit.
    pub fn with(&self, record: &Record) -> Result<Self, Refusal> {
        let one = Self {
            records: 1,
            figures: record.figures,
        };
        self.plus(&one)
    }

    /// Both together.
    ///
    /// # Errors
    /// `AMOUNT_TOO_LARGE` if a sum does not fit.
    pub fn plus(&self, other: &Self) -> Result<Self, Refusal> {
        if self.records == 0 {
            return Ok(*other);
        }
        if other.records == 0 {
            return Ok(*self);
        }
        let (one, more) = (&self.figures, &other.figures);
        Ok(Self {
            records: self.records.saturating_add(other.records),
            figures: Figures {
                total: add(one.total, more.total)?,
                pooled: sum(one.pooled, more.pooled)?,
                accounts: match one.accounts.zip(more.accounts) {
                    Some((one, more)) => one.plus(more)?,
                    None => None,
                },
                cash: sum(one.cash, more.cash)?,
            },
        })
    }
}

fn add(one: Fen, other: Fen) -> Result<Fen, Refusal> {
    one.checked_add(other)
        .ok_or_else(|| Refusal::about(Reason::AmountTooLarge, "Σ"))
}

/// The sum of what both tell.
fn sum(one: Option<Fen>, other: Option<Fen>) -> Result<Option<Fen>, Refusal> {
    one.zip(other)
        .map(|(one, other)| add(one, other))
        .transpose()
}

impl Accounts {
    /// Both together; a side that tells them now in this way and now in that has no sum.
    fn plus(self, other: Self) -> Result<Option<Self>, Refusal> {
        match (self, other) {
            (Self::Apart { own, aid }, Self::Apart { own: o, aid: a }) => Ok(Some(Self::Apart {
                own: add(own, o)?,
                aid: add(aid, a)?,
            })),
            (Self::Unclear(one), Self::Unclear(other)) => Ok(Some(Self::Unclear(add(one, other)?))),
            _ => Ok(None),
        }
    }
}

/// How many records had which outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub equal: i64,
    pub differing: i64,
    pub only_at_institution: i64,
    pub only_at_centre: i64,
}

impl Tally {
    /// Counts one record.
    pub fn count(&mut self, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Equal => &mut self.equal,
            Outcome::Differs(_) => &mut self.differing,
            Outcome::OnlyAtInstitution => &mut self.only_at_institution,
            Outcome::OnlyAtCentre => &mut self.only_at_centre,
        };
        *count = count.saturating_add(1);
    }
}
