//! The script of the day, read from `demo/`: who there is, what is sent, and what must come of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kernel::{Bucket, Fen};
use proto::binding::v1::ImportPeopleRequest;
use proto::common::v1::Relation;
use proto::settlement::v1::RegisterInstitutionsRequest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why the script cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not say what it should.
    #[error("{} is not what the demo expects", path.display())]
    Text {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// Everything that happens.
#[derive(Debug)]
pub struct Script {
    pub overlay: PathBuf,
    pub people: ImportPeopleRequest,
    pub institutions: RegisterInstitutionsRequest,
    pub families: Vec<Family>,
    pub allocations: Vec<Credit>,
    /// File name without its ending, and text, in order.
    pub requests: Vec<(String, String)>,
    pub expected: Expected,
}

/// One binding and the terms its contributor sets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Family {
    /// People are named by their `psn_no`.
    pub contributor: String,
    pub beneficiary: String,
    /// What the beneficiary is to the contributor.
    pub relation: Relation,
    pub rank: Option<i32>,
    #[serde(default, deserialize_with = "yuan")]
    pub per_transaction: Option<Fen>,
    #[serde(default, deserialize_with = "yuan")]
    pub per_month: Option<Fen>,
}

/// Money that is in an account when the day begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    pub account: String,
    pub bucket: Bucket,
    #[serde(deserialize_with = "whole_yuan")]
    pub amount: Fen,
}

/// What must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub answers: BTreeMap<String, ExpectedAnswer>,
    /// Bindings that are ended before a message is sent.
    pub unbind_before: BTreeMap<String, Pair>,
    /// Current and prior bucket by `psn_no`.
    pub balances: BTreeMap<String, [String; 2]>,
    /// Templates by `psn_no`, sorted: everything the person must have been told, each as often as it must be.
    pub reminders: BTreeMap<String, Vec<String>>,
}

/// The fields of an answer that matter; amounts in yuan text as the interface writes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedAnswer {
    pub infcode: i64,
    pub balance: Option<String>,
    pub own: Option<String>,
    pub aid: Option<String>,
    pub cash: Option<String>,
    pub payers: Option<Vec<ExpectedPayer>>,
}

/// One payer of a bill, in order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedPayer {
    pub account: String,
    pub current: String,
    pub prior: String,
    pub reason: String,
}

/// Two people.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    pub contributor: String,
    pub beneficiary: String,
}

impl Script {
    /// Reads the demo of this checkout.
    pub fn read() -> Result<Self, ScriptError> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
        Ok(Self {
            people: parse(&dir.join("people.json"))?,
            institutions: parse(&dir.join("institutions.json"))?,
            families: parse(&dir.join("families.json"))?,
            allocations: parse(&dir.join("allocations.json"))?,
            requests: requests(&dir.join("requests"))?,
            expected: parse(&dir.join("expected.json"))?,
            overlay: dir.join("overlay.toml"),
        })
    }
}

fn read(path: &Path) -> Result<String, ScriptError> {
    fs::read_to_string(path).map_err(|source| ScriptError::File {
        path: path.to_owned(),
        source,
    })
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, ScriptError> {
    serde_json::from_str(&read(path)?).map_err(|source| ScriptError::Text {
        path: path.to_owned(),
        source,
    })
}

/// The messages, in the order of their names.
fn requests(dir: &Path) -> Result<Vec<(String, String)>, ScriptError> {
    let failed = |source| ScriptError::File {
        path: dir.to_owned(),
        source,
    };
    let mut requests = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
            && path.extension().is_some_and(|ending| ending == "json")
        {
            requests.push((name.to_owned(), read(&path)?));
        }
    }
    requests.sort();
    Ok(requests)
}

fn yuan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Fen>, D::Error> {
    whole_yuan(deserializer).map(Some)
}

fn whole_yuan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Fen, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}
