//! The people whose rows are locked: their enrolments, and who of them is bound to whom.
//!
//! Caps, exclusive roles, duplicates and reciprocity are counted here and nowhere else.

use kernel::{BindingId, Date, PersonId, Relation, Timestamp};
use policy::bind::{BindFacts, Side};

use crate::binding::Binding;
use crate::person::Enrolment;

/// What is known of a set of locked people.
pub struct Circle {
    pub enrolments: Vec<Enrolment>,
    /// Every open binding in which one of them is one of the two.
    pub open: Vec<Binding>,
}

/// A binding that is asked for, or waits for its confirmation.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    pub contributor: &'a Enrolment,
    pub beneficiary: &'a Enrolment,
    /// What the beneficiary is to the contributor.
    pub relation: Relation,
    pub until: Option<Date>,
    /// The binding itself, where it stands already and waits.
    pub waiting: Option<BindingId>,
}

impl Circle {
    /// What the rules need to know about `wish`.
    pub fn facts(&self, wish: &Wish<'_>, now: Timestamp) -> BindFacts {
        let (contributor, beneficiary) = (wish.contributor.person, wish.beneficiary.person);
        BindFacts {
            contributor: self.side(wish.contributor, beneficiary),
            beneficiary: self.side(wish.beneficiary, contributor),
            relation: wish.relation,
            already_bound: self
                .between(contributor, beneficiary)
                .any(|binding| Some(binding.id) != wish.waiting),
            reverse_bound: self.between(beneficiary, contributor).next().is_some(),
            valid_until: wish.until,
            now,
        }
    }

    /// The open bindings that lead from one person to another.
    pub fn between(
        &self,
        contributor: PersonId,
        beneficiary: PersonId,
    ) -> impl Iterator<Item = &Binding> {
        self.open.iter().filter(move |binding| {
            binding.asked.contributor.person == contributor
                && binding.asked.beneficiary.person == beneficiary
        })
    }

    fn side(&self, enrolment: &Enrolment, other: PersonId) -> Side {
        let person = enrolment.person;
        let count = |matches: &dyn Fn(PersonId, PersonId) -> bool| {
            let open = self.open.iter().map(|binding| &binding.asked);
            let open =
                open.filter(|asked| matches(asked.contributor.person, asked.beneficiary.person));
            u32::try_from(open.count()).unwrap_or(u32::MAX)
        };
        Side {
            person,
            region: enrolment.region,
            scheme: enrolment.scheme,
            standing: enrolment.standing,
            contributes_to_others: count(&|contributor, beneficiary| {
                contributor == person && beneficiary != other
            }),
            aided_by_others: count(&|contributor, beneficiary| {
                beneficiary == person && contributor != other
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::{Asked, Party};
    use crate::person::PersonNo;
    use kernel::{AccountId, PersonKind, Scheme, Standing};

    fn employee() -> Enrolment {
        Enrolment {
            account: AccountId::generate(),
            person: PersonId::generate(),
            person_no: PersonNo::parse("P-TEST-1").unwrap(),
            region: "320600".parse().unwrap(),
            scheme: Scheme::Employee,
            kind: PersonKind::Working,
            standing: Standing::Normal,
            version: 1,
        }
    }

    fn pending(contributor: &Enrolment, beneficiary: &Enrolment) -> Binding {
        let party = |side: &Enrolment| Party {
            person: side.person,
            account: side.account,
            region: side.region,
        };
        let asked = Asked {
            contributor: party(contributor),
            beneficiary: party(beneficiary),
            relation: Relation::Spouse,
            until: None,
            commitment: None,
            at: Timestamp::UNIX_EPOCH,
        };
        Binding::pending(BindingId::generate(), asked, Vec::new())
    }

    #[test]
    fn each_role_is_counted_apart_and_the_other_side_never() {
        let [a, b, c, d] = [employee(), employee(), employee(), employee()];
        let open = vec![
            pending(&a, &b),
            pending(&a, &c),
            pending(&d, &b),
            pending(&b, &a),
        ];
        let circle = Circle {
            enrolments: Vec::new(),
            open,
        };
        let wish = Wish {
            contributor: &a,
            beneficiary: &b,
            relation: Relation::Spouse,
            until: None,
            waiting: None,
        };
        let facts = circle.facts(&wish, Timestamp::UNIX_EPOCH);
        assert_eq!(
            (
                facts.contributor.contributes_to_others,
                facts.contributor.aided_by_others
            ),
            (1, 0)
        );
        assert_eq!(
            (
                facts.beneficiary.contributes_to_others,
                facts.beneficiary.aided_by_others
            ),
            (0, 1)
        );
        assert!(facts.already_bound && facts.reverse_bound);
    }

    #[test]
    fn a_binding_that_waits_for_its_confirmation_is_no_duplicate_of_itself() {
        let (a, b) = (employee(), employee());
        let waiting = pending(&a, &b);
        let id = waiting.id;
        let circle = Circle {
            enrolments: Vec::new(),
            open: vec![waiting],
        };
        let wish = Wish {
            contributor: &a,
            beneficiary: &b,
            relation: Relation::Spouse,
            until: None,
            waiting: Some(id),
        };
        let facts = circle.facts(&wish, Timestamp::UNIX_EPOCH);
        assert!(!facts.already_bound && !facts.reverse_bound);
    }
}
