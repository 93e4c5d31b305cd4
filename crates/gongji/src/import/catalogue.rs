//! The fee catalogue, message by message. Nothing is remembered here: an entry is known by place, item and first day, so a file is
//! imported again from the start whatever happened.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use chassis::grpc::Peer;
use clap::Args;
use indicatif::ProgressBar;
use proto::settlement::v1::imported_item::Outcome;
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;
use proto::settlement::v1::{CatalogueItem, ImportCatalogueRequest};

use super::Operator;
use crate::report::Refusals;
use crate::rows::{Lines, Read, Table, decimal};

/// As many rows as the service takes in one message.
const MESSAGE: usize = 500;

/// The columns a CSV file may have.
const COLUMNS: [&str; 7] = [
    "region",
    "item_code",
    "valid_from",
    "valid_to",
    "level",
    "self_pay",
    "price_ceiling",
];

/// Import the fee catalogue: what of an item the pooled fund sees, by place and day.
///
/// FILE is a .csv with a header of column names, or a .jsonl with one CatalogueItem of gongji.settlement.v1 per line in proto3 JSON.
///
///   region         6 digits; 000000 is the national catalogue, and the entry of the narrowest place counts
///   item_code      med_list_codg
///   valid_from     yyyy-MM-dd: it holds from this day until a later entry of the same place begins
///   valid_to       yyyy-MM-dd, its last day; empty is until further notice
///   level          01 (甲), 02 (乙) or 03 (丙, own expense)
///   self_pay       the first part of a level 02 item that the patient pays: 0.1 is 10 %
///   price_ceiling  the highest price per unit that is in scope, in yuan; empty is no ceiling
///
/// An entry is known by region, item and first day, and importing it again changes nothing: a file that broke off is imported again from
/// its start. A row that is wrong stops none of the others; it is written down with its line and cause.
///
///   region,item_code,valid_from,level,self_pay,price_ceiling
///   000000,XA01,2026-01-01,02,0.1,12.50
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The .csv or .jsonl.
    file: PathBuf,
    /// Where the refused rows go, with line and cause; `FILE.refused.csv` unless named.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where the settlement service is.
    #[arg(long, default_value = "http://127.0.0.1:7403")]
    settlement: String,
    #[command(flatten)]
    operator: Operator,
}

const fn table() -> Table<CatalogueItem> {
    Table {
        columns: &COLUMNS,
        set,
        json: |text| serde_json::from_str(text),
    }
}

fn set(item: &mut CatalogueItem, name: &str, value: &str) -> Option<()> {
    match name {
        "region" => value.clone_into(&mut item.region),
        "item_code" => value.clone_into(&mut item.item_code),
        "valid_from" => value.clone_into(&mut item.valid_from),
        "valid_to" => value.clone_into(&mut item.valid_to),
        "level" => value.clone_into(&mut item.level),
        "self_pay" => item.self_pay_bp = decimal(value, 4)?.try_into().ok()?,
        "price_ceiling" => item.price_ceiling_e6 = Some(decimal(value, 6)?),
        _ => return None,
    }
    Some(())
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let peer = arguments
        .operator
        .peer(&arguments.settlement, "settlement")?;
    let mut import = Import {
        settlement: SettlementServiceClient::new(peer),
        refusals: Refusals::new(arguments.report.as_deref(), &arguments.file),
        changed: 0,
        known: 0,
    };
    let mut lines = Lines::open(&arguments.file, table())?;
    let bar = lines.bar()?;
    let done = import.all(&mut lines, &bar).await;
    bar.finish_and_clear();
    done.context("the import stopped; import the file again to go on, what is in is not changed")?;
    println!(
        "{} entries are new or changed, {} were known, {} rows were refused",
        import.changed,
        import.known,
        import.refusals.count()
    );
    if let Some(path) = import.refusals.finish()? {
        bail!(
            "mend the rows that {} names and import the file again: the others are known",
            path.display()
        );
    }
    Ok(())
}

struct Import {
    settlement: SettlementServiceClient<Peer>,
    refusals: Refusals,
    changed: u64,
    known: u64,
}

impl Import {
    async fn all(
        &mut self,
        lines: &mut Lines<CatalogueItem>,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let mut items = Vec::with_capacity(MESSAGE);
        loop {
            let read = lines.next()?;
            let at_end = read.is_none();
            match read {
                Some(Read::Row(line, item)) => items.push((line, *item)),
                Some(Read::Wrong(line, why)) => self.refusals.unread(line, &why)?,
                None => {}
            }
            if items.len() == MESSAGE || at_end {
                self.send(&mut items).await?;
                bar.set_position(lines.position());
                bar.set_message(format!(
                    "{} in, {} refused",
                    self.changed + self.known,
                    self.refusals.count()
                ));
            }
            if at_end {
                return Ok(());
            }
        }
    }

    async fn send(&mut self, rows: &mut Vec<(usize, CatalogueItem)>) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let (lines, items): (Vec<_>, Vec<_>) = rows.drain(..).unzip();
        let answer = self
            .settlement
            .import_catalogue(ImportCatalogueRequest { items })
            .await?;
        for (line, result) in lines.into_iter().zip(answer.into_inner().results) {
            match result.outcome {
                Some(Outcome::Changed(true)) => self.changed += 1,
                Some(Outcome::Changed(false)) => self.known += 1,
                Some(Outcome::Refused(reason)) => self.refusals.refuse(line, Some(&reason))?,
                None => self.refusals.refuse(line, None)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::all;

    #[test]
    fn shares_and_prices_are_decimal_numbers() {
        let text = "region,item_code,valid_from,valid_to,level,self_pay,price_ceiling\n\
                    000000,XA01,2026-01-01,,02,0.1,12.5\n\
                    000000,XA02,2026-01-01,2026-12-31,01,,\n\
                    000000,XA03,2026-01-01,,02,10%,\n";
        let read = all(true, text, table()).unwrap();
        let [
            Read::Row(2, first),
            Read::Row(3, second),
            Read::Wrong(4, why),
        ] = &read[..]
        else {
            panic!("{read:?}")
        };
        assert_eq!(
            (first.self_pay_bp, first.price_ceiling_e6),
            (1_000, Some(12_500_000))
        );
        assert_eq!(
            (second.valid_to.as_str(), second.price_ceiling_e6),
            ("2026-12-31", None)
        );
        assert_eq!(why, "self_pay cannot be read");
    }
}
