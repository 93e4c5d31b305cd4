//! Facts of this service as others read them. People are opaque ids; an institution appears by its kind only.

use chassis::outbox::Entry;
use kernel::{AccountId, BindingId, Fen, PersonId, Timestamp};
use proto::common::v1 as common;
use proto::convert::wire_time;
use proto::settlement::v1 as pb;

use crate::allocation::Allocated;
use crate::answer;
use crate::command::AllocationKind;
use crate::deduct::GivenUp;
use crate::deferral::Deferral;
use crate::enforced::{Fence, FenceScope};
use crate::keep::{Kept, Mark};
use crate::refund::{Refunded, Way};
use crate::settlement::{Change, Leg, Settled, changes};

mod replacement;

/// What a settled bill tells: the charge with its legs, and each account that moved. One that is deducted after the visit tells
/// that it was accepted.
pub fn of_settlement(settled: &Settled, trace: Option<&String>) -> Vec<Entry> {
    if let Some(deferral) = &settled.deferral {
        return vec![Entry::new(&accepted(settled, deferral), settled.at).in_trace(trace.cloned())];
    }
    let mut entries = vec![Entry::new(&charged(settled), settled.at).in_trace(trace.cloned())];
    let cause = Cause {
        kind: pb::BalanceCause::Charge,
        id: settled.id.to_string(),
        period: "",
        at: settled.at,
        sandbox: settled.patient.sandbox,
    };
    entries.extend(moved(&settled.legs, false, &cause, trace));
    entries
}

/// What it tells that something was given back.
pub fn of_refund(refunded: &Refunded, trace: Option<&String>) -> Vec<Entry> {
    let (kind, fact) = match refunded.way {
        Way::Cancel | Way::Reversal => (
            pb::BalanceCause::Cancel,
            Entry::new(&cancelled(refunded), refunded.at),
        ),
        Way::Refund => (
            pb::BalanceCause::Refund,
            Entry::new(&given_back(refunded), refunded.at),
        ),
    };
    let mut entries = vec![fact.in_trace(trace.cloned())];
    let cause = Cause {
        kind,
        id: refunded.id.to_string(),
        period: "",
        at: refunded.at,
        sandbox: refunded.settlement.sandbox,
    };
    entries.extend(moved(&refunded.reached(), true, &cause, trace));
    entries
}

/// What an allocation tells, and that it took the account below zero if it did.
pub fn of_allocation(allocated: &Allocated, trace: Option<&String>) -> Vec<Entry> {
    let allocation = &allocated.allocation;
    let [current, prior] = allocated.changes();
    let change = Change {
        person: allocated.account.person,
        current,
        prior,
        after: allocated.after,
    };
    let cause = Cause {
        kind: cause_of(allocation.kind),
        id: allocation.id.to_string(),
        period: &allocation.period,
        at: allocated.at,
        sandbox: allocated.account.sandbox,
    };
    let changed = balance_changed(allocation.account, &change, &cause);
    let mut entries = vec![Entry::new(&changed, allocated.at).in_trace(trace.cloned())];
    if let Some(paused) = &allocated.paused {
        let overdrawn = overdrawn(allocated, paused);
        entries.push(Entry::new(&overdrawn, allocated.at).in_trace(trace.cloned()));
    }
    entries
}

/// What was done to an account tells: each balance that moved, and that it was frozen or let go.
pub fn of_keeping(kept: &Kept, trace: Option<&String>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for posted in &kept.posted {
        entries.extend(of_allocation(posted, trace));
    }
    let account_id = kept.account.id.to_string();
    let person_id = kept.account.person.to_string();
    let (at, sandbox) = (Some(wire_time(kept.at)), kept.account.sandbox);
    let told = match kept.mark {
        Some(Mark::Frozen) => Entry::new(
            &pb::AccountFrozen {
                account_id,
                person_id,
                at,
                sandbox,
            },
            kept.at,
        ),
        Some(Mark::Unfrozen) => Entry::new(
            &pb::AccountUnfrozen {
                account_id,
                person_id,
                at,
                sandbox,
            },
            kept.at,
        ),
        Some(Mark::Closed) => Entry::new(
            &pb::AccountClosed {
                account_id,
                person_id,
                at,
                sandbox,
            },
            kept.at,
        ),
        None => return entries,
    };
    entries.push(told.in_trace(trace.cloned()));
    entries
}

