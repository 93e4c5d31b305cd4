//! Bills with everything they are decided from, drawn at random: small amounts, so that every bound is met often.

use kernel::{AccountId, BindingId, Fen, Scheme, Standing, Timestamp, Usage};
use proptest::prelude::*;
use uuid::Uuid;

use super::rules::{DEFAULT, any_of, caps, contributor_rules, patient_rules};
use crate::axes::Rules;
use crate::plan::limits::{Tally, Used};
use crate::plan::*;
use crate::usages::Usages;
use crate::values::{Component, Model};

const REGIONS: [&str; 4] = ["320600", "320100", "330100", "000001"];

/// A bill with everything it is decided from, owned.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) burden: Burden,
    pub(super) usage: Usage,
    pub(super) wishes: Wishes,
    pub(super) patient_rules: Rules,
    pub(super) patient: Purse,
    pub(super) scheme: Scheme,
    pub(super) standing: Standing,
    pub(super) others: Vec<Other>,
}

#[derive(Debug, Clone)]
pub(super) struct Other {
    pub(super) rules: Rules,
    pub(super) purse: Purse,
    pub(super) permission: Permission,
    pub(super) bound: i64,
    pub(super) starts: i64,
    pub(super) ends: Option<i64>,
    pub(super) rank: i32,
    pub(super) limits: Limits,
    pub(super) narrow: bool,
}

pub(super) fn second(at: i64) -> Timestamp {
    Timestamp::from_second(at).unwrap()
}

impl Case {
    pub(super) fn plan(&self) -> Plan {
        self.plan_in_order(|_| {})
    }

    pub(super) fn plan_in_order(&self, arrange: impl FnOnce(&mut Vec<Candidate<'_>>)) -> Plan {
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
            barred: frozen.then_some(kernel::Reason::AccountFrozen),
        })
}

fn tally() -> impl Strategy<Value = Tally> {
    (0..1_500_i64, 0..1_500_i64).prop_map(|(gross, refunded)| Tally {
        gross: Fen::new(gross),
        refunded: Fen::new(refunded.min(gross)),
    })
}

fn used() -> impl Strategy<Value = Used> {
    let held = proptest::option::weighted(0.2, 0..500_i64);
    (tally(), tally(), tally(), tally(), held).prop_map(|(day, month, year, total, held)| Used {
        day,
        month,
        year,
        total,
        held: Fen::new(held.unwrap_or(0)),
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    (caps(0.15), used(), used()).prop_map(|(caps, used, used_by_all)| Limits {
        caps,
        used,
        used_by_all,
    })
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
    (
        contributor_rules(),
        purse(0..6_u128),
        permission,
        times,
        limits(),
        proptest::bool::weighted(0.1),
    )
        .prop_map(
            |(rules, purse, permission, (bound, starts, ends, rank), limits, narrow)| Other {
                rules,
                purse,
                permission,
                bound,
                starts,
                ends,
                rank,
                limits,
                narrow,
            },
        )
}

prop_compose! {
    pub(super) fn case()(
        parts in proptest::array::uniform5(0..3_000_i64),
        usage in any_of(&[Usage::PharmacyDrug, Usage::PharmacyDrug, Usage::ResidentPremium, Usage::VaccineNonPlan]),
        wishes in (proptest::bool::weighted(0.9), proptest::bool::weighted(0.9), proptest::option::of(0..4_u128)),
        patient_rules in patient_rules(),
        patient in purse(Just(100)),
        scheme in any_of(&[Scheme::Employee, Scheme::Resident]),
        standing in any_of(&[Standing::Normal, Standing::Normal, Standing::Normal, Standing::Paused]),
        others in proptest::collection::vec(other(), 0..6),
    ) -> Case {
        let others = agreeing(others);
        let [deductible, copay, pre_self_pay, over_limit, own_expense] = parts.map(Fen::new);
        let (use_account, use_aid, chosen) = wishes;
        Case {
            burden: Burden { deductible, copay, pre_self_pay, over_limit, own_expense },
            usage,
            wishes: Wishes { use_account, use_aid, chosen: chosen.map(|number| BindingId::from_uuid(Uuid::from_u128(number))) },
            patient_rules, patient, scheme, standing, others,
        }
    }
}

/// The business day of every case.
pub(super) fn today() -> kernel::Date {
    kernel::clock::business_day(second(1_000))
}

/// A bill of so much, and contributors with so much, ranked in that order, with no rule in the way.
pub(super) fn plain(bill: i64, money: &[i64]) -> Case {
    let purse = |account: u128, current: i64| Purse {
        account: AccountId::from_uuid(Uuid::from_u128(account)),
        region: "320600".parse().unwrap(),
        current: Fen::new(current),
        prior: Fen::ZERO,
        barred: None,
    };
    let others = money.iter().zip(1_i32..).map(|(current, rank)| Other {
        rules: DEFAULT.clone(),
        purse: purse(u128::from(rank.unsigned_abs()), *current),
        permission: Permission::InForce,
        bound: 0,
        starts: 0,
        ends: None,
        rank,
        limits: Limits::default(),
        narrow: false,
    });
    Case {
        burden: Burden {
            copay: Fen::new(bill),
            ..Burden::default()
        },
        usage: Usage::PharmacyDrug,
        wishes: Wishes::default(),
        patient_rules: DEFAULT.clone(),
        patient: purse(100, 0),
        scheme: Scheme::Employee,
        standing: Standing::Normal,
        others: others.collect(),
    }
}

/// One account has one balance, however many bindings look at it.
fn agreeing(mut others: Vec<Other>) -> Vec<Other> {
    let mut seen = std::collections::BTreeMap::new();
    for other in &mut others {
        other.purse = *seen.entry(other.purse.account).or_insert(other.purse);
    }
    others
}

/// A case in which somebody asks, and contributors are held back by money and limits only.
pub(super) fn willing() -> impl Strategy<Value = Case> {
    (case(), other()).prop_map(|(mut case, one)| {
        case.others.insert(0, one);
        case.others.truncate(4);
        case.others = agreeing(case.others);
        case.usage = Usage::PharmacyDrug;
        case.wishes = Wishes::default();
        case.standing = Standing::Normal;
        case.patient.current = Fen::ZERO;
        case.patient.prior = Fen::ZERO;
        case.patient_rules.own_zero = None;
        case.patient_rules.payable_components = Component::ALL.into_iter().collect();
        for other in &mut case.others {
            other.rules.model = Model::Link;
            other.purse.barred = None;
            other.permission = Permission::InForce;
            other.starts = 0;
            other.ends = None;
            other.narrow = false;
        }
        case
    })
}
