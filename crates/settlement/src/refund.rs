//! Money of a settled bill that goes back: what of which leg, and where to.
//!
//! What is still to be deducted after the visit comes off first, for nobody has paid it. Then cash is returned, then the payers in the reverse order of the plan, each payer's last bucket first (ruling 29 of
//! the design). A refund names the settlement, never another refund; what is given back is at most what is left of each leg.

use kernel::{Bucket, Fen, SettlementId, Timestamp};
use policy::plan::limits::Left;

use crate::account::After;
use crate::benefit::{Back, FundReturn};
use crate::institution::Kind;
use crate::request::RequestKey;
use crate::settlement::{Leg, PaidLeg, Split, Stored};

/// How much of a bill is to go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// That much, whatever it was for; above zero.
    Amount(Fen),
    /// Goods that came back, each line once. No amount is all that is left of the line.
    Lines(Vec<(String, Option<Fen>)>),
}

/// By what a settlement is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A part, or what a part left.
    Refund,
    /// All that is left.
    Cancel,
    /// All that is left, because its message is undone.
    Reversal,
}

impl Way {
    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refund => "REFUND",
            Self::Cancel => "CANCEL",
            Self::Reversal => "REVERSAL",
        }
    }

    /// Why money moved, as the ledger says.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Cancel => "cancel",
            Self::Reversal => "reverse",
        }
    }
}

/// Why money waits for an operator instead of returning to the account that paid it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The enrolment ended, and its account with it.
    AccountClosed,
    /// The binding ended, and the contributor's place has such refunds looked at by a person.
    BindingEnded,
}

impl Waiting {
    const ALL: [Self; 2] = [Self::AccountClosed, Self::BindingEnded];

    /// The word that is stored and shown.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AccountClosed => "ACCOUNT_CLOSED",
            Self::BindingEnded => "BINDING_ENDED",
        }
    }

    /// The reason with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.code() == code)
    }
}

/// Where a part of a leg went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Into the payer's account.
    Account(After),
    /// Into suspense, until an operator finds a place for it.
    Suspense(Waiting),
}

/// A leg, or a part of one, that went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// The leg as it was before.
    pub paid: PaidLeg,
    pub amount: Fen,
    /// The bucket it is money of now.
    pub bucket: Bucket,
    pub place: Place,
}

/// A part of a settlement, or all that was left of it, given back.
#[derive(Debug, Clone)]
pub struct Refunded {
    /// The interface gives what it takes back a settlement number of its own (`domain.md` section 9), so the id is of that kind.
    pub id: SettlementId,
    pub key: RequestKey,
    pub at: Timestamp,
    pub way: Way,
    /// The settlement as it stands after it.
    pub settlement: Stored,
    pub institution_kind: Kind,
    /// What went back.
    pub split: Split,
    /// In the order of the settlement's legs.
    pub legs: Vec<Returned>,
    /// What went back of fee lines, where lines were named; they stand with their new state in the settlement.
    pub lines: Vec<String>,
    /// What went back to the pooled fund.
    pub fund: Option<FundReturn>,
    /// What went back of each part, where the bill had a benefit.
    pub back: Option<Back>,
    /// The patient's account after it: both buckets.
    pub own_balance: Fen,
    /// The bill that took its place in the same step.
    pub replaced_by: Option<ReplacedBy>,
}

/// The bill that took the place of one that was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplacedBy {
    pub settlement: SettlementId,
    /// Whether it was paid in that step, and not accepted to be deducted later.
    pub paid: bool,
}

impl Refunded {
    /// What reached accounts, as legs.
    pub fn reached(&self) -> Vec<Leg> {
        let reached = |leg: &Returned| match leg.place {
            Place::Account(after) => Some(leg.leg(after)),
            Place::Suspense(_) => None,
        };
        self.legs.iter().filter_map(reached).collect()
    }

    /// What waits in suspense, and why.
    pub fn waiting(&self) -> impl Iterator<Item = (&Returned, Waiting)> {
        let waits = |leg| Returned::waits(leg).map(|why| (leg, why));
        self.legs.iter().filter_map(waits)
    }
}

impl Returned {
    /// Why it waits in suspense, if it does.
    pub fn waits(&self) -> Option<Waiting> {
        match self.place {
            Place::Account(_) => None,
            Place::Suspense(why) => Some(why),
        }
    }

    fn leg(&self, after: After) -> Leg {
        Leg {
            payer: self.paid.payer,
            account: self.paid.account,
            person: self.paid.person,
            bucket: self.bucket,
            amount: self.amount,
            after,
            medical_year: self.paid.medical_year,
            counted_in: self.paid.counted_in,
            left: Left::default(),
        }
    }
}

/// What goes back when `total` of a settlement does, and how much of it the accounts get.
///
/// `total` is at most what is left, and `fund_pays` what the pooled fund would have paid of the bill that remains: the difference
/// goes back to the fund. The parts by payer are those of [`shares`].
pub fn parts(settlement: &Stored, total: Fen, fund_pays: Fen) -> Parts {
    let rest = settlement.rest();
    // What the others cannot give back because they did not pay it is the fund's.
    let at_least = total.less(rest.total.less(rest.pooled));
    let pooled = rest.pooled.less(fund_pays).min(total).max(at_least);
    let personal = total.less(pooled);
    // What nobody has paid yet is nobody's loss.
    let open = rest.open.min(personal);
    let paid = personal.less(open);
    let cash = rest.cash.min(paid);
    Parts {
        pooled,
        open,
        cash,
        accounts: paid.less(cash),
    }
}

/// What goes back, before it is known to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    pub pooled: Fen,
    /// What is still to be deducted after the visit.
    pub open: Fen,
    pub cash: Fen,
    /// Own and aid together.
    pub accounts: Fen,
}

/// How much of each leg goes back so that `amount` does: from the end of the plan to its beginning; none of it twice.
/// In the order of the legs, those left out that give nothing.
pub fn shares(legs: &[PaidLeg], amount: Fen) -> Vec<(PaidLeg, Fen)> {
    let mut open = amount;
    let mut shares = Vec::with_capacity(legs.len());
    for leg in legs.iter().rev() {
        let share = leg.amount.less(leg.refunded).min(open);
        open = open.less(share);
        if share.is_positive() {
            shares.push((*leg, share));
        }
    }
    shares.reverse();
    shares
}

#[cfg(test)]
mod tests;
