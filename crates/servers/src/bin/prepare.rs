//! `cargo stack prepare`: see [`servers::prepare`].

use std::process::ExitCode;

use clap::Parser;
use servers::Progress;
use servers::prepare::{self, Difference, Kind, Purpose};

/// Writes the descriptions of our SQL that a build without a database needs.
///
/// Run this after changing a statement or a migration, and commit the `.sqlx` directories it writes.
/// It starts a private Postgres for itself.
#[derive(Debug, Parser)]
#[command(name = "cargo stack prepare", bin_name = "cargo stack prepare")]
struct Arguments {
    /// Write nothing; fail if the committed descriptions are not those of the SQL.
    #[arg(long)]
    check: bool,

    /// Only these crates. Without any: all that have migrations.
    crates: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let purpose = if arguments.check {
        Purpose::Check
    } else {
        Purpose::Write
    };
    // Lines, also on a terminal: the compiler writes there at the same time.
    match prepare::run(purpose, &arguments.crates, Progress::Lines).await {
        Ok(differences) => report(purpose, &differences),
        Err(error) => {
            eprintln!("error: {}", servers::explain(&error));
            ExitCode::FAILURE
        }
    }
}

fn report(purpose: Purpose, differences: &[Difference]) -> ExitCode {
    for Difference {
        member,
        statement,
        kind,
    } in differences
    {
        let said = match (purpose, kind) {
            (Purpose::Write, Kind::Missing) => "added",
            (Purpose::Write, Kind::Changed) => "changed",
            (Purpose::Write, Kind::Stale) => "removed",
            (Purpose::Check, Kind::Missing) => "is missing",
            (Purpose::Check, Kind::Changed) => "is out of date",
            (Purpose::Check, Kind::Stale) => "belongs to no statement",
        };
        println!("{member}: {statement} {said}");
    }
    if purpose == Purpose::Check && !differences.is_empty() {
        eprintln!(
            "error: the committed .sqlx directories are not those of the SQL: run `cargo stack prepare` and commit them"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
