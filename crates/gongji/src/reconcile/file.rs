//! The file of an institution: CSV with the columns of 3202 in its header.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use kernel::Fen;
use proto::settlement::v1::{Figures, InstitutionRecord};

/// The columns a file may have. The visit is not compared.
const COLUMNS: [&str; 9] = [
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
    "acct_mulaid_pay",
    "cash_payamt",
    "refd_setl_flag",
];

/// All records of a file, each with the number of its line.
///
/// A file with one line that cannot be read is not compared at all: the record of that line would seem to be missing.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<(usize, InstitutionRecord)>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("cannot use {}", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<(usize, InstitutionRecord)>> {
    let mut lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
    let (_, header) = lines.next().context("it is empty")?;
    let columns: Vec<&str> = header.split(',').map(str::trim).collect();
    for (at, name) in columns.iter().enumerate() {
        ensure!(
            COLUMNS.contains(name),
            "there is no column {name:?}; they are {}",
            COLUMNS.join(", ")
        );
        ensure!(
            !columns[..at].contains(name),
            "the column {name:?} stands there twice"
        );
    }
    for needed in ["setl_id", "medfee_sumamt"] {
        ensure!(
            columns.contains(&needed),
            "the column {needed:?} is missing"
        );
    }
    ensure!(
        columns.contains(&"acct_pay") || !columns.contains(&"acct_mulaid_pay"),
        "acct_mulaid_pay needs acct_pay beside it"
    );
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            let record = record(&columns, line).with_context(|| format!("line {number}"))?;
            Ok((number, record))
        })
        .collect()
}

fn record(columns: &[&str], line: &str) -> anyhow::Result<InstitutionRecord> {
    ensure!(
        !line.contains('"'),
        "quotes are not read: no value needs any"
    );
    let values: Vec<&str> = line.split(',').map(str::trim).collect();
    ensure!(
        values.len() == columns.len(),
        "{} values for {} columns",
        values.len(),
        columns.len()
    );
    let mut record = InstitutionRecord::default();
    let mut figures = Figures::default();
    for (name, value) in columns.iter().zip(values) {
        // The values themselves are not repeated: one of them is a person's number.
        let yuan = || {
            let fen = value.parse::<Fen>().ok().map(Fen::get);
            fen.with_context(|| format!("{name} cannot be read"))
        };
        match (*name, value) {
            ("setl_id" | "medfee_sumamt", "") => bail!("{name} is empty"),
            (_, "") | ("mdtrt_id", _) => {}
            ("setl_id", _) => value.clone_into(&mut record.settlement_id),
            ("psn_no", _) => value.clone_into(&mut record.person_no),
            ("medfee_sumamt", _) => figures.total_fen = yuan()?,
            ("fund_pay_sumamt", _) => figures.pooled_fen = Some(yuan()?),
            ("acct_pay", _) => figures.own_fen = Some(yuan()?),
            ("acct_mulaid_pay", _) => figures.aid_fen = Some(yuan()?),
            ("cash_payamt", _) => figures.cash_fen = Some(yuan()?),
            ("refd_setl_flag", "0") => record.refund = Some(false),
            ("refd_setl_flag", "1") => record.refund = Some(true),
            _ => bail!("{name} cannot be read"),
        }
    }
    record.figures = Some(figures);
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_by_the_names_of_its_columns_and_records_keep_their_lines() {
        let text = "\u{feff}setl_id,mdtrt_id,psn_no,medfee_sumamt,acct_pay,acct_mulaid_pay,refd_setl_flag\r\n\
                    S1,M1,P1,600.00,100.00,500.00,0\r\n\
                    \r\n\
                    S2,,P1,-5,-5,,1\n";
        let records = parse(text).unwrap();
        let [(2, first), (4, second)] = &records[..] else {
            panic!("{records:?}")
        };
        let figures = first.figures.unwrap();
        assert_eq!(figures.aid_fen, Some(50_000));
        assert_eq!((figures.pooled_fen, figures.cash_fen), (None, None));
        assert_eq!(first.refund, Some(false));
        assert_eq!(second.refund, Some(true));
        let figures = second.figures.unwrap();
        assert_eq!((figures.total_fen, figures.aid_fen), (-500, None));
    }

    #[test]
    fn a_file_with_anything_that_cannot_be_read_is_not_compared() {
        let refused = |text: &str| format!("{:#}", parse(text).unwrap_err());
        assert_eq!(refused(""), "it is empty");
        assert!(refused("setl_id,total\n").starts_with("there is no column \"total\""));
        assert_eq!(
            refused("setl_id,setl_id\n"),
            "the column \"setl_id\" stands there twice"
        );
        assert_eq!(
            refused("setl_id\n"),
            "the column \"medfee_sumamt\" is missing"
        );
        let whole =
            |line: &str| refused(&format!("setl_id,medfee_sumamt,refd_setl_flag\n{line}\n"));
        assert_eq!(whole("S1,1.00"), "line 2: 2 values for 3 columns");
        assert_eq!(whole("S1,1.001,0"), "line 2: medfee_sumamt cannot be read");
        assert_eq!(whole("S1,,0"), "line 2: medfee_sumamt is empty");
        assert_eq!(whole("S1,1,2"), "line 2: refd_setl_flag cannot be read");
        assert!(parse("setl_id,medfee_sumamt\n").unwrap().is_empty());
    }
}
