//! Gives a settlement back, in part or whole: the one place where money returns to those who paid.

use std::collections::BTreeMap;

use kernel::clock::business_day;
use kernel::{BindingId, Fen, Reason, Refusal, SettlementId, Standing, Timestamp};
use policy::Packs;
use policy::plan::Payer;
use policy::values::RefundAfterUnbind;

use crate::account::Account;
use crate::benefit::Returning;
use crate::book::Book;
use crate::command::{Cancel, Refund};
use crate::decide::{Failed, Unfit};
use crate::deduct;
use crate::limit::Counting;
use crate::refund::{Parts, Place, Refunded, Returned, Waiting, Way, What, parts, shares};
use crate::request::RequestKey;
use crate::settlement::{PaidLeg, Split, Stored};

/// Gives a part of a settlement back.
///
/// # Errors
/// Those of [`of`], and `REFUND_ABOVE_REST`, `REFUND_LINE_UNKNOWN`.
pub fn refund(
    book: &mut Book,
    command: &Refund,
    (packs, at): (&Packs, Timestamp),
) -> Result<Refunded, Failed> {
    let person_no = command.person_no.as_deref();
    let mut settlement = of(book, &command.key, command.settlement, person_no)?.clone();
    let (total, lines) = total(&mut settlement, &command.what)?;
    if total > settlement.rest().total {
        return Err(above(settlement.rest().total).into());
    }
    let order = Order {
        id: command.id,
        key: &command.key,
        way: Way::Refund,
        settlement,
        total,
        lines,
    };
    give_back(book, order, (packs, at))
}

/// Takes back all that is left of a settlement.
///
/// # Errors
/// Those of [`of`].
pub fn cancel(
    book: &mut Book,
    command: &Cancel,
    (packs, at): (&Packs, Timestamp),
) -> Result<Refunded, Failed> {
    let person_no = command.person_no.as_deref();
    let settlement = of(book, &command.key, command.settlement, person_no)?.clone();
    let order = Order {
        id: command.id,
        key: &command.key,
        way: Way::Cancel,
        total: settlement.rest().total,
        settlement,
        lines: Vec::new(),
    };
    give_back(book, order, (packs, at))
}

/// The settlement that something is to be given back of.
///
/// # Errors
/// `INSTITUTION_UNKNOWN`, `REFUND_OF_REFUND`, `SETTLEMENT_UNKNOWN`, `SETTLEMENT_NOT_YOURS`, `SETTLEMENT_CANCELLED`,
/// `SETTLEMENT_REFUNDED`, or the person is not the settlement's patient.
pub(crate) fn of<'a>(
    book: &'a Book,
    key: &RequestKey,
    id: SettlementId,
    person_no: Option<&str>,
) -> Result<&'a Stored, Refusal> {
    if book.refunds.contains(&id) {
        return Err(Refusal::about(Reason::RefundOfRefund, id.to_string()));
    }
    let unknown = || Refusal::about(Reason::SettlementUnknown, id.to_string());
    let stored = book.settlements.get(&id).ok_or_else(unknown)?;
    if stored.institution != key.institution {
        return Err(Reason::SettlementNotYours.into());
    }
    if person_no.is_some_and(|number| number != stored.person_no) {
        return Err(Refusal::about(
            Reason::CredentialNotThePatients,
            "person_no",
        ));
    }
    if stored.cancellation.is_some() {
        return Err(Reason::SettlementCancelled.into());
    }
    if stored.rest().total.is_zero() {
        return Err(Reason::SettlementRefunded.into());
    }
    Ok(stored)
}

/// A cashier needs to know what may still be given back.
fn above(left: Fen) -> Refusal {
    Refusal::about(Reason::RefundAboveRest, format!("amount_fen ≤ {left}"))
}

