//! The split of a bill: own account, contributors in their order, cash.
//!
//! The patient's place decides whether and in which order they are asked and what may be paid; each contributor's place decides how
//! much of that contributor's account may be used (ruling 33 of the design). Every payer considered gets a line that says
//! what was taken or why not, and by which rule.

use std::fmt;

use kernel::{AccountId, BindingId, Bucket, Fen, Reason, Refusal};

use crate::axes::Axis;
use crate::packs::PackVersion;

mod contributor;
mod input;
pub mod limits;
mod order;
mod purse;
mod remedy;
mod till;

pub use input::{Burden, Candidate, Patient, Permission, PlanInput, Purse, Wishes};
pub use limits::Limits;
pub use remedy::Remedy;

/// How one bill is paid, and why so.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The takings, in the order in which they are made; each above zero, no payer twice per bucket.
    pub legs: Vec<Leg>,
    /// One per payer considered, in the order in which they were asked. Where own money pays after aid, it stands last.
    pub lines: Vec<Line>,
    /// What is left for the patient to pay in cash: `legs + cash = burden`.
    pub cash: Fen,
    /// The part of `cash` that no account may pay here.
    pub cash_only: Fen,
    /// The whole that was split.
    pub burden: Fen,
    /// The versions of all rules that took part, the patient's first.
    pub versions: Vec<PackVersion>,
}

/// Whose account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// The patient's own.
    Own,
    /// A contributor's, under this version of this binding's mandate.
    Aid { binding: BindingId, mandate: i64 },
}

/// One taking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    pub payer: Payer,
    pub account: AccountId,
    pub bucket: Bucket,
    pub amount: Fen,
}

/// What one payer gave, and why not more.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub payer: Payer,
    pub account: AccountId,
    /// What was still open when it was this payer's turn.
    pub asked: Fen,
    /// What was taken.
    pub taken: Fen,
    /// `TAKEN` if nothing more was asked of this payer; otherwise why it gave less, or nothing.
    pub reason: Reason,
    /// Who said so.
    pub ground: Ground,
    /// The figure of the rule or mandate that bounded it (a floor, a minimum, a limit). Never a balance: a beneficiary reads this.
    pub bound: Option<Fen>,
    /// What would have let it pay all that was asked; nothing where it did, and where nobody can change it for this bill.
    pub remedies: Vec<Remedy>,
}

/// What a line rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// A rule of a pack.
    Rule { version: PackVersion, axis: Axis },
    /// The mandate's terms or state.
    Mandate,
    /// The binding's state or dates.
    Binding,
    /// What is in the account, or its state.
    Account,
    /// What the request asked for.
    Request,
    /// What the bill is.
    Bill,
}

/// As stored and shown: `140000@2024-07-26 reserve_floor` for a rule, and one word for everything else.
impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { version, axis } => write!(f, "{version} {axis}"),
            Self::Mandate => f.write_str("mandate"),
            Self::Binding => f.write_str("binding"),
            Self::Account => f.write_str("account"),
            Self::Request => f.write_str("request"),
            Self::Bill => f.write_str("bill"),
        }
    }
}

impl Ground {
    /// The ground that was stored as this text.
    pub fn from_text(text: &str) -> Option<Self> {
        let plain = [
            Self::Mandate,
            Self::Binding,
            Self::Account,
            Self::Request,
            Self::Bill,
        ];
        if let Some(ground) = plain.into_iter().find(|ground| ground.to_string() == text) {
            return Some(ground);
        }
        let (version, axis) = text.split_once(' ')?;
        Some(Self::Rule {
            version: PackVersion::from_text(version),
            axis: Axis::from_code(axis)?,
        })
    }
}

/// Splits a bill. Pure: the same input gives the same plan, whatever the order of the candidates.
///
/// # Errors
/// `USAGE_PROHIBITED` for what no account may ever pay, `AMOUNT_NEGATIVE` and `AMOUNT_TOO_LARGE` for what is no bill.
pub fn plan(input: &PlanInput<'_>) -> Result<Plan, Refusal> {
    till::split(input)
}

impl Plan {
    /// What the patient's own account pays.
    pub fn own(&self) -> Fen {
        self.paid_by(|payer| payer == Payer::Own)
    }

    /// What contributors pay together.
    pub fn aid(&self) -> Fen {
        self.paid_by(|payer| payer != Payer::Own)
    }

    fn paid_by(&self, counts: impl Fn(Payer) -> bool) -> Fen {
        let amounts = self
            .legs
            .iter()
            .filter(|leg| counts(leg.payer))
            .map(|leg| leg.amount);
        Fen::checked_sum(amounts).expect("legs are parts of a bill that fits")
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
