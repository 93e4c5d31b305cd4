//! The worked examples of `domain.md` 8.2; beside them, what each rule does to a plan.

use kernel::{AccountId, BindingId, Fen, Reason, Region, Scheme, Standing, Timestamp, Usage};
use uuid::Uuid;

use super::*;
use crate::Packs;
use crate::axes::{Axis, Rules};
use crate::usages::Usages;
use crate::values::Component;

mod each_rule;

/// What the demo enables of Henan.
const HENAN: &str = r#"
overlay = "test"
[[region]]
code = "410000"
enable = ["order"]
"#;

fn rules(region: &str) -> Rules {
    let packs = Packs::with_overlay("test", HENAN).unwrap();
    let region: Region = region.parse().unwrap();
    Rules::clone(packs.rules(region, "2026-03-01".parse().unwrap()).unwrap())
}

fn at() -> Timestamp {
    "2026-03-01T02:00:00Z".parse().unwrap()
}

fn purse(number: u128, region: &str, current: i64, prior: i64) -> Purse {
    Purse {
        account: AccountId::from_uuid(Uuid::from_u128(number)),
        region: region.parse().unwrap(),
        current: Fen::new(current),
        prior: Fen::new(prior),
        barred: None,
    }
}

fn patient(rules: &Rules, current: i64, prior: i64) -> Patient<'_> {
    Patient {
        purse: purse(1000, "320600", current, prior),
        scheme: Scheme::Resident,
        standing: Standing::Normal,
        rules,
    }
}

/// A contributor in force, bound in the order of the numbers, ranked likewise.
fn contributor(number: u8, rules: &Rules, current: i64, prior: i64) -> Candidate<'_> {
    let bound_at = at()
        .checked_sub(jiff::SignedDuration::from_hours(1000 - i64::from(number)))
        .unwrap();
    Candidate {
        binding: binding(number),
        purse: purse(u128::from(number), "320600", current, prior),
        standing: Standing::Normal,
        permission: Permission::InForce,
        bound_at,
        effective_from: bound_at,
        valid_until: None,
        mandate: 1,
        rank: i32::from(number),
        limits: Limits::default(),
        usage: Usages::allowed_anywhere(),
        rules,
    }
}

fn binding(number: u8) -> BindingId {
    BindingId::from_uuid(Uuid::from_u128(u128::from(number)))
}

fn bill<'a>(copay: i64, patient: Patient<'a>, candidates: &'a [Candidate<'a>]) -> PlanInput<'a> {
    PlanInput {
        burden: Burden {
            copay: Fen::new(copay),
            ..Burden::default()
        },
        usage: Usage::PharmacyDrug,
        at: at(),
        wishes: Wishes::default(),
        patient,
        candidates,
    }
}

/// What each payer gave and why, own first where it was asked first.
fn told(plan: &Plan) -> Vec<(i64, Reason)> {
    plan.lines
        .iter()
        .map(|line| (line.taken.get(), line.reason))
        .collect()
}

fn axis(line: &Line) -> Option<Axis> {
    match &line.ground {
        Ground::Rule { axis, .. } => Some(*axis),
        _ => None,
    }
}

#[test]
fn example_1_in_jiangsu_own_money_pays_first_and_the_one_contributor_pays_the_rest() {
    let rules = rules("320600");
    let candidates = [contributor(1, &rules, 200_000, 0)];
    let plan = plan(&bill(60_000, patient(&rules, 10_000, 0), &candidates)).unwrap();
    assert_eq!(
        (plan.own(), plan.aid(), plan.cash),
        (Fen::new(10_000), Fen::new(50_000), Fen::ZERO)
    );
    assert_eq!(
        told(&plan),
        [(10_000, Reason::OwnBalanceZero), (50_000, Reason::Taken)]
    );
    assert_eq!(plan.versions[0].as_str(), "320000@2024-07-26");
    assert_eq!(
        plan.lines[1].ground.to_string(),
        "000000@2024-07-26 single_choice"
    );
}

#[test]
fn example_2_a_part_that_accounts_may_not_pay_is_cash_only_when_money_would_have_reached_it() {
    let mut rules = rules("000001");
    let burden = Burden {
        deductible: Fen::new(30_000),
        copay: Fen::new(24_500),
        own_expense: Fen::new(5_000),
        ..Burden::default()
    };
    let split = |rules: &Rules, balance| {
        let candidates = [contributor(1, rules, balance, 0)];
        let input = PlanInput {
            burden,
            ..bill(0, patient(rules, 20_000, 0), &candidates)
        };
        let plan = plan(&input).unwrap();
        (plan.own().get(), plan.aid().get(), plan.cash.get())
    };
    assert_eq!(split(&rules, 30_000), (20_000, 30_000, 9_500));
    assert_eq!(split(&rules, 60_000), (20_000, 39_500, 0));
    rules.payable_components.remove(&Component::OwnExpense);
    assert_eq!(split(&rules, 30_000), (20_000, 30_000, 9_500));
    assert_eq!(split(&rules, 60_000), (20_000, 34_500, 5_000));
}

