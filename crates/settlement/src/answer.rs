//! What was decided, as the caller reads it. The encoded answer is stored, so that a repetition gets the very same.

use kernel::Timestamp;
use policy::benefit::Parts;
use policy::explain::{self, Reader};
use policy::plan::limits::Window;
use policy::plan::{Ground, Line, Payer, Plan, Remedy};
use proto::common::v1 as common;
use proto::convert::{wire_reason, wire_time};
use proto::settlement::v1 as pb;

use crate::account::Account;
use crate::benefit::{Back, Benefited, Seen};
use crate::book::Book;
use crate::hold::capture::Captured;
use crate::hold::place::Placed;
use crate::hold::{Ended, Hold, State};
use crate::refund::Refunded;
use crate::reverse::{Effect, Reversed};
use crate::settlement::{Declined, Leg, Settled, Split};

mod after_visit;

pub use after_visit::deducted;

/// The answer to a bill that was settled. `book` knows whose the considered accounts are.
pub fn settled(settled: &Settled, book: &Book) -> pb::SettleResponse {
    let patient = &settled.patient;
    let state = match settled.deferral {
        None => pb::SettlementState::Settled,
        Some(_) => pb::SettlementState::Accepted,
    };
    let settlement = pb::Settlement {
        settlement_id: settled.id.to_string(),
        state: state.into(),
        institution: settled.key.institution.clone(),
        msgid: settled.key.msgid.clone(),
        patient_person_id: patient.person.to_string(),
        patient_account_id: patient.id.to_string(),
        person_no: patient.person_no.clone(),
        region: patient.region.to_string(),
        scheme: common::Scheme::from(patient.scheme).into(),
        usage: common::Usage::from(settled.usage).into(),
        settled_at: Some(wire_time(settled.at)),
        split: Some(split(
            settled.split,
            settled.legs.iter().map(leg).collect(),
            (&settled.plan, settled.benefit.as_deref()),
            book,
        )),
        own_balance_fen: patient.balance().map_or(0, kernel::Fen::get),
        cancellation_id: String::new(),
        refunded_fen: 0,
        after_visit: settled.deferral.as_ref().map(|deferral| pb::AfterVisit {
            give_up_at: Some(wire_time(deferral.give_up_at)),
            deductions: Vec::new(),
            closed_at: None,
            open_fen: deferral.open.get(),
        }),
        replaces: settled
            .replaced
            .as_ref()
            .map(|replaced| replaced.settlement.id.to_string())
            .unwrap_or_default(),
        replaced_by: String::new(),
    };
    pb::SettleResponse {
        outcome: Some(pb::settle_response::Outcome::Settlement(settlement)),
    }
}

/// The answer to a bill that was declined.
pub fn declined(declined: &Declined) -> pb::SettleResponse {
    let reason = wire_reason(&declined.why);
    pb::SettleResponse {
        outcome: Some(pb::settle_response::Outcome::Declined(reason)),
    }
}

/// The answer to a bill that would cost more than was quoted: how it would be split now.
pub fn stale(plan: &Plan, benefit: Option<&Benefited>, book: &Book) -> pb::SettleResponse {
    let stale = pb::Stale {
        split: Some(quoted(plan, benefit, book)),
    };
    pb::SettleResponse {
        outcome: Some(pb::settle_response::Outcome::Stale(stale)),
    }
}

/// The answer to a hold: what is set aside, or why the bill was declined.
pub fn placed(placed: &Placed) -> pb::PlaceHoldResponse {
    use pb::place_hold_response::Outcome;
    pb::PlaceHoldResponse {
        outcome: Some(match &placed.declined {
            None => Outcome::Hold(hold(&placed.hold)),
            Some(why) => Outcome::Declined(wire_reason(why)),
        }),
        hold_id: placed.hold.id.to_string(),
    }
}

/// The answer to a release.
pub fn released(ended: &Ended) -> pb::ReleaseHoldResponse {
    pb::ReleaseHoldResponse {
        hold: Some(hold(&ended.hold)),
    }
}

/// A hold as it stands.
pub fn hold(hold: &Hold) -> pb::Hold {
    let (state, captured) = match hold.state {
        State::Held => (pb::HoldState::Held, None),
        State::Released { .. } => (pb::HoldState::Released, None),
        State::Expired { .. } => (pb::HoldState::Expired, None),
        State::Rejected => (pb::HoldState::Rejected, None),
        State::Captured {
            settlement, amount, ..
        } => (pb::HoldState::Captured, Some((settlement, amount))),
    };
    pb::Hold {
        hold_id: hold.id.to_string(),
        state: state.into(),
        institution: hold.institution.clone(),
        patient_person_id: hold.patient.to_string(),
        patient_account_id: hold.patient_account.to_string(),
        usage: common::Usage::from(hold.usage).into(),
        placed_at: Some(wire_time(hold.placed_at)),
        expires_at: Some(wire_time(hold.expires_at)),
        split: hold.split.clone(),
        held_fen: hold.held().map_or(0, kernel::Fen::get),
        ended_at: hold.state.ended_at().map(wire_time),
        settlement_id: captured
            .map(|(settlement, _)| settlement.to_string())
            .unwrap_or_default(),
        captured_fen: captured.map_or(0, |(_, amount)| amount.get()),
    }
}

