//! What one contributor can give to one bill, and what stands against more.

use kernel::{Fen, Reason};

use super::Ground;
use super::input::{Candidate, PlanInput, Purse};
use crate::axes::{Axis, Rules};
use crate::bind;
use crate::values::{Model, Source};

/// What a payer gives, and why not more.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offer {
    pub(super) amount: Fen,
    pub(super) reason: Reason,
    pub(super) ground: Ground,
    pub(super) bound: Option<Fen>,
}

impl Offer {
    /// Nothing, and why.
    pub(super) const fn nothing(reason: Reason, ground: Ground) -> Self {
        Self {
            amount: Fen::ZERO,
            reason,
            ground,
            bound: None,
        }
    }
}

/// The rule `axis` of `rules`, as the ground of a line.
pub(super) fn rule(rules: &Rules, axis: Axis) -> Ground {
    Ground::Rule {
        version: rules.origin(axis).version.clone(),
        axis,
    }
}

/// What `candidate` gives when `asked` is still open; `purse` is the account after the takings so far.
pub(super) fn offer(
    candidate: &Candidate<'_>,
    purse: &Purse,
    asked: Fen,
    input: &PlanInput<'_>,
) -> Offer {
    if let Some(refused) = refused(candidate, input) {
        return refused;
    }
    let most = most(candidate, purse);
    let patient = input.patient.rules;
    if asked <= most.amount {
        let ground = rule(patient, super::order::axis(input));
        return Offer {
            amount: asked,
            reason: Reason::Taken,
            ground,
            bound: None,
        };
    }
    let full_cover = patient.full_cover.contains(input.usage);
    if most.amount.is_positive() && (full_cover || !patient.partial_aid) {
        let axis = if full_cover {
            Axis::FullCover
        } else {
            Axis::PartialAid
        };
        return Offer::nothing(Reason::FullCoverNeeded, rule(patient, axis));
    }
    most
}

/// What stands against any payment at all, but for the figures.
fn refused(candidate: &Candidate<'_>, input: &PlanInput<'_>) -> Option<Offer> {
    let nothing = |reason, ground| Some(Offer::nothing(reason, ground));
    if candidate.rules.model != Model::Link {
        return nothing(
            Reason::FundingModelNotLink,
            rule(candidate.rules, Axis::Model),
        );
    }
    if let Some(reason) = candidate.permission.refused() {
        let of_binding = matches!(reason, Reason::BindingEnding | Reason::BindingEnded);
        return nothing(
            reason,
            if of_binding {
                Ground::Binding
            } else {
                Ground::Mandate
            },
        );
    }
    if input.at < candidate.effective_from {
        return nothing(Reason::NotYetEffective, Ground::Binding);
    }
    if candidate.valid_until.is_some_and(|end| end <= input.at) {
        return nothing(Reason::OutsideValidity, Ground::Binding);
    }
    if let Some(reason) = bind::contributor_refused(candidate.standing, candidate.rules) {
        return nothing(reason, rule(candidate.rules, Axis::ContributorStanding));
    }
    if let Some(reason) = candidate.purse.barred {
        return nothing(reason, Ground::Account);
    }
    if !candidate.usage.contains(input.usage) {
        return nothing(Reason::UsageNotInMandate, Ground::Mandate);
    }
    None
}

/// The most this contributor gives to any bill now, with what bounds it: limits first, then the account.
fn most(candidate: &Candidate<'_>, purse: &Purse) -> Offer {
    let limits = &candidate.limits;
    let this_month = limits.per_month.map(|limit| {
        (
            limit.less(limits.used_this_month),
            limit,
            Reason::LimitPerMonth,
        )
    });
    let at_once = limits
        .per_transaction
        .map(|limit| (limit, limit, Reason::LimitPerTransaction));
    let mut most = from_account(candidate.rules, purse);
    for (left, limit, reason) in this_month.into_iter().chain(at_once) {
        if left < most.amount {
            most = Offer {
                amount: left,
                reason,
                ground: Ground::Mandate,
                bound: Some(limit),
            };
        }
    }
    most
}

/// What the contributor's own place lets out of the account: the starting minimum filters, the floor is subtracted (ruling 35).
fn from_account(rules: &Rules, purse: &Purse) -> Offer {
    let usable = purse.usable(rules.aid_source);
    if usable.is_zero() {
        return Offer::nothing(
            Reason::BalanceZero,
            emptiness(purse, rules, rules.aid_source, Axis::AidSource),
        );
    }
    if usable < rules.min_balance_to_start {
        return Offer {
            bound: Some(rules.min_balance_to_start),
            ..Offer::nothing(
                Reason::BelowStartingMinimum,
                rule(rules, Axis::MinBalanceToStart),
            )
        };
    }
    if rules.reserve_floor.is_positive() {
        return Offer {
            amount: usable.less(rules.reserve_floor),
            reason: Reason::BelowFloor,
            ground: rule(rules, Axis::ReserveFloor),
            bound: Some(rules.reserve_floor),
        };
    }
    let ground = emptiness(purse, rules, rules.aid_source, Axis::AidSource);
    Offer {
        amount: usable,
        reason: Reason::BalanceZero,
        ground,
        bound: None,
    }
}

/// Why there is no more: the rule that lets one bucket pay only, if the other one holds money, else the account itself.
pub(super) fn emptiness(purse: &Purse, rules: &Rules, source: Source, axis: Axis) -> Ground {
    if source == Source::PriorYearOnly && purse.current.is_positive() {
        rule(rules, axis)
    } else {
        Ground::Account
    }
}
