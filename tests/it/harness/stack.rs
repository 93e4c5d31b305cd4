//! One story's stack: its databases, its broker, the four services and the gateway.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use jiff::SignedDuration;
use jiff::civil::date;
use kernel::Clock;
use servers::child::{Child, Signal};
use servers::{Nats, Scratch};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use stack::callers::Callers;
use stack::layout::{Layout, SERVICES, Wiring};
use stack::quiet::Watcher;
use stack::services::Services;
use tokio::sync::SemaphorePermit;

use super::shared::{ROOM, shared};
use super::until::{DEADLINE, until};

/// How the services run.
enum Running {
    /// In this process, on the story's clock.
    Here(Services),
    /// As processes of their own, on the machine's clock, so that they can be killed.
    Apart(Vec<(&'static str, Child)>),
}

pub struct Stack {
    pub callers: Callers,
    pub clock: Clock,
    pub layout: Layout,
    pub http: reqwest::Client,
    /// Databases as the story looks into them.
    pub settlement: PgPool,
    pub notification: PgPool,
    pub(super) nats: Nats,
    running: Running,
    numbers: AtomicU32,
    scratch: Scratch,
    // Given back last: the next story may then begin.
    _room: SemaphorePermit<'static>,
}

impl Stack {
    /// Everything in this process, at ten in the morning of 2026-01-05 in Shanghai.
    pub async fn start() -> Self {
        let midnight = kernel::clock::start_of(date(2026, 1, 5)).expect("2026 is in the calendar");
        let clock = Clock::manual(midnight + SignedDuration::from_hours(10));
        let mut stack = Self::lay_out(clock).await;
        let services = Services::start(&stack.layout, &stack.clock)
            .await
            .expect("the services start");
        stack.running = Running::Here(services);
        stack.open().await;
        stack
    }

    /// Each service in a process of its own.
    pub async fn of_processes() -> Self {
        let mut stack = Self::lay_out(Clock::system()).await;
        for part in SERVICES.into_iter().chain(["gateway"]) {
            stack.start_process(part).await;
        }
        stack.open().await;
        stack
    }

    async fn lay_out(clock: Clock) -> Self {
        let room = ROOM.acquire().await.expect("the room is never closed");
        let shared = tokio::task::spawn_blocking(shared)
            .await
            .expect("the shared servers start");
        let scratch = Scratch::new().expect("there is a place for temporary files");
        let nats = Nats::start(&shared.binaries.nats, &scratch.path().join("nats"))
            .await
            .expect("nats-server starts");
        let layout = Layout::write(&Wiring {
            home: scratch.path().join("gongji"),
            databases: shared.databases().await,
            nats_url: nats.url(),
            overlay: Some(overlay()),
            allow_unsafe_durability: false,
        })
        .expect("the scratch directory is ours");
        Self {
            callers: Callers::of(&layout).expect("the layout has keys"),
            settlement: look_into(&layout.databases[2]),
            notification: look_into(&layout.databases[3]),
            http: reqwest::Client::new(),
            running: Running::Apart(Vec::new()),
            numbers: AtomicU32::new(0),
            clock,
            layout,
            nats,
            scratch,
            _room: room,
        }
    }

    /// Where the broker keeps its files.
    pub fn broker_files(&self) -> PathBuf {
        self.scratch.path().join("nats")
    }

    /// The next number of this story: nothing that is numbered by it comes twice.
    pub fn number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Starts a service as a process and waits until it listens.
    pub async fn start_process(&mut self, part: &'static str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gongji-process"));
        command
            .args(["serve", part, "--log", "error", "--config"])
            .arg(self.layout.config(part))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let child = Child::spawn(command, Signal::KILL).expect("the process starts");
        let Running::Apart(children) = &mut self.running else {
            panic!("the services of this stack run in this process");
        };
        children.push((part, child));
        let address = self.layout.url(part).replace("http://", "");
        until("the process listens", async || {
            tokio::net::TcpStream::connect(&address).await.is_ok()
        })
        .await;
    }

    /// Ends a service's process as a power cut would.
    pub fn kill_process(&mut self, part: &str) {
        let Running::Apart(children) = &mut self.running else {
            panic!("the services of this stack run in this process");
        };
        let at = children
            .iter()
            .position(|(name, _)| *name == part)
            .expect("it runs");
        let (_, mut child) = children.swap_remove(at);
        child.kill().expect("it is ours");
    }

    /// A bare connection to a service: no token, no trace.
    pub fn channel(&self, service: &str) -> tonic::transport::Channel {
        let endpoint = tonic::transport::Channel::from_shared(self.layout.url(service));
        endpoint.expect("the address is one of ours").connect_lazy()
    }

    /// Waits until everything that was committed is told and handled.
    pub async fn until_quiet(&self) {
        let begun = Instant::now();
        loop {
            let quiet = match Watcher::of(&self.layout).await {
                Ok(watcher) => watcher.until_quiet(DEADLINE).await,
                Err(error) => Err(error),
            };
            match quiet {
                Ok(()) => return,
                // A broker that was just started again may not answer yet.
                Err(error) => assert!(begun.elapsed() < DEADLINE, "{error}"),
            }
        }
    }

    /// Over midnight, to ten in the morning of the next day.
    pub fn next_day(&self) {
        assert!(self.clock.advance(SignedDuration::from_hours(24)));
    }

    /// The story is over: everything that happened is told and made sense of, the books balance, and every part stops as it should.
    pub async fn end(self) {
        self.until_quiet().await;
        self.books_balance().await;
        let parked = self.count("SELECT count(*) FROM parked").await;
        assert_eq!(parked, 0, "settlement made sense of every event");
        match self.running {
            Running::Here(services) => services.stop().await.expect("every part stops well"),
            Running::Apart(children) => {
                for (part, child) in children.into_iter().rev() {
                    let status = child.stop(Signal::TERM, DEADLINE).await;
                    assert!(
                        status.expect("it is ours").success(),
                        "{part} did not stop well"
                    );
                }
            }
        }
        self.settlement.close().await;
        self.notification.close().await;
    }
}

/// The rules that the worked examples need beyond the shipped ones: the demo's.
fn overlay() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/stack/demo/overlay.toml"
    ))
}

fn look_into(url: &str) -> PgPool {
    PgPoolOptions::new()
        .max_connections(3)
        .connect_lazy(url)
        .expect("the address is one of ours")
}
