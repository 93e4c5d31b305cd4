//! A mandate: on what terms a contributor's account may pay for one beneficiary. One per aid binding, granted with it.
//!
//! ```text
//!            change (tighter)             fenced
//!  IN_FORCE ────────────────► CHANGING ──────────► IN_FORCE
//!     │ pause                    │ pause
//!     ▼                          ▼
//!  PAUSING ──fenced──► PAUSED ──resume──► IN_FORCE
//!
//!  any of them ──revoke──► REVOKING ──fenced──► REVOKED          any of them ──binding ended──► REVOKED
//! ```
//!
//! Settlement decides on its own copy, so a tightening holds only once settlement has fenced it (promise P2 of the
//! design). Until then the state says so, no other change is taken up (`MANDATE_BUSY`), and only what is tighter still,
//! a pause or a revocation, may go on top: it is a newer version, and its fence covers the older one.
//!
//! Every step makes a new version, the completion by a fence included: mandates of one version are equal, so that a
//! follower can apply "only if newer" without looking further (ruling 12 of the design). Nothing leads out of REVOKED.

mod access;
mod places;
mod states;
mod terms;

use kernel::{AccountId, BindingId, PersonId, Reason, Refusal, Region, Timestamp};

pub use places::{Kind, Places, Validity};
pub use states::{Changing, InForce, Paused, Pausing, Revoked, Revoking};
pub use terms::{Limit, Limits, Rank, Terms, Uses, share};

/// Where a mandate stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mandate {
    /// Its terms hold.
    InForce(InForce),
    /// Tighter terms are decided, and not fenced yet.
    Changing(Changing),
    /// Nothing shall be paid, and that is not fenced yet.
    Pausing(Pausing),
    /// Nothing is paid until it is resumed.
    Paused(Paused),
    /// It is withdrawn for good, and that is not fenced yet.
    Revoking(Revoking),
    /// Nothing is ever paid again.
    Revoked(Revoked),
}

/// What every state has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The aid binding it belongs to, and its name everywhere.
    pub binding_id: BindingId,
    /// Grows by one with every step.
    pub version: Version,
    /// Whose money it is.
    pub contributor: Side,
    /// Who is the patient.
    pub beneficiary: Side,
    /// What is allowed: in CHANGING the tighter terms that were decided.
    pub terms: Terms,
    /// When this version was decided.
    pub changed_at: Timestamp,
}

/// One of the two people of a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    pub person_id: PersonId,
    pub account_id: AccountId,
    /// The place of insurance, whose rules apply to this side.
    pub region: Region,
}

/// The version of a mandate; 1 is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(i64);

/// What was decided about a mandate.
#[must_use = "a decision is nothing until it is recorded"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing changed: it already was what was asked for.
    Stands(Mandate),
    /// It came into being.
    Granted(Mandate),
    /// Tighter: settlement must fence it first.
    Waits(Mandate),
    /// What it says holds now.
    Holds(Mandate),
    /// It is over, because its binding is.
    Ended(Mandate),
}

/// The name of a state, as stored and as logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    InForce,
    Changing,
    Pausing,
    Paused,
    Revoking,
    Revoked,
}

impl Version {
    /// The version a mandate is granted with.
    pub const FIRST: Self = Self(1);

    /// A version as stored or sent; none below 1.
    pub fn new(version: i64) -> Option<Self> {
        (version >= Self::FIRST.0).then_some(Self(version))
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }

    fn next(self) -> Self {
        Self(
            self.0
                .checked_add(1)
                .expect("nobody changes a mandate 2^63 times"),
        )
    }
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::InForce,
        Self::Changing,
        Self::Pausing,
        Self::Paused,
        Self::Revoking,
        Self::Revoked,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InForce => "IN_FORCE",
            Self::Changing => "CHANGING",
            Self::Pausing => "PAUSING",
            Self::Paused => "PAUSED",
            Self::Revoking => "REVOKING",
            Self::Revoked => "REVOKED",
        }
    }

    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

impl Decision {
    /// The mandate as it is after the decision.
    pub const fn mandate(&self) -> &Mandate {
        match self {
            Self::Stands(it)
            | Self::Granted(it)
            | Self::Waits(it)
            | Self::Holds(it)
            | Self::Ended(it) => it,
        }
    }

    /// The mandate as it is after the decision.
    pub fn into_mandate(self) -> Mandate {
        match self {
            Self::Stands(it)
            | Self::Granted(it)
            | Self::Waits(it)
            | Self::Holds(it)
            | Self::Ended(it) => it,
        }
    }
}

impl Mandate {
    /// A mandate on the terms it begins with, in force at once: when payments may begin is the binding's matter.
    pub fn granted(
        binding_id: BindingId,
        sides: (Side, Side),
        terms: Terms,
        at: Timestamp,
    ) -> Self {
        InForce::granted(binding_id, sides, terms, at).into()
    }

    /// The mandate of a binding whose end arrived before its beginning: revoked from the start, so that the beginning,
    /// when it arrives, finds nothing to bring into force.
    pub fn stillborn(
        binding_id: BindingId,
        sides: (Side, Side),
        terms: Terms,
        at: Timestamp,
    ) -> Self {
        Revoked::from(InForce::granted(binding_id, sides, terms, at)).into()
    }

