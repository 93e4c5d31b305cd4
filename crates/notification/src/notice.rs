//! A notice: what one person is told of one fact.
//!
//! It holds person ids and amounts, never a name and never a sentence: the words are made when it is read ([`crate::words`]),
//! so a stored notice gives nothing away and can be read in any language. No figure is worked out here that the event
//! does not carry; the parts of one payer are only put together.

use jiff::Timestamp;
use kernel::{PersonId, Relation, Usage};
use serde::{Deserialize, Serialize};

pub use params::{
    Amount, Balance, Institution, LimitLeft, LimitWindow, MandateStanding, Part, Who,
};
pub use template::{Audience, Template};

mod params;
mod template;

/// A notice that has no number yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNotice {
    /// Who is told.
    pub person: PersonId,
    /// What.
    pub told: Told,
    /// The settlement, allocation or binding it is about.
    pub subject: String,
    /// Whether it tells of test money.
    pub sandbox: bool,
}

/// What a notice says, with everything its text may use and nothing else.
///
/// This is the privacy rule of `domain.md` 12.1 as a type: what a beneficiary is told has no field for a contributor's
/// balance, and what a contributor is told has none for items, diagnosis or department. Every balance carries the version of
/// its account, so that a late notice cannot pass an older balance off as the current one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Money came into the account.
    AllocationCredited {
        amount: Amount,
        period: String,
        balances: Vec<Balance>,
    },
    /// The account was opened with money in it.
    BalanceOpened {
        amount: Amount,
        balances: Vec<Balance>,
    },
    /// Money came in advance: it may be adjusted.
    PreAllocationCredited {
        amount: Amount,
        period: String,
        balances: Vec<Balance>,
    },
    /// What came in advance is not what was due. `amount` may be below zero; `before` is the balance before it.
    PreAllocationAdjusted {
        amount: Amount,
        period: String,
        before: Amount,
        balances: Vec<Balance>,
    },
    /// The same, found at clearing: a fall is not spending.
    ClearingDelta {
        amount: Amount,
        period: String,
        before: Amount,
        balances: Vec<Balance>,
    },
    /// The account owes: it pays nothing until later credits have repaid it.
    BalanceNegative { owed: Amount },
    /// The contributor's account pays nothing for the beneficiary for now. Why is not their business.
    AidPausedForYou { contributor: Who },
    /// What was left of a medical year joined the earlier years. Below zero: a debt did.
    YearRolledOver {
        amount: Amount,
        period: String,
        balances: Vec<Balance>,
    },
    /// The earlier years earned interest.
    InterestPosted {
        amount: Amount,
        period: String,
        balances: Vec<Balance>,
    },
    /// What the account held was paid out.
    AccountPaidOut {
        amount: Amount,
        balances: Vec<Balance>,
    },
    /// A mistake was put right. `amount` may be below zero.
    BalanceCorrected {
        amount: Amount,
        before: Amount,
        balances: Vec<Balance>,
    },
    /// The account pays for nothing from then on; money still comes in.
    AccountFrozen { since: Timestamp },
    /// It pays again.
    AccountUnfrozen { since: Timestamp },
    /// It is gone.
    AccountClosed { since: Timestamp },
    /// The own account paid.
    ChargedOwn {
        institution: Institution,
        amount: Amount,
        balances: Vec<Balance>,
    },
    /// The contributor's account paid for a relative; `left` is what limits still allow, one entry per window that has one.
    ChargedAid {
        beneficiary: Who,
        institution: Institution,
        amount: Amount,
        left: Vec<LimitLeft>,
        balances: Vec<Balance>,
    },
    /// Nothing is left of a limit for that relative: the longest window of those that are used up.
    LimitReached {
        beneficiary: Who,
        window: LimitWindow,
    },
    /// Relatives paid for the patient: how the bill was split.
    AidUsedForYou {
        institution: Institution,
        total: Amount,
        pooled: Amount,
        own: Amount,
        aid: Amount,
        cash: Amount,
        contributors: Vec<Part>,
    },
    /// Aid paid less than was wanted. `reason` is a code of the catalogue of reasons.
    AidShort {
        institution: Institution,
        cash: Amount,
        reason: String,
    },
    /// A limit of this contributor's mandate kept aid from paying more.
    AidShortByLimit { beneficiary: Who, reason: String },
    /// What the own account paid came back.
    RefundedOwn {
        institution: Institution,
        amount: Amount,
        charged_at: Timestamp,
        balances: Vec<Balance>,
    },
    /// What the contributor paid for a relative came back.
    RefundedAid {
        beneficiary: Who,
        institution: Institution,
        amount: Amount,
        charged_at: Timestamp,
        balances: Vec<Balance>,
    },
    /// What came back of a payment cannot return to the account that made it: it is kept until somebody asks for it.
    RefundUnclaimed {
        institution: Institution,
        amount: Amount,
        charged_at: Timestamp,
    },
    /// A bill that relatives had paid for the patient was given back; `stands` is what is left of it, `waiting` of the aid has not
    /// reached its payers.
    AidRefundedForYou {
        institution: Institution,
        total: Amount,
        own: Amount,
        aid: Amount,
        cash: Amount,
        stands: Amount,
        waiting: Amount,
        charged_at: Timestamp,
        contributors: Vec<Part>,
    },
    /// A relative wants to share their account with this person.
    BindRequested {
        contributor: Who,
        relation: Relation,
        valid_until: Option<Timestamp>,
    },
    /// The contributor's account may pay for that relative from then on.
    BoundToPay {
        beneficiary: Who,
        relation: Relation,
        effective_from: Timestamp,
        valid_until: Option<Timestamp>,
    },
    /// That relative's account may pay for the beneficiary from then on.
    BoundForYou {
        contributor: Who,
        relation: Relation,
        effective_from: Timestamp,
        valid_until: Option<Timestamp>,
    },
    /// The relative declined.
    RejectedByRelative { beneficiary: Who },
    /// The beneficiary's own declining is confirmed.
    RejectedByYou { contributor: Who },
    /// The contributor's account pays for that relative no more.
    UnboundToPay {
        beneficiary: Who,
        ended_at: Timestamp,
    },
    /// That relative's account pays for the beneficiary no more.
    UnboundForYou {
        contributor: Who,
        ended_at: Timestamp,
    },
    /// The terms that hold from now on. No usage named means every use the region allows.
    MandateChangedForYou {
        contributor: Who,
        standing: MandateStanding,
        per_transaction: Option<Amount>,
        per_day: Option<Amount>,
        per_month: Option<Amount>,
        per_year: Option<Amount>,
        /// For all bills together.
        total: Option<Amount>,
        /// Of the balance, for one bill, in percent: `12.50`.
        largest_share: Option<String>,
        usage: Vec<Usage>,
    },
}

