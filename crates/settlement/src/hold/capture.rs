//! Captures a hold: it becomes a settlement of the final bill, paid in the order of the plan, and the rest is free again.
//!
//! No payer pays more than is held of theirs. What the final bill is smaller than the one that was planned comes off the cash
//! first and then off the payers, the last one first (ruling 29 of the design).

use std::collections::BTreeMap;

use kernel::{Bucket, Fen, Reason, Refusal, Timestamp};
use policy::Packs;
use policy::packs::PackVersion;
use policy::plan::{Ground, Leg, Line, Payer, Plan};
use proto::settlement::v1 as pb;

use super::command::Capture;
use super::release::find;
use super::{Ended, Hold, State};
use crate::book::Book;
use crate::decide::{Charge, Failed, Moved, Unfit, pay};
use crate::settlement::Settled;

/// A hold that became a settlement.
#[derive(Debug, Clone)]
pub struct Captured {
    pub settled: Settled,
    pub ended: Ended,
}

/// Captures a hold, and moves the money in `book`. It needs no permission of this moment: the permission was used when the
/// money was set aside, and a fence waits for it.
///
/// # Errors
/// `HOLD_UNKNOWN`, `HOLD_NOT_YOURS`, the reason that says how it ended before, `CAPTURE_ABOVE_HOLD`.
pub fn capture(
    book: &mut Book,
    command: &Capture,
    packs: &Packs,
    at: Timestamp,
) -> Result<Captured, Failed> {
    let institution = book
        .institutions
        .get(&command.key.institution)
        .ok_or_else(|| Refusal::about(Reason::InstitutionUnknown, &command.key.institution))?
        .clone();
    let hold = find(book, command.hold)?.clone();
    hold.check_open(&command.key.institution, at)?;
    let total = command.total.unwrap_or(hold.total);
    if total > hold.total {
        let told = format!("{total}, held for {}", hold.total);
        return Err(Refusal::about(Reason::CaptureAboveHold, told).into());
    }

    let unfit = || Unfit(command.key.to_string());
    let takings = takings(book, &hold, total).ok_or_else(unfit)?;
    let captured: Vec<Fen> = takings.iter().map(|(_, amount)| *amount).collect();
    let amount = Fen::checked_sum(captured.iter().copied()).ok_or_else(unfit)?;
    let patient = book
        .accounts
        .get(&hold.patient_account)
        .ok_or_else(unfit)?
        .clone();
    let state = State::Captured {
        settlement: command.id,
        amount,
        at,
    };
    let ended = Hold {
        state,
        ..hold.clone()
    };
    book.end_hold(&ended).ok_or_else(unfit)?;
    let charge = Charge {
        id: command.id,
        key: &command.key,
        usage: hold.usage,
        fingerprint: &[],
    };
    let moved = Moved {
        plan: plan(&hold, &takings, (total, amount)),
        institution,
        patient,
        benefit: None,
    };
    let settled = pay(book, &charge, moved, (packs, at));
    if settled.is_err() {
        book.reopen_hold(&hold);
    }
    Ok(Captured {
        settled: settled?,
        ended: Ended {
            hold: ended,
            captured,
        },
    })
}

/// What each leg gives, and out of which bucket: after the turn of the medical year, this year's money is prior-year money.
/// Never more than is held, and never more than is there, should a correction have lowered the balance meanwhile.
fn takings(book: &Book, hold: &Hold, total: Fen) -> Option<Vec<(Bucket, Fen)>> {
    let mut open = total;
    let mut there = BTreeMap::new();
    let mut takings = Vec::with_capacity(hold.legs.len());
    for leg in &hold.legs {
        let account = book.accounts.get(&leg.account)?;
        let bucket = account.home_of(leg.bucket, leg.medical_year);
        let left = there.entry((leg.account, bucket)).or_insert(match bucket {
            Bucket::Current => account.current,
            Bucket::Prior => account.prior,
        });
        let amount = open.min(leg.amount).min((*left).max(Fen::ZERO));
        *left = left.checked_sub(amount)?;
        open = open.checked_sub(amount)?;
        takings.push((bucket, amount));
    }
    Some(takings)
}

