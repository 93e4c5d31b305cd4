//! Files of rows, as services take them in bulk: CSV with a header, or JSON Lines.
//!
//! A file may be larger than memory, and one line that cannot be read stops none of the others.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use kernel::Fen;

/// One line that is not empty, by its number.
#[derive(Debug)]
pub enum Read<R> {
    Row(usize, Box<R>),
    /// It cannot be read; what is said holds none of its values.
    Wrong(usize, String),
}

/// How a row stands in a file.
#[derive(Debug)]
pub struct Table<R> {
    /// The columns that a CSV file may have.
    pub columns: &'static [&'static str],
    /// Puts the value of one column into the row; none if it cannot be read. Empty values are left out.
    pub set: fn(&mut R, &str, &str) -> Option<()>,
    /// Reads a line of JSON.
    pub json: fn(&str) -> serde_json::Result<R>,
}

enum Form {
    /// With the names of its columns.
    Csv(Vec<String>),
    JsonLines,
}

/// A file, line by line.
pub struct Lines<R> {
    file: Box<dyn BufRead + Send>,
    form: Form,
    table: Table<R>,
    line: usize,
    position: u64,
    size: u64,
}

impl<R: Default> Lines<R> {
    /// Opens a `.csv` or `.jsonl`.
    pub fn open(path: &Path, table: Table<R>) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let size = file.metadata()?.len();
        let form = match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Form::Csv(Vec::new()),
            Some("jsonl") => Form::JsonLines,
            _ => bail!("{} is neither a .csv nor a .jsonl", path.display()),
        };
        Self::read(Box::new(BufReader::new(file)), form, table, size)
            .with_context(|| format!("cannot use {}", path.display()))
    }

    fn read(
        file: Box<dyn BufRead + Send>,
        form: Form,
        table: Table<R>,
        size: u64,
    ) -> anyhow::Result<Self> {
        let mut lines = Self {
            file,
            form,
            table,
            line: 0,
            position: 0,
            size,
        };
        if matches!(lines.form, Form::Csv(_)) {
            lines.form = Form::Csv(lines.header()?);
        }
        Ok(lines)
    }

    fn header(&mut self) -> anyhow::Result<Vec<String>> {
        let header = self.line()?.context("the file is empty")?;
        let header = header.trim_start_matches('\u{feff}');
        let columns: Vec<String> = header
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        let known = self.table.columns;
        for (at, name) in columns.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                bail!(
                    "line 1: there is no column {name:?}; they are {}",
                    known.join(", ")
                );
            }
            if columns[..at].contains(name) {
                bail!("line 1: the column {name:?} stands there twice");
            }
        }
        Ok(columns)
    }

    /// A bar over the bytes of the file.
    pub fn bar(&self) -> anyhow::Result<ProgressBar> {
        let bar = ProgressBar::new(self.size);
        let style = "{bar:30} {bytes}/{total_bytes} {msg} ({eta} left)";
        bar.set_style(ProgressStyle::with_template(style)?);
        Ok(bar)
    }

    /// How many bytes of the file were read.
    pub const fn position(&self) -> u64 {
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
    pub fn next(&mut self) -> anyhow::Result<Option<Read<R>>> {
        loop {
            let Some(text) = self.line()? else {
                return Ok(None);
            };
            if text.trim().is_empty() {
                continue;
            }
            let row = match &self.form {
                Form::Csv(columns) => self.csv(columns, &text),
                Form::JsonLines => {
                    (self.table.json)(&text).map_err(|error| format!("column {}", error.column()))
                }
            };
            return Ok(Some(match row {
                Ok(row) => Read::Row(self.line, Box::new(row)),
                Err(why) => Read::Wrong(self.line, why),
            }));
        }
    }

    fn csv(&self, columns: &[String], text: &str) -> Result<R, String> {
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
        let mut row = R::default();
        for (name, value) in columns.iter().zip(values) {
            if !value.is_empty() {
                (self.table.set)(&mut row, name, value)
                    .ok_or_else(|| format!("{name} cannot be read"))?;
            }
        }
        Ok(row)
    }
}

/// The amount of a column in yuan, in fen.
pub fn yuan(value: &str) -> Option<i64> {
    value.parse::<Fen>().map(Fen::get).ok()
}

/// A decimal number of at most `places` places, in the unit of its last place.
pub fn decimal(value: &str, places: usize) -> Option<i64> {
    let (whole, part) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > places {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// All lines of a text that is a `.csv` or `.jsonl`.
    pub fn all<R: Default>(csv: bool, text: &str, table: Table<R>) -> anyhow::Result<Vec<Read<R>>> {
        let file = Box::new(std::io::Cursor::new(text.to_owned()));
        let form = if csv {
            Form::Csv(Vec::new())
        } else {
            Form::JsonLines
        };
        let mut lines = Lines::read(file, form, table, 0)?;
        let mut all = Vec::new();
        while let Some(read) = lines.next()? {
            all.push(read);
        }
        Ok(all)
    }

    #[test]
    fn a_decimal_is_read_to_its_places_and_no_further() {
        assert_eq!(decimal("0.1", 4), Some(1_000));
        assert_eq!(decimal("1", 4), Some(10_000));
        assert_eq!(decimal("12.345678", 6), Some(12_345_678));
        for wrong in ["", ".", "1.", ".5", "-1", "1.2.3", "1e3", "0.12345", "１"] {
            assert_eq!(decimal(wrong, 4), None, "{wrong}");
        }
    }
}