/// The answer to a capture: a settlement. A payer of whom all that was held was taken is explained as when it was placed.
pub fn captured(captured: &Captured, book: &Book) -> pb::SettleResponse {
    let mut answer = settled(&captured.settled, book);
    let told = captured.ended.hold.split.as_ref();
    if let (Some(pb::settle_response::Outcome::Settlement(settlement)), Some(told)) =
        (&mut answer.outcome, told)
    {
        let now = settlement
            .split
            .iter_mut()
            .flat_map(|split| &mut split.considered);
        for (now, told) in now.zip(&told.considered) {
            if now.account_id == told.account_id && now.taken_fen == told.taken_fen {
                now.clone_from(told);
            }
        }
    }
    answer
}

/// How a bill would be split.
pub fn quoted(plan: &Plan, benefit: Option<&Benefited>, book: &Book) -> pb::Split {
    let legs = plan.legs.iter().map(|leg| pb::Leg {
        kind: kind(leg.payer).into(),
        account_id: leg.account.to_string(),
        person_id: person_of(leg.account, book),
        bucket: common::Bucket::from(leg.bucket).into(),
        amount_fen: leg.amount.get(),
        binding_id: binding_of(leg.payer),
        mandate_version: mandate_of(leg.payer),
    });
    split(
        Split::of(plan, benefit),
        legs.collect(),
        (plan, benefit),
        book,
    )
}

fn split(
    split: Split,
    legs: Vec<pb::Leg>,
    (plan, seen): (&Plan, Option<&Benefited>),
    book: &Book,
) -> pb::Split {
    pb::Split {
        total_fen: split.total.get(),
        pooled_fen: split.pooled.get(),
        own_fen: split.own.get(),
        aid_fen: split.aid.get(),
        cash_fen: split.cash.get(),
        legs,
        considered: plan
            .lines
            .iter()
            .map(|line| considered(line, book))
            .collect(),
        rules: plan.versions.iter().map(ToString::to_string).collect(),
        benefit: seen.map(benefit),
        open_fen: split.open.get(),
    }
}

/// How the pooled fund saw a bill.
fn benefit(seen: &Benefited) -> pb::Benefit {
    let lines = seen.lines.iter().zip(&seen.assessed.lines);
    pb::Benefit {
        parts: Some(cost_parts(seen)),
        lines: lines
            .map(|(seen, parts)| benefit_line(seen, *parts))
            .collect(),
        warnings: seen.warnings.iter().map(wire_reason).collect(),
        ratio_bp: seen
            .entitlement
            .map_or(0, |terms| terms.ratio.basis_points().into()),
        fund_region: seen.pool.to_string(),
        rules: seen.versions.iter().map(ToString::to_string).collect(),
    }
}

fn benefit_line(seen: &Seen, parts: Parts) -> pb::BenefitLine {
    let item = seen.line.item;
    pb::BenefitLine {
        line_no: seen.line_no.clone(),
        amount_fen: seen.line.amount.get(),
        own_expense_fen: parts.own_expense.get(),
        over_limit_fen: parts.over_limit.get(),
        pre_self_pay_fen: parts.pre_self_pay.get(),
        in_scope_fen: parts.in_scope.get(),
        level: item.map_or_else(String::new, |item| item.level.code().to_owned()),
        self_pay_bp: item.map_or(0, |item| item.self_pay.basis_points().into()),
        price_ceiling_e6: item.and_then(|item| item.ceiling).map(|price| price.0),
    }
}

/// The parts of a bill with a benefit.
pub fn cost_parts(seen: &Benefited) -> pb::CostParts {
    let (assessed, whole) = (&seen.assessed, seen.assessed.whole);
    pb::CostParts {
        own_expense_fen: whole.own_expense.get(),
        over_limit_fen: whole.over_limit.get(),
        pre_self_pay_fen: whole.pre_self_pay.get(),
        in_scope_fen: whole.in_scope.get(),
        deductible_fen: assessed.deductible.get(),
        copay_fen: assessed.copay.get(),
        pooled_fen: assessed.pooled.get(),
    }
}

