//! Takes a whole settlement back: every leg returns to the payer and bucket it came from, also after an unbinding.

use std::collections::BTreeMap;

use kernel::{Reason, Refusal, Timestamp};
use policy::plan::Payer;
use policy::plan::limits::Left;

use crate::book::Book;
use crate::command::Cancel;
use crate::decide::{Failed, Unfit};
use crate::limit::Counting;
use crate::settlement::{Cancelled, Leg, Stored};

/// Cancels a settlement: moves every leg back in `book`.
///
/// # Errors
/// `SETTLEMENT_UNKNOWN`, `SETTLEMENT_NOT_YOURS`, `SETTLEMENT_CANCELLED`, or the person is not the settlement's patient.
pub fn cancel(book: &mut Book, command: &Cancel, at: Timestamp) -> Result<Cancelled, Failed> {
    let institution = book
        .institutions
        .get(&command.key.institution)
        .ok_or_else(|| Refusal::about(Reason::InstitutionUnknown, &command.key.institution))?;
    let institution_kind = institution.kind;
    let settlement = check(book, command)?.clone();
    let legs = give_back(book, &settlement).ok_or_else(|| Unfit(command.key.to_string()))?;
    let own_balance = book
        .accounts
        .get(&settlement.patient_account)
        .and_then(super::account::Account::balance)
        .ok_or_else(|| Unfit(command.key.to_string()))?;
    if let Some(stored) = book.settlements.get_mut(&settlement.id) {
        stored.cancelled = true;
    }
    let (id, key) = (command.id, command.key.clone());
    Ok(Cancelled {
        id,
        key,
        at,
        settlement,
        institution_kind,
        legs,
        own_balance,
    })
}

fn check<'a>(book: &'a Book, command: &Cancel) -> Result<&'a Stored, Refusal> {
    let unknown = || Refusal::about(Reason::SettlementUnknown, command.settlement.to_string());
    let stored = book
        .settlements
        .get(&command.settlement)
        .ok_or_else(unknown)?;
    if stored.institution != command.key.institution {
        return Err(Reason::SettlementNotYours.into());
    }
    if command
        .person_no
        .as_ref()
        .is_some_and(|number| *number != stored.person_no)
    {
        return Err(Refusal::about(
            Reason::CredentialNotThePatients,
            "person_no",
        ));
    }
    if stored.cancelled {
        return Err(Reason::SettlementCancelled.into());
    }
    Ok(stored)
}

/// Puts every leg back, first into copies: the book changes only if every leg fits.
fn give_back(book: &mut Book, settlement: &Stored) -> Option<Vec<Leg>> {
    let mut accounts = BTreeMap::new();
    let mut counting = Counting::over(book);
    let mut legs = Vec::with_capacity(settlement.legs.len());
    for paid in &settlement.legs {
        let before = book.accounts.get(&paid.account)?;
        let account = accounts
            .entry(paid.account)
            .or_insert_with(|| before.clone());
        let bucket = account.home_of(paid.bucket, paid.medical_year);
        let after = account.put(bucket, paid.amount)?;
        if let (Payer::Aid { binding, .. }, Some(counted_in)) = (paid.payer, paid.counted_in) {
            counting.give_back((binding, paid.account), counted_in, paid.amount)?;
        }
        legs.push(Leg {
            payer: paid.payer,
            account: paid.account,
            person: paid.person,
            bucket,
            amount: paid.amount,
            after,
            medical_year: paid.medical_year,
            counted_in: paid.counted_in,
            left: Left::default(),
        });
    }
    let counters = counting.changed();
    for account in accounts.into_values() {
        book.store_account(account);
    }
    book.store_counters(counters);
    Some(legs)
}
