//! What waits for lanes to take it.
//!
//! A lane takes what is there at once if no other lane is at work. If one is, it waits until half a batch has gathered, or until
//! the other is done: a second lane is for when there is work for two, and many small batches cost more than few large ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, Notify, mpsc};

use super::Job;

/// Shared by the lanes that take from it.
#[derive(Debug, Clone)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// How many lanes are at work.
    at_work: AtomicUsize,
    /// A lane is done.
    done: Notify,
}

#[derive(Debug)]
struct Waiting {
    receiver: mpsc::Receiver<Job>,
    /// Taken from the receiver, and by no lane yet.
    gathered: Vec<Job>,
}

/// For as long as it lives, its lane is at work.
#[derive(Debug)]
pub(super) struct AtWork(Arc<Shared>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::AcqRel);
        self.0.done.notify_one();
    }
}

impl Queue {
    pub(super) fn new(receiver: mpsc::Receiver<Job>) -> Self {
        Self(Arc::new(Shared {
            waiting: Mutex::new(Waiting {
                receiver,
                gathered: Vec::new(),
            }),
            at_work: AtomicUsize::new(0),
            done: Notify::new(),
        }))
    }

    /// Waits until there is enough, and takes up to `most` of it; nothing once it is closed and empty. Nothing is lost if the wait
    /// is given up.
    pub(super) async fn next(&self, most: usize) -> (Vec<Job>, AtWork) {
        let mut waiting = self.0.waiting.lock().await;
        let Waiting { receiver, gathered } = &mut *waiting;
        loop {
            let room = most.saturating_sub(gathered.len());
            if room == 0 || gathered.len() >= most / 2 && !gathered.is_empty() {
                break;
            }
            if !gathered.is_empty() && self.0.at_work.load(Ordering::Acquire) == 0 {
                break;
            }
            tokio::select! {
                biased;
                come = receiver.recv_many(gathered, room) => if come == 0 { break },
                () = self.0.done.notified() => {}
            }
        }
        let jobs = take(gathered, most);
        metrics::gauge!("gongji_settlement_queue").set(f64::from(
            u32::try_from(receiver.len() + gathered.len()).unwrap_or(u32::MAX),
        ));
        (jobs, self.begin())
    }

    /// Adds what is waiting to `jobs`, up to `most` in all, and waits for nothing, not even for a lane that waits for work.
    pub(super) fn fill(&self, mut jobs: Vec<Job>, most: usize) -> (Vec<Job>, AtWork) {
        if let Ok(mut waiting) = self.0.waiting.try_lock() {
            let Waiting { receiver, gathered } = &mut *waiting;
            let room = most.saturating_sub(jobs.len());
            jobs.extend(take(gathered, room));
            while jobs.len() < most
                && let Ok(job) = receiver.try_recv()
            {
                jobs.push(job);
            }
        }
        (jobs, self.begin())
    }

    /// Takes nothing more in.
    pub(super) async fn close(&self) {
        self.0.waiting.lock().await.receiver.close();
    }

    fn begin(&self) -> AtWork {
        self.0.at_work.fetch_add(1, Ordering::AcqRel);
        AtWork(Arc::clone(&self.0))
    }
}

/// The first `most`.
fn take(gathered: &mut Vec<Job>, most: usize) -> Vec<Job> {
    let rest = gathered.split_off(gathered.len().min(most));
    std::mem::replace(gathered, rest)
}
