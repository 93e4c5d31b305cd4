//! What each rule, wish and state does to a plan.

use super::*;
use crate::values::{OwnFirst, OwnZero, SingleChoice, Source, StandingRule, ZeroScope, ZeroWhen};

#[test]
fn each_thing_that_stands_against_a_contributor_is_told_by_its_own_reason() {
    let rules = rules("000001");
    let hour = jiff::SignedDuration::from_hours(1);
    let check = |change: &dyn Fn(&mut Candidate<'_>), reason| {
        let mut candidates = [contributor(1, &rules, 100_000, 0)];
        change(&mut candidates[0]);
        let plan = plan(&bill(10_000, patient(&rules, 0, 0), &candidates)).unwrap();
        assert_eq!(told(&plan)[1], (0, reason));
        assert_eq!(plan.cash, Fen::new(10_000));
    };
    check(
        &|one| one.permission = Permission::NotArrived,
        Reason::SyncPending,
    );
    check(
        &|one| one.permission = Permission::Paused,
        Reason::MandatePaused,
    );
    check(
        &|one| one.permission = Permission::Revoked,
        Reason::MandateRevoked,
    );
    let tomorrow = kernel::clock::business_day(at()).tomorrow().unwrap();
    for (permission, reason) in [
        (Permission::NotYet(tomorrow), Reason::MandateNotYetValid),
        (Permission::Over, Reason::MandateExpired),
        (Permission::Elsewhere, Reason::PlaceNotInMandate),
    ] {
        check(&|one| one.permission = permission, reason);
    }
    check(
        &|one| one.permission = Permission::Ending,
        Reason::BindingEnding,
    );
    check(
        &|one| one.permission = Permission::Ended,
        Reason::BindingEnded,
    );
    check(
        &|one| one.effective_from = at().checked_add(hour).unwrap(),
        Reason::NotYetEffective,
    );
    check(&|one| one.valid_until = Some(at()), Reason::OutsideValidity);
    check(
        &|one| one.standing = Standing::Terminated,
        Reason::ContributorTerminated,
    );
    for reason in [
        Reason::AccountFrozen,
        Reason::AccountClosed,
        Reason::RegionYearEndInProgress,
    ] {
        check(&|one| one.purse.barred = Some(reason), reason);
    }
    check(
        &|one| one.usage = [Usage::HospitalInpatient].into_iter().collect(),
        Reason::UsageNotInMandate,
    );
    check(&|one| one.purse.current = Fen::ZERO, Reason::BalanceZero);
    check(
        &|one| {
            one.limits.caps.per_month = Some(Fen::new(500));
            one.limits.used.month.gross = Fen::new(700);
        },
        Reason::LimitPerMonth,
    );
}

#[test]
fn a_binding_pays_from_the_instant_it_takes_effect_until_the_instant_before_it_ends() {
    let rules = rules("000001");
    let mut candidates = [contributor(1, &rules, 100_000, 0)];
    candidates[0].effective_from = at();
    candidates[0].valid_until = Some(
        at().checked_add(jiff::SignedDuration::from_micros(1))
            .unwrap(),
    );
    let plan = plan(&bill(10_000, patient(&rules, 0, 0), &candidates)).unwrap();
    assert_eq!(told(&plan)[1], (10_000, Reason::Taken));
}

#[test]
fn an_interruption_blocks_only_where_the_contributors_place_says_so() {
    let patients = rules("000001");
    let mut contributors = rules("000001");
    let mut reason_under = |rule| {
        contributors.contributor_standing = rule;
        let mut candidates = [contributor(1, &contributors, 100_000, 0)];
        candidates[0].standing = Standing::Paused;
        told(&plan(&bill(10_000, patient(&patients, 0, 0), &candidates)).unwrap())[1].1
    };
    assert_eq!(reason_under(StandingRule::NotTerminated), Reason::Taken);
    assert_eq!(
        reason_under(StandingRule::NormalOnly),
        Reason::ContributorSuspended
    );
}

#[test]
fn a_patient_who_is_not_paid_up_gets_no_aid_and_keeps_the_own_account() {
    let rules = rules("140000");
    let candidates = [contributor(1, &rules, 500_000, 0)];
    let patient = Patient {
        standing: Standing::Paused,
        ..patient(&rules, 1_000, 0)
    };
    let plan = plan(&bill(10_000, patient, &candidates)).unwrap();
    assert_eq!(
        told(&plan),
        [
            (1_000, Reason::OwnBalanceZero),
            (0, Reason::BeneficiaryNotInsured)
        ]
    );
}

