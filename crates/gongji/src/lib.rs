//! The command line of Gongji: every service, and the tools of those who run them, in one binary.

mod erase;
mod events;
mod import;
mod keys;
mod notice;
mod packs;
mod parked;
mod premiums;
mod reconcile;
mod report;
mod rows;
mod serve;
mod service;
mod token;
mod trouble;
mod verify;
mod year_end;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::service::{Part, Store};

/// Gongji (共济): family mutual aid in basic medical insurance. Services and operators' tools in one binary.
///
/// Settings come from a file (--config) and from variables like GONGJI_SETTLEMENT__DATABASE__URL; each service's
/// defaults, with an explanation of every key, are printed by `gongji serve <service> --print-defaults`.
#[derive(Debug, Parser)]
#[command(name = "gongji", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one service, or the gateway, until SIGTERM or Ctrl-C.
    Serve(serve::Arguments),
    /// Bring a service's database to this binary's schema. `serve` never does this by itself.
    Migrate(service::Target),
    /// Make the keys of a new installation: token key, JWKS, identity keys, webhook key. Refuses to overwrite any. Or rotate
    /// identity keys.
    Keys(keys::Arguments),
    /// Erase what identifies a person who is insured nowhere and bound to nobody.
    Erase(erase::Arguments),
    /// Print an access token for a caller: for trying things out, and for the first operator.
    Token(token::Arguments),
    /// Look at the rule packs: check an overlay, show what holds for a region.
    #[command(subcommand)]
    Policy(packs::Command),
    /// Import people and their enrolments, allocations, or the fee catalogue, with progress and an answer per wrong row.
    #[command(subcommand)]
    Import(import::Command),
    /// Pay residents' premiums out of contributors' accounts, for a file of relatives.
    #[command(subcommand)]
    Premiums(premiums::Command),
    /// Close a region's medical year: stop charges, roll every account over, let charges go on.
    #[command(subcommand)]
    YearEnd(year_end::Command),
    /// Compare an institution's file with the centre's books, record by record. Fails if anything is not equal.
    Reconcile(Box<reconcile::Arguments>),
    /// How notices read, with your own words or the shipped ones; and those that could not be put into words.
    #[command(subcommand)]
    Notice(notice::Command),
    /// Derive the books again from what was posted, and name the first row that is wrong. Ends with 0 if they are sound, 1 if not.
    Verify(verify::Arguments),
    /// Write data into files.
    #[command(subcommand)]
    Export(verify::Exported),
    /// What a service has still to publish, and who has yet to confirm it.
    #[command(subcommand)]
    Events(events::Command),
    /// Events that a service could not make sense of: list them, or have them handled again.
    #[command(subcommand)]
    Parked(parked::Command),
}

/// Reads the command line and does what it says. Errors are one sentence each, never a stack trace.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(run(arguments.command)),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", trouble::sentence(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Verify(arguments) => return Ok(verify::run(&arguments).await),
        Command::Export(command) => verify::export(command).await,
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Migrate(target) => migrate(&target).await,
        Command::Keys(arguments) => keys::run(&arguments).await,
        Command::Erase(arguments) => erase::run(&arguments).await,
        Command::Token(arguments) => token::run(&arguments),
        Command::Policy(command) => packs::run(command),
        Command::Import(command) => import::run(&command).await,
        Command::Premiums(command) => premiums::run(&command).await,
        Command::YearEnd(command) => year_end::run(&command).await,
        Command::Reconcile(arguments) => reconcile::run(&arguments).await,
        Command::Notice(command) => notice::run(command).await,
        Command::Events(command) => events::run(command).await,
        Command::Parked(command) => parked::run(command).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

async fn migrate(target: &service::Target) -> anyhow::Result<()> {
    let Store { config, migrations } = target.store()?;
    chassis::db::migrate(&config, migrations).await?;
    println!(
        "the database of {} has the schema of this binary",
        Part::from(target.service).name()
    );
    Ok(())
}
