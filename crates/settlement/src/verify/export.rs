//! Books as files: what `gongji verify` needs of them, for somebody who has no access to the database.
//!
//! A directory with `manifest.json` and files of JSON Lines that it names with their SHA-256: `accounts-…`, `counters-…` and `benefits-…`
//! with a row in each line ([`AccountRow`], [`CounterRow`], [`BenefitUsedRow`]), and for each lane `lane-…` files with a block in each line ([`Sealed`]). The manifest also has
//! the heads of the lanes and rows that belong to nothing. Files are read one at a time, in the order of the manifest.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::rows::{AccountRow, BenefitUsedRow, CounterRow, LaneRow, Sealed, Stray};
use super::source::{Source, VerifyError};
use super::{Counts, Wrong};
use crate::seal::digest;

/// What the manifest says that it is.
const FORMAT: &str = "gongji.books.v1";

/// Why an export cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{} cannot be used", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is no manifest of books", path.display())]
    Manifest {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("the books are of the form {found}, this build reads {FORMAT}")]
    Format { found: String },
    #[error("{} is there already: choose a directory that does not exist", .0.display())]
    Exists(PathBuf),
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    format: String,
    lanes: Vec<LaneRow>,
    strays: Vec<Stray>,
    files: Vec<Entry>,
}

/// One file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    name: String,
    of: Of,
    rows: usize,
    sha256: String,
}

/// What the lines of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Of {
    Accounts,
    Counters,
    Benefits,
    Lane(i16),
}

/// An export that is read.
#[derive(Debug)]
pub struct Export {
    dir: PathBuf,
    manifest: Manifest,
    accounts: VecDeque<Entry>,
    counters: VecDeque<Entry>,
    benefits: VecDeque<Entry>,
    lanes: BTreeMap<i16, VecDeque<Entry>>,
    /// The first file that is not the one that was written. Told last: what is wrong in it says more.
    differs: Option<Wrong>,
}

impl Export {
    /// Reads the manifest.
    pub fn open(dir: &Path) -> Result<Self, ExportError> {
        let path = dir.join("manifest.json");
        let text = fs::read(&path).map_err(|source| ExportError::File {
            path: path.clone(),
            source,
        })?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|source| ExportError::Manifest { path, source })?;
        if manifest.format != FORMAT {
            return Err(ExportError::Format {
                found: manifest.format,
            });
        }
        let mut export = Self {
            dir: dir.to_owned(),
            accounts: VecDeque::new(),
            counters: VecDeque::new(),
            benefits: VecDeque::new(),
            lanes: BTreeMap::new(),
            differs: None,
            manifest,
        };
        for entry in &export.manifest.files {
            let files = match entry.of {
                Of::Accounts => &mut export.accounts,
                Of::Counters => &mut export.counters,
                Of::Benefits => &mut export.benefits,
                Of::Lane(lane) => export.lanes.entry(lane).or_default(),
            };
            files.push_back(entry.clone());
        }
        Ok(export)
    }

    pub(super) fn lanes(&self) -> &[LaneRow] {
        &self.manifest.lanes
    }

    pub(super) fn strays(&self) -> &[Stray] {
        &self.manifest.strays
    }

    pub(super) fn accounts(&mut self) -> Result<Vec<AccountRow>, VerifyError> {
        let entry = self.accounts.pop_front();
        self.read(entry)
    }

    pub(super) fn counters(&mut self) -> Result<Vec<CounterRow>, VerifyError> {
        let entry = self.counters.pop_front();
        self.read(entry)
    }

    pub(super) fn benefits_used(&mut self) -> Result<Vec<BenefitUsedRow>, VerifyError> {
        let entry = self.benefits.pop_front();
        self.read(entry)
    }

    pub(super) fn blocks(&mut self, lane: i16) -> Result<Vec<Sealed>, VerifyError> {
        let entry = self.lanes.get_mut(&lane).and_then(VecDeque::pop_front);
        self.read(entry)
    }

    /// Every file that was read has the hash that the manifest says.
    pub(super) fn is_as_it_was_written(&self) -> Result<(), Wrong> {
        self.differs.clone().map_or(Ok(()), Err)
    }

    fn read<T: DeserializeOwned>(&mut self, entry: Option<Entry>) -> Result<Vec<T>, VerifyError> {
        let Some(entry) = entry else {
            return Ok(Vec::new());
        };
        let path = self.dir.join(&entry.name);
        let bytes = fs::read(&path).map_err(|source| ExportError::File { path, source })?;
        let found = hex::encode(digest(&bytes));
        if found != entry.sha256 && self.differs.is_none() {
            let row = ("file", &entry.name);
            self.differs = Some(Wrong::new(row, "its SHA-256", &entry.sha256, found));
        }
        let mut rows = Vec::with_capacity(entry.rows);
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        for (number, line) in (1..).zip(lines) {
            rows.push(serde_json::from_slice(line).map_err(|error| {
                let row = ("file", format!("{} line {number}", entry.name));
                Wrong::new(row, "the row in it", "one that can be read", error)
            })?);
        }
        Ok(rows)
    }
}