#[test]
fn what_no_account_may_pay_is_refused_by_name() {
    let rules = rules("000001");
    let input = PlanInput {
        usage: Usage::Fitness,
        ..bill(10_000, patient(&rules, 0, 0), &[])
    };
    assert_eq!(
        plan(&input),
        Err(Refusal::about(Reason::UsageProhibited, "FITNESS"))
    );
}

#[test]
fn a_use_the_place_does_not_cover_gets_no_aid() {
    let rules = rules("000001");
    let candidates = [contributor(1, &rules, 500_000, 0)];
    let input = PlanInput {
        usage: Usage::VaccineNonPlan,
        ..bill(10_000, patient(&rules, 5_000, 0), &candidates)
    };
    let plan = plan(&input).unwrap();
    assert_eq!(
        told(&plan),
        [(0, Reason::UsageNotCovered), (0, Reason::UsageNotCovered)]
    );
    assert_eq!(axis(&plan.lines[1]), Some(Axis::UsageAid));
}

#[test]
fn a_request_can_do_without_aid_and_without_any_account() {
    let rules = rules("000001");
    let candidates = [contributor(1, &rules, 500_000, 0)];
    let told_with = |wishes| {
        let input = PlanInput {
            wishes,
            ..bill(10_000, patient(&rules, 5_000, 0), &candidates)
        };
        told(&plan(&input).unwrap())
    };
    assert_eq!(
        told_with(Wishes {
            use_aid: false,
            ..Wishes::default()
        }),
        [(5_000, Reason::OwnBalanceZero), (0, Reason::AidDeclined)]
    );
    assert_eq!(
        told_with(Wishes {
            use_account: false,
            ..Wishes::default()
        }),
        [(0, Reason::AccountNotUsed), (0, Reason::AccountNotUsed)]
    );
}

#[test]
fn the_starting_minimum_is_inclusive_and_filters() {
    let mut rules = rules("000001");
    rules.min_balance_to_start = Fen::new(50_000);
    let given = |balance| {
        let candidates = [contributor(1, &rules, balance, 0)];
        told(&plan(&bill(60_000, patient(&rules, 0, 0), &candidates)).unwrap())[1]
    };
    assert_eq!(given(49_999), (0, Reason::BelowStartingMinimum));
    assert_eq!(given(50_000), (50_000, Reason::BalanceZero));
}

#[test]
fn where_one_pays_the_first_who_can_is_chosen() {
    let rules = rules("140000");
    let candidates = [
        contributor(1, &rules, 100_000, 0),
        contributor(2, &rules, 100_700, 0),
        contributor(3, &rules, 900_000, 0),
    ];
    let plan = plan(&bill(10_000, patient(&rules, 0, 0), &candidates)).unwrap();
    assert_eq!(
        told(&plan)[1..],
        [
            (0, Reason::BelowFloor),
            (700, Reason::BelowFloor),
            (0, Reason::AnotherContributorChosen)
        ]
    );
}

#[test]
fn where_the_patient_picks_nobody_else_pays() {
    let mut rules = rules("140000");
    rules.single_choice = SingleChoice::Pick;
    let candidates = [
        contributor(1, &rules, 900_000, 0),
        contributor(2, &rules, 100_000, 0),
    ];
    let pick = |chosen| {
        let wishes = Wishes {
            chosen,
            ..Wishes::default()
        };
        let plan = plan(&PlanInput {
            wishes,
            ..bill(10_000, patient(&rules, 0, 0), &candidates)
        })
        .unwrap();
        told(&plan)[1..].to_vec()
    };
    assert_eq!(
        pick(Some(binding(2))),
        [
            (0, Reason::BelowFloor),
            (0, Reason::AnotherContributorChosen)
        ]
    );
    assert_eq!(
        pick(None),
        [(10_000, Reason::Taken), (0, Reason::NothingLeftToPay)]
    );
}

