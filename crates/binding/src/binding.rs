//! An aid binding: the registered relation that lets a relative's bills be paid from an employee's account, one way.
//!
//! Each state carries its own facts. What time alone changes is not a state: whether an agreed binding is already in
//! effect, or past its last day, follows from its terms and the clock ([`Binding::phase`]). Whether it may be made or
//! ended at all is decided by the rule packs (`policy::bind`).

use kernel::{AccountId, BindingId, Date, PersonId, Region, Relation, Timestamp};
use policy::PackVersion;
use policy::bind::BindTerms;

/// One aid binding, as of one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    pub id: BindingId,
    /// Grows by one with every change.
    pub version: i64,
    pub asked: Asked,
    /// The versions of the rule packs that the last decision was made under.
    pub rules: Vec<PackVersion>,
    pub state: State,
}

/// What was asked for, once and for ever.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Whose money is spent.
    pub contributor: Party,
    /// Whose bills are paid.
    pub beneficiary: Party,
    /// What the beneficiary is to the contributor.
    pub relation: Relation,
    /// The last business day it is wanted for; none is as long as the rules allow.
    pub until: Option<Date>,
    /// SHA-256 of the signed commitment.
    pub commitment: Option<[u8; 32]>,
    pub at: Timestamp,
}

/// One side of a binding, with the place of insurance at the time it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party {
    pub person: PersonId,
    pub account: AccountId,
    pub region: Region,
}

/// Where a binding stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State {
    /// Waits for the beneficiary.
    Pending(Pending),
    /// Agreed; usable from the instant its terms say.
    Bound(Bound),
    /// Its end was asked for; settlement's fence is not confirmed yet.
    Ending(Ending),
    /// Settlement will never charge it again.
    Ended(Ended),
    /// The beneficiary did not agree.
    Declined(Declined),
    /// Agreed, and waits for the agency.
    Review(Review),
    /// Nobody answered in time.
    Expired(Declined),
    /// The agency did not approve it.
    Rejected(Declined),
}

/// Since when it is agreed, and for which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub bound_at: Timestamp,
    pub effective_from: Timestamp,
    /// The instant from which it can no longer be used; none is long-term.
    pub valid_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The instant from which an answer comes too late; none waits for ever.
    pub confirm_by: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    pub terms: Terms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    pub terms: Terms,
    /// When the end was asked for.
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Taken back before it was agreed, so there was nothing to fence.
    Withdrawn { at: Timestamp },
    /// Agreed once, and fenced for ever.
    Fenced {
        terms: Terms,
        since: Timestamp,
        at: Timestamp,
    },
}

/// Over before it was agreed: declined, expired or rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declined {
    pub at: Timestamp,
}

/// What a binding is at one instant, as people and the wire see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    PendingConfirm,
    /// Agreed, and not in effect yet.
    Scheduled,
    Active,
    /// Being ended; also past its last day and not fenced yet.
    Ending,
    Ended,
    Declined,
    PendingReview,
    Expired,
    Rejected,
}

impl Binding {
    /// A new binding that holds without anybody else's word.
    pub fn agreed(id: BindingId, asked: Asked, terms: BindTerms) -> Self {
        let state = State::Bound(Bound::agreed(asked.at, &terms));
        Self {
            id,
            version: 1,
            asked,
            rules: terms.versions,
            state,
        }
    }

    /// A new binding that waits for the beneficiary, until the terms say.
    pub fn pending(id: BindingId, asked: Asked, terms: BindTerms) -> Self {
        let confirm_by = terms.confirm_by;
        Self {
            state: State::Pending(Pending { confirm_by }),
            ..Self::in_review(id, asked, terms)
        }
    }

    /// A new binding that waits for the agency only.
    pub fn in_review(id: BindingId, asked: Asked, terms: BindTerms) -> Self {
        Self {
            id,
            version: 1,
            asked,
            rules: terms.versions,
            state: State::Review(Review),
        }
    }

    /// The next version, in `state`.
    pub fn next(self, state: State) -> Self {
        Self {
            version: self.version + 1,
            state,
            ..self
        }
    }

    /// The next version, in `state` that was decided under these rules.
    pub fn decided(self, state: State, rules: Vec<PackVersion>) -> Self {
        Self {
            rules,
            ..self.next(state)
        }
    }

    /// What it is at `now`.
    pub fn phase(&self, now: Timestamp) -> Phase {
        match self.state {
            State::Pending(_) => Phase::PendingConfirm,
            State::Bound(Bound { terms }) if terms.is_over(now) => Phase::Ending,
            State::Bound(Bound { terms }) if now < terms.effective_from => Phase::Scheduled,
            State::Bound(_) => Phase::Active,
            State::Ending(_) => Phase::Ending,
            State::Ended(_) => Phase::Ended,
            State::Declined(_) => Phase::Declined,
            State::Review(_) => Phase::PendingReview,
            State::Expired(_) => Phase::Expired,
            State::Rejected(_) => Phase::Rejected,
        }
    }

    /// Its terms, once agreed.
    pub const fn terms(&self) -> Option<Terms> {
        match self.state {
            State::Bound(Bound { terms })
            | State::Ending(Ending { terms, .. })
            | State::Ended(Ended::Fenced { terms, .. }) => Some(terms),
            _ => None,
        }
    }

