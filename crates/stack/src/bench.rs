//! `cargo stack bench`: how many bills a second the real stack settles, next to what `pgbench` does on the same Postgres.
//!
//! Nothing is switched off for it: tokens are verified, credentials resolved, limits judged, events recorded, relayed and
//! turned into notices, all on the machine that also makes the load. `settle` lets what follows a charge wait until the round is
//! over (ruling 59 of the design), `pipeline` does not. A figure without its neighbour means little on
//! another machine, so every round of ours is followed by one of `pgbench`, and what counts is the ratio of the two.
//!
//! SQL stands here beside what it is for: a bench is not a service, and its statements are run once.

mod bill;
mod books;
mod document;
mod figures;
mod load;
mod machine;
mod meter;
mod notices;
mod pause;
mod pgbench;
mod planner;
mod report;
mod run;
mod seed;

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::quiet::NotQuiet;
use crate::whole::StackError;

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Subject {
    /// Bills settled over gRPC: own money that does not suffice, and one contributor who pays the rest. Events are recorded
    /// with every charge; they are relayed and told between the rounds.
    Settle(Bills),
    /// The same with everything on: events relayed, consumed and turned into notices while charges run.
    Pipeline(Bills),
    /// The planner alone, on one thread, without any service.
    Plan(Plan),
    /// Every run that docs/benchmarks.md reports, one after the other, and its table written anew.
    Document(Document),
}

/// Which bills are settled, by how many, for how long.
#[derive(Debug, Clone, Args)]
pub struct Bills {
    /// How long each round is, in seconds.
    #[arg(long, default_value_t = 15, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,

    /// How many callers settle at once. Each is an institution that sends its next bill when it has the answer to the last.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub callers: u32,

    /// How many contributors' accounts pay, each bill drawing one of them: 10000, 10k, 1m, 10m.
    #[arg(long, default_value = "10k", value_name = "N", value_parser = count)]
    pub accounts: u32,

    /// Let all bills meet in one place: one contributor pays them all, or one institution sends them all.
    #[arg(long, value_enum)]
    pub hot: Option<Hot>,

    /// So many bills a second, whether or not the ones before are answered. A bill that has to wait for a free caller waits
    /// on the record: its time begins when it was due.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,

    /// End with one line of JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the data lies meanwhile; it is removed afterwards. The default is `.stack/bench` in the checkout.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Where bills meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hot {
    /// One account pays for everybody.
    Contributor,
    /// One institution sends every bill.
    Institution,
}

impl Hot {
    /// As it is written on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Contributor => "contributor",
            Self::Institution => "institution",
        }
    }
}

/// How plans are made.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// How long each round is, in seconds.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,

    /// How many contributors each bill has.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub contributors: u32,

    /// End with one line of JSON.
    #[arg(long)]
    pub json: bool,

    /// Where the data of `pgbench` lies meanwhile. The default is `.stack/bench` in the checkout.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// What is documented.
#[derive(Debug, Clone, Args)]
pub struct Document {
    /// How long each round is, in seconds.
    #[arg(long, default_value_t = 15, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,

    /// Also the run with ten million accounts, whose seed takes half an hour and 20 GB.
    #[arg(long)]
    pub large: bool,
}

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The stack did not start or stop.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The directory of an earlier run cannot be emptied.
    #[error("cannot empty {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A database for `pgbench` could not be made.
    #[error("cannot make a database for pgbench")]
    Database(#[from] servers::postgres::AdminError),
    /// A statement of the bench itself failed.
    #[error("cannot {what}")]
    Sql {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: sqlx::Error,
    },
    /// The opening balances could not be sealed.
    #[error("cannot seal the opening balances")]
    Seal(#[source] settlement::store::StoreError),
    /// The bus did not say which version it is.
    #[error("cannot ask nats-server for its version")]
    Bus(#[source] async_nats::ConnectError),
    /// The callers' institutions were not registered.
    #[error("cannot register the institutions of the callers")]
    Register(#[from] seed::RegisterError),
    /// A bill was not settled as it must be.
    #[error(transparent)]
    Load(#[from] load::LoadError),
    /// The neighbour could not be measured.
    #[error(transparent)]
    Pgbench(#[from] pgbench::PgbenchError),
    /// Events did not get through.
    #[error("what was charged was not told")]
    NotQuiet(#[from] NotQuiet),
    /// The table of docs/benchmarks.md was not written.
    #[error("cannot write {}", path.display())]
    Document {
        /// The page.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The planner refused a bill that it must split.
    #[error("the planner did not split a bill: {0}")]
    Plan(String),
    /// Money or a notice is missing, or there is too much of it.
    #[error("the books do not add up; no figure counts that was reached so")]
    Books,
}

impl BenchError {
    fn sql(what: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Sql { what, source }
    }
}

/// Measures, and prints what came out.
pub async fn run(subject: Subject) -> Result<(), BenchError> {
    match subject {
        Subject::Settle(bills) => run::bills(run::Mode::Settle, bills).await.map(drop),
        Subject::Pipeline(bills) => run::bills(run::Mode::Pipeline, bills).await.map(drop),
        Subject::Plan(plan) => planner::measure(plan).await.map(drop),
        Subject::Document(wanted) => document::write(wanted).await,
    }
}

/// Reads `10000`, `10_000`, `10k` and `1m`.
fn count(text: &str) -> Result<u32, String> {
    let plain = text.replace('_', "").to_lowercase();
    let (digits, unit) = match (plain.strip_suffix('k'), plain.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1_000),
        (_, Some(digits)) => (digits, 1_000_000),
        (None, None) => (plain.as_str(), 1),
    };
    digits
        .parse::<u32>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|number| (1..=100_000_000).contains(number))
        .ok_or_else(|| "write a number from 1 to 100m, like 10000, 10k or 1m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn large_numbers_may_be_written_short() {
        assert_eq!(count("10_000"), Ok(10_000));
        assert_eq!(count("10k"), Ok(10_000));
        assert_eq!(count("1M"), Ok(1_000_000));
        for text in ["", "0", "k", "-1", "1g", "101m", "5000m"] {
            assert!(count(text).is_err(), "{text}");
        }
    }
}
