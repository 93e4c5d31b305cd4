//! Money that went back: to each payer of a leg, and to the patient for whom relatives had paid.

use jiff::Timestamp;
use kernel::{Fen, PersonId};
use proto::Unreadable;
use proto::convert::{id, required, time};
use proto::settlement::v1::{Cancelled, ChargedLeg, Leg, LegKind, Refunded};

use super::legs::{Payments, sum};
use super::money::{Line, about, institution};
use crate::notice::{Institution, NewNotice, Told, Who};

/// What both kinds of giving back tell.
struct Back<'a> {
    patient: PersonId,
    institution: Institution,
    charged_at: Timestamp,
    legs: &'a [ChargedLeg],
    /// What could not return to its account.
    unclaimed: &'a [Leg],
    total: Fen,
    own: Fen,
    aid: Fen,
    cash: Fen,
    /// What is left of the bill.
    left: Fen,
}

/// All that was left of a bill was taken back.
pub(super) fn cancelled(cancelled: &Cancelled) -> Result<Vec<NewNotice>, Unreadable> {
    let settled_at = required("settled_at", cancelled.settled_at.as_ref())?;
    let told = told(&Back {
        patient: id("patient_person_id", &cancelled.patient_person_id)?,
        institution: institution(cancelled.institution_kind),
        charged_at: time("settled_at", settled_at)?,
        legs: &cancelled.legs,
        unclaimed: &cancelled.unclaimed,
        total: Fen::new(cancelled.total_fen),
        own: Fen::new(cancelled.own_fen),
        aid: Fen::new(cancelled.aid_fen),
        cash: Fen::new(cancelled.cash_fen),
        left: Fen::ZERO,
    })?;
    Ok(about(&cancelled.settlement_id, cancelled.sandbox, told))
}

/// A part of a bill was given back.
pub(super) fn refunded(refunded: &Refunded) -> Result<Vec<NewNotice>, Unreadable> {
    let settled_at = required("settled_at", refunded.settled_at.as_ref())?;
    let told = told(&Back {
        patient: id("patient_person_id", &refunded.patient_person_id)?,
        institution: institution(refunded.institution_kind),
        charged_at: time("settled_at", settled_at)?,
        legs: &refunded.legs,
        unclaimed: &refunded.unclaimed,
        total: Fen::new(refunded.total_fen),
        own: Fen::new(refunded.own_fen),
        aid: Fen::new(refunded.aid_fen),
        cash: Fen::new(refunded.cash_fen),
        left: Fen::new(refunded.left_fen),
    })?;
    Ok(about(&refunded.settlement_id, refunded.sandbox, told))
}

fn told(back: &Back<'_>) -> Result<Vec<Line>, Unreadable> {
    let payments = Payments::read(back.legs)?;
    let (institution, charged_at) = (back.institution, back.charged_at);
    let mut told = Vec::new();
    for payment in &payments.own {
        told.push(Line::of(
            payment,
            Told::RefundedOwn {
                institution,
                amount: payment.amount.into(),
                charged_at,
                balances: payment.balances(),
            },
        ));
    }
    for payment in &payments.aid {
        told.push(Line::of(
            payment,
            Told::RefundedAid {
                beneficiary: Who(back.patient),
                institution,
                amount: payment.amount.into(),
                charged_at,
                balances: payment.balances(),
            },
        ));
    }
    let (waiting, aid_waiting) = waiting(back.unclaimed)?;
    for (person, amount) in waiting {
        let unclaimed = Told::RefundUnclaimed {
            institution,
            amount: amount.into(),
            charged_at,
        };
        told.push((person, unclaimed).into());
    }
    if back.aid.is_positive() {
        let split = Told::AidRefundedForYou {
            institution,
            total: back.total.into(),
            own: back.own.into(),
            aid: back.aid.into(),
            cash: back.cash.into(),
            stands: back.left.into(),
            waiting: aid_waiting.into(),
            charged_at,
            contributors: payments.contributors(),
        };
        told.push((back.patient, split).into());
    }
    Ok(told)
}

/// What waits for each person, and how much of it is aid.
fn waiting(unclaimed: &[Leg]) -> Result<(Vec<(PersonId, Fen)>, Fen), Unreadable> {
    let mut waiting: Vec<(PersonId, Fen)> = Vec::new();
    let mut aid = Fen::ZERO;
    for leg in unclaimed {
        let person = id("unclaimed.person_id", &leg.person_id)?;
        let amount = Fen::new(leg.amount_fen);
        if LegKind::try_from(leg.kind) == Ok(LegKind::Aid) {
            aid = sum("unclaimed.amount_fen", [aid, amount])?;
        }
        match waiting.iter_mut().find(|(known, _)| *known == person) {
            Some((_, known)) => *known = sum("unclaimed.amount_fen", [*known, amount])?,
            None => waiting.push((person, amount)),
        }
    }
    Ok((waiting, aid))
}

#[cfg(test)]
mod tests;
