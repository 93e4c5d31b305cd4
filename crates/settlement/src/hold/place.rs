//! Places a hold: plans the bill as a settlement would, and sets aside what each payer would pay.

use kernel::clock::shifted;
use kernel::{Fen, Refusal, Timestamp};
use policy::Packs;
use policy::plan::Plan;

use super::command::Place;
use super::{HeldLeg, Hold, State};
use crate::account::Account;
use crate::answer;
use crate::book::Book;
use crate::decide::{Failed, Unfit, consider_hold};
use crate::request::RequestKey;

/// A hold that was placed, or the answer that it was declined.
#[derive(Debug, Clone)]
pub struct Placed {
    pub hold: Hold,
    pub key: RequestKey,
    /// Why the bill was declined; nothing is held then.
    pub declined: Option<Refusal>,
    /// The patient's token that it used up; empty for a card.
    pub fingerprint: Vec<u8>,
}

/// Sets aside in `book` what the bill would take.
///
/// # Errors
/// The refusals of a settlement.
pub fn place(
    book: &mut Book,
    command: &Place,
    packs: &Packs,
    at: Timestamp,
) -> Result<Placed, Failed> {
    let considered = consider_hold(
        book,
        &command.key,
        &command.patient,
        &command.bill,
        (packs, at),
    )?;
    let plan = match considered.plan {
        Ok(plan) => plan,
        Err(why) => {
            let hold = hold(command, &considered.patient, State::Rejected, at);
            return Ok(placed(command, hold, Some(why)));
        }
    };
    let unfit = || Unfit(command.key.to_string());
    let hold = Hold {
        legs: legs(book, &plan).ok_or_else(unfit)?,
        split: Some(answer::quoted(&plan, None, book)),
        cash_only: plan.cash_only,
        ..hold(command, &considered.patient, State::Held, at)
    };
    book.set_aside(&hold).ok_or_else(unfit)?;
    let placed = placed(command, hold, None);
    if !placed.fingerprint.is_empty() {
        book.credentials
            .insert(placed.fingerprint.clone(), placed.key.clone());
    }
    Ok(placed)
}

fn placed(command: &Place, hold: Hold, declined: Option<Refusal>) -> Placed {
    let fingerprint = match declined {
        None => command.patient.fingerprint.clone(),
        // A declined bill uses no token up.
        Some(_) => Vec::new(),
    };
    Placed {
        hold,
        key: command.key.clone(),
        declined,
        fingerprint,
    }
}

/// A hold on nothing yet.
fn hold(command: &Place, patient: &Account, state: State, at: Timestamp) -> Hold {
    Hold {
        id: command.id,
        institution: command.key.institution.clone(),
        state,
        patient: patient.person,
        patient_account: patient.id,
        usage: command.bill.usage,
        total: command.bill.total,
        cash_only: Fen::ZERO,
        placed_at: at,
        expires_at: shifted(at, command.lasts),
        sandbox: patient.sandbox,
        legs: Vec::new(),
        split: None,
    }
}

fn legs(book: &Book, plan: &Plan) -> Option<Vec<HeldLeg>> {
    let leg = |leg: &policy::plan::Leg| {
        let account = book.accounts.get(&leg.account)?;
        Some(HeldLeg {
            payer: leg.payer,
            account: leg.account,
            person: account.person,
            bucket: leg.bucket,
            amount: leg.amount,
            medical_year: account.medical_year,
        })
    };
    plan.legs.iter().map(leg).collect()
}
