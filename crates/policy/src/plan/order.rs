//! In which order contributors are asked: the same for the same candidates, however they were listed.

use std::cmp::Ordering;

use super::input::{Candidate, PlanInput};
use crate::axes::Axis;
use crate::values::{Order, SingleChoice};

/// The candidates in the order in which they are asked, by the rules of the patient's place.
pub(super) fn in_order<'a>(input: &PlanInput<'a>) -> Vec<&'a Candidate<'a>> {
    let rules = input.patient.rules;
    let order = match (rules.chain, rules.single_choice) {
        (true, _) => rules.order,
        (false, SingleChoice::Rank | SingleChoice::Pick) => Order::UserRank,
        (false, SingleChoice::FirstBound) => Order::OldestFirst,
    };
    let mut candidates: Vec<_> = input.candidates.iter().collect();
    candidates.sort_unstable_by(|one, other| {
        is_picked(input, other)
            .cmp(&is_picked(input, one))
            .then_with(|| by(order, input, one, other))
            .then_with(|| one.binding.cmp(&other.binding))
    });
    candidates
}

/// The axis that decides the order.
pub(super) fn axis(input: &PlanInput<'_>) -> Axis {
    if input.patient.rules.chain {
        Axis::Order
    } else {
        Axis::SingleChoice
    }
}

/// Whether the patient picked somebody, where the rules let the patient pick.
pub(super) fn has_pick(input: &PlanInput<'_>) -> bool {
    let rules = input.patient.rules;
    !rules.chain && rules.single_choice == SingleChoice::Pick && input.wishes.chosen.is_some()
}

/// Whether the patient picked this one.
pub(super) fn is_picked(input: &PlanInput<'_>, candidate: &Candidate<'_>) -> bool {
    has_pick(input) && input.wishes.chosen == Some(candidate.binding)
}

fn by(order: Order, input: &PlanInput<'_>, one: &Candidate<'_>, other: &Candidate<'_>) -> Ordering {
    let balance = |candidate: &Candidate<'_>| candidate.purse.usable(candidate.rules.aid_source);
    let in_patients_city = |candidate: &Candidate<'_>| {
        candidate.purse.region.city() == input.patient.purse.region.city()
    };
    match order {
        Order::NewestFirst => other.bound_at.cmp(&one.bound_at),
        Order::OldestFirst => one.bound_at.cmp(&other.bound_at),
        Order::UserRank => one.rank.cmp(&other.rank),
        Order::BalanceDesc => balance(other).cmp(&balance(one)),
        Order::SamePoolThenNewest => in_patients_city(other)
            .cmp(&in_patients_city(one))
            .then_with(|| other.bound_at.cmp(&one.bound_at)),
    }
}