/// What went back of each part of a bill with a benefit.
fn parts_back(back: Back) -> pb::CostParts {
    pb::CostParts {
        own_expense_fen: back.parts.own_expense.get(),
        over_limit_fen: back.parts.over_limit.get(),
        pre_self_pay_fen: back.parts.pre_self_pay.get(),
        in_scope_fen: back.parts.in_scope.get(),
        deductible_fen: back.deductible.get(),
        copay_fen: back.copay.get(),
        pooled_fen: back.pooled.get(),
    }
}

/// One leg.
pub fn leg(leg: &Leg) -> pb::Leg {
    pb::Leg {
        kind: kind(leg.payer).into(),
        account_id: leg.account.to_string(),
        person_id: leg.person.to_string(),
        bucket: common::Bucket::from(leg.bucket).into(),
        amount_fen: leg.amount.get(),
        binding_id: binding_of(leg.payer),
        mandate_version: mandate_of(leg.payer),
    }
}

/// One payer that was considered, with the sentence that says what it gave and why not more. No sentence names anybody
/// or a balance: whoever prints it knows which line is whose.
fn considered(line: &Line, book: &Book) -> pb::Considered {
    let (zh, en) = match line.payer {
        Payer::Own => ("本人账户", "the own account"),
        Payer::Aid { .. } => ("授权人", "the contributor"),
    };
    pb::Considered {
        kind: kind(line.payer).into(),
        account_id: line.account.to_string(),
        person_id: person_of(line.account, book),
        binding_id: binding_of(line.payer),
        taken_fen: line.taken.get(),
        reason: Some(common::Reason {
            code: line.reason.code().to_owned(),
            zh: explain::zh(line, zh, Reader::Patient),
            en: explain::en(line, en, Reader::Patient),
        }),
        rule: ground(&line.ground),
        remedies: line.remedies.iter().map(remedy).collect(),
    }
}

/// A remedy as the patient may see it: what is missing in an account stays untold.
fn remedy(remedy: &Remedy) -> pb::Remedy {
    use pb::RemedyKind as Kind;
    let plain = |kind: Kind| pb::Remedy {
        kind: kind.into(),
        ..pb::Remedy::default()
    };
    match remedy {
        Remedy::RaiseLimit { window, by } => pb::Remedy {
            window: limit_window(*window).into(),
            amount_fen: by.get(),
            ..plain(Kind::RaiseLimit)
        },
        Remedy::RaiseShare => plain(Kind::RaiseShare),
        Remedy::WaitUntil(day) => pb::Remedy {
            day: day.to_string(),
            ..plain(Kind::WaitUntil)
        },
        Remedy::Credit(_) => plain(Kind::Credit),
        Remedy::Choose => plain(Kind::Choose),
        Remedy::Ask => plain(Kind::Ask),
    }
}

const fn limit_window(window: Window) -> pb::LimitWindow {
    match window {
        Window::Transaction | Window::Share => pb::LimitWindow::Transaction,
        Window::Day => pb::LimitWindow::Day,
        Window::Month => pb::LimitWindow::Month,
        Window::Year => pb::LimitWindow::Year,
        Window::Total => pb::LimitWindow::Total,
    }
}

fn ground(ground: &Ground) -> String {
    match ground {
        Ground::Rule { version, axis } => format!("{version} {axis}"),
        Ground::Mandate => "mandate".to_owned(),
        Ground::Binding => "binding".to_owned(),
        Ground::Account => "account".to_owned(),
        Ground::Request => "request".to_owned(),
        Ground::Bill => "bill".to_owned(),
    }
}

/// On which side of the bill a payer stands.
pub(crate) fn kind(payer: Payer) -> pb::LegKind {
    match payer {
        Payer::Own => pb::LegKind::Own,
        Payer::Aid { .. } => pb::LegKind::Aid,
    }
}

/// The binding under which a relative pays; empty for own money.
pub(crate) fn binding_of(payer: Payer) -> String {
    match payer {
        Payer::Own => String::new(),
        Payer::Aid { binding, .. } => binding.to_string(),
    }
}

fn mandate_of(payer: Payer) -> i64 {
    match payer {
        Payer::Own => 0,
        Payer::Aid { mandate, .. } => mandate,
    }
}

fn person_of(account: kernel::AccountId, book: &Book) -> String {
    book.accounts
        .get(&account)
        .map(|account| account.person.to_string())
        .unwrap_or_default()
}

