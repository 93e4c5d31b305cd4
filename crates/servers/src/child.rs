//! Children that never outlive this process.
//!
//! The kernel sends a child its last signal when the *thread* that started it ends, so every child is started by one
//! thread that lives as long as the process: no test runtime, no worker thread that goes idle can take servers with it.
//! A child is put into a process group of its own, so that Ctrl-C reaches only this process, which then
//! stops its children in the right order.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, Command, ExitStatus};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// How often a child is asked whether it has ended. Short against everything a child does.
const GLANCE: Duration = Duration::from_millis(5);
/// How long a child that is dropped may take over its last signal before it is killed.
const LAST_WORDS: Duration = Duration::from_secs(5);

struct Order {
    command: Command,
    started: Sender<io::Result<process::Child>>,
}

/// The way to the one thread that starts children. It is not state: it only ties the thread to the life of the process.
static SPAWNER: LazyLock<io::Result<Sender<Order>>> = LazyLock::new(|| {
    let (sender, orders) = channel();
    thread::Builder::new()
        .name("spawner".to_owned())
        .spawn(move || fulfil(&orders))?;
    Ok(sender)
});

fn fulfil(orders: &Receiver<Order>) {
    while let Ok(mut order) = orders.recv() {
        let child = order.command.spawn();
        if let Err(unwanted) = order.started.send(child)
            && let Ok(mut child) = unwanted.0
        {
            // Nobody waits for it any more; nothing can be done about a kill that fails.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A running child process. Dropping it ends it.
#[derive(Debug)]
pub struct Child {
    inner: process::Child,
    last_signal: Signal,
}

impl Child {
    /// Starts `command`. The child gets `last_signal` when this process ends in whatever way, or drops it.
    pub fn spawn(mut command: Command, last_signal: Signal) -> io::Result<Self> {
        command.process_group(0);
        bind_to_this_process(&mut command, last_signal);
        let spawner = SPAWNER
            .as_ref()
            .map_err(|error| io::Error::new(error.kind(), error))?;
        let (started, child) = channel();
        spawner
            .send(Order { command, started })
            .expect("the spawner thread never ends");
        let inner = child.recv().expect("the spawner answers every order")?;
        Ok(Self { inner, last_signal })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// How the child ended, if it has.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.inner.try_wait()
    }

    /// Sends a signal. A child that has ended already does not mind.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        // The child is not waited for yet, so its id cannot have gone to another process.
        Ok(kill_process(Pid::from_child(&self.inner), signal)?)
    }

    /// Waits until the child has ended, for `patience` at most; `None` if it still runs then.
    pub async fn wait(&mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.ended()?;
            if ended.is_some() || Instant::now() >= deadline {
                return Ok(ended);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Sends `signal`, waits for `patience`, and kills a child that has not ended by then.
    pub async fn stop(mut self, signal: Signal, patience: Duration) -> io::Result<ExitStatus> {
        self.signal(signal)?;
        match self.wait(patience).await? {
            Some(status) => Ok(status),
            None => self.kill(),
        }
    }

    /// Ends the child at once, as a crash would.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.inner.kill()?;
        self.inner.wait()
    }
}

impl Drop for Child {
    /// Waits for the child to end, for a few seconds at most. Errors have nowhere to go.
    fn drop(&mut self) {
        let deadline = Instant::now() + LAST_WORDS;
        let _ = self.signal(self.last_signal);
        while matches!(self.ended(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(GLANCE);
        }
        let _ = self.inner.kill();
        let _ = self.inner.wait();
    }
}

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "the kernel takes a parent-death signal only from the child itself, between fork and exec"
)]
fn bind_to_this_process(command: &mut Command, last_signal: Signal) {
    use rustix::process::{getpid, getppid, set_parent_process_death_signal};

    let parent = getpid();
    let set_up = move || {
        set_parent_process_death_signal(Some(last_signal))?;
        // The parent may have ended before the line above; then nobody would ever send the signal.
        if getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    };
    // SAFETY: the closure makes two system calls and neither allocates nor locks, so it may run in a
    // forked child of a process with threads. It runs after the change of user, which would undo it.
    unsafe { command.pre_exec(set_up) };
}

/// Other systems have no such signal: there, a crash of this process leaves its servers running.
#[cfg(not(target_os = "linux"))]
fn bind_to_this_process(_command: &mut Command, _last_signal: Signal) {}

/// The last lines a child has written to `log`, set off from the text around them: for an error that a person reads.
pub fn last_lines(log: &Path) -> String {
    const LINES: usize = 12;
    const BYTES: u64 = 8_192;

    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let from = file
            .metadata()
            .map_or(0, |about| about.len().saturating_sub(BYTES));
        // What cannot be read is left out: this only adds to an error that is already being told.
        let _ = file
            .seek(SeekFrom::Start(from))
            .and_then(|_| file.read_to_end(&mut bytes));
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut shown = String::new();
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        write!(shown, "\n  | {line}").expect("a string takes any text");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Child, Signal, last_lines};
    use std::os::unix::process::ExitStatusExt;
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    fn long_running() -> Command {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "read never"])
            .stdin(std::process::Stdio::piped());
        command
    }

    #[tokio::test]
    async fn a_child_outlives_the_thread_that_asked_for_it() {
        let asking = std::thread::spawn(|| Child::spawn(long_running(), Signal::KILL));
        let mut child = asking
            .join()
            .expect("the thread ends well")
            .expect("a shell can be started");
        assert_eq!(
            child
                .wait(Duration::from_millis(100))
                .await
                .expect("it is ours"),
            None
        );
        let status = child
            .stop(Signal::TERM, Duration::from_secs(5))
            .await
            .expect("it is ours");
        assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error_and_not_a_child() {
        let error = Child::spawn(Command::new("/no/such/program"), Signal::KILL)
            .expect_err("there is none");
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }

    #[test]
    fn a_log_that_is_not_there_has_no_last_lines() {
        assert_eq!(last_lines(Path::new("/no/such/log")), "");
    }
}
