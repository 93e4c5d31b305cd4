//! One lane: takes what is waiting, has it decided, and answers each caller, whatever happens to the batch.

use std::time::Duration;

use chassis::health::Progress;
use chassis::tasks::{BoxError, Stop};
use chassis::telemetry::Chain;
use kernel::{Reason, Refusal};
use sqlx::Postgres;
use sqlx::pool::PoolConnection;

use super::batch::{self, Done, Trouble, Unsure};
use super::queue::{AtWork, Queue};
use super::{Job, Office, look};
use crate::seal::Head;
use crate::store::{self, allocation, key};

/// How long a lane waits for work before it says that it is still there.
const IDLE: Duration = Duration::from_secs(2);

/// How often a command may collide with other batches before its caller is asked to come again.
const MOST_TRIES: u8 = 10;

/// How often a command may be put off because another batch holds what it wants, before its batch waits.
const MOST_PUT_OFF: u8 = 3;

/// For how many batches a lane waits for accounts after it found that most were held.
const CROWDED: u32 = 64;

/// One batch at a time, over one connection.
#[derive(Debug)]
pub(super) struct Lane {
    office: Office,
    queue: Queue,
    most: usize,
    progress: Progress,
    held: Option<Held>,
    /// Commands that wanted accounts which another lane held.
    put_off: Vec<Job>,
    /// In how many more batches accounts are waited for: everybody wants the same ones just now.
    crowded: u32,
}

/// A connection, and the lane it holds: where that lane's chain ends is known for as long as the connection lives.
#[derive(Debug)]
struct Held {
    conn: PoolConnection<Postgres>,
    head: Head,
}

impl Lane {
    pub(super) fn new(office: Office, queue: Queue, most: usize, progress: Progress) -> Self {
        Self {
            office,
            queue,
            most: most.max(1),
            progress,
            held: None,
            put_off: Vec::new(),
            crowded: 0,
        }
    }

    /// Serves until it is stopped, and then what is still waiting.
    pub(super) async fn run(mut self, stop: Stop) -> Result<(), BoxError> {
        while !stop.is_requested() {
            self.progress.made();
            if !self.put_off.is_empty() {
                let put_off = std::mem::take(&mut self.put_off);
                self.serve(self.queue.fill(put_off, self.most)).await;
                continue;
            }
            tokio::select! {
                taken = self.queue.next(self.most) => self.serve(taken).await,
                () = stop.requested() => {}
                () = tokio::time::sleep(IDLE) => {}
            }
        }
        self.queue.close().await;
        loop {
            self.progress.made();
            let put_off = std::mem::take(&mut self.put_off);
            let taken = if put_off.is_empty() {
                self.queue.next(self.most).await
            } else {
                self.queue.fill(put_off, self.most)
            };
            if taken.0.is_empty() {
                break;
            }
            self.serve(taken).await;
        }
        self.let_go();
        Ok(())
    }

    /// Has jobs decided and answers each of them.
    async fn serve(&mut self, (jobs, _at_work): (Vec<Job>, AtWork)) {
        // What is on top is served next; halves of a failed batch and commands that must wait for a twin come back here.
        let mut rounds = vec![jobs];
        while let Some(jobs) = rounds.pop() {
            if jobs.is_empty() {
                continue;
            }
            match self.attempt(&jobs).await {
                // Each round answers at least the first of its twins, so this comes to an end.
                Ok(done) => {
                    let left = deliver(jobs, done);
                    self.put_off.extend(left.later);
                    rounds.push(left.again);
                }
                Err(Trouble::Crowded) => {
                    metrics::counter!("gongji_settlement_crowded_total").increment(1);
                    self.crowded = CROWDED;
                    rounds.push(jobs);
                }
                Err(Trouble::Collision(error)) => {
                    tracing::debug!(error = %Chain(&error), "a batch collided with another and is tried again");
                    rounds.push(tried(jobs));
                }
                Err(Trouble::Overtaken) => {
                    tracing::warn!(
                        "another connection went on with this lane, which takes one anew"
                    );
                    self.let_go();
                    rounds.push(tried(jobs));
                }
                Err(Trouble::Unsure(unsure)) => {
                    self.let_go();
                    self.resolve(jobs, *unsure).await;
                }
                Err(Trouble::Away(error)) => {
                    self.let_go();
                    tracing::error!(error = %Chain(&error), "the database is away");
                    refuse(jobs, Reason::Unavailable);
                }
                Err(Trouble::Culprit(error)) if jobs.len() == 1 => {
                    tracing::error!(error = %Chain(&error), "a command could not be decided");
                    refuse(jobs, Reason::Internal);
                }
                Err(Trouble::Culprit(_)) => rounds.extend(halves(jobs)),
            }
        }
    }