fn cause_of(kind: AllocationKind) -> pb::BalanceCause {
    match kind {
        AllocationKind::Monthly => pb::BalanceCause::Allocation,
        AllocationKind::Opening => pb::BalanceCause::Opening,
        AllocationKind::Pre => pb::BalanceCause::PreAllocation,
        AllocationKind::Adjustment => pb::BalanceCause::Adjustment,
        AllocationKind::Clearing => pb::BalanceCause::Clearing,
        AllocationKind::Rollover => pb::BalanceCause::Rollover,
        AllocationKind::Interest => pb::BalanceCause::Interest,
        AllocationKind::Exit => pb::BalanceCause::Exit,
        AllocationKind::Correction => pb::BalanceCause::Correction,
    }
}

fn overdrawn(allocated: &Allocated, paused: &[PersonId]) -> pb::Overdrawn {
    let account = &allocated.account;
    let owed = account.balance().and_then(Fen::checked_neg);
    pb::Overdrawn {
        account_id: account.id.to_string(),
        person_id: account.person.to_string(),
        version: allocated.after.version,
        owed_fen: owed.map_or(0, Fen::get),
        beneficiary_person_ids: paused.iter().map(ToString::to_string).collect(),
        at: Some(wire_time(allocated.at)),
        sandbox: account.sandbox,
    }
}

fn accepted(settled: &Settled, deferral: &Deferral) -> pb::Accepted {
    pb::Accepted {
        settlement_id: settled.id.to_string(),
        patient_person_id: settled.patient.person.to_string(),
        institution_kind: pb::InstitutionKind::from(settled.institution.kind).into(),
        region: settled.patient.region.to_string(),
        usage: common::Usage::from(settled.usage).into(),
        accepted_at: Some(wire_time(settled.at)),
        total_fen: settled.split.total.get(),
        pooled_fen: settled.split.pooled.get(),
        cash_fen: settled.split.cash.get(),
        open_fen: settled.split.open.get(),
        give_up_at: Some(wire_time(deferral.give_up_at)),
        sandbox: settled.patient.sandbox,
        parts: settled.benefit.as_deref().map(answer::cost_parts),
    }
}

/// What became cash because nobody paid it in time.
pub fn given_up(given_up: &GivenUp, trace: Option<&String>) -> Entry {
    let bill = &given_up.bill;
    let fact = pb::GivenUp {
        settlement_id: bill.settlement.to_string(),
        patient_person_id: bill.patient.to_string(),
        institution_kind: pb::InstitutionKind::from(given_up.institution.kind).into(),
        accepted_at: Some(wire_time(bill.accepted_at)),
        given_up_at: Some(wire_time(given_up.at)),
        total_fen: bill.total().map_or(0, kernel::Fen::get),
        own_fen: bill.own.get(),
        aid_fen: bill.aid.get(),
        cash_fen: given_up.rest.get(),
        reason: given_up
            .reason
            .map(|reason| reason.code().to_owned())
            .unwrap_or_default(),
        sandbox: given_up.sandbox,
    };
    Entry::new(&fact, given_up.at).in_trace(trace.cloned())
}

/// An account for which somebody waits can pay more.
pub fn money_came(account: AccountId, person: PersonId, at: Timestamp) -> Entry {
    let fact = pb::MoneyCame {
        account_id: account.to_string(),
        person_id: person.to_string(),
        came_at: Some(wire_time(at)),
    };
    Entry::new(&fact, at)
}

/// A binding pays that did not, or not so much.
pub fn permission_came(
    binding: BindingId,
    beneficiary: PersonId,
    at: Timestamp,
) -> pb::PermissionCame {
    pb::PermissionCame {
        binding_id: binding.to_string(),
        beneficiary_person_id: beneficiary.to_string(),
        came_at: Some(wire_time(at)),
    }
}

/// What a fence tells: from `at` on no charge is decided on anything older than its version.
pub fn fenced(fence: &Fence, at: Timestamp) -> Entry {
    let scope = match fence.scope {
        FenceScope::Binding => pb::FenceScope::Binding,
        FenceScope::Mandate => pb::FenceScope::Mandate,
    };
    let fact = pb::Fenced {
        binding_id: fence.binding.to_string(),
        scope: scope.into(),
        version: fence.version,
        fenced_at: Some(wire_time(at)),
    };
    Entry::new(&fact, at).in_trace(fence.trace_parent.clone())
}

struct Cause<'a> {
    kind: pb::BalanceCause,
    id: String,
    /// The month an allocation is for.
    period: &'a str,
    at: Timestamp,
    sandbox: bool,
}

fn moved(legs: &[Leg], money_in: bool, cause: &Cause<'_>, trace: Option<&String>) -> Vec<Entry> {
    changes(legs, money_in)
        .expect("the legs of one bill are parts of an amount that fits")
        .iter()
        .map(|(account, change)| {
            Entry::new(&balance_changed(*account, change, cause), cause.at).in_trace(trace.cloned())
        })
        .collect()
}

