//! `gongji premiums`: residents' premiums out of contributors' accounts, for a file of relatives.
//!
//! Nothing is remembered here: a file that broke off is sent again from the start under the same batch, and what was decided is answered
//! as it was.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use chassis::grpc::Peer;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use kernel::Fen;
use proto::settlement::v1::premium_result::Outcome;
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;
use proto::settlement::v1::{PayPremiumsRequest, PremiumResult, PremiumRow};

use crate::import::Operator;
use crate::report::{beside, quoted};
use crate::rows::{Lines, Read, Table, yuan};

/// As many rows as the service takes in one message.
const MESSAGE: usize = 500;

/// The columns a CSV file may have.
const COLUMNS: [&str; 9] = [
    "row_id",
    "contributor_person_id",
    "contributor_no",
    "contributor_region",
    "person_id",
    "person_no",
    "region",
    "year",
    "amount",
];

#[derive(Debug, Subcommand)]
pub enum Command {
    Pay(Arguments),
}

/// Pay the premiums of a file, each out of the account of the contributor it names: whole, or not at all.
///
/// FILE is a .csv with a header of column names, or a .jsonl with one PremiumRow of gongji.settlement.v1 per line in proto3 JSON.
///
///   row_id                 unique in the batch; the number of the line unless given
///   contributor_person_id  whose account pays, or else …
///   contributor_no         … the person number of an employee, and
///   contributor_region     the place of that insurance
///   person_id              the relative whose premium it is, or else …
///   person_no              … the person number of a resident
///   region                 where the relative is insured as a resident
///   year                   the insurance year: this one or the next
///   amount                 in yuan
///
/// A row is known by agency, batch and row id, for ever. Sent again, it is answered as it was decided then, and never paid twice: a file
/// that broke off is sent again under the same batch. A row that was refused for want of money or permission stays refused in its batch;
/// send the file in a new batch once that has changed. Whose year is paid already is left alone.
///
///   contributor_no,contributor_region,person_no,region,year,amount
///   320600000001,320600,320600000002,320600,2027,400.00
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The .csv or .jsonl.
    file: PathBuf,
    /// The agency that collects the premiums, as registered.
    #[arg(long, value_name = "CODE")]
    institution: String,
    /// The name of the batch: the same one to go on, a new one to try again what was refused.
    #[arg(long)]
    batch: String,
    /// Where the result of each row goes; `FILE.results.csv` unless named.
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Where the settlement service is.
    #[arg(long, default_value = "http://127.0.0.1:7403")]
    settlement: String,
    #[command(flatten)]
    operator: Operator,
}

const fn table() -> Table<PremiumRow> {
    Table {
        columns: &COLUMNS,
        set,
        json: |text| serde_json::from_str(text),
    }
}

fn set(row: &mut PremiumRow, name: &str, value: &str) -> Option<()> {
    match name {
        "row_id" => value.clone_into(&mut row.row_id),
        "contributor_person_id" => value.clone_into(&mut row.contributor_person_id),
        "contributor_no" => value.clone_into(&mut row.contributor_no),
        "contributor_region" => value.clone_into(&mut row.contributor_region),
        "person_id" => value.clone_into(&mut row.person_id),
        "person_no" => value.clone_into(&mut row.person_no),
        "region" => value.clone_into(&mut row.region),
        "year" => row.year = value.parse().ok()?,
        "amount" => row.amount_fen = yuan(value)?,
        _ => return None,
    }
    Some(())
}

pub async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Pay(arguments) => pay(arguments).await,
    }
}

async fn pay(arguments: &Arguments) -> anyhow::Result<()> {
    let peer = arguments
        .operator
        .peer(&arguments.settlement, "settlement")?;
    let mut lines = Lines::open(&arguments.file, table())?;
    let path = arguments
        .results
        .clone()
        .unwrap_or_else(|| beside(&arguments.file, ".results.csv"));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut list = List {
        settlement: SettlementServiceClient::new(peer),
        institution: arguments.institution.clone(),
        batch: arguments.batch.clone(),
        results: Results::new(file)?,
    };
    let bar = lines.bar()?;
    let done = list.all(&mut lines, &bar).await;
    bar.finish_and_clear();
    let results = list.results.finish()?;
    done.context(
        "the payment stopped; send the file again under the same batch to go on, nothing is paid twice",
    )?;
    println!(
        "{} premiums are paid ({} yuan), {} were paid before in other batches, {} rows were refused; {} says which",
        results.paid,
        results.amount,
        results.before,
        results.refused,
        path.display()
    );
    if results.refused > 0 {
        bail!("not every row is paid");
    }
    Ok(())
}