impl Told {
    /// Which kind of notice it is, and on which side of the money the reader stands.
    pub const fn addressed(&self) -> (Template, Audience) {
        match self {
            Self::AllocationCredited { .. } => (Template::AllocationCredited, Audience::Owner),
            Self::BalanceOpened { .. } => (Template::BalanceOpened, Audience::Owner),
            Self::PreAllocationCredited { .. } => {
                (Template::PreAllocationCredited, Audience::Owner)
            }
            Self::PreAllocationAdjusted { .. } => {
                (Template::PreAllocationAdjusted, Audience::Owner)
            }
            Self::ClearingDelta { .. } => (Template::ClearingDelta, Audience::Owner),
            Self::BalanceNegative { .. } => (Template::BalanceNegative, Audience::Owner),
            Self::AidPausedForYou { .. } => (Template::BalanceNegative, Audience::Beneficiary),
            Self::YearRolledOver { .. } => (Template::YearRolledOver, Audience::Owner),
            Self::InterestPosted { .. } => (Template::InterestPosted, Audience::Owner),
            Self::AccountPaidOut { .. } => (Template::AccountPaidOut, Audience::Owner),
            Self::BalanceCorrected { .. } => (Template::BalanceCorrected, Audience::Owner),
            Self::AccountFrozen { .. } => (Template::AccountFrozen, Audience::Owner),
            Self::AccountUnfrozen { .. } => (Template::AccountUnfrozen, Audience::Owner),
            Self::AccountClosed { .. } => (Template::AccountClosed, Audience::Owner),
            Self::ChargedOwn { .. } => (Template::ChargedOwn, Audience::Owner),
            Self::RefundedOwn { .. } => (Template::RefundedOwn, Audience::Owner),
            Self::RefundUnclaimed { .. } => (Template::RefundUnclaimed, Audience::Owner),
            Self::ChargedAid { .. } => (Template::ChargedAid, Audience::Contributor),
            Self::LimitReached { .. } => (Template::LimitReached, Audience::Contributor),
            Self::AidShortByLimit { .. } => (Template::AidShort, Audience::Contributor),
            Self::RefundedAid { .. } => (Template::RefundedAid, Audience::Contributor),
            Self::BoundToPay { .. } => (Template::Bound, Audience::Contributor),
            Self::RejectedByRelative { .. } => (Template::BindRejected, Audience::Contributor),
            Self::UnboundToPay { .. } => (Template::Unbound, Audience::Contributor),
            Self::AidUsedForYou { .. } => (Template::AidUsedForYou, Audience::Beneficiary),
            Self::AidShort { .. } => (Template::AidShort, Audience::Beneficiary),
            Self::AidRefundedForYou { .. } => (Template::RefundedAid, Audience::Beneficiary),
            Self::BindRequested { .. } => (Template::BindRequested, Audience::Beneficiary),
            Self::BoundForYou { .. } => (Template::Bound, Audience::Beneficiary),
            Self::RejectedByYou { .. } => (Template::BindRejected, Audience::Beneficiary),
            Self::UnboundForYou { .. } => (Template::Unbound, Audience::Beneficiary),
            Self::MandateChangedForYou { .. } => (Template::MandateChanged, Audience::Beneficiary),
        }
    }