    /// The mandate that was stored in this state.
    pub fn stored(state: State, facts: Facts) -> Self {
        states::stored(state, facts)
    }

    /// What every state has.
    pub const fn facts(&self) -> &Facts {
        states::facts(self)
    }

    /// The name of its state.
    pub const fn state(&self) -> State {
        match self {
            Self::InForce(_) => State::InForce,
            Self::Changing(_) => State::Changing,
            Self::Pausing(_) => State::Pausing,
            Self::Paused(_) => State::Paused,
            Self::Revoking(_) => State::Revoking,
            Self::Revoked(_) => State::Revoked,
        }
    }

    /// Whether a tightening waits for settlement's fence.
    pub const fn awaits_fence(&self) -> bool {
        matches!(
            self,
            Self::Changing(_) | Self::Pausing(_) | Self::Revoking(_)
        )
    }

    /// Replaces the terms by `terms`, as somebody decided who saw version `seen`.
    ///
    /// Asking for the terms that it has is no change, whatever was seen: a client that lost the answer may ask again.
    ///
    /// # Errors
    /// `MANDATE_REVOKED`; `MANDATE_VERSION_STALE` if it changed since it was seen; `MANDATE_BUSY` while a tightening waits.
    pub fn change(self, terms: Terms, seen: Version, at: Timestamp) -> Result<Decision, Refusal> {
        let facts = self.facts();
        let (same, stale) = (facts.terms == terms, facts.version != seen);
        let now = facts.version.get();
        match self {
            Self::Revoking(_) | Self::Revoked(_) => Err(Reason::MandateRevoked.into()),
            it if same => Ok(Decision::Stands(it)),
            Self::Changing(_) | Self::Pausing(_) => Err(Reason::MandateBusy.into()),
            _ if stale => Err(Refusal::about(
                Reason::MandateVersionStale,
                format!("version = {now}"),
            )),
            Self::InForce(it) => Ok(it.change(terms, at)),
            // Nothing is paid meanwhile, so there is nothing to fence.
            Self::Paused(it) => Ok(Decision::Holds(it.change(terms, at).into())),
        }
    }

    /// Stops payments until it is resumed. Pausing twice is pausing once.
    ///
    /// # Errors
    /// `MANDATE_REVOKED`.
    pub fn pause(self, at: Timestamp) -> Result<Decision, Refusal> {
        match self {
            Self::InForce(it) => Ok(Decision::Waits(it.pause(at).into())),
            Self::Changing(it) => Ok(Decision::Waits(it.pause(at).into())),
            Self::Pausing(_) | Self::Paused(_) => Ok(Decision::Stands(self)),
            Self::Revoking(_) | Self::Revoked(_) => Err(Reason::MandateRevoked.into()),
        }
    }

    /// Lets payments go on.
    ///
    /// # Errors
    /// `MANDATE_NOT_PAUSED`; `MANDATE_BUSY` while the pause waits for its fence; `MANDATE_REVOKED`.
    pub fn resume(self, at: Timestamp) -> Result<Decision, Refusal> {
        match self {
            Self::Paused(it) => Ok(Decision::Holds(it.resume(at).into())),
            Self::Pausing(_) => Err(Reason::MandateBusy.into()),
            Self::InForce(_) | Self::Changing(_) => Err(Reason::MandateNotPaused.into()),
            Self::Revoking(_) | Self::Revoked(_) => Err(Reason::MandateRevoked.into()),
        }
    }

    /// Withdraws it for good. Always possible; revoking twice is revoking once.
    pub fn revoke(self, at: Timestamp) -> Decision {
        match self {
            Self::InForce(it) => Decision::Waits(it.revoke(at).into()),
            Self::Changing(it) => Decision::Waits(it.revoke(at).into()),
            Self::Pausing(it) => Decision::Waits(it.revoke(at).into()),
            Self::Paused(it) => Decision::Waits(it.revoke(at).into()),
            Self::Revoking(_) | Self::Revoked(_) => Decision::Stands(self),
        }
    }

    /// Settlement decides nothing any more on versions before `fence`: what waited for that is complete.
    ///
    /// The fence of an older version completes nothing: a tighter one went on top, and its own fence is on the way.
    pub fn fenced(self, fence: Version, at: Timestamp) -> Decision {
        if fence < self.facts().version {
            return Decision::Stands(self);
        }
        match self {
            Self::Changing(it) => Decision::Holds(it.fenced(at).into()),
            Self::Pausing(it) => Decision::Holds(it.fenced(at).into()),
            Self::Revoking(it) => Decision::Holds(it.fenced(at).into()),
            Self::InForce(_) | Self::Paused(_) | Self::Revoked(_) => Decision::Stands(self),
        }
    }

    /// Its binding ended. Settlement fenced the binding for ever before it said so, so nothing waits.
    pub fn end(self, at: Timestamp) -> Decision {
        match self {
            Self::Revoked(_) => Decision::Stands(self),
            it => Decision::Ended(states::ended(it, at).into()),
        }
    }
}

#[cfg(test)]
mod tests;
