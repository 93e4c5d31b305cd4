//! What one contributor can give to one bill, and what stands against more.

use kernel::clock::business_day;
use kernel::{Fen, Reason, Timestamp};

use super::Ground;
use super::input::{Candidate, Permission, PlanInput, Purse};
use super::limits::{self, Window, Windows};
use super::remedy::{self, Remedy};
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
    pub(super) remedies: Vec<Remedy>,
}

impl Offer {
    /// Nothing, and why.
    pub(super) const fn nothing(reason: Reason, ground: Ground) -> Self {
        Self {
            amount: Fen::ZERO,
            reason,
            ground,
            bound: None,
            remedies: Vec::new(),
        }
    }

    /// All that is asked.
    pub(super) fn all(amount: Fen, ground: Ground) -> Self {
        Self {
            amount,
            ..Self::nothing(Reason::Taken, ground)
        }
    }

    /// The same, with what would change it.
    pub(super) fn unless(self, remedies: Vec<Remedy>) -> Self {
        Self { remedies, ..self }
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
    let patient = input.patient.rules;
    let full_cover = patient.full_cover.contains(input.usage);
    let need = if full_cover && !patient.full_cover_own_counts {
        turn.payable
    } else {
        turn.asked
    };
    let most = most(candidate, turn, need, input.at);
    let base = match patient.full_cover_base {
        FullCoverBase::Balance if full_cover => candidate.purse.total().max(Fen::ZERO),
        _ => most.amount,
    };
    if turn.asked <= most.amount && (!full_cover || need <= base) {
        return Offer::all(turn.asked, rule(patient, super::order::axis(input)));
    }
    if most.amount.is_positive() && (full_cover || !patient.partial_aid) {
        let axis = if full_cover {
            Axis::FullCover
        } else {
            Axis::PartialAid
        };
        let refused = Offer::nothing(Reason::FullCoverNeeded, rule(patient, axis));
        let remedies = match most.remedies {
            // Limits and floor leave enough, and the account as a whole has to hold more.
            none if none.is_empty() => vec![Remedy::Credit(need.less(base))],
            remedies => remedies,
        };
        return refused.unless(remedies);
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
    if let Permission::NotYet(day) = candidate.permission {
        let refused = Offer::nothing(Reason::MandateNotYetValid, Ground::Mandate);
        return Some(refused.unless(vec![Remedy::WaitUntil(day)]));
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
        let refused = Offer::nothing(Reason::NotYetEffective, Ground::Binding);
        return Some(refused.unless(remedy::wait_for(candidate.effective_from)));
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

/// The most this contributor gives to any bill now, with what bounds it and what would let it give `need`.
fn most(candidate: &Candidate<'_>, turn: &Turn, need: Fen, at: Timestamp) -> Offer {
    let rules = candidate.rules;
    let account = from_account(rules, &turn.purse, need);
    let bounds = limits::bounds(candidate, turn.burden, turn.spent);
    let mut of_limits = Vec::new();
    if bounds.iter().any(|bound| bound.left < need) {
        let windows = Windows::of(business_day(at), rules);
        of_limits = remedy::of_limits(&bounds, need, windows);
    }
    // Of two that leave the same the first, and so the region's: raising the mandate's would change nothing.
    let tightest = bounds.into_iter().min_by_key(|bound| bound.left);
    match tightest.filter(|bound| bound.left < account.amount) {
        Some(bound) => Offer {
            amount: bound.left,
            reason: reached(bound.window),
            ground: bound.ground,
            // What a share comes to would tell the balance it is a share of.
            bound: (bound.window != Window::Share).then_some(bound.limit),
            remedies: of_limits,
        },
        None => account,
    }
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
fn from_account(rules: &Rules, purse: &Purse, need: Fen) -> Offer {
    let usable = purse.usable(rules.aid_source);
    let credit = credit(rules, purse, need);
    if usable.is_zero() {
        let ground = emptiness(purse, rules, rules.aid_source, Axis::AidSource);
        return Offer::nothing(Reason::BalanceZero, ground).unless(credit);
    }
    if usable < rules.min_balance_to_start {
        let ground = rule(rules, Axis::MinBalanceToStart);
        return Offer {
            bound: Some(rules.min_balance_to_start),
            ..Offer::nothing(Reason::BelowStartingMinimum, ground).unless(credit)
        };
    }
    if rules.reserve_floor.is_positive() {
        return Offer {
            amount: usable.less(rules.reserve_floor),
            reason: Reason::BelowFloor,
            ground: rule(rules, Axis::ReserveFloor),
            bound: Some(rules.reserve_floor),
            remedies: credit,
        };
    }
    Offer {
        amount: usable,
        reason: Reason::BalanceZero,
        ground: emptiness(purse, rules, rules.aid_source, Axis::AidSource),
        bound: None,
        remedies: credit,
    }
}

/// What would have to come into the account, into a bucket that may pay, to let it give `need`; nothing if it does.
fn credit(rules: &Rules, purse: &Purse, need: Fen) -> Vec<Remedy> {
    let enough = need
        .checked_add(rules.reserve_floor)
        .unwrap_or(Fen::new(i64::MAX))
        .max(rules.min_balance_to_start);
    let by = enough
        .checked_sub(purse.counted(rules.aid_source))
        .unwrap_or(Fen::new(i64::MAX));
    by.is_positive()
        .then_some(Remedy::Credit(by))
        .into_iter()
        .collect()
}

/// Why there is no more: the rule that lets one bucket pay only, if the other one holds money, else the account itself.
pub(super) fn emptiness(purse: &Purse, rules: &Rules, source: Source, axis: Axis) -> Ground {
    if source == Source::PriorYearOnly && purse.current.is_positive() {
        rule(rules, axis)
    } else {
        Ground::Account
    }
}
