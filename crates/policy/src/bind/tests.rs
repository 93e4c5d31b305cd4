//! Who may be bound, and who may end it, in the words of the rules.

use std::num::NonZeroU16;

use kernel::{PersonId, Reason, Refusal, Region, Relation, Scheme, Standing, Timestamp};
use uuid::Uuid;

use super::*;
use crate::Packs;
use crate::values::{Confirmation, Effect, Period, ReleaseBy};

mod conditions;

fn rules(region: &str) -> Rules {
    let region: Region = region.parse().unwrap();
    Rules::clone(
        Packs::shipped()
            .rules(region, "2026-01-31".parse().unwrap())
            .unwrap(),
    )
}

/// Ten in the evening of 31 January in Shanghai.
fn now() -> Timestamp {
    "2026-01-31T14:00:00Z".parse().unwrap()
}

fn side(number: u128, region: &str, scheme: Scheme) -> Side {
    Side {
        person: PersonId::from_uuid(Uuid::from_u128(number)),
        region: region.parse().unwrap(),
        scheme,
        standing: Standing::Normal,
        contributes_to_others: 0,
        aided_by_others: 0,
        contributed_to_ever: 0,
        ended_this_year: 0,
    }
}

fn facts(region: &str) -> BindFacts<'static> {
    BindFacts {
        contributor: side(1, region, Scheme::Employee),
        beneficiary: side(2, region, Scheme::Resident),
        relation: Relation::Parent,
        already_bound: false,
        reverse_bound: false,
        valid_until: None,
        shown: &[],
        asked_at: now(),
        now: now(),
    }
}

fn checked(facts: &BindFacts<'_>, rules: &Rules) -> Result<BindTerms, Reason> {
    check(facts, rules, rules).map_err(|refusal| refusal.reason)
}

#[test]
fn by_default_a_parent_is_bound_at_once_and_for_as_long_as_it_lasts() {
    let rules = rules("000001");
    let terms = checked(&facts("000001"), &rules).unwrap();
    assert_eq!(terms.confirmation, Confirmation::ContributorOnly);
    assert_eq!((terms.effective_from, terms.valid_until), (now(), None));
    assert_eq!(terms.versions.len(), 1);
}

#[test]
fn in_shanxi_a_binding_takes_effect_at_the_next_midnight() {
    let terms = checked(&facts("140100"), &rules("140100")).unwrap();
    assert_eq!(terms.effective_from.to_string(), "2026-01-31T16:00:00Z");
}

#[test]
fn in_jiangsu_both_sides_sign() {
    let terms = checked(&facts("320600"), &rules("320600")).unwrap();
    assert_eq!(terms.confirmation, Confirmation::BothSign);
    assert_eq!(terms.versions[0].as_str(), "320000@2024-07-26");
}

#[test]
fn each_wrong_fact_is_refused_by_its_own_reason() {
    let rules = rules("320600");
    let refused = |change: &dyn Fn(&mut BindFacts<'_>), reason| {
        let mut facts = facts("320600");
        change(&mut facts);
        assert_eq!(checked(&facts, &rules), Err(reason));
    };
    refused(
        &|facts| facts.beneficiary.person = facts.contributor.person,
        Reason::SamePerson,
    );
    refused(
        &|facts| facts.relation = Relation::SpouseParent,
        Reason::RelationNotAllowed,
    );
    refused(
        &|facts| facts.contributor.scheme = Scheme::Resident,
        Reason::ContributorNotEmployee,
    );
    refused(
        &|facts| facts.contributor.standing = Standing::Terminated,
        Reason::ContributorTerminated,
    );
    refused(
        &|facts| facts.beneficiary.standing = Standing::Paused,
        Reason::BeneficiaryNotInsured,
    );
    refused(
        &|facts| facts.beneficiary.region = "330100".parse().unwrap(),
        Reason::RegionNotCovered,
    );
    refused(
        &|facts| facts.contributor.aided_by_others = 1,
        Reason::RoleExclusive,
    );
    refused(
        &|facts| facts.beneficiary.contributes_to_others = 1,
        Reason::RoleExclusive,
    );
    refused(
        &|facts| facts.beneficiary.aided_by_others = 1,
        Reason::RoleExclusive,
    );
    refused(&|facts| facts.reverse_bound = true, Reason::RoleExclusive);
    refused(
        &|facts| facts.already_bound = true,
        Reason::DuplicateBinding,
    );
    refused(
        &|facts| facts.valid_until = Some("2026-01-30".parse().unwrap()),
        Reason::OutsideValidity,
    );
}

#[test]
fn in_jiangsu_one_contributor_may_have_several_beneficiaries() {
    let mut facts = facts("320600");
    facts.contributor.contributes_to_others = 3;
    assert!(checked(&facts, &rules("320600")).is_ok());
}

#[test]
fn an_interrupted_contributor_is_refused_where_the_place_says_so() {
    let mut rules = rules("000001");
    let mut facts = facts("000001");
    facts.contributor.standing = Standing::Paused;
    assert!(checked(&facts, &rules).is_ok());
    rules.contributor_standing = StandingRule::NormalOnly;
    assert_eq!(checked(&facts, &rules), Err(Reason::ContributorSuspended));
}

