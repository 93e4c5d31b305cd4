//! What holds of every plan, whatever the rules, balances and wishes.

use std::num::NonZeroU16;
use std::sync::LazyLock;

use kernel::{AccountId, BindingId, Bucket, Fen, Region, Scheme, Standing, Timestamp, Usage};
use proptest::prelude::*;
use proptest::sample::subsequence;
use uuid::Uuid;

use super::limits::{Caps, Tally, Used};
use super::*;
use crate::Packs;
use crate::axes::Rules;
use crate::usages::Usages;
use crate::values::{
    BucketOrder, Component, Model, Order, OwnFirst, OwnZero, SingleChoice, Source, StandingRule,
    ZeroScope, ZeroWhen,
};

const REGIONS: [&str; 4] = ["320600", "320100", "330100", "000001"];

static DEFAULT: LazyLock<Rules> = LazyLock::new(|| {
    let packs = Packs::shipped();
    Rules::clone(
        packs
            .rules(Region::NATION, "2026-01-01".parse().unwrap())
            .unwrap(),
    )
});

/// A bill with everything it is decided from, owned.
#[derive(Debug, Clone)]
struct Case {
    burden: Burden,
    usage: Usage,
    wishes: Wishes,
    patient_rules: Rules,
    patient: Purse,
    scheme: Scheme,
    standing: Standing,
    others: Vec<Other>,
}

#[derive(Debug, Clone)]
struct Other {
    rules: Rules,
    purse: Purse,
    permission: Permission,
    bound: i64,
    starts: i64,
    ends: Option<i64>,
    rank: i32,
    limits: Limits,
    narrow: bool,
}

fn second(at: i64) -> Timestamp {
    Timestamp::from_second(at).unwrap()
}

impl Case {
    fn plan(&self) -> Plan {
        self.plan_in_order(|_| {})
    }

    fn plan_in_order(&self, arrange: impl FnOnce(&mut Vec<Candidate<'_>>)) -> Plan {
        let mut candidates: Vec<_> = self
            .others
            .iter()
            .zip(0..)
            .map(|(other, index)| other.candidate(index))
            .collect();
        arrange(&mut candidates);
        let input = PlanInput {
            burden: self.burden,
            usage: self.usage,
            at: second(1_000),
            wishes: self.wishes,
            patient: Patient {
                purse: self.patient,
                scheme: self.scheme,
                standing: self.standing,
                rules: &self.patient_rules,
            },
            candidates: &candidates,
        };
        plan(&input).unwrap()
    }
}

impl Other {
    fn candidate(&self, index: u128) -> Candidate<'_> {
        let narrow: Usages = [Usage::HospitalInpatient].into_iter().collect();
        Candidate {
            binding: BindingId::from_uuid(Uuid::from_u128(index)),
            purse: self.purse,
            standing: Standing::Normal,
            permission: self.permission,
            bound_at: second(self.bound),
            effective_from: second(self.starts),
            valid_until: self.ends.map(second),
            mandate: 1,
            rank: self.rank,
            limits: self.limits,
            usage: if self.narrow {
                narrow
            } else {
                Usages::allowed_anywhere()
            },
            rules: &self.rules,
        }
    }
}

fn any_of<T: Clone + std::fmt::Debug + 'static>(values: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(values)
}

fn source() -> impl Strategy<Value = Source> {
    any_of(&[Source::All, Source::PriorYearOnly])
}

fn patient_rules() -> impl Strategy<Value = Rules> {
    let own = (
        any_of(&[
            OwnFirst::ThenAid,
            OwnFirst::EmployeeOnly,
            OwnFirst::NotRequired,
        ]),
        proptest::option::weighted(
            0.2,
            (
                any_of(&[ZeroWhen::BeforeBill, ZeroWhen::AfterOwn]),
                any_of(&[ZeroScope::AllBuckets, ZeroScope::UsableOnly]),
            ),
        ),
        source(),
        any_of(&[BucketOrder::CurrentThenPrior, BucketOrder::PriorThenCurrent]),
    );
    let aid = (
        any_of(&[
            Order::NewestFirst,
            Order::OldestFirst,
            Order::UserRank,
            Order::BalanceDesc,
            Order::SamePoolThenNewest,
        ]),
        any::<bool>(),
        any_of(&[
            SingleChoice::Rank,
            SingleChoice::Pick,
            SingleChoice::FirstBound,
        ]),
        proptest::bool::weighted(0.8),
        subsequence(Component::ALL.to_vec(), 0..=5),
    );
    (own, aid).prop_map(
        |(
            (own_first, zero, own_source, bucket_order),
            (order, chain, single_choice, partial_aid, components),
        )| Rules {
            own_first,
            own_zero: zero.map(|(when, scope)| OwnZero { when, scope }),
            own_source,
            bucket_order,
            order,
            chain,
            single_choice,
            partial_aid,
            payable_components: components.into_iter().collect(),
            ..DEFAULT.clone()
        },
    )
}

