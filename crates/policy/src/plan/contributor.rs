//! What one contributor can give to one bill, and what stands against more.

use kernel::{Fen, Reason};

use super::Ground;
use super::input::{Candidate, PlanInput, Purse};
use super::limits::{self, Window};
use crate::axes::{Axis, Rules};
use crate::bind;
use crate::values::{FullCoverBase, Model, Source};

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

/// How far the bill is when a contributor is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// The contributor's account after the takings so far.
    pub(super) purse: Purse,
    /// What of the bill is still open.
    pub(super) asked: Fen,
    /// What accounts may pay of the bill.
    pub(super) payable: Fen,
    /// The whole that is left for the patient.
    pub(super) burden: Fen,
    /// What this account already pays of this bill under another binding.
    pub(super) spent: Fen,
}

/// What `candidate` gives at this turn.
pub(super) fn offer(candidate: &Candidate<'_>, turn: &Turn, input: &PlanInput<'_>) -> Offer {
    if let Some(refused) = refused(candidate, input) {
        return refused;
    }
    let most = most(candidate, turn);
    let patient = input.patient.rules;
    let full_cover = patient.full_cover.contains(input.usage);
    let covers = !full_cover || enough(candidate, turn, &most, patient);
    if turn.asked <= most.amount && covers {
        let ground = rule(patient, super::order::axis(input));
        return Offer {
            amount: turn.asked,
            reason: Reason::Taken,
            ground,
            bound: None,
        };
    }
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

/// Whether this contributor's money is enough where one must cover the bill (ruling 37 of the design).
fn enough(candidate: &Candidate<'_>, turn: &Turn, most: &Offer, patient: &Rules) -> bool {
    let need = if patient.full_cover_own_counts {
        turn.asked
    } else {
        turn.payable
    };
    let base = match patient.full_cover_base {
        FullCoverBase::Usable => most.amount,
        FullCoverBase::Balance => candidate.purse.total(),
    };
    need <= base
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

/// The most this contributor gives to any bill now, with what bounds it: the account first, then limits.
fn most(candidate: &Candidate<'_>, turn: &Turn) -> Offer {
    let mut most = from_account(candidate.rules, &turn.purse);
    for bound in limits::bounds(candidate, turn.burden, turn.spent) {
        if bound.left < most.amount {
            most = Offer {
                amount: bound.left,
                reason: reached(bound.window),
                ground: bound.ground,
                // What a share comes to would tell the balance it is a share of.
                bound: (bound.window != Window::Share).then_some(bound.limit),
            };
        }
    }
    most
}

const fn reached(window: Window) -> Reason {
    match window {
        Window::Transaction => Reason::LimitPerTransaction,
        Window::Day => Reason::LimitPerDay,
        Window::Month => Reason::LimitPerMonth,
        Window::Year => Reason::LimitPerYear,
        Window::Total => Reason::LimitTotal,
        Window::Share => Reason::LimitShare,
    }
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
