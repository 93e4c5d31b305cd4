//! A run of `bench settle` or `bench pipeline`, from the empty directory to the figures.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kernel::Clock;
use serde_json::Value;
use servers::{DataHome, Progress};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, PgConnection};

use super::bill::Town;
use super::figures::{self, Pair, Round};
use super::load::Crowd;
use super::machine::{self, Machine};
use super::meter::{Programs, Reading};
use super::notices::Notices;
use super::pause::Pause;
use super::pgbench::{self, Pgbench};
use super::report::Report;
use super::seed::{self, Tables};
use super::{BenchError, Bills, Hot, books};
use crate::quiet::Watcher;
use crate::whole::{Stack, StackError, Wanted};

/// How many rounds there are of each (ruling 59 of the design).
const PAIRS: usize = 3;
/// How long each warms up: caches, plans, connections.
const WARM_UP: u32 = 5;
/// The first bills of all, to learn how many a round will need.
const FIRST: u32 = 2_000;
/// How many more bills are made than the fastest round so far would need; and more so after the first bills, which are slow.
const MARGIN: f64 = 1.5;
const MARGIN_COLD: f64 = 4.0;
/// How long the events of a round may take.
const TOLD_WITHIN: Duration = Duration::from_mins(10);
/// What the servers and services keep in their directory.
const KEPT: [&str; 3] = ["postgres", "nats", "gongji"];

/// How much of what follows a charge goes on while charges run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The relay waits for the end of the round.
    Settle,
    /// Everything.
    Pipeline,
}

/// Where the data of a run lies.
pub fn place(wanted: Option<&Path>) -> PathBuf {
    wanted.map_or_else(
        || servers::place::workspace().join(".stack").join("bench"),
        Path::to_owned,
    )
}

/// Measures on a stack of its own, and leaves nothing behind.
pub async fn bills(mode: Mode, wanted: Bills) -> Result<Value, BenchError> {
    let data = place(wanted.data.as_deref());
    let load = machine::load();
    empty(&data)?;
    let progress = Progress::to_stderr();
    let clock = Clock::system();
    let stack = Stack::start(
        Wanted {
            data: data.clone(),
            overlay: None,
            clock: clock.clone(),
        },
        progress,
    )
    .await?;
    let outcome = on(&stack, (mode, &wanted), load, (&clock, progress)).await;
    stack.stop().await?;
    empty(&data)?;
    let report = outcome?;
    report.print();
    if wanted.json {
        println!("{}", report.json());
    }
    if report.books_add_up() {
        Ok(report.json())
    } else {
        Err(BenchError::Books)
    }
}

/// Removes what a run has left, so that every run begins with empty databases.
pub fn empty(data: &Path) -> Result<(), BenchError> {
    let home = DataHome::open(data).map_err(StackError::from)?;
    for kept in KEPT
        .map(|kept| home.path().join(kept))
        .into_iter()
        .filter(|kept| kept.exists())
    {
        fs::remove_dir_all(&kept).map_err(|source| BenchError::Directory { path: kept, source })?;
    }
    Ok(())
}

/// Everything that a run works with.
struct Bench<'a> {
    town: Town,
    tables: Tables,
    notification: PgConnection,
    crowd: Crowd,
    /// The database whose relay is held back during a round; none if it goes on.
    relay: Option<String>,
    programs: Programs,
    watcher: Watcher,
    pgbench: Pgbench<'a>,
    clock: &'a Clock,
    progress: Progress,
    /// The bills below this number were sent.
    sent: u32,
    /// The bills below this number were made.
    made: u32,
    /// How many bills were settled.
    answered: u64,
}

async fn on(
    stack: &Stack,
    (mode, wanted): (Mode, &Bills),
    load_before: Option<String>,
    (clock, progress): (&Clock, Progress),
) -> Result<Report, BenchError> {
    let mut bench = Bench::prepare(stack, (mode, wanted), (clock, progress)).await?;
    let machine = Machine::look(stack, load_before, &mut bench.tables.settlement).await?;
    if !machine.is_optimised() {
        eprintln!(
            "This build is not optimised: its figures are worth nothing. `cargo stack bench` makes one that is."
        );
    }
    let mut fastest = bench.warm_up().await?;
    let mut pairs = Vec::with_capacity(PAIRS);
    for at in 1..=PAIRS {
        let pair = bench
            .pair(
                at,
                figures::bills_for(fastest, wanted.seconds, MARGIN),
                wanted.seconds,
            )
            .await?;
        fastest = fastest.max(pair.round.charges_per_s());
        pairs.push(pair);
    }
    let step = progress.step("Checking the books");
    let checks = books::check(
        &mut bench.tables.settlement,
        &mut bench.notification,
        bench.answered,
    )
    .await?;
    step.done("done");
    let notices = match mode {
        Mode::Settle => None,
        Mode::Pipeline => Some(Notices::of(&mut bench.notification).await?),
    };
    Ok(Report {
        mode,
        wanted: wanted.clone(),
        notices,
        machine,
        pairs,
        checks,
    })
}