#[test]
fn the_lower_of_two_caps_counts_and_is_named() {
    let (mut one, mut other) = (rules("000001"), rules("000001"));
    (one.max_beneficiaries, other.max_beneficiaries) = (NonZeroU16::new(7), NonZeroU16::new(5));
    one.max_contributors = NonZeroU16::new(2);
    let mut facts = facts("000001");
    facts.contributor.contributes_to_others = 4;
    assert!(check(&facts, &one, &other).is_ok());
    facts.contributor.contributes_to_others = 5;
    assert_eq!(
        check(&facts, &one, &other),
        Err(Refusal::about(Reason::TooManyBeneficiaries, "5"))
    );
    facts.contributor.contributes_to_others = 0;
    facts.beneficiary.aided_by_others = 2;
    assert_eq!(
        check(&facts, &one, &other),
        Err(Refusal::about(Reason::TooManyContributors, "2"))
    );
}

#[test]
fn aid_both_ways_needs_the_leave_of_both_places() {
    let (mut one, other) = (rules("000001"), rules("000001"));
    let facts = BindFacts {
        reverse_bound: true,
        ..facts("000001")
    };
    one.reciprocal_allowed = true;
    assert_eq!(
        check(&facts, &one, &other).map_err(|refusal| refusal.reason),
        Err(Reason::ReciprocalBinding)
    );
    assert!(check(&facts, &one, &one).is_ok());
}

#[test]
fn a_place_that_funds_aid_in_another_way_is_refused() {
    let mut rules = rules("000001");
    rules.model = Model::Pool;
    assert_eq!(
        checked(&facts("000001"), &rules),
        Err(Reason::FundingModelNotLink)
    );
}

#[test]
fn the_span_is_a_city_a_province_or_the_country() {
    let mut rules = rules("000001");
    let mut allowed = |span, one: &str, other: &str| {
        rules.span = span;
        let mut facts = facts(one);
        facts.beneficiary.region = other.parse().unwrap();
        checked(&facts, &rules).is_ok()
    };
    assert!(
        allowed(Span::SamePool, "320602", "320681") && !allowed(Span::SamePool, "320600", "320100")
    );
    assert!(
        allowed(Span::Province, "320600", "320100") && !allowed(Span::Province, "320600", "330100")
    );
    assert!(allowed(Span::National, "320600", "330100"));
}

#[test]
fn a_validity_ends_with_its_last_day_and_the_shorter_of_two_places_counts() {
    let (mut one, mut other) = (rules("000001"), rules("000001"));
    one.max_validity = Some(Period::Months(12));
    other.max_validity = Some(Period::Days(28));
    let valid_until = |valid_until: Option<&str>| {
        let facts = BindFacts {
            valid_until: valid_until.map(|day| day.parse().unwrap()),
            ..facts("000001")
        };
        check(&facts, &one, &other).map(|terms| terms.valid_until.unwrap().to_string())
    };
    // 28 days from 31 January: the last is 27 February.
    assert_eq!(valid_until(None).unwrap(), "2026-02-27T16:00:00Z");
    assert_eq!(
        valid_until(Some("2026-02-10")).unwrap(),
        "2026-02-10T16:00:00Z"
    );
    assert!(valid_until(Some("2026-02-28")).is_err());
    assert_eq!(
        valid_until(Some("2026-01-31")).unwrap(),
        "2026-01-31T16:00:00Z"
    );
}

fn release(by: ReleaseSide, stage: Stage, rules: &Rules) -> Result<Timestamp, Refusal> {
    check_release(
        &ReleaseFacts {
            by,
            stage,
            now: now(),
        },
        rules,
        rules,
    )
    .map(|terms| terms.ends_at)
}

fn bound(at: &str) -> Stage {
    Stage::InEffect {
        bound_at: at.parse().unwrap(),
    }
}

#[test]
fn the_beneficiary_may_end_it_where_either_side_may_and_withdraw_before_it_begins_anywhere() {
    let mut rules = rules("000001");
    let stage = bound("2026-01-01T00:00:00Z");
    assert_eq!(release(ReleaseSide::Beneficiary, stage, &rules), Ok(now()));
    rules.release_by = ReleaseBy::Contributor;
    assert_eq!(
        release(ReleaseSide::Beneficiary, stage, &rules),
        Err(Reason::ReleaseByContributor.into())
    );
    assert_eq!(release(ReleaseSide::Contributor, stage, &rules), Ok(now()));
    rules.min_bind = Period::Months(3);
    assert_eq!(
        release(ReleaseSide::Beneficiary, Stage::NotYetInEffect, &rules),
        Ok(now())
    );
}

#[test]
fn a_shortest_time_is_over_on_its_calendar_day() {
    let mut rules = rules("000001");
    rules.min_bind = Period::Months(3);
    let refused = release(
        ReleaseSide::Contributor,
        bound("2025-11-30T02:00:00Z"),
        &rules,
    );
    assert_eq!(
        refused,
        Err(Refusal::about(Reason::MinBindNotMet, "2026-02-28"))
    );
    assert!(
        release(
            ReleaseSide::Contributor,
            bound("2025-10-31T02:00:00Z"),
            &rules
        )
        .is_ok()
    );
}

#[test]
fn where_an_end_takes_effect_the_next_day_it_pays_until_midnight() {
    let mut rules = rules("000001");
    rules.unbind_effective = Effect::NextDay;
    let ends_at = release(
        ReleaseSide::Contributor,
        bound("2026-01-01T00:00:00Z"),
        &rules,
    )
    .unwrap();
    assert_eq!(ends_at.to_string(), "2026-01-31T16:00:00Z");
}
