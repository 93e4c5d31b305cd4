//! One bill decided and paid: pooled fund + own account + aid + cash, to the fen.

use std::collections::BTreeMap;

use kernel::{
    AccountId, Bucket, Fen, MovementId, PersonId, Reason, Refusal, SettlementId, Timestamp, Usage,
};
use policy::plan::limits::{Left, Windows};
use policy::plan::{Payer, Plan};

use crate::account::{Account, After};
use crate::benefit::Benefited;
use crate::deferral::Deferral;
use crate::institution::Institution;
use crate::refund::Refunded;
use crate::request::RequestKey;

/// Who pays what: `total = pooled + own + aid + cash + open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    pub total: Fen,
    pub pooled: Fen,
    pub own: Fen,
    pub aid: Fen,
    pub cash: Fen,
    /// What is still to be deducted after the visit.
    pub open: Fen,
}

impl Split {
    /// The split of a bill: what the pooled fund pays, and what the plan makes of the rest.
    pub fn of(plan: &Plan, benefit: Option<&Benefited>) -> Self {
        let pooled = benefit.map_or(Fen::ZERO, |benefit| benefit.assessed.pooled);
        Self {
            total: pooled
                .checked_add(plan.burden)
                .expect("fund and burden are parts of an amount that fits"),
            pooled,
            own: plan.own(),
            aid: plan.aid(),
            cash: plan.cash,
            open: Fen::ZERO,
        }
    }
}

/// One payer's part, out of one bucket, with the payer's account after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    pub payer: Payer,
    pub account: AccountId,
    pub person: PersonId,
    pub bucket: Bucket,
    pub amount: Fen,
    pub after: After,
    /// The account's medical year when it paid.
    pub medical_year: i16,
    /// The windows whose limits it is counted in; none for own money.
    pub counted_in: Option<Windows>,
    /// What is left of the limits it counts in after the whole bill.
    pub left: Left,
}

/// A bill that was settled.
#[derive(Debug, Clone)]
pub struct Settled {
    pub id: SettlementId,
    pub key: RequestKey,
    pub at: Timestamp,
    pub institution: Institution,
    /// The patient's account after the bill.
    pub patient: Account,
    pub usage: Usage,
    pub plan: Plan,
    pub split: Split,
    /// How the pooled fund saw it, where its place has a benefit.
    pub benefit: Option<Box<Benefited>>,
    pub legs: Vec<Leg>,
    /// The patient's token that it used up; empty for a card.
    pub fingerprint: Vec<u8>,
    /// If it is deducted after the visit: then it has no legs yet.
    pub deferral: Option<Box<Deferral>>,
    /// What was taken back of the bill whose place it took.
    pub replaced: Option<Box<Refunded>>,
}

/// A bill that was declined: an answer like any other, kept under the key. No money moved.
#[derive(Debug, Clone)]
pub struct Declined {
    pub id: SettlementId,
    pub key: RequestKey,
    pub at: Timestamp,
    pub patient: Account,
    pub usage: Usage,
    pub total: Fen,
    pub why: Refusal,
}

impl Settled {
    /// The versions of the rules it was decided under.
    pub fn rules(&self) -> Vec<String> {
        let of_benefit = self.benefit.iter().flat_map(|benefit| &benefit.versions);
        let mut rules: Vec<String> = Vec::new();
        for version in self.plan.versions.iter().chain(of_benefit) {
            if !rules.iter().any(|known| known == version.as_str()) {
                rules.push(version.to_string());
            }
        }
        rules
    }

    /// Why relatives paid less than was asked of them: the reason of the last contributor considered; none if nothing was
    /// short that an account may pay, or if relatives were not to be asked.
    pub fn aid_short(&self) -> Option<Reason> {
        if self.plan.cash.less(self.plan.cash_only).is_zero() {
            return None;
        }
        let last = self
            .plan
            .lines
            .iter()
            .rfind(|line| line.payer != Payer::Own)?;
        let asked = !matches!(
            last.reason,
            Reason::Taken | Reason::AidDeclined | Reason::AccountNotUsed
        );
        asked.then_some(last.reason)
    }
}

/// How much an account moved by several movements, bucket by bucket; positive is money in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub person: PersonId,
    pub current: Fen,
    pub prior: Fen,
    pub after: After,
}

/// One change per account that legs moved, in the order of the accounts; none if a sum does not fit.
pub fn changes(legs: &[Leg], money_in: bool) -> Option<BTreeMap<AccountId, Change>> {
    let mut changes = BTreeMap::new();
    for leg in legs {
        let by = if money_in {
            leg.amount
        } else {
            leg.amount.checked_neg()?
        };
        let change = changes.entry(leg.account).or_insert(Change {
            person: leg.person,
            current: Fen::ZERO,
            prior: Fen::ZERO,
            after: leg.after,
        });
        let part = match leg.bucket {
            Bucket::Current => &mut change.current,
            Bucket::Prior => &mut change.prior,
        };
        *part = part.checked_add(by)?;
        if leg.after.version > change.after.version {
            change.after = leg.after;
        }
    }
    Some(changes)
}

/// A settlement as it is stored, as far as giving it back needs it.
#[derive(Debug, Clone)]
pub struct Stored {
    pub id: SettlementId,
    pub institution: String,
    pub patient: PersonId,
    pub patient_account: AccountId,
    pub person_no: String,
    pub usage: Usage,
    pub split: Split,
    pub settled_at: Timestamp,
    pub sandbox: bool,
    /// Cash that was handed back.
    pub cash_back: Fen,
    /// What the pooled fund got back.
    pub pooled_back: Fen,
    /// What was to be deducted after the visit, and was given back before anybody paid it.
    pub open_back: Fen,
    /// The cancellation that took back what was left.
    pub cancellation: Option<SettlementId>,
    /// The settlement whose place it took.
    pub replaces: Option<SettlementId>,
    /// In the order of the plan.
    pub legs: Vec<PaidLeg>,
    /// The bill's fee lines; looked at only where a refund names some.
    pub lines: Vec<PaidLine>,
}

/// A leg as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidLeg {
    pub no: i16,
    pub payer: Payer,
    pub account: AccountId,
    pub person: PersonId,
    pub bucket: Bucket,
    pub amount: Fen,
    /// What of it went back.
    pub refunded: Fen,
    pub medical_year: i16,
    /// The windows whose limits it is counted in; none for own money.
    pub counted_in: Option<Windows>,
    pub movement: MovementId,
}

/// A fee line of a settled bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidLine {
    pub no: String,
    pub amount: Fen,
    /// What of it came back.
    pub refunded: Fen,
}

impl Stored {
    /// What was not given back yet. Nothing of a stored settlement is below zero: the database sees to that.
    pub fn rest(&self) -> Split {
        let of = |aid: bool| {
            let legs = self
                .legs
                .iter()
                .filter(|leg| aid == matches!(leg.payer, Payer::Aid { .. }));
            legs.fold(Fen::ZERO, |sum, leg| {
                sum.checked_add(leg.amount.less(leg.refunded))
                    .expect("the legs of one bill are parts of an amount that fits")
            })
        };
        let (own, aid) = (of(false), of(true));
        let pooled = self.split.pooled.less(self.pooled_back);
        let cash = self.split.cash.less(self.cash_back);
        let open = self.split.open.less(self.open_back);
        Split {
            total: Fen::checked_sum([pooled, own, aid, cash, open])
                .expect("the rest of a bill is at most the bill"),
            pooled,
            own,
            aid,
            cash,
            open,
        }
    }
}
