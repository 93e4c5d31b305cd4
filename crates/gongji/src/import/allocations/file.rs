//! Files of allocations: CSV with a header, or JSON Lines.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context as _, bail};
use kernel::Fen;
use proto::common::v1::Bucket;
use proto::settlement::v1::{AllocationBases, AllocationKind, AllocationRow};

/// One line that is not empty, by its number.
#[derive(Debug)]
pub(super) enum Read {
    Row(usize, Box<AllocationRow>),
    /// It cannot be read; what is said holds none of its values.
    Wrong(usize, String),
}

enum Form {
    /// With the names of its columns.
    Csv(Vec<String>),
    JsonLines,
}

/// The columns a CSV file may have.
const COLUMNS: [&str; 11] = [
    "allocation_id",
    "account_id",
    "person_no",
    "region",
    "kind",
    "bucket",
    "amount",
    "wage_base",
    "city_average",
    "age",
    "period",
];

/// A file, line by line.
pub(super) struct Lines {
    file: Box<dyn BufRead + Send>,
    form: Form,
    batch: String,
    line: usize,
    position: u64,
    size: u64,
}

impl Lines {
    pub(super) fn open(path: &Path, batch: Option<&str>) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let size = file.metadata()?.len();
        let form = match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Form::Csv(Vec::new()),
            Some("jsonl") => Form::JsonLines,
            _ => bail!("{} is neither a .csv nor a .jsonl", path.display()),
        };
        let batch = batch.unwrap_or_default().to_owned();
        let file: Box<dyn BufRead + Send> = Box::new(BufReader::new(file));
        Self::read(file, form, batch, size)
    }

    fn read(
        file: Box<dyn BufRead + Send>,
        form: Form,
        batch: String,
        size: u64,
    ) -> anyhow::Result<Self> {
        let mut lines = Self {
            file,
            form,
            batch,
            line: 0,
            position: 0,
            size,
        };
        if matches!(lines.form, Form::Csv(_)) {
            let header = lines.line()?.context("the file is empty")?;
            let header = header.trim_start_matches('\u{feff}');
            let columns: Vec<String> = header
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect();
            for (at, name) in columns.iter().enumerate() {
                if !COLUMNS.contains(&name.as_str()) {
                    bail!(
                        "line 1: there is no column {name:?}; they are {}",
                        COLUMNS.join(", ")
                    );
                }
                if columns[..at].contains(name) {
                    bail!("line 1: the column {name:?} stands there twice");
                }
            }
            lines.form = Form::Csv(columns);
        }
        Ok(lines)
    }

    /// How many bytes the file has.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// How many of them were read.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    fn line(&mut self) -> anyhow::Result<Option<String>> {
        let mut text = String::new();
        let number = self.line + 1;
        let read = self
            .file
            .read_line(&mut text)
            .with_context(|| format!("line {number} is not UTF-8 text"))?;
        if read == 0 {
            return Ok(None);
        }
        self.line = number;
        self.position += u64::try_from(read)?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// The next line that holds something.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Read>> {
        loop {
            let Some(text) = self.line()? else {
                return Ok(None);
            };
            if text.trim().is_empty() {
                continue;
            }
            let row = match &self.form {
                Form::Csv(columns) => csv(columns, &text),
                Form::JsonLines => serde_json::from_str::<AllocationRow>(&text)
                    .map_err(|error| format!("column {}", error.column())),
            };
            return Ok(Some(match row {
                Ok(row) => Read::Row(self.line, Box::new(self.named(row))),
                Err(why) => Read::Wrong(self.line, why),
            }));
        }
    }

    /// A row without an id is known by its batch and line.
    fn named(&self, row: AllocationRow) -> AllocationRow {
        if !row.allocation_id.is_empty() || !row.batch_id.is_empty() {
            return row;
        }
        AllocationRow {
            batch_id: self.batch.clone(),
            row_no: i64::try_from(self.line).unwrap_or(i64::MAX),
            ..row
        }
    }
}

