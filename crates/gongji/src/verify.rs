//! `gongji verify` and `gongji export books`: the books, derived again from what was posted.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::Table;
use indicatif::ProgressBar;
use kernel::Clock;
use serde_json::{Value, json};
use settlement::verify::export::{self, Export};
use settlement::verify::rows::LaneRow;
use settlement::verify::source::{Source, Tables, VerifyError, check};
use settlement::verify::{Counts, Report, Wrong};
use sqlx::{Postgres, Transaction};

/// What the process ends with if a row is wrong, and if the books could not be read.
const WRONG: u8 = 1;
const UNREAD: u8 = 2;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Settlement's configuration file: where the database is. Everything is read out of one snapshot, and nothing is changed.
    #[arg(long, value_name = "FILE", conflicts_with = "export")]
    config: Option<PathBuf>,
    /// Check an export (`gongji export books`) instead of the database.
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// What an earlier run printed with --json: the chains must still go through the heads it names.
    #[arg(long, value_name = "FILE")]
    noted: Option<PathBuf>,
    /// Print one line of JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Write figures of this run for a Prometheus textfile collector.
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Exported {
    /// The ledger with everything `gongji verify` checks: JSON Lines in chunks, and a manifest with their hashes.
    Books {
        /// Settlement's configuration file: where the database is.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// A directory that does not exist yet.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// Checks the books; the exit code says whether they are sound (0), a row is wrong (1) or they could not be read (2).
pub async fn run(arguments: &Arguments) -> ExitCode {
    let found = look(arguments).await;
    match found {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(WRONG),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(UNREAD)
        }
    }
}

/// Whether the books are sound.
async fn look(arguments: &Arguments) -> anyhow::Result<bool> {
    let noted = match &arguments.noted {
        Some(path) => heads(path)?,
        None => Vec::new(),
    };
    let bar = ProgressBar::new_spinner();
    let mut last = Counts::default();
    let mut progress = |counts: &Counts| {
        last = *counts;
        bar.set_message(line(counts));
        bar.tick();
    };
    let found = if let Some(dir) = &arguments.export {
        let export = Box::new(Export::open(dir)?);
        check(Source::Export(export), noted, &mut progress).await
    } else {
        let mut tx = begin(arguments.config.as_deref()).await?;
        let tables = Tables::of(&mut tx).await?;
        check(Source::Tables(tables), noted, &mut progress).await
    };
    bar.finish_and_clear();
    let found = match found {
        Ok(report) => Ok(report),
        Err(VerifyError::Wrong(wrong)) => Err(wrong),
        Err(error) => return Err(error.into()),
    };
    if let Some(path) = &arguments.figures {
        let counts = found.as_ref().map_or(last, |report| report.counts);
        write_figures(path, &counts, found.is_ok())?;
    }
    match (&found, arguments.json) {
        (found, true) => println!("{}", as_json(found.as_ref().map_err(|wrong| &**wrong))),
        (Ok(report), false) => print(report),
        (Err(wrong), false) => eprintln!("the books are wrong: {wrong}"),
    }
    Ok(found.is_ok())
}

/// Writes the books into files.
pub async fn export(command: Exported) -> anyhow::Result<()> {
    let Exported::Books { config, out } = command;
    let bar = ProgressBar::new_spinner();
    let mut tx = begin(config.as_deref()).await?;
    let tables = Tables::of(&mut tx).await?;
    let counts = export::write(Source::Tables(tables), &out, &mut |counts| {
        bar.set_message(line(counts));
        bar.tick();
    })
    .await?;
    bar.finish_and_clear();
    println!("{}: {}", out.display(), line(&counts));
    Ok(())
}

async fn begin(config: Option<&Path>) -> anyhow::Result<Transaction<'static, Postgres>> {
    let config = settlement::Config::load(config)?.database;
    let db = chassis::db::open(&config, &settlement::MIGRATIONS).await?;
    let begun = chassis::db::begin(&db).await;
    begun.context("the database of settlement cannot be reached")
}

fn line(counts: &Counts) -> String {
    format!(
        "{} accounts, {} blocks, {} movements, {} settlements",
        counts.accounts, counts.blocks, counts.movements, counts.settlements
    )
}

/// The heads that an earlier run printed.
fn heads(path: &Path) -> anyhow::Result<Vec<LaneRow>> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut run: Value = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what --json prints", path.display()))?;
    let heads: Vec<LaneRow> = serde_json::from_value(run["heads"].take())
        .with_context(|| format!("{} names no heads", path.display()))?;
    Ok(heads.into_iter().filter(|head| head.height > 0).collect())
}

fn as_json(found: Result<&Report, &Wrong>) -> Value {
    match found {
        Ok(report) => json!({
            "sound": true, "counts": report.counts, "heads": report.heads, "ledger": report.ledger,
        }),
        Err(wrong) => json!({ "sound": false, "wrong": wrong }),
    }
}

fn print(report: &Report) {
    let mut table = Table::new();
    table.set_header(["checked", "rows"]);
    for (what, rows) in rows(&report.counts) {
        table.add_row([what.to_owned(), rows.to_string()]);
    }
    println!("{table}");
    let mut table = Table::new();
    table.set_header(["ledger account", "fen"]);
    for (account, fen) in &report.ledger {
        table.add_row([account.clone(), fen.to_string()]);
    }
    println!("{table}");
    for head in report.heads.iter().filter(|head| head.height > 0) {
        println!(
            "lane {} ends at height {} with {}",
            head.lane, head.height, head.hash
        );
    }
    println!("the books are sound");
}

fn rows(counts: &Counts) -> [(&'static str, u64); 10] {
    [
        ("lanes", counts.lanes),
        ("blocks", counts.blocks),
        ("movements", counts.movements),
        ("settlements", counts.settlements),
        ("legs", counts.legs),
        ("refunds", counts.refunds),
        ("accounts", counts.accounts),
        ("limit counters", counts.counters),
        ("benefit counters", counts.benefits),
        ("request keys", counts.keys),
    ]
}

/// Whole or not at all: a collector never reads half of it.
fn write_figures(path: &Path, counts: &Counts, sound: bool) -> anyhow::Result<()> {
    let now = Clock::system().now().as_second();
    let mut text = format!(
        "# HELP gongji_verify_last_run_timestamp_seconds When the books were last checked.\n\
         # TYPE gongji_verify_last_run_timestamp_seconds gauge\n\
         gongji_verify_last_run_timestamp_seconds {now}\n\
         # HELP gongji_verify_sound Whether they were sound then.\n\
         # TYPE gongji_verify_sound gauge\n\
         gongji_verify_sound {}\n\
         # HELP gongji_verify_rows How many rows were checked.\n\
         # TYPE gongji_verify_rows gauge\n",
        u8::from(sound)
    );
    for (what, rows) in rows(counts) {
        let what = what.replace(' ', "_");
        writeln!(text, "gongji_verify_rows{{of=\"{what}\"}} {rows}")?;
    }
    let half = path.with_extension("new");
    fs::write(&half, text)
        .and_then(|()| fs::rename(&half, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