/// A file on its way.
struct List {
    settlement: SettlementServiceClient<Peer>,
    institution: String,
    batch: String,
    results: Results,
}

impl List {
    async fn all(
        &mut self,
        lines: &mut Lines<PremiumRow>,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let mut rows = Vec::with_capacity(MESSAGE);
        loop {
            let read = lines.next()?;
            let at_end = read.is_none();
            match read {
                Some(Read::Row(line, row)) => rows.push((line, named(line, *row))),
                Some(Read::Wrong(line, why)) => self.results.unread(line, &why)?,
                None => {}
            }
            if rows.len() == MESSAGE || at_end {
                self.send(&mut rows).await?;
                bar.set_position(lines.position());
                bar.set_message(format!(
                    "{} paid, {} refused",
                    self.results.tally.paid, self.results.tally.refused
                ));
            }
            if at_end {
                return Ok(());
            }
        }
    }

    async fn send(&mut self, rows: &mut Vec<(usize, PremiumRow)>) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let (lines, rows): (Vec<_>, Vec<_>) = rows.drain(..).unzip();
        let answer = self
            .settlement
            .pay_premiums(PayPremiumsRequest {
                institution: self.institution.clone(),
                batch_id: self.batch.clone(),
                rows,
            })
            .await?;
        for (line, result) in lines.into_iter().zip(answer.into_inner().results) {
            self.results.note(line, &result)?;
        }
        Ok(())
    }
}

/// A row without an id is known by its line.
fn named(line: usize, row: PremiumRow) -> PremiumRow {
    if !row.row_id.is_empty() {
        return row;
    }
    PremiumRow {
        row_id: line.to_string(),
        ..row
    }
}

/// How many rows became what.
#[derive(Debug, Default)]
struct Tally {
    paid: u64,
    amount: Fen,
    /// Their year is paid, by other rows.
    before: u64,
    refused: u64,
}

/// The result of every row, in a file.
struct Results {
    file: BufWriter<File>,
    tally: Tally,
}

impl Results {
    fn new(file: File) -> anyhow::Result<Self> {
        let mut file = BufWriter::new(file);
        writeln!(file, "line,row_id,result,settlement_id,amount,cause")?;
        Ok(Self {
            file,
            tally: Tally::default(),
        })
    }

    fn unread(&mut self, line: usize, why: &str) -> anyhow::Result<()> {
        self.tally.refused += 1;
        writeln!(self.file, "{line},,MALFORMED_REQUEST,,,{}", quoted(why))?;
        Ok(())
    }

    fn note(&mut self, line: usize, result: &PremiumResult) -> anyhow::Result<()> {
        let id = &result.row_id;
        match &result.outcome {
            Some(Outcome::Paid(paid)) => {
                let amount = Fen::new(paid.aid_fen).checked_add(Fen::new(paid.own_fen));
                let amount = amount.context("the service answered with an impossible amount")?;
                let sum = self.tally.amount.checked_add(amount);
                self.tally.amount = sum.context("the amounts are too large to be added up")?;
                self.tally.paid += 1;
                let settlement = &paid.settlement_id;
                writeln!(self.file, "{line},{id},PAID,{settlement},{amount},")?;
            }
            Some(Outcome::Refused(reason)) => {
                if reason.code == kernel::Reason::PremiumAlreadyPaid.code() {
                    self.tally.before += 1;
                } else {
                    self.tally.refused += 1;
                }
                let cause = quoted(&reason.en);
                writeln!(self.file, "{line},{id},{},,,{cause}", reason.code)?;
            }
            None => bail!("the service left line {line} without an answer"),
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<Tally> {
        self.file.flush()?;
        Ok(self.tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::all;

    #[test]
    fn a_row_without_an_id_is_known_by_its_line() {
        let text = "person_no,region,year,amount,row_id\n\
                    320600000001,320600,2027,400,\n\
                    320600000002,320600,2027,380.50,second\n\
                    320600000003,320600,next,400,\n";
        let read = all(true, text, table()).unwrap();
        let [
            Read::Row(2, first),
            Read::Row(3, second),
            Read::Wrong(4, why),
        ] = &read[..]
        else {
            panic!("{read:?}")
        };
        assert_eq!(named(2, *first.clone()).row_id, "2");
        assert_eq!(named(3, *second.clone()).row_id, "second");
        assert_eq!((first.year, second.amount_fen), (2027, 38_050));
        assert_eq!(why, "year cannot be read");
    }
}