#[test]
fn example_3_in_shanxi_the_floor_stays_and_a_second_contributor_is_not_tried() {
    let rules = rules("140000");
    let mut candidates = [
        contributor(1, &rules, 115_000, 0),
        contributor(2, &rules, 500_000, 0),
    ];
    candidates[0].limits.caps.per_transaction = Some(Fen::new(20_000));
    let plan = plan(&bill(45_000, patient(&rules, 8_000, 0), &candidates)).unwrap();
    assert_eq!(
        (plan.own(), plan.aid(), plan.cash),
        (Fen::new(8_000), Fen::new(15_000), Fen::new(22_000))
    );
    assert_eq!(
        told(&plan),
        [
            (8_000, Reason::OwnBalanceZero),
            (15_000, Reason::BelowFloor),
            (0, Reason::AnotherContributorChosen)
        ]
    );
    assert_eq!(plan.lines[1].bound, Some(Fen::new(100_000)));
    assert_eq!(
        plan.lines[1].ground.to_string(),
        "140000@2024-07-26 reserve_floor"
    );
}

#[test]
fn example_3_the_cap_bounds_where_it_is_below_what_the_floor_leaves() {
    let rules = rules("140000");
    let mut candidates = [contributor(1, &rules, 150_000, 0)];
    candidates[0].limits.caps.per_transaction = Some(Fen::new(20_000));
    let plan = plan(&bill(45_000, patient(&rules, 0, 0), &candidates)).unwrap();
    assert_eq!(
        told(&plan),
        [
            (0, Reason::OwnBalanceZero),
            (20_000, Reason::LimitPerTransaction)
        ]
    );
    assert_eq!(
        (plan.lines[1].bound, &plan.lines[1].ground),
        (Some(Fen::new(20_000)), &Ground::Mandate)
    );
}

#[test]
fn example_4_in_henan_the_largest_balance_pays_first_and_a_tie_goes_by_binding_id() {
    let rules = rules("410100");
    // Li 1, Zhang 2, Wang 3.
    let candidates = [
        contributor(3, &rules, 30_000, 0),
        contributor(1, &rules, 30_000, 0),
        contributor(2, &rules, 55_000, 0),
    ];
    let plan = plan(&bill(90_000, patient(&rules, 12_000, 0), &candidates)).unwrap();
    let payers: Vec<_> = plan
        .legs
        .iter()
        .map(|leg| (leg.payer, leg.amount.get()))
        .collect();
    let aid = |number| Payer::Aid {
        binding: binding(number),
        mandate: 1,
    };
    assert_eq!(
        payers,
        [(Payer::Own, 12_000), (aid(2), 55_000), (aid(1), 23_000)]
    );
    assert_eq!(plan.lines[3].reason, Reason::NothingLeftToPay);
    assert!(
        plan.versions
            .iter()
            .any(|version| version.as_str() == "410000@2024-09-01+test")
    );
}

#[test]
fn example_6_in_zhejiang_only_prior_year_money_pays() {
    let rules = rules("330100");
    let candidates = [contributor(1, &rules, 50_000, 20_000)];
    let plan = plan(&bill(36_000, patient(&rules, 9_000, 6_000), &candidates)).unwrap();
    assert_eq!(
        (plan.own(), plan.aid(), plan.cash),
        (Fen::new(6_000), Fen::new(20_000), Fen::new(10_000))
    );
    assert!(
        plan.legs
            .iter()
            .all(|leg| leg.bucket == kernel::Bucket::Prior)
    );
    assert_eq!(axis(&plan.lines[0]), Some(Axis::OwnSource));
    assert_eq!(axis(&plan.lines[1]), Some(Axis::AidSource));
}

#[test]
fn example_7_an_account_in_debt_gives_nothing() {
    let rules = rules("000001");
    let candidates = [
        contributor(1, &rules, -30_000, 10_000),
        contributor(2, &rules, -300, 1_000),
    ];
    let plan = plan(&bill(5_000, patient(&rules, 0, 0), &candidates)).unwrap();
    assert_eq!(
        told(&plan)[1..],
        [(0, Reason::BalanceZero), (700, Reason::BalanceZero)]
    );
}
