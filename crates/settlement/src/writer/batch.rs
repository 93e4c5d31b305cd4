//! One batch: claim, lock, look, decide, write, commit. The number of statements does not depend on the number of commands.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use kernel::{AllocationId, PersonId, Reason, Refusal, SettlementId, Timestamp};
use policy::Packs;
use sqlx::{Connection as _, PgConnection};

use super::claim::Claimed;
use super::look::{Held, Seen};
use super::write::Written;
use super::{Job, Office, benefits, claim, holds, look, write};
use crate::allocation::{Allocated, allocate};
use crate::answer;
use crate::book::Book;
use crate::command::{Answer, Command, Origin};
use crate::decide::{Failed, Unfit, Verdict};
use crate::deduct::{Deducted, deduct};
use crate::give_back::{cancel, refund};
use crate::keep::{Kept, keep};
use crate::refund::Refunded;
use crate::replace::settle;
use crate::request::RequestKey;
use crate::reverse::{Reversed, reverse};
use crate::seal::Head;
use crate::settlement::{Declined, Settled};
use crate::store::StoreError;
use crate::store::settlement::CREDENTIAL_ONCE;
use proto::settlement::v1 as pb;

/// A batch goes on without what other batches hold if that is less than one in this many of its commands.
const LEFT_OUT: usize = 4;

/// What became of one command of a batch.
#[derive(Debug)]
pub(super) enum Done {
    Answered(Result<Answer, Refusal>),
    /// Its twin in the same batch has to be answered first.
    Again,
    /// Another batch holds an account that it wants: it goes into a later one.
    Later,
}

/// What was decided on one command, with its answer.
#[derive(Debug)]
pub(super) enum Outcome {
    Settled(Box<Settled>, pb::SettleResponse),
    Declined(Box<Declined>, pb::SettleResponse),
    Cancelled(Box<Refunded>, pb::CancelResponse),
    Refunded(Box<Refunded>, pb::RefundResponse),
    Reversed(Box<Reversed>, pb::ReverseResponse),
    Allocated(Box<Allocated>),
    Kept(Box<Kept>),
    Hold(Box<holds::Outcome>),
    Deducted(Box<Deducted>),
}

/// What a command is told that leaves nothing behind: its key is free again.
#[derive(Debug)]
enum Untraced {
    Refused(Refusal),
    /// The quote it named no longer holds.
    Stale(Box<pb::SettleResponse>),
}

impl From<Refusal> for Untraced {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Untraced {
    fn into_answer(self) -> Result<Answer, Refusal> {
        match self {
            Self::Refused(refusal) => {
                metrics::counter!("gongji_settlement_refused_total", "reason" => refusal.reason.code())
                    .increment(1);
                Err(refusal)
            }
            Self::Stale(answer) => {
                metrics::counter!("gongji_settlement_stale_total").increment(1);
                Ok(Answer::Settle(answer))
            }
        }
    }
}

/// A decision, and which command of the batch it is on.
#[derive(Debug)]
pub(super) struct Decision<'a> {
    pub(super) at: usize,
    pub(super) origin: &'a Origin,
    pub(super) outcome: Outcome,
}