/// The answer to a cancellation. Amounts are positive: what went back.
pub fn cancelled(refunded: &Refunded) -> pb::CancelResponse {
    let (settlement, split) = (&refunded.settlement, refunded.split);
    pb::CancelResponse {
        cancellation: Some(pb::Cancellation {
            cancellation_id: refunded.id.to_string(),
            settlement_id: settlement.id.to_string(),
            institution: refunded.key.institution.clone(),
            msgid: refunded.key.msgid.clone(),
            patient_person_id: settlement.patient.to_string(),
            person_no: settlement.person_no.clone(),
            cancelled_at: Some(wire_time(refunded.at)),
            total_fen: split.total.get(),
            pooled_fen: split.pooled.get(),
            own_fen: split.own.get(),
            aid_fen: split.aid.get(),
            cash_fen: split.cash.get(),
            legs: refunded.reached().iter().map(leg).collect(),
            own_balance_fen: refunded.own_balance.get(),
            unclaimed: unclaimed(refunded),
            parts: refunded.back.map(parts_back),
            open_fen: split.open.get(),
        }),
    }
}

/// The answer to a refund. Amounts are positive: what went back.
pub fn refunded(refunded: &Refunded) -> pb::RefundResponse {
    let (settlement, split) = (&refunded.settlement, refunded.split);
    pb::RefundResponse {
        refund: Some(pb::Refund {
            refund_id: refunded.id.to_string(),
            settlement_id: settlement.id.to_string(),
            institution: refunded.key.institution.clone(),
            msgid: refunded.key.msgid.clone(),
            patient_person_id: settlement.patient.to_string(),
            person_no: settlement.person_no.clone(),
            refunded_at: Some(wire_time(refunded.at)),
            total_fen: split.total.get(),
            pooled_fen: split.pooled.get(),
            own_fen: split.own.get(),
            aid_fen: split.aid.get(),
            cash_fen: split.cash.get(),
            legs: refunded.reached().iter().map(leg).collect(),
            unclaimed: unclaimed(refunded),
            own_balance_fen: refunded.own_balance.get(),
            left_fen: settlement.rest().total.get(),
            parts: refunded.back.map(parts_back),
            open_fen: split.open.get(),
        }),
    }
}

/// The answer to a reversal. Amounts are positive: what went back.
pub fn reversed(reversed: &Reversed) -> pb::ReverseResponse {
    let effect = match reversed.effect {
        Effect::Undone => pb::ReversalEffect::Undone,
        Effect::Nothing => pb::ReversalEffect::Nothing,
        Effect::NeverArrives => pb::ReversalEffect::NeverArrives,
    };
    let mut reversal = pb::Reversal {
        reversal_id: reversed.id.to_string(),
        institution: reversed.key.institution.clone(),
        msgid: reversed.key.msgid.clone(),
        original_msgid: reversed.original.msgid.clone(),
        effect: effect.into(),
        reversed_at: Some(wire_time(reversed.at)),
        ..pb::Reversal::default()
    };
    if let Some(refunded) = &reversed.refunded {
        let split = refunded.split;
        reversal.settlement_id = refunded.settlement.id.to_string();
        reversal.total_fen = split.total.get();
        reversal.pooled_fen = split.pooled.get();
        reversal.own_fen = split.own.get();
        reversal.aid_fen = split.aid.get();
        reversal.cash_fen = split.cash.get();
        reversal.open_fen = split.open.get();
        reversal.legs = refunded.reached().iter().map(leg).collect();
        reversal.unclaimed = unclaimed(refunded);
    }
    pb::ReverseResponse {
        reversal: Some(reversal),
    }
}

/// What waits in suspense, as legs.
pub fn unclaimed(refunded: &Refunded) -> Vec<pb::Leg> {
    let legs = refunded.waiting().map(|(waiting, _)| pb::Leg {
        kind: kind(waiting.paid.payer).into(),
        account_id: waiting.paid.account.to_string(),
        person_id: waiting.paid.person.to_string(),
        bucket: common::Bucket::from(waiting.bucket).into(),
        amount_fen: waiting.amount.get(),
        binding_id: binding_of(waiting.paid.payer),
        mandate_version: mandate_of(waiting.paid.payer),
    });
    legs.collect()
}

/// An account as it stood at `as_of`.
pub fn account(account: &Account, as_of: Timestamp) -> pb::Account {
    pb::Account {
        account_id: account.id.to_string(),
        person_id: account.person.to_string(),
        person_no: account.person_no.clone(),
        region: account.region.to_string(),
        scheme: common::Scheme::from(account.scheme).into(),
        kind: common::PersonKind::from(account.kind).into(),
        standing: common::Standing::from(account.standing).into(),
        current_fen: account.current.get(),
        prior_fen: account.prior.get(),
        version: account.version,
        as_of: Some(wire_time(as_of)),
        held_fen: account.held.get(),
    }
}