fn contributor_rules() -> impl Strategy<Value = Rules> {
    (
        source(),
        0..2_000_i64,
        0..2_000_i64,
        any_of(&[BucketOrder::CurrentThenPrior, BucketOrder::PriorThenCurrent]),
        any_of(&[Model::Link, Model::Link, Model::Link, Model::Pool]),
    )
        .prop_map(|(aid_source, floor, minimum, bucket_order, model)| Rules {
            aid_source,
            reserve_floor: Fen::new(floor),
            min_balance_to_start: Fen::new(minimum),
            bucket_order,
            model,
            max_contributors: NonZeroU16::new(3),
            contributor_standing: StandingRule::NormalOnly,
            ..DEFAULT.clone()
        })
}

fn purse(account: impl Strategy<Value = u128>) -> impl Strategy<Value = Purse> {
    (
        account,
        any_of(&REGIONS),
        -500..5_000_i64,
        -500..5_000_i64,
        proptest::bool::weighted(0.1),
    )
        .prop_map(|(account, region, current, prior, frozen)| Purse {
            account: AccountId::from_uuid(Uuid::from_u128(account)),
            region: region.parse().unwrap(),
            current: Fen::new(current),
            prior: Fen::new(prior),
            barred: frozen.then_some(Reason::AccountFrozen),
        })
}

fn used_this_month(fen: i64) -> Used {
    Used {
        month: Tally {
            gross: Fen::new(fen),
            refunded: Fen::ZERO,
        },
        ..Used::default()
    }
}

fn limit() -> impl Strategy<Value = Option<Fen>> {
    proptest::option::weighted(0.3, (1..3_000_i64).prop_map(Fen::new))
}

fn other() -> impl Strategy<Value = Other> {
    let permission = any_of(&[
        Permission::InForce,
        Permission::InForce,
        Permission::InForce,
        Permission::Paused,
        Permission::Ended,
    ]);
    let times = (
        0..5_i64,
        990..1_005_i64,
        proptest::option::weighted(0.2, 995..1_005_i64),
        1..4_i32,
    );
    let limits = (limit(), limit(), 0..1_000_i64);
    (
        contributor_rules(),
        purse(0..6_u128),
        permission,
        times,
        limits,
        proptest::bool::weighted(0.1),
    )
        .prop_map(
            |(
                rules,
                purse,
                permission,
                (bound, starts, ends, rank),
                (per_transaction, per_month, used),
                narrow,
            )| Other {
                rules,
                purse,
                permission,
                bound,
                starts,
                ends,
                rank,
                limits: Limits {
                    caps: Caps {
                        per_transaction,
                        per_month,
                        ..Caps::default()
                    },
                    used: used_this_month(used),
                    ..Limits::default()
                },
                narrow,
            },
        )
}

prop_compose! {
    fn case()(
        parts in proptest::array::uniform5(0..3_000_i64),
        usage in any_of(&[Usage::PharmacyDrug, Usage::PharmacyDrug, Usage::ResidentPremium, Usage::VaccineNonPlan]),
        wishes in (proptest::bool::weighted(0.9), proptest::bool::weighted(0.9), proptest::option::of(0..4_u128)),
        patient_rules in patient_rules(),
        patient in purse(Just(100)),
        scheme in any_of(&[Scheme::Employee, Scheme::Resident]),
        standing in any_of(&[Standing::Normal, Standing::Normal, Standing::Normal, Standing::Paused]),
        others in proptest::collection::vec(other(), 0..6),
    ) -> Case {
        let [deductible, copay, pre_self_pay, over_limit, own_expense] = parts.map(Fen::new);
        let (use_account, use_aid, chosen) = wishes;
        Case {
            burden: Burden { deductible, copay, pre_self_pay, over_limit, own_expense },
            usage,
            wishes: Wishes { use_account, use_aid, chosen: chosen.map(|number| BindingId::from_uuid(Uuid::from_u128(number))) },
            patient_rules, patient, scheme, standing, others: agreeing(others),
        }
    }
}

/// One account may stand behind several bindings, and then they all see the same money in it.
fn agreeing(mut others: Vec<Other>) -> Vec<Other> {
    for at in 1..others.len() {
        let (before, rest) = others.split_at_mut(at);
        if let Some(twin) = before
            .iter()
            .find(|twin| twin.purse.account == rest[0].purse.account)
        {
            rest[0].purse = twin.purse;
        }
    }
    others
}