    async fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Done>, Trouble> {
        let office = self.office.clone();
        let wait = self.is_to_wait(jobs);
        self.crowded = self.crowded.saturating_sub(1);
        let held = self.hold().await?;
        batch::attempt((&mut held.conn, &mut held.head), (jobs, wait), &office).await
    }

    /// Nobody is put off for ever: who was often enough has its batch wait.
    fn is_to_wait(&self, jobs: &[Job]) -> look::Held {
        if self.crowded > 0 || jobs.iter().any(|job| job.put_off >= MOST_PUT_OFF) {
            look::Held::Wait
        } else {
            look::Held::LeaveOut
        }
    }

    async fn hold(&mut self) -> Result<&mut Held, Trouble> {
        if self.held.is_none() {
            // Not given back to the pool if it fails on the way: it may hold a lane already.
            let mut conn = self.office.db.acquire().await?;
            conn.close_on_drop();
            store::lane::prepare(&mut conn).await?;
            let head = store::lane::take(&mut conn).await?;
            self.held = Some(Held { conn, head });
        }
        Ok(self.held.as_mut().expect("it was just acquired"))
    }

    /// Ends the connection, and with it the hold on the lane.
    fn let_go(&mut self) {
        self.held = None;
    }

    /// Finds out whether a commit took place whose answer was lost: by looking, on another connection, and never by
    /// deciding again (ruling 4 of the design). If it cannot be found, or not yet, the callers ask again under their keys.
    async fn resolve(&mut self, jobs: Vec<Job>, unsure: Unsure) {
        tracing::warn!(error = %Chain(&unsure.source), "the fate of a commit is not known");
        match self.landed(&unsure).await {
            Ok(true) => {
                let left = deliver(jobs, unsure.done);
                refuse(left.again, Reason::Unavailable);
                refuse(left.later, Reason::Unavailable);
            }
            Ok(false) => refuse(jobs, Reason::Unavailable),
            Err(error) => {
                self.let_go();
                tracing::error!(error = %Chain(&error), "the fate of a commit could not be found out");
                refuse(jobs, Reason::Unavailable);
            }
        }
    }

    async fn landed(&mut self, unsure: &Unsure) -> Result<bool, Trouble> {
        let conn = &mut self.hold().await?.conn;
        Ok(key::landed(&mut **conn, &unsure.keys).await?
            || allocation::landed(&mut **conn, &unsure.allocations).await?)
    }
}

/// What a batch left undone.
struct Left {
    /// To be tried again at once.
    again: Vec<Job>,
    /// To be tried with the next batch.
    later: Vec<Job>,
}

/// Answers those that are done, and gives back the others.
fn deliver(jobs: Vec<Job>, done: Vec<Done>) -> Left {
    let (mut again, mut later) = (Vec::new(), Vec::new());
    for (job, done) in jobs.into_iter().zip(done) {
        match done {
            // A caller that has gone asks again under its key.
            Done::Answered(answer) => drop(job.reply.send(answer)),
            Done::Again => again.push(job),
            Done::Later => later.push(Job {
                put_off: job.put_off.saturating_add(1),
                ..job
            }),
        }
    }
    metrics::counter!("gongji_settlement_put_off_total")
        .increment(u64::try_from(later.len()).unwrap_or(u64::MAX));
    Left { again, later }
}

/// Counts a collision; a command that had its share is refused.
fn tried(jobs: Vec<Job>) -> Vec<Job> {
    let (again, spent): (Vec<_>, Vec<_>) = jobs
        .into_iter()
        .map(|job| Job {
            tries: job.tries.saturating_add(1),
            ..job
        })
        .partition(|job| job.tries < MOST_TRIES);
    refuse(spent, Reason::Unavailable);
    again
}

fn refuse(jobs: Vec<Job>, reason: Reason) {
    for job in jobs {
        drop(job.reply.send(Err(Refusal::from(reason))));
    }
}

/// Two halves, the second first, so that the first is on top.
fn halves(mut jobs: Vec<Job>) -> [Vec<Job>; 2] {
    let second = jobs.split_off(jobs.len() / 2);
    [second, jobs]
}