/// What is to go back, with the lines that it is of; their new state is noted in `settlement`.
fn total(settlement: &mut Stored, what: &What) -> Result<(Fen, Vec<String>), Refusal> {
    let lines = match what {
        What::Amount(amount) => return Ok((*amount, Vec::new())),
        What::Lines(lines) => lines,
    };
    let mut total = Fen::ZERO;
    for (no, wanted) in lines {
        let unknown = || Refusal::about(Reason::RefundLineUnknown, "lines.line_no");
        let line = settlement
            .lines
            .iter_mut()
            .find(|line| line.no == *no)
            .ok_or_else(unknown)?;
        let left = line.amount.less(line.refunded);
        let amount = wanted.unwrap_or(left);
        if amount > left || left.is_zero() {
            return Err(Refusal::about(
                Reason::RefundAboveRest,
                format!("lines.amount_fen ≤ {left}"),
            ));
        }
        let fits = |sum: Fen| sum.checked_add(amount).ok_or(Reason::AmountTooLarge);
        line.refunded = fits(line.refunded)?;
        total = fits(total)?;
    }
    Ok((total, lines.iter().map(|(no, _)| no.clone()).collect()))
}

/// What is to be done, once it is known to be right.
pub(crate) struct Order<'a> {
    pub(crate) id: SettlementId,
    pub(crate) key: &'a RequestKey,
    pub(crate) way: Way,
    pub(crate) settlement: Stored,
    pub(crate) total: Fen,
    pub(crate) lines: Vec<String>,
}

/// Gives back what `order` says, first into copies: the book changes only if every leg fits.
pub(crate) fn give_back(
    book: &mut Book,
    order: Order<'_>,
    (packs, at): (&Packs, Timestamp),
) -> Result<Refunded, Failed> {
    let unfit = || Unfit(order.key.to_string());
    let institution = &order.key.institution;
    let institution_kind = book
        .institutions
        .get(institution)
        .ok_or_else(|| Refusal::about(Reason::InstitutionUnknown, institution))?
        .kind;
    let mut settlement = order.settlement.clone();
    let (parts, returning) = divided(book, &settlement, order.total).ok_or_else(unfit)?;
    let shares = shares(&settlement.legs, parts.accounts);
    let mut homes = Vec::with_capacity(shares.len());
    for (paid, _) in &shares {
        homes.push(home(book, &settlement, paid, packs)?);
    }
    let legs = put(book, &shares, &homes).ok_or_else(unfit)?;
    let split = note(&mut settlement, &order, (parts, &legs)).ok_or_else(unfit)?;
    let own_balance = book
        .accounts
        .get(&settlement.patient_account)
        .and_then(Account::balance)
        .ok_or_else(unfit)?;
    book.store_settlement(settlement.clone());
    deduct::given_back(book, &settlement, at);
    if let Some(returning) = &returning {
        book.benefits.give_back(returning);
    }
    let (id, key, way) = (order.id, order.key.clone(), order.way);
    Ok(Refunded {
        id,
        key,
        at,
        way,
        settlement,
        institution_kind,
        split,
        legs,
        lines: order.lines,
        back: returning.as_ref().map(|returning| returning.back),
        fund: returning.and_then(|returning| returning.fund),
        own_balance,
        replaced_by: None,
    })
}

/// What of `total` goes back to the fund, to accounts and in cash: the fund's share is assessed again for the bill that remains.
fn divided(book: &Book, settlement: &Stored, total: Fen) -> Option<(Parts, Option<Returning>)> {
    let Some(kept) = book.benefits.kept.get(&settlement.id) else {
        return Some((parts(settlement, total, Fen::ZERO), None));
    };
    let rest = settlement.rest().total;
    let before = kept.assess(&book.settlements.get(&settlement.id)?.lines, rest)?;
    let after = kept.assess(&settlement.lines, rest.less(total))?;
    let parts = parts(settlement, total, after.pooled);
    let returning = book
        .benefits
        .returning(settlement.id, (&before, &after), parts.pooled)?;
    Some((parts, returning))
}