impl<'a> Bench<'a> {
    /// Makes the contributors, the institutions, and the tables of `pgbench`.
    async fn prepare(
        stack: &'a Stack,
        (mode, wanted): (Mode, &Bills),
        (clock, progress): (&'a Clock, Progress),
    ) -> Result<Self, BenchError> {
        // Asked for first: without it there is no figure, and all the rest would be in vain.
        let postgres = &stack.servers().postgres;
        let pgbench = Pgbench::of(postgres)?;
        let town = Town {
            founded: clock.now(),
            contributors: wanted.accounts,
            one_pays_all: wanted.hot == Some(Hot::Contributor),
        };
        let mut bench = Bench {
            town,
            tables: Tables {
                settlement: connect(stack, "settlement").await?,
                authorization: connect(stack, "authorization").await?,
                head: None,
            },
            notification: connect(stack, "notification").await?,
            crowd: Crowd::of(&stack.layout, &stack.callers, wanted)?,
            relay: (mode == Mode::Settle).then(|| postgres.url("settlement")),
            programs: Programs {
                postgres: postgres.id(),
                nats: stack.servers().nats.id(),
            },
            watcher: Watcher::of(&stack.layout).await?,
            pgbench,
            clock,
            progress,
            sent: 0,
            made: 0,
            answered: 0,
        };
        let step = progress.step(format!(
            "Opening the accounts of {} contributors",
            wanted.accounts
        ));
        bench.tables.contributors(town).await?;
        seed::institutions(&stack.callers, wanted.callers).await?;
        step.done("done");
        let step = progress.step("Filling the tables of pgbench");
        postgres.create_database(pgbench::DATABASE).await?;
        bench.pgbench.fill().await?;
        step.done("done");
        Ok(bench)
    }

    /// Warms both up, and answers how many bills a second are to be expected.
    async fn warm_up(&mut self) -> Result<f64, BenchError> {
        let first = self.round("The first bills", FIRST, WARM_UP).await?;
        self.refresh().await?;
        let bills = figures::bills_for(first.charges_per_s(), WARM_UP, MARGIN_COLD);
        let warm = self.round("Warming up", bills, WARM_UP).await?;
        self.told().await?;
        self.refresh().await?;
        self.neighbour("Warming up pgbench", WARM_UP).await?;
        Ok(warm.charges_per_s())
    }

    /// One round of ours, then, when its events are through, one of `pgbench`.
    async fn pair(&mut self, at: usize, bills: u32, seconds: u32) -> Result<Pair, BenchError> {
        let round = self
            .round(&format!("Round {at} of {PAIRS}: settling"), bills, seconds)
            .await?;
        let told_after = self.told().await?;
        let pgbench_tps = self
            .neighbour(&format!("Round {at} of {PAIRS}: pgbench"), seconds)
            .await?;
        Ok(Pair {
            round,
            told_after,
            pgbench_tps,
        })
    }

    async fn round(&mut self, what: &str, bills: u32, seconds: u32) -> Result<Round, BenchError> {
        let end = self.sent.saturating_add(bills);
        if self.made < end {
            let step = self.progress.step(format!(
                "Making {} patients with their tokens",
                end - self.made
            ));
            self.tables
                .bills(self.town, self.made..end, self.clock.now())
                .await?;
            self.made = end;
            step.done("done");
        }
        let pause = match &self.relay {
            Some(url) => Some(Pause::begin(url).await?),
            None => None,
        };
        let step = self.progress.step(what);
        let before = Reading::take(&mut self.tables.settlement, self.programs).await?;
        let time = Duration::from_secs(u64::from(seconds));
        let done = self
            .crowd
            .settle(self.town, (self.sent, self.made), time)
            .await?;
        let spent = Reading::take(&mut self.tables.settlement, self.programs)
            .await?
            .since(before);
        if let Some(pause) = pause {
            pause.end().await?;
        }
        self.sent = done.next;
        let round = Round {
            elapsed: done.elapsed,
            latencies: done.latencies,
            ran_dry: done.ran_dry,
            spent,
        };
        self.answered = self.answered.saturating_add(round.charges());
        step.done(&format!("{:.0} charges/s", round.charges_per_s()));
        Ok(round)
    }

    /// Waits until the events of all charges are handled, and answers how long that took.
    async fn told(&self) -> Result<Duration, BenchError> {
        let step = self.progress.step("Waiting for the last notice");
        let since = Instant::now();
        self.watcher.until_quiet(TOLD_WITHIN).await?;
        step.done("all told");
        Ok(since.elapsed())
    }

    async fn neighbour(&self, what: &str, seconds: u32) -> Result<f64, BenchError> {
        let step = self.progress.step(what);
        let tps = self.pgbench.measure(seconds).await?;
        step.done(&format!("{tps:.0} tps"));
        Ok(tps)
    }

    /// Lets the planner know how large the tables have become, as autovacuum would within a minute.
    async fn refresh(&mut self) -> Result<(), BenchError> {
        for database in [
            &mut self.tables.settlement,
            &mut self.tables.authorization,
            &mut self.notification,
        ] {
            database
                .execute("ANALYZE")
                .await
                .map_err(BenchError::sql("refresh the statistics of the tables"))?;
        }
        Ok(())
    }
}

/// A connection of the server's owner, who may fill any table; it does not log that a look at all rows takes long.
async fn connect(stack: &Stack, service: &str) -> Result<PgConnection, BenchError> {
    let failed = || BenchError::sql("connect to a database");
    let url = stack.servers().postgres.url(service);
    let options: PgConnectOptions = url.parse().map_err(failed())?;
    options
        .disable_statement_logging()
        .connect()
        .await
        .map_err(failed())
}