fn balance_changed(account: AccountId, change: &Change, cause: &Cause<'_>) -> pb::BalanceChanged {
    pb::BalanceChanged {
        account_id: account.to_string(),
        person_id: change.person.to_string(),
        version: change.after.version,
        cause: cause.kind.into(),
        cause_id: cause.id.clone(),
        current_change_fen: change.current.get(),
        prior_change_fen: change.prior.get(),
        current_after_fen: change.after.current.get(),
        prior_after_fen: change.after.prior.get(),
        at: Some(wire_time(cause.at)),
        period: cause.period.to_owned(),
        sandbox: cause.sandbox,
    }
}

fn charged(settled: &Settled) -> pb::Charged {
    let (patient, split) = (&settled.patient, settled.split);
    pb::Charged {
        settlement_id: settled.id.to_string(),
        patient_person_id: patient.person.to_string(),
        patient_account_id: patient.id.to_string(),
        institution_kind: pb::InstitutionKind::from(settled.institution.kind).into(),
        region: patient.region.to_string(),
        usage: common::Usage::from(settled.usage).into(),
        settled_at: Some(wire_time(settled.at)),
        total_fen: split.total.get(),
        pooled_fen: split.pooled.get(),
        own_fen: split.own.get(),
        aid_fen: split.aid.get(),
        cash_fen: split.cash.get(),
        legs: settled.legs.iter().map(charged_leg).collect(),
        aid_short_reason: settled
            .aid_short()
            .map(|reason| reason.code().to_owned())
            .unwrap_or_default(),
        sandbox: patient.sandbox,
        parts: settled.benefit.as_deref().map(answer::cost_parts),
        replaced: settled
            .replaced
            .as_deref()
            .map(|refunded| replacement::replaced(settled, refunded)),
    }
}

fn cancelled(refunded: &Refunded) -> pb::Cancelled {
    let (settlement, split) = (&refunded.settlement, refunded.split);
    pb::Cancelled {
        cancellation_id: refunded.id.to_string(),
        settlement_id: settlement.id.to_string(),
        patient_person_id: settlement.patient.to_string(),
        institution_kind: pb::InstitutionKind::from(refunded.institution_kind).into(),
        settled_at: Some(wire_time(settlement.settled_at)),
        cancelled_at: Some(wire_time(refunded.at)),
        legs: refunded.reached().iter().map(charged_leg).collect(),
        total_fen: split.total.get(),
        own_fen: split.own.get(),
        aid_fen: split.aid.get(),
        cash_fen: split.cash.get(),
        pooled_fen: split.pooled.get(),
        sandbox: settlement.sandbox,
        unclaimed: answer::unclaimed(refunded),
        open_fen: split.open.get(),
        replaced_by: refunded
            .replaced_by
            .map(|by| by.settlement.to_string())
            .unwrap_or_default(),
        net_is_charged: refunded.replaced_by.is_some_and(|by| by.paid),
    }
}

fn given_back(refunded: &Refunded) -> pb::Refunded {
    let (settlement, split) = (&refunded.settlement, refunded.split);
    pb::Refunded {
        refund_id: refunded.id.to_string(),
        settlement_id: settlement.id.to_string(),
        patient_person_id: settlement.patient.to_string(),
        institution_kind: pb::InstitutionKind::from(refunded.institution_kind).into(),
        settled_at: Some(wire_time(settlement.settled_at)),
        refunded_at: Some(wire_time(refunded.at)),
        legs: refunded.reached().iter().map(charged_leg).collect(),
        unclaimed: answer::unclaimed(refunded),
        total_fen: split.total.get(),
        pooled_fen: split.pooled.get(),
        own_fen: split.own.get(),
        aid_fen: split.aid.get(),
        cash_fen: split.cash.get(),
        left_fen: settlement.rest().total.get(),
        sandbox: settlement.sandbox,
        open_fen: split.open.get(),
    }
}

fn charged_leg(leg: &Leg) -> pb::ChargedLeg {
    pb::ChargedLeg {
        leg: Some(answer::leg(leg)),
        account_version: leg.after.version,
        current_after_fen: leg.after.current.get(),
        prior_after_fen: leg.after.prior.get(),
        per_day_left_fen: leg.left.day.map(kernel::Fen::get),
        per_month_left_fen: leg.left.month.map(kernel::Fen::get),
        per_year_left_fen: leg.left.year.map(kernel::Fen::get),
        total_left_fen: leg.left.total.map(kernel::Fen::get),
    }
}