/// Where the money of a leg may go: the account that paid it, unless that is closed, or the place of its payer says
/// otherwise once the binding has ended. The rules are those of the day of the charge.
fn home(
    book: &Book,
    settlement: &Stored,
    paid: &PaidLeg,
    packs: &Packs,
) -> Result<Option<Waiting>, Failed> {
    let account = book
        .accounts
        .get(&paid.account)
        .ok_or_else(|| Unfit(settlement.id.to_string()))?;
    if account.standing == Standing::Terminated || account.closed_at.is_some() {
        return Ok(Some(Waiting::AccountClosed));
    }
    let Payer::Aid { binding, .. } = paid.payer else {
        return Ok(None);
    };
    if !has_ended(book, settlement, binding) {
        return Ok(None);
    }
    let rules = packs.rules(account.region, business_day(settlement.settled_at))?;
    match rules.refund_after_unbind {
        RefundAfterUnbind::OriginalAccount => Ok(None),
        RefundAfterUnbind::Manual => Ok(Some(Waiting::BindingEnded)),
        RefundAfterUnbind::Refuse => Err(Reason::RefundAfterUnbindRefused.into()),
    }
}

/// Whether a binding is fenced for ever: such bindings are not looked at.
fn has_ended(book: &Book, settlement: &Stored, binding: BindingId) -> bool {
    let known = book.enforced.get(&settlement.patient);
    !known.is_some_and(|known| known.iter().any(|enforced| enforced.id == binding))
}

/// Puts shares of legs back into accounts or suspense, and gives the limits back what they had counted.
fn put(
    book: &mut Book,
    shares: &[(PaidLeg, Fen)],
    homes: &[Option<Waiting>],
) -> Option<Vec<Returned>> {
    let mut accounts = BTreeMap::new();
    let mut counting = Counting::over(book);
    let mut legs = Vec::with_capacity(shares.len());
    for ((paid, amount), waiting) in shares.iter().zip(homes) {
        let before = book.accounts.get(&paid.account)?;
        let account = accounts
            .entry(paid.account)
            .or_insert_with(|| before.clone());
        let bucket = account.home_of(paid.bucket, paid.medical_year);
        let place = match waiting {
            None => Place::Account(account.put(bucket, *amount)?),
            Some(why) => Place::Suspense(*why),
        };
        if let (Payer::Aid { binding, .. }, Some(counted_in)) = (paid.payer, paid.counted_in) {
            counting.give_back((binding, paid.account), counted_in, *amount)?;
        }
        legs.push(Returned {
            paid: *paid,
            amount: *amount,
            bucket,
            place,
        });
    }
    let counters = counting.changed();
    for account in accounts.into_values() {
        if book.accounts.get(&account.id) != Some(&account) {
            book.store_account(account);
        }
    }
    book.store_counters(counters);
    Some(legs)
}

/// Notes in the settlement what went back; answers with the split of it.
fn note(
    settlement: &mut Stored,
    order: &Order<'_>,
    (parts, legs): (Parts, &[Returned]),
) -> Option<Split> {
    let before = settlement.rest();
    for leg in legs {
        let paid = settlement
            .legs
            .iter_mut()
            .find(|paid| paid.no == leg.paid.no)?;
        paid.refunded = paid.refunded.checked_add(leg.amount)?;
    }
    settlement.cash_back = settlement.cash_back.checked_add(parts.cash)?;
    settlement.pooled_back = settlement.pooled_back.checked_add(parts.pooled)?;
    settlement.open_back = settlement.open_back.checked_add(parts.open)?;
    if order.way != Way::Refund {
        settlement.cancellation = Some(order.id);
    }
    let after = settlement.rest();
    Some(Split {
        total: before.total.checked_sub(after.total)?,
        pooled: before.pooled.checked_sub(after.pooled)?,
        own: before.own.checked_sub(after.own)?,
        aid: before.aid.checked_sub(after.aid)?,
        cash: before.cash.checked_sub(after.cash)?,
        open: before.open.checked_sub(after.open)?,
    })
}

#[cfg(test)]
mod tests;