#[test]
fn the_own_account_may_have_to_be_empty_before_aid() {
    let mut rules = rules("000001");
    rules.own_source = Source::PriorYearOnly;
    let aid = |rules: &Rules, current, prior| {
        let candidates = [contributor(1, rules, 90_000, 0)];
        plan(&bill(10_000, patient(rules, current, prior), &candidates))
            .unwrap()
            .aid()
            .get()
    };
    let zero = |when, scope| Some(OwnZero { when, scope });
    rules.own_zero = zero(ZeroWhen::BeforeBill, ZeroScope::AllBuckets);
    assert_eq!(
        (aid(&rules, 0, 0), aid(&rules, 1, 0), aid(&rules, 0, 1)),
        (10_000, 0, 0)
    );
    rules.own_zero = zero(ZeroWhen::AfterOwn, ZeroScope::AllBuckets);
    assert_eq!((aid(&rules, 1, 0), aid(&rules, 0, 1)), (0, 9_999));
    rules.own_zero = zero(ZeroWhen::BeforeBill, ZeroScope::UsableOnly);
    assert_eq!((aid(&rules, 1, 0), aid(&rules, 0, 1)), (10_000, 0));
}

#[test]
fn where_own_money_is_not_required_aid_pays_first_and_own_money_before_cash() {
    let mut rules = rules("000001");
    rules.own_first = OwnFirst::EmployeeOnly;
    let candidates = [contributor(1, &rules, 7_000, 0)];
    let resident = plan(&bill(10_000, patient(&rules, 1_000, 0), &candidates)).unwrap();
    assert_eq!(
        told(&resident),
        [
            (7_000, Reason::BalanceZero),
            (1_000, Reason::OwnBalanceZero)
        ]
    );
    let employee = Patient {
        scheme: Scheme::Employee,
        ..patient(&rules, 4_000, 0)
    };
    let employee = plan(&bill(10_000, employee, &candidates)).unwrap();
    assert_eq!(
        told(&employee),
        [(4_000, Reason::OwnBalanceZero), (6_000, Reason::Taken)]
    );
}

#[test]
fn a_premium_in_zhejiang_is_covered_by_one_contributor_whole_or_not_at_all() {
    let rules = rules("330100");
    let candidates = [
        contributor(1, &rules, 0, 30_000),
        contributor(2, &rules, 0, 40_000),
    ];
    let input = PlanInput {
        usage: Usage::ResidentPremium,
        ..bill(38_000, patient(&rules, 0, 0), &candidates)
    };
    let plan = plan(&input).unwrap();
    assert_eq!(
        told(&plan)[1..],
        [(0, Reason::FullCoverNeeded), (38_000, Reason::Taken)]
    );
    assert_eq!(axis(&plan.lines[1]), Some(Axis::FullCover));
}

#[test]
fn an_account_behind_two_bindings_pays_each_fen_once() {
    let rules = rules("000001");
    let first = contributor(1, &rules, 6_000, 3_000);
    let second = Candidate {
        binding: binding(2),
        rank: 2,
        ..first
    };
    let candidates = [first, second];
    let plan = plan(&bill(20_000, patient(&rules, 0, 0), &candidates)).unwrap();
    assert_eq!(
        told(&plan)[1..],
        [(9_000, Reason::BalanceZero), (0, Reason::BalanceZero)]
    );
}

#[test]
fn what_is_no_bill_is_refused() {
    let rules = rules("000001");
    assert_eq!(
        plan(&bill(-1, patient(&rules, 0, 0), &[])),
        Err(Refusal::about(Reason::AmountNegative, "-0.01"))
    );
    for too_large in [Fen::LARGEST_BILL.get() + 1, i64::MAX] {
        assert_eq!(
            plan(&bill(too_large, patient(&rules, 0, 0), &[])),
            Err(Reason::AmountTooLarge.into())
        );
    }
    let nothing = plan(&bill(0, patient(&rules, 500, 0), &[])).unwrap();
    assert_eq!(
        (nothing.legs.len(), told(&nothing)),
        (0, vec![(0, Reason::NothingLeftToPay)])
    );
}

#[test]
fn a_ground_is_read_back_from_its_text() {
    let rules = rules("140000");
    let version = rules.origin(Axis::ReserveFloor).version.clone();
    let grounds = [
        Ground::Rule {
            version,
            axis: Axis::ReserveFloor,
        },
        Ground::Mandate,
        Ground::Bill,
    ];
    for ground in grounds {
        assert_eq!(Ground::from_text(&ground.to_string()), Some(ground));
    }
    assert_eq!(Ground::from_text("140000@2024-07-26 no_such_axis"), None);
}
