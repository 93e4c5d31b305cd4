//! Money set aside for one bill until it is captured, released or expires.
//!
//! A bill is planned as if it were settled, and what each payer would pay stays in that payer's account and is nobody else's:
//! other plans see the account and its limits without it. Exactly one capture ends a hold as a settlement; it takes at most
//! what is held, payer by payer, and the rest is free in the same transaction. A hold is not a change of balance.
//!
//! Whether one has expired is judged under the lock with the decision's clock, also before the sweep that ends it.

use jiff::SignedDuration;
use kernel::{
    AccountId, Bucket, Fen, HoldId, PersonId, Reason, Refusal, SettlementId, Timestamp, Usage,
};
use policy::plan::Payer;
use proto::settlement::v1 as pb;

pub mod aside;
pub mod capture;
pub mod command;
pub mod place;
pub mod release;

/// How long a hold at a counter lasts, and the most it may for a fence to wait for it (ruling 14 of the design).
pub const COUNTER: SignedDuration = SignedDuration::from_mins(5);

/// No hold lasts longer: a mobile order is paid or dropped within a day.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// Where a hold stands. Only the first sets money aside, and every other is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Held,
    /// It became a settlement of so much of what was held.
    Captured {
        settlement: SettlementId,
        amount: Fen,
        at: Timestamp,
    },
    Released {
        at: Timestamp,
    },
    Expired {
        at: Timestamp,
    },
    /// The bill was declined: nothing was ever held.
    Rejected,
}

impl State {
    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Held => "HELD",
            Self::Captured { .. } => "CAPTURED",
            Self::Released { .. } => "RELEASED",
            Self::Expired { .. } => "EXPIRED",
            Self::Rejected => "REJECTED",
        }
    }

    /// When it ended, if it did.
    pub const fn ended_at(self) -> Option<Timestamp> {
        match self {
            Self::Held | Self::Rejected => None,
            Self::Captured { at, .. } | Self::Released { at } | Self::Expired { at } => Some(at),
        }
    }
}

/// One hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    pub id: HoldId,
    pub institution: String,
    pub state: State,
    pub patient: PersonId,
    pub patient_account: AccountId,
    pub usage: Usage,
    /// The bill it was placed for.
    pub total: Fen,
    /// What of the bill no account may pay.
    pub cash_only: Fen,
    pub placed_at: Timestamp,
    pub expires_at: Timestamp,
    pub sandbox: bool,
    /// In the order of the plan.
    pub legs: Vec<HeldLeg>,
    /// The split as it was told, explanation and all; none if the bill was declined.
    pub split: Option<pb::Split>,
}

/// What is set aside on one payer's account, in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldLeg {
    pub payer: Payer,
    pub account: AccountId,
    pub person: PersonId,
    pub bucket: Bucket,
    pub amount: Fen,
    /// The account's medical year when it was set aside.
    pub medical_year: i16,
}

impl Hold {
    /// Everything that is set aside, unless the sum does not fit.
    pub fn held(&self) -> Option<Fen> {
        Fen::checked_sum(self.legs.iter().map(|leg| leg.amount))
    }

    /// How it stands for whoever reads it at `at`: an expired hold is gone before it is swept.
    #[must_use]
    pub fn seen_at(mut self, at: Timestamp) -> Self {
        if self.state == State::Held && self.expires_at <= at {
            self.state = State::Expired {
                at: self.expires_at,
            };
        }
        self
    }

    /// Whether a fence waits for it, or ends it at once.
    pub fn is_counter(&self) -> bool {
        self.expires_at.duration_since(self.placed_at) <= COUNTER
    }

    /// Checks that `institution` may end it, and that it has not ended: an expired hold is gone, swept or not.
    ///
    /// # Errors
    /// `HOLD_NOT_YOURS`, or the reason that says how it ended.
    pub fn check_open(&self, institution: &str, at: Timestamp) -> Result<(), Refusal> {
        if self.institution != institution {
            return Err(Reason::HoldNotYours.into());
        }
        let reason = match self.state {
            State::Held if at < self.expires_at => return Ok(()),
            State::Held | State::Expired { .. } => Reason::HoldExpired,
            State::Captured { .. } => Reason::HoldCaptured,
            State::Released { .. } => Reason::HoldReleased,
            State::Rejected => Reason::HoldRejected,
        };
        Err(reason.into())
    }
}

/// A hold that has ended, and what was captured of each of its legs.
#[derive(Debug, Clone)]
pub struct Ended {
    /// In its last state.
    pub hold: Hold,
    pub captured: Vec<Fen>,
}

#[cfg(test)]
pub(crate) mod tests;
