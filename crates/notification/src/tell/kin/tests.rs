use proto::authorization::v1::{Mandate, MandateTerms};
use proto::common::v1 as common;
use proto::convert::wire_time;

use super::*;
use crate::notice::{Audience, Template};

fn person(number: u128) -> PersonId {
    PersonId::from_uuid(uuid::Uuid::from_u128(number))
}

fn at() -> Timestamp {
    "2026-01-02T16:00:00Z".parse().unwrap()
}

fn terms() -> BindingTerms {
    BindingTerms {
        binding_id: "bnd_x".into(),
        contributor_person_id: person(1).to_string(),
        beneficiary_person_id: person(2).to_string(),
        relation: common::Relation::Parent.into(),
        bound_at: Some(wire_time(at())),
        effective_from: Some(wire_time(at())),
        ..Default::default()
    }
}

fn who_hears_what(notices: &[NewNotice]) -> Vec<(PersonId, Template, Audience)> {
    notices
        .iter()
        .map(|notice| {
            let (template, audience) = notice.told.addressed();
            (notice.person, template, audience)
        })
        .collect()
}

const BOTH: [(u128, Audience); 2] = [(1, Audience::Contributor), (2, Audience::Beneficiary)];

fn both(template: Template) -> Vec<(PersonId, Template, Audience)> {
    BOTH.map(|(number, audience)| (person(number), template, audience))
        .to_vec()
}

#[test]
fn a_request_is_told_to_whoever_must_answer_it() {
    let notices = requested(&Requested {
        terms: Some(terms()),
    })
    .unwrap();
    let heard = who_hears_what(&notices);
    assert_eq!(
        heard,
        [(person(2), Template::BindRequested, Audience::Beneficiary)]
    );
    assert_eq!(notices[0].subject, "bnd_x");
}

#[test]
fn both_sides_hear_of_an_answer_and_of_an_end() {
    let notices = bound(&Bound {
        terms: Some(terms()),
    })
    .unwrap();
    assert_eq!(who_hears_what(&notices), both(Template::Bound));
    let notices = declined(&Declined {
        terms: Some(terms()),
    })
    .unwrap();
    assert_eq!(who_hears_what(&notices), both(Template::BindRejected));
    let ended = Unbound {
        terms: Some(terms()),
        ended_at: Some(wire_time(at())),
    };
    assert_eq!(
        who_hears_what(&unbound(&ended).unwrap()),
        both(Template::Unbound)
    );
}

#[test]
fn a_request_that_was_taken_back_ends_nothing() {
    let withdrawn = Unbound {
        terms: Some(BindingTerms {
            bound_at: None,
            effective_from: None,
            ..terms()
        }),
        ended_at: Some(wire_time(at())),
    };
    assert_eq!(unbound(&withdrawn), Ok(vec![]));
}

#[test]
fn a_binding_without_terms_or_relation_cannot_be_told() {
    assert_eq!(
        bound(&Bound { terms: None }),
        Err(Unreadable::missing("terms"))
    );
    let mut without = terms();
    without.relation = 0;
    let refused = requested(&Requested {
        terms: Some(without),
    });
    assert_eq!(refused, Err(Unreadable::missing("terms.relation")));
}

fn mandate(state: MandateState) -> MandateChanged {
    MandateChanged {
        mandate: Some(Mandate {
            binding_id: "bnd_x".into(),
            state: state.into(),
            contributor_person_id: person(1).to_string(),
            beneficiary_person_id: person(2).to_string(),
            terms: Some(MandateTerms {
                rank: 1,
                per_month_fen: Some(50_000),
                ..Default::default()
            }),
            ..Default::default()
        }),
        with_binding: false,
    }
}

#[test]
fn a_mandate_that_ends_with_its_binding_is_told_once() {
    let changed = MandateChanged {
        with_binding: true,
        ..mandate(MandateState::Revoked)
    };
    assert_eq!(mandate_changed(&changed), Ok(vec![]));
}

#[test]
fn the_beneficiary_hears_the_terms_that_hold_now() {
    let notices = mandate_changed(&mandate(MandateState::Paused)).unwrap();
    assert_eq!(notices[0].person, person(2));
    let Told::MandateChangedForYou {
        standing,
        per_transaction,
        per_month,
        ..
    } = &notices[0].told
    else {
        panic!("{notices:?}");
    };
    assert_eq!(*standing, MandateStanding::Paused);
    assert_eq!(*per_transaction, None);
    assert_eq!(*per_month, Some(kernel::Fen::new(50_000).into()));
}

#[test]
fn a_change_that_does_not_hold_yet_is_not_told() {
    let refused = mandate_changed(&mandate(MandateState::Pausing));
    assert_eq!(refused, Err(Unreadable::code("mandate.state")));
}

#[test]
fn both_hear_that_nobody_answered_in_time_and_that_the_agency_did_not_approve() {
    let expired = expired(&Expired {
        terms: Some(terms()),
    })
    .unwrap();
    assert_eq!(who_hears_what(&expired), both(Template::BindExpired));
    let rejected = rejected(&Rejected {
        terms: Some(terms()),
    })
    .unwrap();
    assert_eq!(who_hears_what(&rejected), both(Template::BindNotApproved));
}
