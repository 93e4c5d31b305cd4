//! What is shown of a bill that is deducted after the visit.

use proto::convert::wire_time;
use proto::settlement::v1 as pb;

use super::{considered, leg};
use crate::book::Book;
use crate::deduct::Deduction;
use crate::deferral::{Deferral, State as Stage};

/// Brings what is shown of an accepted bill up to date after it was looked at.
pub fn deducted(deferral: &mut Deferral, charge: Option<&Deduction>, book: &Book) {
    let state = match (deferral.state, deferral.deductions) {
        (Stage::Open, 0) => pb::SettlementState::Accepted,
        (Stage::Open, _) => pb::SettlementState::PartlyDeducted,
        (Stage::Done(_), _) => pb::SettlementState::Settled,
        (Stage::GivenUp(_), _) => pb::SettlementState::GivenUp,
        (Stage::Cancelled(_), _) => pb::SettlementState::Cancelled,
    };
    let shown = &mut deferral.shown;
    shown.set_state(state);
    let after_visit = shown.after_visit.get_or_insert_default();
    after_visit.closed_at = deferral.state.closed_at().map(wire_time);
    after_visit.open_fen = deferral.open.get();
    let split = shown.split.get_or_insert_default();
    split.own_fen = deferral.own.get();
    split.aid_fen = deferral.aid.get();
    split.cash_fen = deferral.cash.get();
    split.open_fen = deferral
        .open
        .checked_add(deferral.open_back)
        .map_or(0, kernel::Fen::get);
    let Some(charge) = charge else { return };
    let settled = &charge.settled;
    split.legs.extend(settled.legs.iter().map(leg));
    let lines = settled.plan.lines.iter();
    split.considered = lines.map(|line| considered(line, book)).collect();
    shown.own_balance_fen = settled.patient.balance().map_or(0, kernel::Fen::get);
    after_visit.deductions.push(pb::Deduction {
        number: charge.number.into(),
        deducted_at: Some(wire_time(settled.at)),
        own_fen: settled.split.own.get(),
        aid_fen: settled.split.aid.get(),
        open_fen: deferral.open.get(),
        rules: settled.rules(),
    });
}