    /// The kind of notice, as readers see it.
    pub const fn template(&self) -> Template {
        self.addressed().0
    }

    /// Everybody whose name its text may use.
    pub fn people(&self) -> Vec<PersonId> {
        match self {
            Self::AllocationCredited { .. }
            | Self::BalanceOpened { .. }
            | Self::PreAllocationCredited { .. }
            | Self::PreAllocationAdjusted { .. }
            | Self::ClearingDelta { .. }
            | Self::BalanceNegative { .. }
            | Self::YearRolledOver { .. }
            | Self::InterestPosted { .. }
            | Self::AccountPaidOut { .. }
            | Self::BalanceCorrected { .. }
            | Self::AccountFrozen { .. }
            | Self::AccountUnfrozen { .. }
            | Self::AccountClosed { .. }
            | Self::ChargedOwn { .. }
            | Self::AidShort { .. }
            | Self::RefundUnclaimed { .. }
            | Self::RefundedOwn { .. } => Vec::new(),
            Self::ChargedAid {
                beneficiary: who, ..
            }
            | Self::LimitReached {
                beneficiary: who, ..
            }
            | Self::AidShortByLimit {
                beneficiary: who, ..
            }
            | Self::RefundedAid {
                beneficiary: who, ..
            }
            | Self::BoundToPay {
                beneficiary: who, ..
            }
            | Self::RejectedByRelative { beneficiary: who }
            | Self::UnboundToPay {
                beneficiary: who, ..
            }
            | Self::BindRequested {
                contributor: who, ..
            }
            | Self::BoundForYou {
                contributor: who, ..
            }
            | Self::RejectedByYou { contributor: who }
            | Self::AidPausedForYou { contributor: who }
            | Self::UnboundForYou {
                contributor: who, ..
            }
            | Self::MandateChangedForYou {
                contributor: who, ..
            } => vec![who.0],
            Self::AidUsedForYou { contributors, .. }
            | Self::AidRefundedForYou { contributors, .. } => {
                contributors.iter().map(|part| part.person.0).collect()
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        for told in samples::all() {
            let stored = serde_json::to_string(&told).unwrap();
            assert_eq!(
                serde_json::from_str::<Told>(&stored).unwrap(),
                told,
                "{stored}"
            );
        }
    }

    #[test]
    fn every_template_is_used_and_no_two_notices_look_alike() {
        let addressed: Vec<_> = samples::all().iter().map(Told::addressed).collect();
        let unique: std::collections::BTreeSet<_> = addressed.iter().collect();
        assert_eq!(unique.len(), addressed.len());
        for template in Template::ALL {
            assert!(
                addressed.iter().any(|(used, _)| used == template),
                "no sample of {template}"
            );
        }
    }
}
