//! A process is a list of tasks. It ends when a signal arrives or a task fails, and then the list is stopped in reverse:
//! what was added last depends on what was added before it, so it goes first.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::telemetry::Chain;

/// How long one task may take to return after it was told to stop. Then it is aborted.
const PATIENCE: Duration = Duration::from_secs(10);

/// Any error, for what only ends up in a log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The tasks of a process, in the order in which they were added. Dropping the list aborts what still runs.
#[derive(Debug)]
pub struct Tasks {
    running: Vec<Running>,
    /// Tells the tasks added last.
    last: CancellationToken,
    /// Tells the task that is added next.
    next: CancellationToken,
    /// Whether somebody holds `next`.
    handed_out: AtomicBool,
    process: CancellationToken,
    failed: mpsc::UnboundedSender<TaskFailed>,
    failures: mpsc::UnboundedReceiver<TaskFailed>,
}

#[derive(Debug)]
struct Running {
    name: &'static str,
    stop: CancellationToken,
    handle: JoinHandle<()>,
}

/// Tells a task that it should return.
#[derive(Debug, Clone)]
pub struct Stop {
    task: CancellationToken,
    process: CancellationToken,
}

/// Why a process ended that should not have.
#[derive(Debug, thiserror::Error)]
#[error("the task {task:?} failed")]
pub struct TaskFailed {
    /// Its name.
    pub task: &'static str,
    /// Why.
    pub source: BoxError,
}

impl Stop {
    /// Waits until the task should return.
    pub async fn requested(&self) {
        self.task.cancelled().await;
    }

    /// Whether the task should return.
    pub fn is_requested(&self) -> bool {
        self.task.is_cancelled()
    }

    /// Asks for the end of the whole process: [`Tasks::run`] then stops every task in its turn.
    pub fn end_process(&self) {
        self.process.cancel();
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// No task yet.
    pub fn new() -> Self {
        let (failed, failures) = mpsc::unbounded_channel();
        Self {
            running: Vec::new(),
            last: CancellationToken::new(),
            next: CancellationToken::new(),
            handed_out: AtomicBool::new(false),
            process: CancellationToken::new(),
            failed,
            failures,
        }
    }

    /// The stop of the task that is added next: `tasks.add("relay", relay.run(tasks.stop()))`.
    ///
    /// Tasks that are added without asking for another stop in between share this one, and are told together.
    pub fn stop(&self) -> Stop {
        self.handed_out.store(true, Ordering::Relaxed);
        Stop {
            task: self.next.clone(),
            process: self.process.clone(),
        }
    }

    /// Starts `task` now. It returns when its stop is requested; an error or a panic ends the process, an early `Ok` does not.
    pub fn add<F>(&mut self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        if self.handed_out.swap(false, Ordering::Relaxed) {
            self.last = std::mem::take(&mut self.next);
        }
        let failed = self.failed.clone();
        let guarded = async move {
            let source = match AssertUnwindSafe(task).catch_unwind().await {
                Ok(Ok(())) => return,
                Ok(Err(source)) => source,
                Err(panic) => said(panic.as_ref()).into(),
            };
            // Nobody listens once the list is gone, and then nobody is left to be told.
            let _ = failed.send(TaskFailed { task: name, source });
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "this list is where tasks are started"
        )]
        let handle = tokio::spawn(guarded);
        self.running.push(Running {
            name,
            stop: self.last.clone(),
            handle,
        });
    }

    /// Runs until SIGINT, SIGTERM, a failing task or [`Stop::end_process`], then stops all tasks, the last added first.
    ///
    /// The error is the first task that failed; those that fail while stopping are logged.
    pub async fn run(mut self) -> Result<(), TaskFailed> {
        let first = tokio::select! {
            () = told_by_signal() => None,
            () = self.process.cancelled() => None,
            failure = self.failures.recv() => failure,
        };
        self.stop_all(first).await
    }

    /// Stops all tasks, the last added first.
    pub async fn shut_down(mut self) -> Result<(), TaskFailed> {
        self.stop_all(None).await
    }

    async fn stop_all(&mut self, mut first: Option<TaskFailed>) -> Result<(), TaskFailed> {
        while let Some(mut running) = self.running.pop() {
            running.stop.cancel();
            if tokio::time::timeout(PATIENCE, &mut running.handle)
                .await
                .is_err()
            {
                tracing::warn!(
                    task = running.name,
                    "the task did not stop in time and is aborted"
                );
                running.handle.abort();
            }
        }
        while let Ok(failure) = self.failures.try_recv() {
            if first.is_some() {
                tracing::error!(
                    task = failure.task,
                    error = %Chain(&failure),
                    "a task failed while the process was stopping"
                );
            } else {
                first = Some(failure);
            }
        }
        first.map_or(Ok(()), Err)
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        for running in &self.running {
            running.handle.abort();
        }
    }
}

async fn told_by_signal() {
    let mut interrupt =
        signal(SignalKind::interrupt()).expect("a process may handle its own SIGINT");
    let mut terminate =
        signal(SignalKind::terminate()).expect("a process may handle its own SIGTERM");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("nothing that can be read");
    format!("it panicked and said: {said}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    type Order = Arc<Mutex<Vec<&'static str>>>;

    fn notes_its_end(tasks: &mut Tasks, name: &'static str, order: &Order) {
        let (stop, order) = (tasks.stop(), Arc::clone(order));
        tasks.add(name, async move {
            stop.requested().await;
            order.lock().unwrap().push(name);
            Ok(())
        });
    }

    #[tokio::test]
    async fn what_was_added_last_stops_first() {
        let order = Order::default();
        let mut tasks = Tasks::new();
        notes_its_end(&mut tasks, "relay", &order);
        notes_its_end(&mut tasks, "consumer", &order);
        notes_its_end(&mut tasks, "grpc", &order);
        tasks.shut_down().await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["grpc", "consumer", "relay"]);
    }

    #[tokio::test]
    async fn a_failing_task_ends_the_process_and_is_named() {
        let order = Order::default();
        let mut tasks = Tasks::new();
        notes_its_end(&mut tasks, "relay", &order);
        tasks.add("consumer", async { Err("no such stream".into()) });
        let failed = tasks.run().await.unwrap_err();
        assert_eq!(failed.task, "consumer");
        assert_eq!(
            Chain(&failed).to_string(),
            "the task \"consumer\" failed: no such stream"
        );
        assert_eq!(*order.lock().unwrap(), ["relay"]);
    }

    #[tokio::test]
    async fn a_panicking_task_is_a_failed_task() {
        let mut tasks = Tasks::new();
        tasks.add("consumer", async { panic!("an invariant broke") });
        let failed = tasks.run().await.unwrap_err();
        assert_eq!(
            failed.source.to_string(),
            "it panicked and said: an invariant broke"
        );
    }

    #[tokio::test]
    async fn a_task_that_is_done_early_does_not_end_the_process_but_asking_for_its_end_does() {
        let mut tasks = Tasks::new();
        let (asked, stop) = (tasks.stop(), tasks.stop());
        tasks.add("warm-up", async { Ok(()) });
        tasks.add("shared", async move {
            stop.requested().await;
            Ok(())
        });
        asked.end_process();
        assert!(!asked.is_requested());
        tasks.run().await.unwrap();
        assert!(asked.is_requested());
    }
}
