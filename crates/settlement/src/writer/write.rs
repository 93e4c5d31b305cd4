//! Writes what a batch decided: one statement per table.

use std::collections::{BTreeMap, BTreeSet};

use chassis::outbox;
use kernel::{AccountId, AllocationId, SettlementId, Timestamp};
use prost::Message as _;
use proto::settlement::v1 as pb;
use sqlx::PgConnection;

use super::batch::{Decision, Outcome};
use super::{benefits, holds, premiums};
use crate::book::Book;
use crate::command::{Allocate, Command, Origin};
use crate::deduct::{Deducted, Deduction};
use crate::deferral::Deferral;
use crate::event;
use crate::keep::{Kept, Mark};
use crate::movement::{self, Movement};
use crate::refund::Refunded;
use crate::request::RequestKey;
use crate::reverse::Reversed;
use crate::seal::{Block, Head, Place, Sealer, micros};
use crate::settlement::Settled;
use crate::store::settlement::{LegRow, Row};
use crate::store::{
    StoreError, account, allocation, correction, deferral, key, lane, limit, mark, refund,
    replacement, settlement,
};

/// Frees the keys of refused commands: a refusal leaves no trace, and its request may be sent again.
pub(super) async fn release(
    conn: &mut PgConnection,
    refused: &[&Command],
) -> Result<(), StoreError> {
    let mut keys: Vec<(&RequestKey, SettlementId)> = Vec::new();
    let mut credits: Vec<AllocationId> = Vec::new();
    for command in refused {
        match command {
            Command::Settle(settle) => keys.push((&settle.key, settle.id)),
            Command::Cancel(cancel) => keys.push((&cancel.key, cancel.id)),
            Command::Refund(refund) => keys.push((&refund.key, refund.id)),
            Command::Reverse(reverse) => {
                keys.push((&reverse.key, reverse.id));
                keys.push((&reverse.original, reverse.id));
            }
            Command::Allocate(allocate) => credits.push(allocate.id),
            Command::Keep(_) | Command::Deduct(_) => {}
            Command::Hold(_) => {
                keys.extend(command.claim().map(|(key, _, _, outcome)| (key, outcome)));
            }
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
    /// With their encoded answers.
    refunds: Vec<(&'a Refunded, Vec<u8>)>,
    reversals: Vec<(&'a Reversed, Vec<u8>)>,
    /// Which bill took the place of which, and what took that one back.
    replacements: Vec<(SettlementId, SettlementId, SettlementId)>,
    /// Movements into suspense, by place in `movements`, and why the money waits.
    waiting: Vec<(usize, &'static str)>,
    credentials: Vec<(&'a [u8], &'a RequestKey)>,
    /// Allocations that nobody claimed: they were made here.
    allocations: Vec<&'a Allocate>,
    kept: Vec<(&'a Kept, &'a Origin)>,
    holds: holds::Rows<'a>,
    deferrals: Vec<(&'a Deferral, Vec<u8>)>,
    deductions: Vec<&'a Deduction>,
    fund: benefits::Rows<'a>,
    events: Vec<outbox::Entry>,
}

impl<'a> Rows<'a> {
    fn add(&mut self, decision: &'a Decision<'_>) {
        let origin = decision.origin;
        let trace = origin.trace_parent.as_ref();
        match &decision.outcome {
            Outcome::Settled(settled, answer) => self.settled(settled, answer, origin),
            Outcome::Deducted(deducted) => self.add_deducted(deducted, origin),
            Outcome::Declined(declined, answer) => {
                self.settlements.push(Row::declined(declined, answer));
            }
            Outcome::Cancelled(refunded, answer) => {
                self.give_back(refunded, answer.encode_to_vec(), origin);
            }
            Outcome::Refunded(refunded, answer) => {
                self.give_back(refunded, answer.encode_to_vec(), origin);
            }
            Outcome::Reversed(reversed, answer) => {
                let answer = answer.encode_to_vec();
                if let Some(refunded) = &reversed.refunded {
                    self.give_back(refunded, answer.clone(), origin);
                }
                self.reversals.push((reversed, answer));
            }
            Outcome::Allocated(allocated) => {
                self.movements
                    .push(movement::of_allocation(allocated, origin));
                self.events.extend(event::of_allocation(allocated, trace));
            }
            Outcome::Kept(kept) => {
                for posted in &kept.posted {
                    self.movements.push(movement::of_allocation(posted, origin));
                    self.allocations.push(&posted.allocation);
                }
                self.kept.push((kept, origin));
                self.events.extend(event::of_keeping(kept, trace));
            }
            Outcome::Hold(outcome) => self.hold(outcome, origin),
        }
    }

    fn settled(
        &mut self,
        settled: &'a Settled,
        answer: &'a pb::SettleResponse,
        origin: &'a Origin,
    ) {
        // First what came back, since the bill was paid with it: an account's movements are in the order of its versions.
        if let Some(refunded) = settled.replaced.as_deref() {
            self.give_back(refunded, answer.encode_to_vec(), origin);
            self.replacements
                .push((settled.id, refunded.settlement.id, refunded.id));
        }
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
        let shown = |deferral| (deferral, answer.encode_to_vec());
        self.deferrals
            .extend(settled.deferral.as_deref().map(shown));
        let trace = origin.trace_parent.as_ref();
        self.events.extend(event::of_settlement(settled, trace));
    }

    fn hold(&mut self, outcome: &'a holds::Outcome, origin: &'a Origin) {
        match outcome {
            holds::Outcome::Placed(placed, answer) => {
                self.holds.placed.push((placed, answer));
                if !placed.fingerprint.is_empty() {
                    self.credentials.push((&placed.fingerprint, &placed.key));
                }
            }
            holds::Outcome::Captured(captured, answer) => {
                self.holds.ended.push((&captured.ended, None));
                self.settled(&captured.settled, answer, origin);
            }
            holds::Outcome::Released(ended, answer) => {
                self.holds.ended.push((ended, Some(answer)));
            }
            holds::Outcome::Freed(ended) => self.holds.ended.push((ended, None)),
        }
    }
}

impl<'a> Rows<'a> {
    fn give_back(&mut self, refunded: &'a Refunded, answer: Vec<u8>, origin: &'a Origin) {
        let movements = movement::of_refund(refunded, origin);
        for (leg, movement) in refunded.legs.iter().zip(movements) {
            if let Some(why) = leg.waits() {
                self.waiting.push((self.movements.len(), why.code()));
            }
            self.movements.push(movement);
        }
        self.refunds.push((refunded, answer));
        let trace = origin.trace_parent.as_ref();
        self.events.extend(event::of_refund(refunded, trace));
    }

    fn add_deducted(&mut self, deducted: &'a Deducted, origin: &'a Origin) {
        let trace = origin.trace_parent.as_ref();
        if let Some(charge) = &deducted.charge {
            let settled = &charge.settled;
            let movements = movement::of_settlement(settled, origin);
            for ((no, leg), movement) in (charge.first_leg..).zip(&settled.legs).zip(movements) {
                self.legs.push(LegRow {
                    settlement: settled.id,
                    no,
                    leg,
                    movement: movement.id,
                });
                self.movements.push(movement);
            }
            self.deductions.push(charge);
            self.events.extend(event::of_settlement(settled, trace));
        }
        self.events.extend(
            deducted
                .given_up
                .iter()
                .map(|rest| event::given_up(rest, trace)),
        );
    }

    /// The accounts that can pay more than before: money came into them or was let go, or they were unfrozen.
    fn replenished(&self) -> BTreeSet<AccountId> {
        let money_in = self
            .movements
            .iter()
            .filter(|movement| movement.is_money_in());
        let unfrozen = self
            .kept
            .iter()
            .filter(|(kept, _)| kept.mark == Some(Mark::Unfrozen));
        let ended = self.holds.ended.iter();
        let let_go = ended.flat_map(|(ended, _)| &ended.hold.legs);
        money_in
            .map(|movement| movement.account)
            .chain(unfrozen.map(|(kept, _)| kept.account.id))
            .chain(let_go.map(|leg| leg.account))
            .collect()
    }
}

/// How a batch was written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written {
    /// The lane's chain ends here once it is committed.
    Sealed(Head),
    /// The lane's chain does not end where it was thought to: somebody else goes on with it, and this must not be committed.
    Overtaken,
}

impl Rows<'_> {
    /// Makes the block. A batch that posted nothing has none.
    async fn seal(
        &mut self,
        conn: &mut PgConnection,
        head: Head,
        (place, at): (Place, Timestamp),
    ) -> Result<Written, StoreError> {
        let Self {
            settlements,
            legs,
            movements,
            refunds,
            fund,
            ..
        } = self;
        let posted = movements.len() + fund.movements.len();
        if posted + settlements.len() + refunds.len() == 0 {
            return Ok(Written::Sealed(head));
        }
        let mut sealer = Sealer::default();
        let legs: BTreeMap<_, _> = legs.iter().map(|leg| (leg.movement, leg)).collect();
        for movement in &*movements {
            movement.seal(&mut sealer);
            if let Some(leg) = legs.get(&movement.id) {
                leg.seal(&mut sealer);
            }
        }
        for movement in &fund.movements {
            movement.seal(&mut sealer);
        }
        settlements.sort_unstable_by_key(Row::id);
        for row in &*settlements {
            row.seal(&mut sealer);
        }
        refunds.sort_unstable_by_key(|(refunded, _)| refunded.id);
        for (refunded, answer) in &*refunds {
            refunded.seal(answer, &mut sealer);
        }
        let block = Block {
            place,
            previous: head.hash,
            contents: sealer.finish(),
            posted_at: micros(at),
        };
        let head = block.head();
        if lane::seal(conn, &block, &head.hash, at).await? {
            Ok(Written::Sealed(head))
        } else {
            Ok(Written::Overtaken)
        }
    }
}

/// Writes all decisions, and the accounts and counters as they stand after them; last of all the block that seals them.
pub(super) async fn write(
    conn: &mut PgConnection,
    book: &Book,
    decisions: &[Decision<'_>],
    head: Head,
    at: Timestamp,
) -> Result<Written, StoreError> {
    let mut rows = Rows {
        fund: benefits::Rows::of(decisions),
        ..Rows::default()
    };
    for decision in decisions {
        rows.add(decision);
    }
    let Some(place) = head.next() else {
        return Ok(Written::Overtaken);
    };
    if !rows.settlements.is_empty() {
        settlement::insert(conn, &rows.settlements, place, at).await?;
    }
    if !rows.legs.is_empty() {
        settlement::insert_legs(conn, &rows.legs).await?;
    }
    if !rows.refunds.is_empty() {
        refund::insert(conn, &rows.refunds, place, at).await?;
        refund::write(conn, &book.moved_settlements()).await?;
    }
    if !rows.reversals.is_empty() {
        refund::insert_reversals(conn, &rows.reversals, at).await?;
    }
    if !rows.replacements.is_empty() {
        replacement::insert(conn, &rows.replacements).await?;
    }
    if !rows.kept.is_empty() {
        keep_rows(conn, &rows, at).await?;
    }
    if !rows.movements.is_empty() || book.is_reshaped() {
        movement_rows(conn, book, &rows.movements, (place, at)).await?;
    }
    if !rows.waiting.is_empty() {
        let waiting: Vec<_> = rows
            .waiting
            .iter()
            .map(|(place, why)| (&rows.movements[*place], *why))
            .collect();
        refund::open_tasks(conn, &waiting, at).await?;
    }
    let before = rows.movements.len();
    benefits::write(conn, book, &rows.fund, (before, place, at)).await?;
    deferral_rows(conn, book, &mut rows, at).await?;
    if !rows.credentials.is_empty() {
        rows.credentials.sort_unstable();
        settlement::use_credentials(conn, &rows.credentials, at).await?;
    }
    premiums::write(conn, book, at).await?;
    let lifted = holds::write(conn, book, &rows.holds, at).await?;
    rows.events.extend(lifted);
    if !rows.events.is_empty() {
        outbox::record_all(conn, &rows.events).await?;
    }
    rows.seal(conn, head, (place, at)).await
}

async fn deferral_rows(
    conn: &mut PgConnection,
    book: &Book,
    rows: &mut Rows<'_>,
    at: Timestamp,
) -> Result<(), StoreError> {
    if !rows.deferrals.is_empty() {
        deferral::insert(conn, &rows.deferrals).await?;
    }
    let changed = book.moved_deferrals();
    if !changed.is_empty() {
        deferral::write(conn, &changed, &rows.deductions).await?;
    }
    // After the locks, and so whoever begins to wait for this money later finds it.
    let replenished: Vec<AccountId> = rows.replenished().into_iter().collect();
    if !replenished.is_empty() {
        let waited_for = deferral::waited_for(conn, &replenished).await?;
        let came = |(account, person)| event::money_came(account, person, at);
        rows.events.extend(waited_for.into_iter().map(came));
    }
    Ok(())
}

async fn keep_rows(
    conn: &mut PgConnection,
    rows: &Rows<'_>,
    at: Timestamp,
) -> Result<(), StoreError> {
    if !rows.allocations.is_empty() {
        allocation::record(conn, &rows.allocations, at).await?;
    }
    let approved: Vec<_> = rows
        .kept
        .iter()
        .filter_map(|(kept, origin)| Some((kept.correction?, *origin)))
        .collect();
    if !approved.is_empty() {
        correction::approve(conn, &approved, at).await?;
    }
    let marks: Vec<_> = rows
        .kept
        .iter()
        .filter_map(|(kept, origin)| Some((*kept, kept.mark?, *origin)))
        .collect();
    if !marks.is_empty() {
        mark::insert(conn, &marks).await?;
    }
    Ok(())
}

async fn movement_rows(
    conn: &mut PgConnection,
    book: &Book,
    movements: &[Movement<'_>],
    (place, at): (Place, Timestamp),
) -> Result<(), StoreError> {
    if !movements.is_empty() {
        crate::store::movement::insert(conn, movements, place, at).await?;
    }
    if book.is_reshaped() {
        account::write_whole(conn, &book.moved_accounts()).await?;
    } else {
        account::write_balances(conn, &book.moved_accounts()).await?;
    }
    let counters = book.moved_counters();
    if !counters.is_empty() {
        limit::write(conn, &counters).await?;
    }
    Ok(())
}
