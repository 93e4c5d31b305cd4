//! People and their enrolments, from JSON Lines.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use chassis::grpc::Peer;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use proto::binding::v1::binding_service_client::BindingServiceClient;
use proto::binding::v1::imported_person::Outcome;
use proto::binding::v1::{ImportPeopleRequest, PersonRow};

use super::Operator;

/// As many rows as the service takes at once.
const BATCH: usize = 500;

#[derive(Debug, Args)]
pub struct Arguments {
    /// One PersonRow of gongji.binding.v1 per line, in proto3 JSON. Importing a file again changes nothing.
    file: PathBuf,
    /// Where the binding service is.
    #[arg(long, default_value = "http://127.0.0.1:7401")]
    binding: String,
    #[command(flatten)]
    operator: Operator,
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let peer = arguments.operator.peer(&arguments.binding, "binding")?;
    let mut binding = BindingServiceClient::new(peer);
    let file = File::open(&arguments.file)
        .with_context(|| format!("cannot read {}", arguments.file.display()))?;
    let bar = ProgressBar::new(file.metadata()?.len());
    bar.set_style(ProgressStyle::with_template(
        "{bar:30} {bytes}/{total_bytes} {msg} ({eta} left)",
    )?);

    let mut tally = Tally::default();
    let mut batch: Vec<(usize, PersonRow)> = Vec::with_capacity(BATCH);
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("line {} is not text", at + 1))?;
        bar.inc(u64::try_from(line.len() + 1).unwrap_or_default());
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(&line) {
            Ok(row) => batch.push((at + 1, row)),
            Err(error) => tally.refuse(
                &bar,
                at + 1,
                &format!("MALFORMED_REQUEST column {}", error.column()),
            ),
        }
        if batch.len() == BATCH {
            send(&mut binding, &mut batch, &mut tally, &bar).await?;
        }
    }
    send(&mut binding, &mut batch, &mut tally, &bar).await?;
    bar.finish_and_clear();
    println!(
        "{} people are in, {} rows were refused",
        tally.imported, tally.refused
    );
    if tally.refused > 0 {
        bail!("mend the refused rows and import the file again: the others are skipped");
    }
    Ok(())
}

#[derive(Default)]
struct Tally {
    imported: u64,
    refused: u64,
}

impl Tally {
    /// Tells of one wrong row at once; the others go on.
    fn refuse(&mut self, bar: &ProgressBar, line: usize, why: &str) {
        self.refused += 1;
        bar.suspend(|| eprintln!("line {line}: {why}"));
    }
}

async fn send(
    binding: &mut BindingServiceClient<Peer>,
    batch: &mut Vec<(usize, PersonRow)>,
    tally: &mut Tally,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let (lines, rows): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
    let answer = binding.import_people(ImportPeopleRequest { rows }).await;
    let answer =
        answer.context("the import stopped; import the file again to go on where it stopped")?;
    for (line, result) in lines.into_iter().zip(answer.into_inner().results) {
        match result.outcome {
            Some(Outcome::Refused(reason)) => {
                tally.refuse(bar, line, &format!("{} {}", reason.code, reason.en));
            }
            Some(Outcome::Person(_)) | None => tally.imported += 1,
        }
    }
    bar.set_message(format!("{} people", tally.imported));
    Ok(())
}