fn csv(columns: &[String], text: &str) -> Result<AllocationRow, String> {
    if text.contains('"') {
        return Err("quotes are not read: no value needs any".to_owned());
    }
    let values: Vec<&str> = text.split(',').map(str::trim).collect();
    if values.len() != columns.len() {
        return Err(format!(
            "{} values for {} columns",
            values.len(),
            columns.len()
        ));
    }
    let mut row = AllocationRow::default();
    let mut bases = AllocationBases::default();
    for (name, value) in columns.iter().zip(values) {
        if value.is_empty() {
            continue;
        }
        let wrong = || format!("{name} cannot be read");
        let yuan = || value.parse::<Fen>().map(Fen::get).ok().ok_or_else(wrong);
        match name.as_str() {
            "allocation_id" => value.clone_into(&mut row.allocation_id),
            "account_id" => value.clone_into(&mut row.account_id),
            "person_no" => value.clone_into(&mut row.person_no),
            "region" => value.clone_into(&mut row.region),
            "period" => value.clone_into(&mut row.period),
            "amount" => row.amount_fen = yuan()?,
            "wage_base" => bases.wage_base_fen = yuan()?,
            "city_average" => bases.city_average_fen = yuan()?,
            "age" => bases.age = value.parse().ok().ok_or_else(wrong)?,
            "kind" => {
                let kind = AllocationKind::from_str_name(&format!("ALLOCATION_KIND_{value}"));
                row.kind = kind.ok_or_else(wrong)?.into();
            }
            "bucket" => {
                let bucket = Bucket::from_str_name(&format!("BUCKET_{value}"));
                row.bucket = bucket.ok_or_else(wrong)?.into();
            }
            _ => return Err(wrong()),
        }
    }
    if bases != AllocationBases::default() {
        row.bases = Some(bases);
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(form: Form, text: &str) -> anyhow::Result<Vec<Read>> {
        let file = Box::new(std::io::Cursor::new(text.to_owned()));
        let mut lines = Lines::read(file, form, "march".to_owned(), 0)?;
        let mut all = Vec::new();
        while let Some(read) = lines.next()? {
            all.push(read);
        }
        Ok(all)
    }

    #[test]
    fn a_table_is_read_by_the_names_of_its_columns_and_rows_keep_their_lines() {
        let text = "\u{feff}person_no,region,kind,amount,period\r\n\
                    320600000001,320600,MONTHLY,12.30,2026-03\r\n\
                    \r\n\
                    320600000002,320600,CLEARING,-600,2026-06\r\n\
                    320600000003,320600,MONTHLY,1.234,2026-03\r\n\
                    320600000004,320600,GIFT,1,2026-03\r\n\
                    320600000005,320600,MONTHLY,1\r\n\
                    320600000006,320600,MONTHLY,\"1\",2026-03\n";
        let read = all(Form::Csv(Vec::new()), text).unwrap();
        let Read::Row(2, first) = &read[0] else {
            panic!("{read:?}")
        };
        assert_eq!(
            (first.amount_fen, first.batch_id.as_str(), first.row_no),
            (1_230, "march", 2)
        );
        let Read::Row(4, second) = &read[1] else {
            panic!("{read:?}")
        };
        assert_eq!((second.amount_fen, second.row_no), (-60_000, 4));
        let wrong: Vec<_> = read[2..]
            .iter()
            .map(|read| match read {
                Read::Wrong(line, why) => (*line, why.as_str()),
                Read::Row(..) => panic!("{read:?}"),
            })
            .collect();
        assert_eq!(
            wrong,
            [
                (5, "amount cannot be read"),
                (6, "kind cannot be read"),
                (7, "4 values for 5 columns"),
                (8, "quotes are not read: no value needs any"),
            ]
        );
    }

    #[test]
    fn a_table_with_a_column_that_nobody_knows_is_not_begun() {
        for header in ["person_no,ammount\n", "amount,amount\n", ""] {
            assert!(all(Form::Csv(Vec::new()), header).is_err(), "{header}");
        }
    }

    #[test]
    fn json_lines_may_bring_ids_of_their_own_and_bases() {
        let text = "{\"allocationId\":\"alc_x\",\"amountFen\":\"5\"}\n{\"bases\":{\"age\":40}}\n{\"nope\":1}\n";
        let read = all(Form::JsonLines, text).unwrap();
        let [Read::Row(1, own), Read::Row(2, computed), Read::Wrong(3, _)] = &read[..] else {
            panic!("{read:?}")
        };
        assert_eq!((own.batch_id.as_str(), own.amount_fen), ("", 5));
        assert_eq!(computed.batch_id, "march");
        assert_eq!(computed.bases.as_ref().map(|bases| bases.age), Some(40));
    }
}
