//! Looks at what benefits are decided on, under the locks of the batch: the catalogue's items, what patients have used, and what
//! the fund paid of the bills that are given back. Nothing is asked where no pack gives a benefit.

use std::collections::BTreeSet;

use kernel::clock::business_day;
use kernel::{AccountId, PersonId, SettlementId, Timestamp};
use sqlx::PgConnection;

use super::batch::{Decision, Outcome};
use super::claim::Claimed;
use super::{Job, Office};
use crate::benefit::{self, Benefited, Returned};
use crate::bill::Bill;
use crate::book::Book;
use crate::command::Command;
use crate::movement::fund::{self, FundMovement};
use crate::seal::Place;
use crate::store::{self, StoreError};

/// The bills that a batch settles, with their patients and the moments of the visits.
pub(super) fn bills<'a>(
    jobs: &'a [Job],
    claimed: &Claimed,
    at: Timestamp,
) -> Vec<(PersonId, &'a Bill, Timestamp)> {
    let open = claimed.open.iter().map(|&place| &jobs[place].command);
    open.filter_map(|command| match command {
        Command::Settle(settle) => Some((settle.patient.person, &settle.bill, at)),
        _ => None,
    })
    .collect()
}

/// Reads it into the book, at most one statement each.
pub(crate) async fn look_at_benefits(
    conn: &mut PgConnection,
    book: &mut Book,
    office: &Office,
    bills: &[(PersonId, &Bill, Timestamp)],
) -> Result<(), StoreError> {
    let settlements: Vec<SettlementId> = book.settlements.keys().copied().collect();
    if !settlements.is_empty() {
        book.benefits.kept = store::benefit::kept(conn, &settlements).await?;
    }
    let mut years: BTreeSet<(AccountId, i16)> = BTreeSet::new();
    let mut codes: BTreeSet<String> = BTreeSet::new();
    for kept in book.benefits.kept.values() {
        years.insert((kept.account, kept.window.year));
    }
    for (patient, bill, visit) in bills {
        for account in book.accounts_of(*patient) {
            let day = business_day(*visit);
            let Some(rules) = office.packs.benefit(account.region, account.scheme, day) else {
                continue;
            };
            let Ok(place) = office.packs.rules(account.region, day) else {
                continue; // refused when it is decided
            };
            years.insert((account.id, rules.window(day, place.medical_year_start).year));
            let wanted = benefit::codes_of(account, bill, &office.packs, *visit);
            codes.extend(wanted.map(str::to_owned));
        }
    }
    if !years.is_empty() {
        let years: Vec<_> = years.into_iter().collect();
        book.benefits.used = store::benefit::look_at_used(conn, &years).await?;
    }
    if !codes.is_empty() {
        book.benefits.items = store::catalogue::look(conn, &office.catalogue, &codes).await?;
    }
    Ok(())
}

/// What the fund paid and got back in a batch: known before anything is written, because it is sealed with the rest.
#[derive(Default)]
pub(super) struct Rows<'a> {
    pub(super) bills: Vec<(SettlementId, &'a Benefited)>,
    pub(super) movements: Vec<FundMovement<'a>>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(decisions: &'a [Decision<'_>]) -> Self {
        let mut rows = Self::default();
        let Self { bills, movements } = &mut rows;
        for decision in decisions {
            match &decision.outcome {
                Outcome::Settled(settled, _) => {
                    bills.extend(settled.benefit.as_deref().map(|bill| (settled.id, bill)));
                    let back = settled.replaced.as_deref();
                    movements.extend(back.and_then(|row| fund::of_refund(row, decision.origin)));
                    movements.extend(fund::of_settlement(settled, decision.origin));
                }
                Outcome::Cancelled(refunded, _) | Outcome::Refunded(refunded, _) => {
                    movements.extend(fund::of_refund(refunded, decision.origin));
                }
                Outcome::Reversed(reversed, _) => {
                    let back = reversed.refunded.as_deref();
                    movements.extend(back.and_then(|row| fund::of_refund(row, decision.origin)));
                }
                _ => {}
            }
        }
        rows
    }
}

/// Writes what the fund paid and got back: its movements, which come after the first `before` of the block, how it saw the bills,
/// and the counters as they stand now.
pub(super) async fn write(
    conn: &mut PgConnection,
    book: &Book,
    Rows { bills, movements }: &Rows<'_>,
    (before, place, at): (usize, Place, Timestamp),
) -> Result<(), StoreError> {
    if !bills.is_empty() {
        store::benefit::insert(conn, bills).await?;
    }
    if !movements.is_empty() {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        store::movement::fund::insert(conn, movements, (place, before), at).await?;
    }
    let used = book.benefits.moved();
    if !used.is_empty() {
        store::benefit::write_used(conn, &used).await?;
    }
    let returned: Vec<(SettlementId, Returned)> = book.benefits.given_back();
    if !returned.is_empty() {
        store::benefit::write_returned(conn, &returned).await?;
    }
    Ok(())
}
