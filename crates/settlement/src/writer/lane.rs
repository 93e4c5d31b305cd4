//! One lane: takes what is waiting, has it decided, and answers each caller, whatever happens to the batch.

use std::sync::Arc;
use std::time::Duration;

use chassis::health::Progress;
use chassis::tasks::{BoxError, Stop};
use chassis::telemetry::Chain;
use kernel::{Reason, Refusal};
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use tokio::sync::{Mutex, mpsc};

use super::batch::{self, Done, Trouble, Unsure};
use super::{Job, Office};
use crate::seal::Head;
use crate::store::{self, allocation, key};

/// How long a lane waits for work before it says that it is still there.
const IDLE: Duration = Duration::from_secs(2);

/// How often a command may collide with other batches before its caller is asked to come again.
const MOST_TRIES: u8 = 10;

/// What waits for lanes to take it.
#[derive(Debug, Clone)]
pub(super) struct Queue(Arc<Mutex<mpsc::Receiver<Job>>>);

impl Queue {
    pub(super) fn new(waiting: mpsc::Receiver<Job>) -> Self {
        Self(Arc::new(Mutex::new(waiting)))
    }

    /// Waits until there is something, and takes up to `most` of it. Nothing is taken if the wait is given up.
    async fn next(&self, most: usize) -> Vec<Job> {
        let mut waiting = self.0.lock().await;
        let mut jobs = Vec::new();
        waiting.recv_many(&mut jobs, most).await;
        metrics::gauge!("gongji_settlement_queue")
            .set(f64::from(u32::try_from(waiting.len()).unwrap_or(u32::MAX)));
        jobs
    }

    /// Takes nothing more in.
    async fn close(&self) {
        self.0.lock().await.close();
    }
}

/// One batch at a time, over one connection.
#[derive(Debug)]
pub(super) struct Lane {
    office: Office,
    queue: Queue,
    most: usize,
    progress: Progress,
    held: Option<Held>,
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
        }
    }

    /// Serves until it is stopped, and then what is still waiting.
    pub(super) async fn run(mut self, stop: Stop) -> Result<(), BoxError> {
        while !stop.is_requested() {
            self.progress.made();
            tokio::select! {
                jobs = self.queue.next(self.most) => self.serve(jobs).await,
                () = stop.requested() => {}
                () = tokio::time::sleep(IDLE) => {}
            }
        }
        self.queue.close().await;
        loop {
            self.progress.made();
            match self.queue.next(self.most).await {
                jobs if jobs.is_empty() => break,
                jobs => self.serve(jobs).await,
            }
        }
        self.let_go();
        Ok(())
    }

    /// Has jobs decided and answers each of them.
    async fn serve(&mut self, jobs: Vec<Job>) {
        // What is on top is served next; halves of a failed batch and commands that must wait for a twin come back here.
        let mut rounds = vec![jobs];
        while let Some(jobs) = rounds.pop() {
            if jobs.is_empty() {
                continue;
            }
            match self.attempt(&jobs).await {
                // Each round answers at least the first of its twins, so this comes to an end.
                Ok(done) => rounds.push(deliver(jobs, done)),
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
        let held = self.hold().await?;
        batch::attempt((&mut held.conn, &mut held.head), jobs, &office).await
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
            Ok(true) => refuse(deliver(jobs, unsure.done), Reason::Unavailable),
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

/// Answers those that are done, and gives back those that must be tried again.
fn deliver(jobs: Vec<Job>, done: Vec<Done>) -> Vec<Job> {
    let mut again = Vec::new();
    for (job, done) in jobs.into_iter().zip(done) {
        match done {
            // A caller that has gone asks again under its key.
            Done::Answered(answer) => drop(job.reply.send(answer)),
            Done::Again => again.push(job),
        }
    }
    again
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
