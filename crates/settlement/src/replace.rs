//! Takes a bill back whole and settles another in its place, in one step (`domain.md` section 9, "part of the goods returned").
//!
//! An institution that knows no partial return cancels and settles again. Done as two requests, the patient may find the aid gone
//! in between; done as one, the new bill is split over the money that just came back, and a bill that is declined or costs more than
//! was quoted leaves the old one standing. What comes of both on an account is one net change.

use std::collections::BTreeMap;

use kernel::{AccountId, Fen, PersonId, Reason, Refusal, Timestamp};
use policy::Packs;
use policy::plan::Payer;

use crate::account::After;
use crate::book::Book;
use crate::command::{Replaces, Settle};
use crate::decide::{self, Failed, Unfit, Verdict};
use crate::give_back::{self, Order, give_back};
use crate::refund::{Refunded, ReplacedBy, Way};
use crate::settlement::{Leg, Settled, Stored};

/// Settles a bill, in the place of another one if it names one.
///
/// # Errors
/// Those of [`decide::settle`]; for the bill that is replaced those of a cancellation, and `REPLACED_OTHER_PATIENT`,
/// `REPLACED_PARTLY_REFUNDED`.
pub fn settle(
    book: &mut Book,
    command: &Settle,
    packs: &Packs,
    at: Timestamp,
) -> Result<Verdict, Failed> {
    let Some(replaces) = &command.replaces else {
        return decide::settle(book, command, packs, at);
    };
    let replaced = replaced(book, command, replaces)?.clone();
    // Both or neither: the book learns of what came back only with the bill that it paid.
    let mut draft = book.clone();
    let order = Order {
        id: replaces.cancellation,
        key: &command.key,
        way: Way::Cancel,
        total: replaced.rest().total,
        settlement: replaced,
        lines: Vec::new(),
    };
    let refunded = give_back(&mut draft, order, (packs, at))?;
    let mut settled = match decide::settle(&mut draft, command, packs, at)? {
        Verdict::Settled(settled) => settled,
        other => return Ok(other),
    };
    settled.replaced = Some(Box::new(Refunded {
        replaced_by: Some(ReplacedBy {
            settlement: settled.id,
            paid: settled.deferral.is_none(),
        }),
        ..refunded
    }));
    nets(&settled).ok_or_else(|| Unfit(command.key.to_string()))?;
    *book = draft;
    Ok(Verdict::Settled(settled))
}

/// The bill that is to be replaced, of which all must still stand.
fn replaced<'a>(
    book: &'a Book,
    command: &Settle,
    replaces: &Replaces,
) -> Result<&'a Stored, Refusal> {
    let stored = give_back::of(book, &command.key, replaces.settlement, None)?;
    if stored.patient != command.patient.person {
        return Err(Refusal::about(Reason::ReplacedOtherPatient, "replaces"));
    }
    if stored.rest().total != stored.split.total {
        return Err(Refusal::about(Reason::ReplacedPartlyRefunded, "replaces"));
    }
    Ok(stored)
}

/// What the return of the old bill and the charge of the new one come to on one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    /// Who pays: of the new bill, where it has a leg.
    pub payer: Payer,
    pub account: AccountId,
    pub person: PersonId,
    /// Above zero: more came back than was taken.
    pub change: Fen,
    /// The account after both.
    pub after: After,
}

/// One net change per account that either of the two moved, in the order of the accounts; none at all for a bill that replaced
/// nothing, and none if a sum does not fit.
pub fn nets(settled: &Settled) -> Option<Vec<Net>> {
    let Some(refunded) = &settled.replaced else {
        return Some(Vec::new());
    };
    let mut nets: BTreeMap<AccountId, Net> = BTreeMap::new();
    let mut add = |leg: &Leg, change: Fen| {
        let net = nets.entry(leg.account).or_insert(Net {
            payer: leg.payer,
            account: leg.account,
            person: leg.person,
            change: Fen::ZERO,
            after: leg.after,
        });
        net.change = net.change.checked_add(change)?;
        net.payer = leg.payer;
        if leg.after.version > net.after.version {
            net.after = leg.after;
        }
        Some(())
    };
    for leg in refunded.reached() {
        add(&leg, leg.amount)?;
    }
    for leg in &settled.legs {
        add(leg, leg.amount.checked_neg()?)?;
    }
    Some(nets.into_values().collect())
}
