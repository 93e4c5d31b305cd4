//! What must be there before two people are bound, and how often and for how many it may be.

use kernel::Fen;

use super::*;
use crate::values::{ExclusiveRole, Proof, Sides};

/// What a case does to the rules.
type Change = fn(&mut Rules);

/// The reason for which a binding of the region 000001 is refused once `change` has set the rules, with `shown`.
fn refused(change: impl Fn(&mut Rules), shown: &[Shown]) -> Option<Reason> {
    let mut rules = rules("000001");
    change(&mut rules);
    let facts = BindFacts {
        shown,
        ..facts("000001")
    };
    let national = super::rules("000001");
    let one_sided = check(&facts, &national, &rules).err();
    let refused = check(&facts, &rules, &national).err();
    assert_eq!(one_sided, refused, "it must hold in both places");
    refused.map(|refusal| refusal.reason)
}

#[test]
fn each_thing_that_has_to_be_there_is_asked_for_by_its_own_reason() {
    let cases: [(Change, Shown, Reason); 6] = [
        (
            |rules| rules.enable_first = true,
            Shown::FunctionEnabled,
            Reason::FunctionNotEnabled,
        ),
        (
            |rules| rules.credential_required = Sides::Contributor,
            Shown::ContributorCredential,
            Reason::CredentialNotActivated,
        ),
        (
            |rules| rules.display_link_required = true,
            Shown::DisplayLink,
            Reason::DisplayLinkNeeded,
        ),
        (
            |rules| rules.min_balance_to_bind = Fen::new(50_000),
            Shown::Balance(Fen::new(50_000)),
            Reason::BalanceTooLowToBind,
        ),
        (
            |rules| rules.proof = [Proof::Commitment].into(),
            Shown::Proof(Proof::Commitment),
            Reason::KinProofMissing,
        ),
        (
            |rules| rules.proof = [Proof::Face].into(),
            Shown::Proof(Proof::Face),
            Reason::KinProofMissing,
        ),
    ];
    for (change, shown, reason) in cases {
        assert_eq!(refused(change, &[]), Some(reason));
        assert_eq!(refused(change, &[shown]), None, "{shown:?}");
    }
}

#[test]
fn a_balance_below_the_least_is_refused_with_the_least() {
    let mut rules = rules("000001");
    rules.min_balance_to_bind = Fen::new(50_000);
    let facts = BindFacts {
        shown: &[Shown::Balance(Fen::new(49_999))],
        ..facts("000001")
    };
    assert_eq!(
        check(&facts, &rules, &rules),
        Err(Refusal::about(Reason::BalanceTooLowToBind, "500.00"))
    );
}

#[test]
fn where_both_need_a_credential_it_is_told_whose_is_missing() {
    let mut rules = rules("000001");
    rules.credential_required = Sides::Both;
    let about = |shown: &[Shown]| {
        let facts = BindFacts {
            shown,
            ..facts("000001")
        };
        check(&facts, &rules, &rules)
            .err()
            .map(|refusal| refusal.about)
    };
    let (one, other) = (Shown::ContributorCredential, Shown::BeneficiaryCredential);
    assert_eq!(about(&[other]), Some(Some("contributor".to_owned())));
    assert_eq!(about(&[one]), Some(Some("beneficiary".to_owned())));
    assert_eq!(about(&[one, other]), None);
}

#[test]
fn the_register_of_marriages_is_asked_of_spouses_only() {
    let mut rules = rules("000001");
    rules.proof = [Proof::MarriageCheck].into();
    let mut facts = facts("000001");
    assert!(check(&facts, &rules, &rules).is_ok());
    facts.relation = Relation::Spouse;
    assert_eq!(
        check(&facts, &rules, &rules),
        Err(Refusal::about(Reason::KinProofMissing, "MARRIAGE_CHECK"))
    );
}

#[test]
fn a_contributor_may_have_to_be_paid_up_to_bind_though_not_to_pay() {
    let mut rules = rules("000001");
    rules.contributor_standing_to_bind = StandingRule::NormalOnly;
    let mut facts = facts("000001");
    facts.contributor.standing = Standing::Paused;
    assert_eq!(checked(&facts, &rules), Err(Reason::ContributorSuspended));
    assert_eq!(contributor_refused(Standing::Paused, &rules), None);
}

#[test]
fn an_exclusive_beneficiary_may_still_contribute_to_others() {
    let mut rules = rules("000001");
    rules.exclusive_role = ExclusiveRole::Beneficiary;
    let mut facts = facts("000001");
    facts.beneficiary.contributes_to_others = 2;
    facts.contributor.aided_by_others = 1;
    assert!(checked(&facts, &rules).is_ok());
    facts.beneficiary.aided_by_others = 1;
    assert_eq!(checked(&facts, &rules), Err(Reason::RoleExclusive));
}

#[test]
fn seven_with_oneself_are_six_others() {
    let mut rules = rules("000001");
    rules.max_beneficiaries = NonZeroU16::new(7);
    let mut facts = facts("000001");
    facts.contributor.contributes_to_others = 6;
    assert!(checked(&facts, &rules).is_ok());
    rules.counts_self = true;
    assert_eq!(
        check(&facts, &rules, &rules),
        Err(Refusal::about(Reason::TooManyBeneficiaries, "6"))
    );
    facts.contributor.contributes_to_others = 5;
    assert!(checked(&facts, &rules).is_ok());
}

#[test]
fn beneficiaries_of_a_lifetime_are_counted_too() {
    let mut rules = rules("000001");
    rules.max_beneficiaries_lifetime = NonZeroU16::new(20);
    let mut facts = facts("000001");
    facts.contributor.contributed_to_ever = 19;
    assert!(checked(&facts, &rules).is_ok());
    facts.contributor.contributed_to_ever = 20;
    assert_eq!(
        check(&facts, &rules, &rules),
        Err(Refusal::about(Reason::TooManyBeneficiariesEver, "20"))
    );
}

#[test]
fn one_change_a_year_is_one_end_and_one_new_beneficiary() {
    let mut rules = rules("000001");
    rules.changes_per_year = NonZeroU16::new(1);
    let mut facts = facts("000001");
    facts.contributor.ended_this_year = 1;
    assert!(checked(&facts, &rules).is_ok());
    facts.contributor.ended_this_year = 2;
    assert_eq!(
        check(&facts, &rules, &rules),
        Err(Refusal::about(Reason::TooManyChanges, "1"))
    );
}

#[test]
fn a_request_waits_so_long_for_the_other_sides_word_and_no_longer() {
    let rules = rules("000001");
    let asked = |at: &str| {
        let facts = BindFacts {
            asked_at: at.parse().unwrap(),
            ..facts("000001")
        };
        check(&facts, &rules, &rules).map(|_| ())
    };
    // Thirty days before 31 January is 1 January in Shanghai.
    assert_eq!(asked("2026-01-01T16:00:00Z"), Ok(()));
    let expired = Refusal::about(Reason::InvitationExpired, "2026-01-31");
    assert_eq!(asked("2026-01-01T15:59:59Z"), Err(expired));
}

#[test]
fn the_other_side_is_asked_if_either_place_asks_it() {
    let (mut one, other) = (rules("000001"), rules("000001"));
    one.confirmation = Confirmation::InviteAccept;
    let confirmation = |one, other| check(&facts("000001"), one, other).unwrap().confirmation;
    assert_eq!(confirmation(&one, &other), Confirmation::InviteAccept);
    assert_eq!(confirmation(&other, &one), Confirmation::InviteAccept);
}