    /// When it was over: fenced or withdrawn.
    pub const fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Ended(Ended::Withdrawn { at } | Ended::Fenced { at, .. }) => Some(at),
            _ => None,
        }
    }

    /// Whether this person is one of the two.
    pub fn concerns(&self, person: PersonId) -> bool {
        self.asked.contributor.person == person || self.asked.beneficiary.person == person
    }
}

impl Terms {
    /// Whether the last day is over.
    pub fn is_over(self, now: Timestamp) -> bool {
        self.valid_until.is_some_and(|until| until <= now)
    }
}

#[expect(
    clippy::unused_self,
    reason = "a state is spent by leaving it, whatever it holds"
)]
impl Pending {
    /// The beneficiary agrees, at `at`, to what the rules say now: it holds, or waits for the agency.
    pub const fn confirm(self, at: Timestamp, terms: &BindTerms) -> State {
        if terms.review {
            State::Review(Review)
        } else {
            State::Bound(Bound::agreed(at, terms))
        }
    }

    /// Nobody answered in time.
    pub const fn expire(self, at: Timestamp) -> Declined {
        Declined { at }
    }

    /// The beneficiary does not agree.
    pub const fn decline(self, at: Timestamp) -> Declined {
        Declined { at }
    }

    /// The contributor takes the request back.
    pub const fn withdraw(self, at: Timestamp) -> Ended {
        Ended::Withdrawn { at }
    }
}

#[expect(
    clippy::unused_self,
    reason = "a state is spent by leaving it, also one that holds no facts"
)]
impl Review {
    /// The agency approves, at `at`, what the rules allow now.
    pub const fn approve(self, at: Timestamp, terms: &BindTerms) -> Bound {
        Bound::agreed(at, terms)
    }

    /// The agency does not approve it.
    pub const fn reject(self, at: Timestamp) -> Declined {
        Declined { at }
    }

    /// A side takes the request back.
    pub const fn withdraw(self, at: Timestamp) -> Ended {
        Ended::Withdrawn { at }
    }
}

impl Bound {
    /// Whoever must agree has agreed, at `at`.
    pub const fn agreed(at: Timestamp, terms: &BindTerms) -> Self {
        Self {
            terms: Terms {
                bound_at: at,
                effective_from: terms.effective_from,
                valid_until: terms.valid_until,
            },
        }
    }

    /// The end is asked for. It pays until settlement's fence stands, and no longer.
    pub const fn end(self, at: Timestamp) -> Ending {
        Ending {
            terms: self.terms,
            since: at,
        }
    }
}

impl Ending {
    /// Settlement's fence stands.
    pub const fn fenced(self, at: Timestamp) -> Ended {
        Ended::Fenced {
            terms: self.terms,
            since: self.since,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use policy::values::Confirmation;

    const T0: Timestamp = Timestamp::UNIX_EPOCH;

    fn party(region: &str) -> Party {
        Party {
            person: PersonId::generate(),
            account: AccountId::generate(),
            region: region.parse().unwrap(),
        }
    }

    fn asked() -> Asked {
        Asked {
            contributor: party("320600"),
            beneficiary: party("320100"),
            relation: Relation::Parent,
            until: None,
            commitment: None,
            at: T0,
        }
    }

    fn hours(hours: i64) -> Timestamp {
        T0 + SignedDuration::from_hours(hours)
    }

    fn terms() -> BindTerms {
        BindTerms {
            confirmation: Confirmation::ContributorOnly,
            confirm_by: Some(hours(24)),
            review: false,
            effective_from: hours(8),
            valid_until: Some(hours(32)),
            versions: vec![PackVersion::from_text("320000@2024-01-01")],
        }
    }

    #[test]
    fn time_alone_makes_a_binding_active_and_over() {
        let binding = Binding::agreed(BindingId::generate(), asked(), terms());
        assert_eq!(binding.phase(T0), Phase::Scheduled);
        assert_eq!(binding.phase(hours(8)), Phase::Active);
        // Past its last day it is not "ended" before settlement has said so.
        assert_eq!(binding.phase(hours(32)), Phase::Ending);
        assert_eq!(binding.version, 1);
    }

    #[test]
    fn an_agreed_binding_ends_through_the_fence_and_keeps_its_terms() {
        let binding = Binding::agreed(BindingId::generate(), asked(), terms());
        let State::Bound(bound) = binding.state else {
            panic!("agreed")
        };
        let ending = bound.end(hours(9));
        let binding = binding.next(State::Ending(ending));
        assert_eq!(
            (binding.phase(hours(9)), binding.ended_at()),
            (Phase::Ending, None)
        );
        let binding = binding.next(State::Ended(ending.fenced(hours(10))));
        assert_eq!(binding.phase(hours(10)), Phase::Ended);
        assert_eq!((binding.version, binding.ended_at()), (3, Some(hours(10))));
        assert_eq!(binding.terms(), Some(bound.terms));
    }

    #[test]
    fn what_was_never_agreed_ends_without_terms() {
        let pending = Binding::pending(BindingId::generate(), asked(), terms());
        let State::Pending(waiting) = pending.state else {
            panic!("it waits")
        };
        assert_eq!(pending.phase(T0), Phase::PendingConfirm);
        let withdrawn = pending.clone().next(State::Ended(waiting.withdraw(T0)));
        assert_eq!(
            (withdrawn.phase(T0), withdrawn.terms(), withdrawn.ended_at()),
            (Phase::Ended, None, Some(T0))
        );
        let declined = pending.next(State::Declined(waiting.decline(T0)));
        assert_eq!(
            (declined.phase(T0), declined.ended_at()),
            (Phase::Declined, None)
        );
    }
}
