//! The copy of one binding and its mandate that charges are decided on.
//!
//! Two services tell its two sides, over two streams, so either may come first, late or again. Each side is applied only
//! if it is newer, and a fence is for ever (promise P2, rulings 12 and 13 of the design):
//!
//! - Once the end of a binding was asked for, nothing that arrives later lets it pay again.
//! - A mandate that was tightened pays on the tighter terms or on newer ones, never on older ones.

use kernel::{AccountId, BindingId, Date, PersonId, Timestamp};
use policy::Usages;
use policy::plan::Permission;
use policy::plan::limits::Caps;

use crate::institution::Institution;

mod scope;

pub use scope::MandateScope;

/// Whose money may pay for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parties {
    pub contributor: PersonId,
    pub contributor_account: AccountId,
    pub beneficiary: PersonId,
    pub beneficiary_account: AccountId,
}

/// How far a binding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingState {
    Bound,
    Ending,
    Ended,
}

impl BindingState {
    const ALL: [Self; 3] = [Self::Bound, Self::Ending, Self::Ended];

    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bound => "BOUND",
            Self::Ending => "ENDING",
            Self::Ended => "ENDED",
        }
    }

    /// The state with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// The binding's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    pub version: i64,
    pub state: BindingState,
    pub bound_at: Timestamp,
    pub effective_from: Timestamp,
    /// None is long-term.
    pub valid_until: Option<Timestamp>,
}

/// What a mandate lets happen. A change that is still being confirmed counts as made: it is the tighter one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MandateState {
    InForce,
    Paused,
    Revoked,
}

impl MandateState {
    const ALL: [Self; 3] = [Self::InForce, Self::Paused, Self::Revoked];

    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InForce => "IN_FORCE",
            Self::Paused => "PAUSED",
            Self::Revoked => "REVOKED",
        }
    }

    /// The state with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// The mandate's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    pub version: i64,
    pub state: MandateState,
    pub rank: i32,
    pub caps: Caps,
    /// Empty means every use that the region's rules allow.
    pub usages: Usages,
    pub scope: MandateScope,
}

/// What a fence covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FenceScope {
    /// The binding ended: for ever.
    Binding,
    /// A mandate's terms of at least a version.
    Mandate,
}

impl FenceScope {
    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Binding => "BINDING",
            Self::Mandate => "MANDATE",
        }
    }

    /// The scope with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Binding, Self::Mandate]
            .into_iter()
            .find(|scope| scope.code() == code)
    }
}

/// A fence that was set: it is told at once, or when the last hold under its binding has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    pub binding: BindingId,
    pub scope: FenceScope,
    /// The version of the binding or the mandate that asked for it.
    pub version: i64,
    /// W3C traceparent of whoever asked for it.
    pub trace_parent: Option<String>,
}

/// Everything known here of one binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforced {
    pub id: BindingId,
    pub parties: Parties,
    /// None: not heard of yet.
    pub binding: Option<Binding>,
    /// None: not heard of yet.
    pub mandate: Option<Mandate>,
    /// The binding ended, whatever arrives later.
    pub fenced_for_ever: bool,
    /// The newest version of the mandate that was fenced; 0 is none.
    pub mandate_fence: i64,
}

impl Enforced {
    /// A binding of which nothing is known yet.
    pub fn unheard(id: BindingId, parties: Parties) -> Self {
        Self {
            id,
            parties,
            binding: None,
            mandate: None,
            fenced_for_ever: false,
            mandate_fence: 0,
        }
    }

    /// Takes over the binding's side, if it is newer; an end also fences, newer or not.
    pub fn apply_binding(&mut self, told: Binding) {
        if told.state != BindingState::Bound {
            self.fenced_for_ever = true;
        }
        // A binding that was fenced before it was heard of stays ended in name, too.
        let reopens = self.fenced_for_ever && told.state == BindingState::Bound;
        if !reopens
            && self
                .binding
                .is_none_or(|known| known.version < told.version)
        {
            self.binding = Some(told);
        }
    }

    /// Takes over the mandate's side, if it is newer.
    pub fn apply_mandate(&mut self, told: Mandate) {
        if self
            .mandate
            .as_ref()
            .is_none_or(|known| known.version < told.version)
        {
            self.mandate = Some(told);
        }
    }