/// The sum of the takings that `counts` says.
fn taken(plan: &Plan, counts: impl Fn(&Leg) -> bool) -> i64 {
    plan.legs
        .iter()
        .filter(|leg| counts(leg))
        .map(|leg| leg.amount.get())
        .sum()
}

fn bindings(plan: &Plan) -> Vec<BindingId> {
    let binding = |payer| match payer {
        Payer::Own => None,
        Payer::Aid { binding, .. } => Some(binding),
    };
    let mut paying: Vec<_> = plan
        .legs
        .iter()
        .filter_map(|leg| binding(leg.payer))
        .collect();
    paying.dedup();
    paying
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn the_parts_sum_to_the_whole(case in case()) {
        let plan = case.plan();
        prop_assert_eq!(Some(plan.burden), case.burden.total());
        prop_assert_eq!(taken(&plan, |_| true) + plan.cash.get(), plan.burden.get());
        prop_assert!(plan.cash_only <= plan.cash && !plan.cash.is_negative());
        prop_assert!(plan.legs.iter().all(|leg| leg.amount.is_positive()));
        prop_assert_eq!(plan.lines.len(), case.others.len() + 1);
        for line in &plan.lines {
            prop_assert_eq!(taken(&plan, |leg| leg.payer == line.payer), line.taken.get());
            prop_assert_eq!(line.reason == kernel::Reason::Taken, line.taken == line.asked && line.taken.is_positive());
        }
    }

    #[test]
    fn the_order_of_the_candidates_never_changes_the_plan(case in case(), turns in 0..6_usize) {
        let plan = case.plan();
        prop_assert_eq!(&plan, &case.plan());
        let mut turned = case.plan_in_order(|candidates| {
            let by = turns.min(candidates.len());
            candidates.rotate_left(by);
            if turns % 2 == 1 { candidates.reverse(); }
        });
        let mut versions = (plan.versions.clone(), turned.versions.clone());
        versions.0.sort();
        versions.1.sort();
        prop_assert_eq!(versions.0, versions.1);
        turned.versions.clone_from(&plan.versions);
        prop_assert_eq!(plan, turned);
    }

    #[test]
    fn nothing_is_taken_beyond_a_cap_or_below_a_floor(case in case()) {
        let plan = case.plan();
        for (other, index) in case.others.iter().zip(0..) {
            let binding = BindingId::from_uuid(Uuid::from_u128(index));
            let paid = taken(&plan, |leg| matches!(leg.payer, Payer::Aid { binding: payer, .. } if payer == binding));
            if paid == 0 {
                continue;
            }
            prop_assert!(other.permission == Permission::InForce && other.purse.barred.is_none() && !other.narrow);
            prop_assert!(other.starts <= 1_000 && other.ends.is_none_or(|end| end > 1_000));
            prop_assert!(other.rules.model == Model::Link && case.standing == Standing::Normal);
            prop_assert!(other.limits.caps.per_transaction.is_none_or(|limit| paid <= limit.get()));
            prop_assert!(other.limits.caps.per_month.is_none_or(|limit| paid <= limit.less(other.limits.used.month.gross).get()));
            let usable = other.purse.usable(other.rules.aid_source).get();
            prop_assert!(usable >= other.rules.min_balance_to_start.get());
            prop_assert!(usable - paid >= other.rules.reserve_floor.get());
        }
        for purse in case.others.iter().map(|other| &other.purse).chain([&case.patient]) {
            let twins = case.others.iter().filter(|other| other.purse.account == purse.account).count();
            if twins > 1 {
                continue;
            }
            for (bucket, balance) in [(Bucket::Current, purse.current), (Bucket::Prior, purse.prior)] {
                let paid = taken(&plan, |leg| leg.account == purse.account && leg.bucket == bucket);
                prop_assert!(paid <= balance.get().max(0));
            }
        }
    }

    #[test]
    fn one_contributor_pays_where_one_may(mut case in case()) {
        case.patient_rules.chain = false;
        prop_assert!(bindings(&case.plan()).len() <= 1);
    }

    #[test]
    fn more_money_never_lowers_the_aid_of_a_chain(mut case in case(), which in any::<proptest::sample::Index>(), more in 1..2_000_i64) {
        case.patient_rules.chain = true;
        prop_assume!(!case.others.is_empty());
        // Each account behind one binding: two views of one account would disagree about its balance.
        for (other, index) in case.others.iter_mut().zip(0..) {
            other.purse.account = AccountId::from_uuid(Uuid::from_u128(index));
        }
        let before = case.plan().aid();
        let lucky = which.index(case.others.len());
        let prior = &mut case.others[lucky].purse.prior;
        *prior = Fen::new(prior.get() + more);
        prop_assert!(case.plan().aid() >= before);
    }
}