/// The plan of the hold, brought down to what was taken of `total`.
fn plan(hold: &Hold, takings: &[(Bucket, Fen)], (total, amount): (Fen, Fen)) -> Plan {
    let legs: Vec<Leg> = hold
        .legs
        .iter()
        .zip(takings)
        .filter(|(_, (_, amount))| amount.is_positive())
        .map(|(leg, &(bucket, amount))| Leg {
            payer: leg.payer,
            account: leg.account,
            bucket,
            amount,
        })
        .collect();
    let split = hold.split.clone().unwrap_or_default();
    let cash = total.less(amount);
    Plan {
        lines: split
            .considered
            .iter()
            .filter_map(|told| line(told, hold, &legs))
            .collect(),
        cash,
        cash_only: hold.cash_only.min(cash),
        burden: total,
        versions: split
            .rules
            .iter()
            .map(|rule| PackVersion::from_text(rule))
            .collect(),
        legs,
    }
}

/// One line of the explanation, as it was told when the hold was placed; a payer that gave less gave all that was asked.
fn line(told: &pb::Considered, hold: &Hold, legs: &[Leg]) -> Option<Line> {
    let account = told.account_id.parse().ok()?;
    let is_aid = told.kind() == pb::LegKind::Aid;
    let held = hold
        .legs
        .iter()
        .find(|leg| leg.account == account && (leg.payer != Payer::Own) == is_aid);
    let payer = match held {
        Some(leg) => leg.payer,
        None if is_aid => Payer::Aid {
            binding: told.binding_id.parse().ok()?,
            mandate: 0,
        },
        None => Payer::Own,
    };
    let given = legs.iter().filter(|leg| leg.payer == payer);
    let taken = Fen::checked_sum(given.map(|leg| leg.amount))?;
    let (reason, ground) = if taken.get() == told.taken_fen {
        let code = told.reason.as_ref().map_or("", |reason| &reason.code);
        (
            Reason::from_code(code)?,
            Ground::from_text(&told.rule).unwrap_or(Ground::Bill),
        )
    } else if taken.is_zero() {
        (Reason::NothingLeftToPay, Ground::Bill)
    } else {
        (Reason::Taken, Ground::Bill)
    };
    Some(Line {
        payer,
        account,
        asked: taken,
        taken,
        reason,
        ground,
        bound: None,
        // They were for the moment of the plan; a capture asks no limit, so none can be told for this one.
        remedies: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hold::tests::held;

    fn amounts(book: &Book, hold: &Hold, total: i64) -> Vec<(Bucket, i64)> {
        let takings = takings(book, hold, Fen::new(total)).unwrap();
        takings
            .into_iter()
            .map(|(bucket, amount)| (bucket, amount.get()))
            .collect()
    }

    #[test]
    fn a_smaller_bill_comes_off_the_cash_and_then_off_the_last_payer() {
        let (book, hold) = held(1_000, 2_000);
        let current = |own, aid| vec![(Bucket::Current, own), (Bucket::Current, aid)];
        assert_eq!(amounts(&book, &hold, 3_100), current(1_000, 2_000));
        assert_eq!(amounts(&book, &hold, 3_000), current(1_000, 2_000));
        assert_eq!(amounts(&book, &hold, 2_500), current(1_000, 1_500));
        assert_eq!(amounts(&book, &hold, 600), current(600, 0));
    }

    #[test]
    fn nobody_pays_what_is_no_longer_there_and_money_of_a_past_year_is_found() {
        let (mut book, hold) = held(1_000, 2_000);
        let relative = book.accounts.get_mut(&hold.legs[1].account).unwrap();
        relative.current = Fen::new(-50);
        let patient = book.accounts.get_mut(&hold.patient_account).unwrap();
        (patient.current, patient.prior, patient.medical_year) =
            (Fen::ZERO, Fen::new(1_000), patient.medical_year + 1);
        let expected = vec![(Bucket::Prior, 1_000), (Bucket::Current, 0)];
        assert_eq!(amounts(&book, &hold, 3_100), expected);
    }
}