/// An export that is written.
struct Written<'d> {
    dir: &'d Path,
    manifest: Manifest,
}

impl Written<'_> {
    fn file(&self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.dir.join(name);
        fs::write(&path, bytes).map_err(|source| ExportError::File { path, source })
    }

    fn rows<T: Serialize>(&mut self, of: Of, rows: &[T]) -> Result<(), ExportError> {
        let number = self
            .manifest
            .files
            .iter()
            .filter(|entry| entry.of == of)
            .count();
        let number = number.saturating_add(1);
        let name = match of {
            Of::Accounts => format!("accounts-{number:06}.jsonl"),
            Of::Counters => format!("counters-{number:06}.jsonl"),
            Of::Benefits => format!("benefits-{number:06}.jsonl"),
            Of::Lane(lane) => format!("lane-{lane:05}-{number:06}.jsonl"),
        };
        let mut bytes = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut bytes, row).expect("a row is plain data");
            bytes.push(b'\n');
        }
        self.file(&name, &bytes)?;
        self.manifest.files.push(Entry {
            name,
            of,
            rows: rows.len(),
            sha256: hex::encode(digest(&bytes)),
        });
        Ok(())
    }
}

/// Writes the books into a new directory, a piece at a time. Nothing is checked: that is what the files are for.
pub async fn write(
    mut source: Source<'_>,
    dir: &Path,
    progress: &mut (dyn FnMut(&Counts) + Send),
) -> Result<Counts, VerifyError> {
    fs::create_dir(dir).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => ExportError::Exists(dir.to_owned()),
        _ => ExportError::File {
            path: dir.to_owned(),
            source,
        },
    })?;
    let mut counts = Counts::default();
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        lanes: source.lanes().await?,
        strays: source.strays().await?,
        files: Vec::new(),
    };
    let mut written = Written { dir, manifest };
    write_states(&mut written, &mut source, &mut counts).await?;
    progress(&counts);
    for lane in written.manifest.lanes.clone() {
        counts.lanes += 1;
        loop {
            let blocks = source.blocks(lane.lane).await?;
            if blocks.is_empty() {
                break;
            }
            written.rows(Of::Lane(lane.lane), &blocks)?;
            for sealed in &blocks {
                counts.blocks += 1;
                counts.movements += count(sealed.movements.len());
                counts.settlements += count(sealed.settlements.len());
                counts.refunds += count(sealed.refunds.len());
                counts.keys += count(sealed.keys.len());
            }
            progress(&counts);
        }
    }
    let manifest = serde_json::to_vec_pretty(&written.manifest).expect("a manifest is plain data");
    written.file("manifest.json", &manifest)?;
    Ok(counts)
}

/// Writes accounts and counters.
async fn write_states(
    written: &mut Written<'_>,
    source: &mut Source<'_>,
    counts: &mut Counts,
) -> Result<(), VerifyError> {
    loop {
        let rows = source.accounts().await?;
        if rows.is_empty() {
            break;
        }
        written.rows(Of::Accounts, &rows)?;
        counts.accounts += count(rows.len());
    }
    loop {
        let rows = source.counters().await?;
        if rows.is_empty() {
            break;
        }
        written.rows(Of::Counters, &rows)?;
        counts.counters += count(rows.len());
    }
    loop {
        let rows = source.benefits_used().await?;
        if rows.is_empty() {
            return Ok(());
        }
        written.rows(Of::Benefits, &rows)?;
        counts.benefits += count(rows.len());
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
