//! The one way by which money moves: commands are collected into batches, and a batch is one transaction.
//!
//! A single command is a batch of one. While nothing is under way, nothing waits for a batch to fill: a lane takes what is there,
//! up to a cap, and while it is at work the next batch gathers. So the busier it gets, the more neighbours share a commit.
//!
//! - The queue is bounded. Full means `OVERLOADED` at once, never a wait without end.
//! - One command can never fail its neighbours: a batch that fails is bisected until the culprit stands alone.
//! - Lanes share one queue and meet in the database: keys, then settlements, then accounts, each in sorted order. A bill that
//!   wants an account which another batch holds is left to a later batch, so lanes do not wait for each other.
//! - Imports have a lane and a queue of their own, and small batches, so that they never hold up a counter.

use std::sync::Arc;

use chassis::health::Health;
use chassis::tasks::Tasks;
use jiff::SignedDuration;
use kernel::{Clock, Reason, Refusal};
use policy::Packs;
use serde::Deserialize;
use sqlx::PgPool;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::catalogue::Catalogue;
use crate::command::{Answer, Command, Origin};
use crate::keep::Keep;
use lane::Lane;
use queue::Queue;

mod batch;
mod benefits;
mod claim;
mod holds;
mod lane;
mod look;
mod premiums;
mod queue;
mod write;

pub(crate) use benefits::look_at_benefits;
pub(crate) use look::glance;

/// The names of the counter lanes, and so the most there can be.
const LANES: [&str; 8] = [
    "settlement writer 1",
    "settlement writer 2",
    "settlement writer 3",
    "settlement writer 4",
    "settlement writer 5",
    "settlement writer 6",
    "settlement writer 7",
    "settlement writer 8",
];

/// The name of the lane for imports.
const IMPORT: &str = "settlement import";

/// A lane that has not gone round for this long, busy or idle, is not well.
const LANE_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// How the writer is laid out.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many batches of the counters may be under way at once, 1 to 8; each holds a connection.
    pub lanes: usize,
    /// The most commands in a batch.
    pub batch: usize,
    /// How many commands may wait.
    pub queue: usize,
    /// The same for imports, which have one lane.
    pub import_batch: usize,
    pub import_queue: usize,
}

/// What a batch is decided with.
#[derive(Debug, Clone)]
pub struct Office {
    pub db: PgPool,
    pub packs: Arc<Packs>,
    pub clock: Clock,
    /// What this process remembers of the fee catalogue.
    pub catalogue: Catalogue,
}

/// A command that waits, and who waits for it.
#[derive(Debug)]
struct Job {
    command: Command,
    origin: Origin,
    reply: oneshot::Sender<Result<Answer, Refusal>>,
    /// How many collisions it was in.
    tries: u8,
    /// How often it was left to a later batch.
    put_off: u8,
}

/// Hands commands to the lanes.
#[derive(Debug, Clone)]
pub struct Writer {
    counter: mpsc::Sender<Job>,
    import: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the lanes. They stop after everything that sends to them, having served what is waiting.
    pub fn start(settings: Settings, office: &Office, health: &Health, tasks: &mut Tasks) -> Self {
        let (counter, waiting) = mpsc::channel(settings.queue.max(1));
        let queue = Queue::new(waiting);
        let lanes = settings.lanes.clamp(1, LANES.len());
        for name in LANES.into_iter().take(lanes) {
            let lane = Lane::new(
                office.clone(),
                queue.clone(),
                settings.batch,
                health.part(name, LANE_WITHIN),
            );
            tasks.add(name, lane.run(tasks.stop()));
        }
        let (import, waiting) = mpsc::channel(settings.import_queue.max(1));
        let progress = health.part(IMPORT, LANE_WITHIN);
        let lane = Lane::new(
            office.clone(),
            Queue::new(waiting),
            settings.import_batch,
            progress,
        );
        tasks.add(IMPORT, lane.run(tasks.stop()));
        Self { counter, import }
    }

    /// Has a command decided, and waits for the answer.
    ///
    /// # Errors
    /// The refusal of the command; `OVERLOADED` if too much is waiting; `UNAVAILABLE` and `INTERNAL` if nothing could be
    /// decided. After those the same request may be sent again: its key tells whether it was answered after all.
    pub async fn submit(&self, command: Command, origin: Origin) -> Result<Answer, Refusal> {
        let (job, answer) = job(command, origin);
        self.queue(&job).try_send(job).map_err(|full| match full {
            TrySendError::Full(_) => {
                metrics::counter!("gongji_settlement_overloaded_total").increment(1);
                Refusal::from(Reason::Overloaded)
            }
            TrySendError::Closed(_) => Reason::Unavailable.into(),
        })?;
        told(answer).await
    }

    /// The same for one of many commands of a bulk request, which waits for its place in the queue instead: the request is
    /// read only as fast as its commands are decided.
    ///
    /// # Errors
    /// As for [`Writer::submit`], but never `OVERLOADED`.
    pub async fn submit_in_turn(
        &self,
        command: Command,
        origin: Origin,
    ) -> Result<Answer, Refusal> {
        let (job, answer) = job(command, origin);
        let sent = self.queue(&job).send(job).await;
        sent.ok().ok_or(Reason::Unavailable)?;
        told(answer).await
    }

    fn queue(&self, job: &Job) -> &mpsc::Sender<Job> {
        match &job.command {
            // The turn of a year is bulk work, and nobody stands at a counter for what is deducted after the visit; an operator
            // who freezes an account waits for none. So a deduction never shares a batch with what gives its bill back.
            Command::Allocate(_) | Command::Deduct(_) | Command::Keep(Keep::Turn { .. }) => {
                &self.import
            }
            Command::Settle(settle) if settle.bill.premium.is_some() => &self.import,
            Command::Settle(_)
            | Command::Cancel(_)
            | Command::Refund(_)
            | Command::Reverse(_)
            | Command::Keep(_)
            | Command::Hold(_) => &self.counter,
        }
    }
}

type Reply = oneshot::Receiver<Result<Answer, Refusal>>;

fn job(command: Command, origin: Origin) -> (Job, Reply) {
    let (reply, answer) = oneshot::channel();
    let job = Job {
        command,
        origin,
        reply,
        tries: 0,
        put_off: 0,
    };
    (job, answer)
}

/// A lane that ended without an answer may have committed: that is told by asking again.
async fn told(answer: Reply) -> Result<Answer, Refusal> {
    answer
        .await
        .unwrap_or_else(|_| Err(Reason::Unavailable.into()))
}