/// Why a batch has no result, and so what is to be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Another batch was in the way: try again.
    #[error("another batch was in the way")]
    Collision(#[source] StoreError),
    /// So much of it wants accounts that another batch holds that waiting for them is better.
    #[error("another batch holds what this one wants")]
    Crowded,
    /// Another connection makes this lane's chain longer: take a lane again.
    #[error("the lane is another connection's")]
    Overtaken,
    /// Nothing can be decided for the moment, and nothing was.
    #[error("the database cannot be worked with")]
    Away(#[source] StoreError),
    /// Something in this batch cannot be written.
    #[error("a batch cannot be written")]
    Culprit(#[source] StoreError),
    /// The commit was sent and its answer did not come.
    #[error("the answer to a commit was lost")]
    Unsure(Box<Unsure>),
}

/// What is needed to find out whether a commit took place.
#[derive(Debug)]
pub(super) struct Unsure {
    /// Under which key which outcome is found if it did.
    pub(super) keys: Vec<(RequestKey, SettlementId)>,
    pub(super) allocations: Vec<AllocationId>,
    /// The answers if it did.
    pub(super) done: Vec<Done>,
    pub(super) source: sqlx::Error,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        let StoreError::Database(database) = &error else {
            return Self::Culprit(error);
        };
        match database {
            sqlx::Error::Database(said) => {
                let code = said.code().unwrap_or_default();
                let class = code.get(..2).unwrap_or_default();
                match (&*code, class) {
                    ("40001" | "40P01", _) => Self::Collision(error),
                    _ if said.constraint() == Some(CREDENTIAL_ONCE) => Self::Collision(error),
                    // Connections, resources, shutdown, time limits, a server that became read-only.
                    ("55P03" | "25006", _) | (_, "08" | "53" | "57" | "58") => Self::Away(error),
                    _ => Self::Culprit(error),
                }
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => {
                Self::Culprit(error)
            }
            _ => Self::Away(error),
        }
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// Decides all jobs in one transaction. Either every answer is committed, or nothing is. `head` is where the lane's chain ends, and
/// is moved on by a commit.
#[tracing::instrument(level = "debug", name = "settlement.batch", skip_all, fields(commands = jobs.len()))]
pub(super) async fn attempt(
    (conn, head): (&mut PgConnection, &mut Head),
    (jobs, held): (&[Job], Held),
    office: &Office,
) -> Result<Vec<Done>, Trouble> {
    metrics::histogram!("gongji_settlement_batch_size")
        .record(f64::from(u32::try_from(jobs.len()).unwrap_or(u32::MAX)));
    let begun = Instant::now();
    let mut tx = conn.begin().await?;

    // ---- claim
    let mut claimed = claim::claim(&mut tx, jobs, office.clock.now()).await?;
    if claimed.open.is_empty() && claimed.repeated.is_empty() {
        tx.rollback().await?;
        return Ok(claimed.done());
    }

    // ---- lock, and look in later statements
    let Seen { mut book, at, busy } =
        look::look(&mut tx, jobs, &claimed, (&office.clock, held)).await?;
    let mut refused = leave_out(jobs, &mut claimed, &busy)?;
    book.originals = std::mem::take(&mut claimed.originals);
    let bills = benefits::bills(jobs, &claimed, at);
    benefits::look_at_benefits(&mut tx, &mut book, office, &bills).await?;

    // ---- decide
    let mut decisions = Vec::with_capacity(jobs.len());
    for place in std::mem::take(&mut claimed.open) {
        let job = &jobs[place];
        match decide(&mut book, &job.command, &office.packs, at) {
            Ok(outcome) => decisions.push(Decision {
                at: place,
                origin: &job.origin,
                outcome,
            }),
            Err(untraced) => {
                claimed.answer(place, untraced.into_answer());
                refused.push(&job.command);
            }
        }
    }
    claimed.answer_repeated(&book, at);
    metrics::histogram!("gongji_settlement_decide_seconds").record(begun.elapsed());
    if decisions.is_empty() {
        tx.rollback().await?; // frees the claims, too
        return Ok(claimed.done());
    }

    // ---- write
    write::release(&mut tx, &refused).await?;
    let Written::Sealed(sealed) = write::write(&mut tx, &book, &decisions, *head, at).await? else {
        tx.rollback().await?;
        return Err(Trouble::Overtaken);
    };

    // ---- commit
    let (keys, allocations) = landmarks(jobs, &decisions);
    for decision in decisions {
        claimed.answer(decision.at, Ok(decision.outcome.into_answer(at)));
    }
    let sent = Instant::now();
    match tx.commit().await {
        Ok(()) => {
            *head = sealed;
            metrics::histogram!("gongji_settlement_commit_seconds").record(sent.elapsed());
            Ok(claimed.done())
        }
        Err(error @ sqlx::Error::Database(_)) => Err(error.into()),
        Err(source) => Err(Trouble::Unsure(Box::new(Unsure {
            keys,
            allocations,
            done: claimed.done(),
            source,
        }))),
    }
}

/// Puts off the commands whose patients are busy, and gives them back: their keys are to be freed.
fn leave_out<'a>(
    jobs: &'a [Job],
    claimed: &mut Claimed,
    busy: &BTreeSet<PersonId>,
) -> Result<Vec<&'a Command>, Trouble> {
    let is_free = |place: &usize| {
        let patient = jobs[*place].command.patient();
        patient.is_none_or(|patient| !busy.contains(&patient))
    };
    let (open, left_out): (Vec<_>, Vec<_>) = std::mem::take(&mut claimed.open)
        .into_iter()
        .partition(is_free);
    if left_out.len() > open.len() / LEFT_OUT {
        return Err(Trouble::Crowded);
    }
    claimed.open = open;
    for &place in &left_out {
        claimed.put_off(place);
    }
    Ok(left_out
        .into_iter()
        .map(|place| &jobs[place].command)
        .collect())
}

/// Decides one command. A bug in its decision is its own: the book changes only after everything else has succeeded.
fn decide(
    book: &mut Book,
    command: &Command,
    packs: &Packs,
    at: Timestamp,
) -> Result<Outcome, Untraced> {
    let decided = catch_unwind(AssertUnwindSafe(|| match command {
        Command::Settle(command) => settle(book, command, packs, at).map(|verdict| match verdict {
            Verdict::Settled(settled) => {
                let answer = answer::settled(&settled, book);
                Ok(Outcome::Settled(settled, answer))
            }
            Verdict::Declined(declined) => {
                let answer = answer::declined(&declined);
                Ok(Outcome::Declined(declined, answer))
            }
            Verdict::Stale(plan, benefit) => {
                let answer = answer::stale(&plan, benefit.as_deref(), book);
                Err(Untraced::Stale(Box::new(answer)))
            }
        }),
        Command::Cancel(command) => cancel(book, command, (packs, at)).map(|cancelled| {
            let answer = answer::cancelled(&cancelled);
            Ok(Outcome::Cancelled(Box::new(cancelled), answer))
        }),
        Command::Refund(command) => refund(book, command, (packs, at)).map(|refunded| {
            let answer = answer::refunded(&refunded);
            Ok(Outcome::Refunded(Box::new(refunded), answer))
        }),
        Command::Reverse(command) => {
            let original = book.originals.get(&command.id).copied();
            let original = original.ok_or_else(|| Unfit(command.key.to_string()))?;
            reverse(book, command, original, (packs, at)).map(|reversed| {
                let answer = answer::reversed(&reversed);
                Ok(Outcome::Reversed(Box::new(reversed), answer))
            })
        }
        Command::Allocate(command) => allocate(book, command, packs, at)
            .map(|allocated| Ok(Outcome::Allocated(Box::new(allocated)))),
        Command::Keep(command) => {
            keep(book, command, at).map(|kept| Ok(Outcome::Kept(Box::new(kept))))
        }
        Command::Hold(command) => holds::decide(book, command, packs, at)
            .map(|outcome| Ok(Outcome::Hold(Box::new(outcome)))),
        Command::Deduct(command) => deduct(book, command, packs, at)
            .map(|deducted| Ok(Outcome::Deducted(Box::new(deducted)))),
    }));
    match decided {
        Ok(Ok(decided)) => {
            decided.as_ref().inspect(|outcome| outcome.count()).ok();
            decided
        }
        Ok(Err(Failed::Refused(refusal))) => Err(refusal.into()),
        Ok(Err(Failed::Unfit(error))) => {
            tracing::error!(%error, "a command was not carried out");
            Err(Refusal::from(Reason::Internal).into())
        }
        Err(_panic) => {
            tracing::error!("the decision on a command panicked");
            Err(Refusal::from(Reason::Internal).into())
        }
    }
}

impl Outcome {
    fn count(&self) {
        match self {
            Self::Settled(..) => metrics::counter!("gongji_settlement_settled_total").increment(1),
            Self::Declined(declined, _) => {
                let reason = declined.why.reason.code();
                metrics::counter!("gongji_settlement_declined_total", "reason" => reason)
                    .increment(1);
            }
            Self::Cancelled(..) => {
                metrics::counter!("gongji_settlement_cancelled_total").increment(1);
            }
            Self::Refunded(..) => {
                metrics::counter!("gongji_settlement_refunded_total").increment(1);
            }
            Self::Reversed(..) => {
                metrics::counter!("gongji_settlement_reversed_total").increment(1);
            }
            Self::Allocated(_) => {
                metrics::counter!("gongji_settlement_allocated_total").increment(1);
            }
            Self::Kept(_) => metrics::counter!("gongji_settlement_kept_total").increment(1),
            Self::Hold(outcome) => outcome.count(),
            Self::Deducted(deducted) => deducted.count(),
        }
    }

    fn into_answer(self, at: Timestamp) -> Answer {
        match self {
            Self::Settled(_, answer) | Self::Declined(_, answer) => {
                Answer::Settle(Box::new(answer))
            }
            Self::Cancelled(_, answer) => Answer::Cancel(Box::new(answer)),
            Self::Refunded(_, answer) => Answer::Refund(Box::new(answer)),
            Self::Reversed(_, answer) => Answer::Reverse(Box::new(answer)),
            Self::Allocated(allocated) => {
                Answer::Allocate(Box::new(answer::account(&allocated.account, at)))
            }
            Self::Kept(kept) => Answer::Keep(Box::new(answer::account(&kept.account, at))),
            Self::Hold(outcome) => outcome.into_answer(),
            Self::Deducted(_) => Answer::Deduct,
        }
    }
}

/// By what a commit is recognised later.
fn landmarks(
    jobs: &[Job],
    decisions: &[Decision<'_>],
) -> (Vec<(RequestKey, SettlementId)>, Vec<AllocationId>) {
    let mut keys = Vec::new();
    let mut allocations = Vec::new();
    for decision in decisions {
        match &jobs[decision.at].command {
            Command::Settle(settle) => keys.push((settle.key.clone(), settle.id)),
            Command::Cancel(cancel) => keys.push((cancel.key.clone(), cancel.id)),
            Command::Refund(refund) => keys.push((refund.key.clone(), refund.id)),
            Command::Reverse(reverse) => keys.push((reverse.key.clone(), reverse.id)),
            Command::Allocate(allocate) => allocations.push(allocate.id),
            // Whether it was done is told by asking again, and whoever wants a bill deducted asks again anyhow.
            Command::Keep(_) | Command::Deduct(_) => {}
            Command::Hold(command) => {
                let claim = command.claim();
                keys.extend(claim.map(|(key, _, _, outcome)| (key.clone(), outcome)));
            }
        }
    }
    (keys, allocations)
}
