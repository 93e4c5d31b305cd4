//! The part of a batch that concerns holds.

use std::collections::BTreeSet;

use kernel::{BindingId, HoldId, Timestamp};
use policy::Packs;
use policy::plan::Payer;
use proto::settlement::v1 as pb;
use sqlx::PgConnection;

use crate::answer;
use crate::book::Book;
use crate::command::Answer;
use crate::decide::Failed;
use crate::event;
use crate::hold::Ended;
use crate::hold::capture::{Captured, capture};
use crate::hold::command::Command;
use crate::hold::place::{Placed, place};
use crate::hold::release::{free, release};
use crate::limit::Scope;
use crate::store::{StoreError, aside, fence, hold};

/// What was decided on a hold, with its answer.
#[derive(Debug)]
pub(super) enum Outcome {
    Placed(Placed, pb::PlaceHoldResponse),
    Captured(Box<Captured>, pb::SettleResponse),
    Released(Ended, pb::ReleaseHoldResponse),
    /// Nobody asked, so nobody is answered.
    Freed(Ended),
}

/// Decides one command over the locked state.
pub(super) fn decide(
    book: &mut Book,
    command: &Command,
    packs: &Packs,
    at: Timestamp,
) -> Result<Outcome, Failed> {
    match command {
        Command::Place(command) => place(book, command, packs, at).map(|placed| {
            let answer = answer::placed(&placed);
            Outcome::Placed(placed, answer)
        }),
        Command::Capture(command) => capture(book, command, packs, at).map(|captured| {
            let answer = answer::captured(&captured, book);
            Outcome::Captured(Box::new(captured), answer)
        }),
        Command::Release(command) => release(book, command, at).map(|ended| {
            let answer = answer::released(&ended);
            Outcome::Released(ended, answer)
        }),
        Command::Free { hold, why } => free(book, (*hold, *why), at).map(Outcome::Freed),
    }
}

impl Outcome {
    pub(super) fn count(&self) {
        let state = match self {
            Self::Placed(placed, _) => placed.hold.state,
            Self::Captured(captured, _) => captured.ended.hold.state,
            Self::Released(ended, _) | Self::Freed(ended) => ended.hold.state,
        };
        metrics::counter!("gongji_settlement_holds_total", "state" => state.code()).increment(1);
    }

    pub(super) fn into_answer(self) -> Answer {
        match self {
            Self::Placed(_, answer) => Answer::Place(Box::new(answer)),
            Self::Captured(_, answer) => Answer::Settle(Box::new(answer)),
            Self::Released(_, answer) => Answer::Release(Box::new(answer)),
            Self::Freed(_) => Answer::Nothing,
        }
    }
}

/// The rows of holds that a batch begins and ends.
#[derive(Default)]
pub(super) struct Rows<'a> {
    pub(super) placed: Vec<(&'a Placed, &'a pb::PlaceHoldResponse)>,
    pub(super) ended: Vec<(&'a Ended, Option<&'a pb::ReleaseHoldResponse>)>,
}

/// Writes them, and what is set aside on the accounts after them; tells the fences that waited for nothing else.
pub(super) async fn write(
    conn: &mut PgConnection,
    book: &Book,
    rows: &Rows<'_>,
    at: Timestamp,
) -> Result<Vec<chassis::outbox::Entry>, StoreError> {
    if !rows.placed.is_empty() {
        hold::insert(conn, &rows.placed, at).await?;
    }
    if !rows.ended.is_empty() {
        hold::end(conn, &rows.ended, at).await?;
    }
    let held = book.moved_held();
    if !held.is_empty() {
        aside::write_held(conn, &held).await?;
    }
    let freed: BTreeSet<BindingId> = rows
        .ended
        .iter()
        .flat_map(|(ended, _)| &ended.hold.legs)
        .filter_map(|leg| match leg.payer {
            Payer::Aid { binding, .. } => Some(binding),
            Payer::Own => None,
        })
        .collect();
    if freed.is_empty() {
        return Ok(Vec::new());
    }
    let freed: Vec<BindingId> = freed.into_iter().collect();
    let lifted = fence::lift(conn, &freed).await?;
    Ok(lifted
        .iter()
        .map(|fence| event::fenced(fence, at))
        .collect())
}

/// Looks, under the locks, at the holds that commands are about, and at what open ones set aside on the accounts.
pub(super) async fn look(
    conn: &mut PgConnection,
    wanted: &[HoldId],
    book: &mut Book,
    at: Timestamp,
) -> Result<BTreeSet<Scope>, StoreError> {
    let mut scopes = BTreeSet::new();
    if !wanted.is_empty() {
        book.holds = hold::find(conn, wanted).await?;
        for leg in book.holds.values().flat_map(|hold| &hold.legs) {
            if let Payer::Aid { binding, .. } = leg.payer {
                scopes.extend([Scope::Pair(binding), Scope::Contributor(leg.account)]);
            }
        }
    }
    look_at_open(conn, book, at).await?;
    Ok(scopes)
}

/// What open holds set aside; only where any do is anything asked.
pub(super) async fn look_at_open(
    conn: &mut PgConnection,
    book: &mut Book,
    at: Timestamp,
) -> Result<(), StoreError> {
    let holding: Vec<_> = book
        .accounts
        .values()
        .filter(|account| account.held.is_positive())
        .map(|account| account.id)
        .collect();
    if !holding.is_empty() {
        let open = hold::open_on(conn, &holding, at).await?;
        book.know_aside(&open);
    }
    Ok(())
}

/// Which accounts and whose bills the holds concern, before anything is locked: that never changes.
pub(super) async fn guards(
    conn: &mut PgConnection,
    wanted: &[HoldId],
) -> Result<Vec<crate::hold::Hold>, StoreError> {
    Ok(hold::find(conn, wanted).await?.into_values().collect())
}
