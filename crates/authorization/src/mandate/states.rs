//! The states, each with the steps that lead out of it and no others. A step consumes the state it leaves.

use kernel::{BindingId, Timestamp};

use super::{Decision, Facts, Mandate, Side, State, Terms, Version};

/// Declares one struct per state and how it becomes a [`Mandate`].
macro_rules! states {
    ($($(#[$doc:meta])* $state:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $state(Facts);

            impl From<$state> for Mandate {
                fn from(state: $state) -> Self {
                    Self::$state(state)
                }
            }
        )*

        pub(super) const fn facts(mandate: &Mandate) -> &Facts {
            match mandate { $(Mandate::$state($state(facts)) => facts,)* }
        }

        pub(super) fn stored(state: State, facts: Facts) -> Mandate {
            match state { $(State::$state => $state(facts).into(),)* }
        }

        pub(super) fn ended(mandate: Mandate, at: Timestamp) -> Revoked {
            match mandate { $(Mandate::$state($state(facts)) => Revoked(facts.next(at)),)* }
        }
    };
}

states! {
    /// Its terms hold.
    InForce,
    /// Tighter terms are decided, and not fenced yet.
    Changing,
    /// Nothing shall be paid, and that is not fenced yet.
    Pausing,
    /// Nothing is paid until it is resumed.
    Paused,
    /// It is withdrawn for good, and that is not fenced yet.
    Revoking,
    /// Nothing is ever paid again.
    Revoked,
}

impl Facts {
    /// The same mandate, one version on.
    fn next(self, at: Timestamp) -> Self {
        Self {
            version: self.version.next(),
            changed_at: at,
            ..self
        }
    }
}

impl InForce {
    /// The first version, in force.
    pub(super) fn granted(
        binding_id: BindingId,
        (contributor, beneficiary): (Side, Side),
        terms: Terms,
        at: Timestamp,
    ) -> Self {
        Self(Facts {
            binding_id,
            version: Version::FIRST,
            contributor,
            beneficiary,
            terms,
            changed_at: at,
        })
    }

    /// Other terms: they hold at once, or wait for a fence if they allow less in any respect.
    pub fn change(self, terms: Terms, at: Timestamp) -> Decision {
        let tighter = self.0.terms.are_tightened_by(&terms);
        let facts = Facts {
            terms,
            ..self.0.next(at)
        };
        if tighter {
            Decision::Waits(Changing(facts).into())
        } else {
            Decision::Holds(Self(facts).into())
        }
    }

    /// Stops payments, once fenced.
    pub fn pause(self, at: Timestamp) -> Pausing {
        Pausing(self.0.next(at))
    }

    /// Withdraws it, once fenced.
    pub fn revoke(self, at: Timestamp) -> Revoking {
        Revoking(self.0.next(at))
    }
}

impl Changing {
    /// The tighter terms hold.
    pub fn fenced(self, at: Timestamp) -> InForce {
        InForce(self.0.next(at))
    }

    /// Stops payments, once fenced; the tighter terms are those it will be resumed with.
    pub fn pause(self, at: Timestamp) -> Pausing {
        Pausing(self.0.next(at))
    }

    /// Withdraws it, once fenced.
    pub fn revoke(self, at: Timestamp) -> Revoking {
        Revoking(self.0.next(at))
    }
}

impl Pausing {
    /// Nothing is paid any more.
    pub fn fenced(self, at: Timestamp) -> Paused {
        Paused(self.0.next(at))
    }

    /// Withdraws it, once fenced.
    pub fn revoke(self, at: Timestamp) -> Revoking {
        Revoking(self.0.next(at))
    }
}

impl Paused {
    /// Other terms, for when it is resumed.
    pub fn change(self, terms: Terms, at: Timestamp) -> Self {
        Self(Facts {
            terms,
            ..self.0.next(at)
        })
    }

    /// Payments go on.
    pub fn resume(self, at: Timestamp) -> InForce {
        InForce(self.0.next(at))
    }

    /// Withdraws it, once fenced: settlement holds the pause, and must hear that no later version lifts it.
    pub fn revoke(self, at: Timestamp) -> Revoking {
        Revoking(self.0.next(at))
    }
}

impl Revoking {
    /// Nothing is ever paid again.
    pub fn fenced(self, at: Timestamp) -> Revoked {
        Revoked(self.0.next(at))
    }
}

/// What ended before it began: the first version is the last.
impl From<InForce> for Revoked {
    fn from(InForce(facts): InForce) -> Self {
        Self(facts)
    }
}