    /// Takes over tighter terms, and fences what is older.
    pub fn tighten(&mut self, told: Mandate) {
        self.mandate_fence = self.mandate_fence.max(told.version);
        self.apply_mandate(told);
    }

    /// Whether money may flow.
    pub fn permission(&self) -> Permission {
        match (self.binding, &self.mandate) {
            (
                Some(Binding {
                    state: BindingState::Ended,
                    ..
                }),
                _,
            ) => Permission::Ended,
            _ if self.fenced_for_ever => Permission::Ending,
            (None, _) | (_, None) => Permission::NotArrived,
            (_, Some(mandate)) => match mandate.state {
                MandateState::InForce => Permission::InForce,
                MandateState::Paused => Permission::Paused,
                MandateState::Revoked => Permission::Revoked,
            },
        }
    }

    /// Whether money may flow for a bill of `place` on this business day.
    pub fn permission_for(&self, place: &Institution, day: Date) -> Permission {
        let scope = self.mandate.as_ref().map(|mandate| &mandate.scope);
        match (self.permission(), scope) {
            (Permission::InForce, Some(scope)) => {
                scope.excludes(place, day).unwrap_or(Permission::InForce)
            }
            (permission, _) => permission,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn parties() -> Parties {
        Parties {
            contributor: PersonId::generate(),
            contributor_account: AccountId::generate(),
            beneficiary: PersonId::generate(),
            beneficiary_account: AccountId::generate(),
        }
    }

    pub(crate) fn binding(version: i64, state: BindingState) -> Binding {
        Binding {
            version,
            state,
            bound_at: Timestamp::UNIX_EPOCH,
            effective_from: Timestamp::UNIX_EPOCH,
            valid_until: None,
        }
    }

    pub(crate) fn mandate(version: i64, state: MandateState) -> Mandate {
        Mandate {
            version,
            state,
            rank: 1,
            caps: Caps::default(),
            usages: Usages::NONE,
            scope: MandateScope::default(),
        }
    }

    fn unheard() -> Enforced {
        Enforced::unheard(BindingId::generate(), parties())
    }

    #[test]
    fn money_flows_once_both_sides_have_arrived_in_either_order() {
        let mut enforced = unheard();
        enforced.apply_mandate(mandate(1, MandateState::InForce));
        assert_eq!(enforced.permission(), Permission::NotArrived);
        enforced.apply_binding(binding(2, BindingState::Bound));
        assert_eq!(enforced.permission(), Permission::InForce);
    }

    #[test]
    fn an_ended_binding_cannot_be_reopened_by_what_arrives_late() {
        let mut enforced = unheard();
        enforced.apply_binding(binding(3, BindingState::Ending));
        enforced.apply_binding(binding(2, BindingState::Bound));
        enforced.apply_mandate(mandate(9, MandateState::InForce));
        assert_eq!(enforced.permission(), Permission::Ending);
        enforced.apply_binding(binding(4, BindingState::Ended));
        enforced.apply_binding(binding(5, BindingState::Bound));
        assert_eq!(enforced.permission(), Permission::Ended);
    }

    #[test]
    fn a_fence_that_comes_before_its_binding_is_a_tombstone() {
        let mut enforced = unheard();
        enforced.apply_binding(binding(3, BindingState::Ending));
        assert!(enforced.fenced_for_ever);
        assert_eq!(enforced.binding.map(|binding| binding.version), Some(3));
    }

    #[test]
    fn a_pause_is_lifted_by_newer_terms_only() {
        let mut enforced = unheard();
        enforced.apply_binding(binding(2, BindingState::Bound));
        enforced.tighten(mandate(4, MandateState::Paused));
        enforced.apply_mandate(mandate(3, MandateState::InForce));
        assert_eq!(enforced.permission(), Permission::Paused);
        enforced.apply_mandate(mandate(5, MandateState::InForce));
        assert_eq!(enforced.permission(), Permission::InForce);
        assert_eq!(enforced.mandate_fence, 4);
    }

    #[test]
    fn a_fence_that_comes_late_does_not_bring_old_terms_back() {
        let mut enforced = unheard();
        enforced.apply_binding(binding(2, BindingState::Bound));
        enforced.apply_mandate(mandate(5, MandateState::InForce));
        enforced.tighten(mandate(4, MandateState::Paused));
        assert_eq!(enforced.permission(), Permission::InForce);
        assert_eq!(enforced.mandate_fence, 4);
    }
}
