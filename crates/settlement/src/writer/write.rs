//! Writes what a batch decided: one statement per table.

use chassis::outbox;
use kernel::{AllocationId, Timestamp};
use sqlx::PgConnection;

use super::batch::{Decision, Outcome};
use crate::book::Book;
use crate::command::Command;
use crate::event;
use crate::movement::{self, Movement};
use crate::request::RequestKey;
use crate::store::settlement::{LegRow, Row};
use crate::store::{StoreError, account, allocation, cancellation, enforced, key, settlement};

/// Frees the keys of refused commands: a refusal leaves no trace, and its request may be sent again.
pub(super) async fn release(
    conn: &mut PgConnection,
    refused: &[&Command],
) -> Result<(), StoreError> {
    let mut keys: Vec<&RequestKey> = Vec::new();
    let mut credits: Vec<AllocationId> = Vec::new();
    for command in refused {
        match command {
            Command::Settle(settle) => keys.push(&settle.key),
            Command::Cancel(cancel) => keys.push(&cancel.key),
            Command::Allocate(allocate) => credits.push(allocate.id),
        }
    }
    if !keys.is_empty() {
        key::release(conn, &keys).await?;
    }
    if !credits.is_empty() {
        allocation::release(conn, &credits).await?;
    }
    Ok(())
}

/// The rows of a batch, table by table.
#[derive(Default)]
struct Rows<'a> {
    settlements: Vec<Row<'a>>,
    legs: Vec<LegRow<'a>>,
    movements: Vec<Movement<'a>>,
    cancellations: Vec<(
        &'a crate::settlement::Cancelled,
        &'a proto::settlement::v1::CancelResponse,
    )>,
    credentials: Vec<(&'a [u8], &'a RequestKey)>,
    events: Vec<outbox::Entry>,
}

impl<'a> Rows<'a> {
    fn add(&mut self, decision: &'a Decision<'_>) {
        let origin = decision.origin;
        let trace = origin.trace_parent.as_ref();
        match &decision.outcome {
            Outcome::Settled(settled, answer) => {
                self.settlements.push(Row::settled(settled, answer));
                let movements = movement::of_settlement(settled, origin);
                for ((no, leg), movement) in (1..).zip(&settled.legs).zip(movements) {
                    self.legs.push(LegRow {
                        settlement: settled.id,
                        no,
                        leg,
                        movement: movement.id,
                    });
                    self.movements.push(movement);
                }
                if !settled.fingerprint.is_empty() {
                    self.credentials.push((&settled.fingerprint, &settled.key));
                }
                self.events.extend(event::of_settlement(settled, trace));
            }
            Outcome::Declined(declined, answer) => {
                self.settlements.push(Row::declined(declined, answer));
            }
            Outcome::Cancelled(cancelled, answer) => {
                self.cancellations.push((cancelled, answer));
                self.movements
                    .extend(movement::of_cancellation(cancelled, origin));
                self.events.extend(event::of_cancellation(cancelled, trace));
            }
            Outcome::Allocated(allocated) => {
                self.movements
                    .push(movement::of_allocation(allocated, origin));
                self.events.push(event::of_allocation(allocated, trace));
            }
        }
    }
}

/// Writes all decisions, and the accounts and counters as they stand after them.
pub(super) async fn write(
    conn: &mut PgConnection,
    book: &Book,
    decisions: &[Decision<'_>],
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut rows = Rows::default();
    for decision in decisions {
        rows.add(decision);
    }
    if !rows.settlements.is_empty() {
        settlement::insert(conn, &rows.settlements, at).await?;
    }
    if !rows.legs.is_empty() {
        settlement::insert_legs(conn, &rows.legs).await?;
    }
    if !rows.cancellations.is_empty() {
        cancellation::insert(conn, &rows.cancellations, at).await?;
    }
    if !rows.movements.is_empty() {
        movement_rows(conn, book, &rows.movements, at).await?;
    }
    if !rows.credentials.is_empty() {
        rows.credentials.sort_unstable();
        settlement::use_credentials(conn, &rows.credentials, at).await?;
    }
    if !rows.events.is_empty() {
        outbox::record_all(conn, &rows.events).await?;
    }
    Ok(())
}

async fn movement_rows(
    conn: &mut PgConnection,
    book: &Book,
    movements: &[Movement<'_>],
    at: Timestamp,
) -> Result<(), StoreError> {
    crate::store::movement::insert(conn, movements, at).await?;
    account::write_balances(conn, &book.moved_accounts()).await?;
    let windows = book.moved_windows();
    if !windows.is_empty() {
        enforced::write_used(conn, &windows).await?;
    }
    Ok(())
}
