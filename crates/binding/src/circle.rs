//! The people whose rows are locked: their enrolments, and who of them is bound to whom.
//!
//! Caps, exclusive roles, duplicates and reciprocity are counted here and nowhere else.

use std::collections::BTreeSet;

use kernel::{BindingId, Date, PersonId, Relation, Timestamp, clock};
use policy::bind::{BindFacts, Shown, Side};

use crate::binding::Binding;
use crate::person::Enrolment;

/// What is known of a set of locked people.
pub struct Circle {
    pub enrolments: Vec<Enrolment>,
    /// Every open binding in which one of them is one of the two.
    pub open: Vec<Binding>,
    /// Every binding that the contributor in question ever agreed to, open or ended.
    pub agreed: Vec<Agreed>,
    pub ready: Ready,
}

/// What is there already that a pack may ask for before two people are bound.
#[derive(Debug, Default)]
pub struct Ready {
    /// Those of them whose e-credential is activated.
    pub activated: Vec<PersonId>,
    /// The people whose code the contributor in question shows.
    pub displayed: Vec<PersonId>,
}

impl Ready {
    /// What it shows for a binding of these two. What is not listed counts as not so.
    pub fn shown(&self, contributor: PersonId, beneficiary: PersonId) -> Vec<Shown> {
        [
            (
                self.activated.contains(&contributor),
                Shown::ContributorCredential,
            ),
            (
                self.activated.contains(&beneficiary),
                Shown::BeneficiaryCredential,
            ),
            (self.displayed.contains(&beneficiary), Shown::DisplayLink),
        ]
        .into_iter()
        .filter_map(|(is_so, shown)| is_so.then_some(shown))
        .collect()
    }
}

/// A binding that was agreed once: how often, and to how many, somebody has contributed is counted from these.
#[derive(Debug, Clone, Copy)]
pub struct Agreed {
    pub contributor: PersonId,
    pub beneficiary: PersonId,
    pub ended_at: Option<Timestamp>,
}

/// A binding that is asked for, or waits for its confirmation.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    pub contributor: &'a Enrolment,
    pub beneficiary: &'a Enrolment,
    /// What the beneficiary is to the contributor.
    pub relation: Relation,
    pub until: Option<Date>,
    /// What was shown for it.
    pub shown: &'a [Shown],
    pub asked_at: Timestamp,
    /// The binding itself, where it stands already and waits.
    pub waiting: Option<BindingId>,
}

impl Circle {
    /// What the rules need to know about `wish`.
    pub fn facts<'a>(&self, wish: &Wish<'a>, now: Timestamp) -> BindFacts<'a> {
        let (contributor, beneficiary) = (wish.contributor.person, wish.beneficiary.person);
        BindFacts {
            contributor: self.side(wish.contributor, beneficiary, now),
            beneficiary: self.side(wish.beneficiary, contributor, now),
            relation: wish.relation,
            already_bound: self
                .between(contributor, beneficiary)
                .any(|binding| Some(binding.id) != wish.waiting),
            reverse_bound: self.between(beneficiary, contributor).next().is_some(),
            valid_until: wish.until,
            shown: wish.shown,
            asked_at: wish.asked_at,
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

    fn side(&self, enrolment: &Enrolment, other: PersonId, now: Timestamp) -> Side {
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
            contributed_to_ever: self.contributed_to_ever(person, other),
            ended_this_year: self.ended_this_year(person, now),
        }
    }

    fn contributed_to_ever(&self, person: PersonId, other: PersonId) -> u32 {
        let agreed = self.agreed.iter();
        let agreed = agreed.map(|agreed| (agreed.contributor, agreed.beneficiary));
        let open = self.open.iter().map(|binding| &binding.asked);
        let open = open.map(|asked| (asked.contributor.person, asked.beneficiary.person));
        let people: BTreeSet<_> = agreed
            .chain(open)
            .filter(|(contributor, beneficiary)| *contributor == person && *beneficiary != other)
            .collect();
        u32::try_from(people.len()).unwrap_or(u32::MAX)
    }

    fn ended_this_year(&self, person: PersonId, now: Timestamp) -> u32 {
        let year = |at| clock::business_day(at).year();
        let ended = self.agreed.iter().filter(|agreed| {
            agreed.contributor == person && agreed.ended_at.is_some_and(|at| year(at) == year(now))
        });
        u32::try_from(ended.count()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::{Asked, Party};
    use crate::person::PersonNo;
    use kernel::{AccountId, PersonKind, Scheme, Standing};
    use policy::bind::BindTerms;
    use policy::values::Confirmation;

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
        let terms = BindTerms {
            confirmation: Confirmation::BothSign,
            confirm_by: None,
            review: false,
            effective_from: Timestamp::UNIX_EPOCH,
            valid_until: None,
            versions: Vec::new(),
        };
        Binding::pending(BindingId::generate(), asked, terms)
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
            agreed: Vec::new(),
            ready: Ready::default(),
        };
        let wish = Wish {
            contributor: &a,
            beneficiary: &b,
            relation: Relation::Spouse,
            until: None,
            shown: &[],
            asked_at: Timestamp::UNIX_EPOCH,
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
            agreed: Vec::new(),
            ready: Ready::default(),
        };
        let wish = Wish {
            contributor: &a,
            beneficiary: &b,
            relation: Relation::Spouse,
            until: None,
            shown: &[],
            asked_at: Timestamp::UNIX_EPOCH,
            waiting: Some(id),
        };
        let facts = circle.facts(&wish, Timestamp::UNIX_EPOCH);
        assert!(!facts.already_bound && !facts.reverse_bound);
    }

    #[test]
    fn each_person_ever_aided_counts_once_and_ends_count_in_their_year() {
        let [a, b, c, d] = [employee(), employee(), employee(), employee()];
        let agreed = |beneficiary: &Enrolment, ended: Option<&str>| Agreed {
            contributor: a.person,
            beneficiary: beneficiary.person,
            ended_at: ended.map(|at| at.parse().unwrap()),
        };
        let circle = Circle {
            enrolments: Vec::new(),
            open: vec![pending(&a, &c)],
            agreed: vec![
                agreed(&c, Some("2025-12-31T15:59:59Z")),
                agreed(&c, Some("2025-12-31T16:00:00Z")), // midnight in Shanghai
                agreed(&d, Some("2026-06-01T00:00:00Z")),
                agreed(&b, None),
            ],
            ready: Ready::default(),
        };
        let now = "2026-07-01T00:00:00Z".parse().unwrap();
        let side = circle.side(&a, b.person, now);
        assert_eq!((side.contributed_to_ever, side.ended_this_year), (2, 2));
        let side = circle.side(&b, a.person, now);
        assert_eq!((side.contributed_to_ever, side.ended_this_year), (0, 0));
    }
}
