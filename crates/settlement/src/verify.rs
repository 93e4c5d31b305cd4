//! Derives the books again from what was posted, and names the first row that is not what follows from the others.
//!
//! The [`Checker`] is pure: it is fed rows, in this order: accounts, counters of limits and benefits, then blocks, each lane's in order and the lanes in any,
//! and says what is wrong with which. The rows come from the tables or from an export ([`source`]); both are checked by the same lines.
//!
//! What is held meanwhile is one entry per account, per counter, and per leg and bill of which something was given back: not the movements.
//!
//! A block may depend on one of another lane, because both moved one account. So a block whose accounts are not there yet waits, and only
//! when no lane can go on is a version missing.

mod bills;
mod block;
mod counters;
pub mod export;
pub mod kinds;
mod money;
mod returns;
pub mod rows;
pub mod source;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::seal::{Head, NOTHING};
use rows::{AccountRow, BenefitUsedRow, CounterRow, LaneRow, Stray};

/// The first row that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// Its table.
    pub table: &'static str,
    /// Which row.
    pub key: String,
    /// What of it is wrong.
    pub what: String,
    /// What follows from the other rows.
    pub expected: String,
    /// What it says.
    pub found: String,
}

impl Wrong {
    fn new(
        (table, key): (&'static str, impl fmt::Display),
        what: &str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Self {
            table,
            key: key.to_string(),
            what: what.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            key,
            what,
            expected,
            found,
        } = self;
        write!(
            f,
            "{table} {key}: {what}: expected {expected}, found {found}"
        )
    }
}

impl std::error::Error for Wrong {}

/// Refuses a value that is not what follows from the others.
fn same<T: PartialEq + fmt::Display>(
    row: (&'static str, impl fmt::Display),
    what: &str,
    expected: T,
    found: T,
) -> Result<(), Wrong> {
    if expected == found {
        return Ok(());
    }
    Err(Wrong::new(row, what, expected, found))
}

/// What may be absent, as it is told.
fn show<T: fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

/// How many rows were checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub lanes: u64,
    pub blocks: u64,
    pub movements: u64,
    pub settlements: u64,
    pub refunds: u64,
    pub legs: u64,
    pub accounts: u64,
    pub counters: u64,
    pub benefits: u64,
    pub keys: u64,
}

/// Books that are sound.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub counts: Counts,
    /// Where each chain ends. Noted elsewhere, they show later that nothing before them was rewritten.
    pub heads: Vec<LaneRow>,
    /// What each ledger account other than a personal one has, in fen: credits less debits. All personal ones are one line.
    pub ledger: BTreeMap<String, i128>,
}

/// Whether a block could be checked.
#[derive(Debug)]
pub enum Turn {
    Taken,
    /// It goes on where another lane has not come to yet; wrong if no lane ever comes there.
    Waits(Waits),
}

/// What a block waits for.
#[derive(Debug)]
pub struct Waits {
    /// What is wrong if it waits in vain.
    pub wrong: Box<Wrong>,
    /// Of several that wait in vain, the least is to be named: a version that the account never came to, then the oldest.
    pub rank: (bool, i64),
}

/// An account as far as it is derived, and the row it must come to.
#[derive(Debug, Clone)]
struct Known {
    row: AccountRow,
    current: i64,
    prior: i64,
    version: i64,
}

/// Derives everything again.
#[derive(Debug, Default)]
pub struct Checker {
    accounts: HashMap<Uuid, Known>,
    counters: counters::Counters,
    heads: BTreeMap<i16, Head>,
    returns: returns::Returns,
    bills: bills::Bills,
    ledger: BTreeMap<String, i128>,
    /// Heads that somebody noted earlier, and that the chains must still go through.
    noted: Vec<LaneRow>,
    counts: Counts,
}

impl Checker {
    /// A checker of chains that must go through these heads.
    pub fn going_through(noted: Vec<LaneRow>) -> Self {
        Self {
            noted,
            ..Self::default()
        }
    }

    /// How far it is.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The next account.
    pub fn account(&mut self, row: AccountRow) {
        self.counts.accounts += 1;
        let known = Known {
            current: 0,
            prior: 0,
            version: 0,
            row,
        };
        self.accounts.insert(known.row.account_id, known);
    }

    /// The next limit counter.
    pub fn counter(&mut self, row: CounterRow) {
        self.counts.counters += 1;
        self.counters.limit(row);
    }

    /// The next counter of benefits.
    pub fn benefit_used(&mut self, row: BenefitUsedRow) {
        self.counts.benefits += 1;
        self.counters.used(row);
    }

    /// The head of a lane as far as it is derived.
    fn head(&self, lane: i16) -> Head {
        self.heads.get(&lane).copied().unwrap_or(Head {
            lane,
            height: 0,
            hash: NOTHING,
        })
    }

    /// There are no more blocks of a lane: is that where it says it ends?
    ///
    /// # Errors
    /// A block that is missing, or the lane.
    pub fn ends_there(&self, lane: &LaneRow) -> Result<(), Wrong> {
        let head = self.head(lane.lane);
        if head.height < lane.height {
            let missing = head.height.saturating_add(1);
            let key = format!("lane {}, height {missing}", lane.lane);
            return Err(Wrong::new(
                ("block", key),
                "the chain ends before its lane does",
                format_args!("a block, up to height {}", lane.height),
                "none",
            ));
        }
        let row = ("lane", lane.lane);
        same(row, "where its chain ends", head.height, lane.height)?;
        same(row, "its hash", hex::encode(head.hash), lane.hash.clone())
    }

    /// Everything was fed: what must have come together by now?
    ///
    /// # Errors
    /// The first row that has not.
    pub fn finish(mut self, lanes: &[LaneRow], strays: &[Stray]) -> Result<Report, Wrong> {
        for lane in lanes {
            self.counts.lanes += 1;
            self.ends_there(lane)?;
        }
        if let Some(noted) = self.noted.first() {
            let key = format!("lane {}, height {}", noted.lane, noted.height);
            let what = "the chain does not go through a head that was noted";
            return Err(Wrong::new(("block", key), what, &noted.hash, "none such"));
        }
        if let Some(stray) = strays.first() {
            let row = ("row", format!("{} {}", stray.of, stray.key));
            return Err(Wrong::new(row, &stray.what, "nothing like it", "it"));
        }
        self.returns.finish()?;
        self.bills.finish()?;
        self.accounts_came_out()?;
        self.counters.came_out()?;
        self.ledger_came_out()?;
        Ok(Report {
            counts: self.counts,
            heads: lanes.to_vec(),
            ledger: self.ledger,
        })
    }

    fn accounts_came_out(&self) -> Result<(), Wrong> {
        let mut all: Vec<&Known> = self.accounts.values().collect();
        all.sort_unstable_by_key(|known| known.row.account_id);
        for known in all {
            let row = ("account", known.row.account_id);
            same(row, "its version", known.version, known.row.version)?;
            same(
                row,
                "the current bucket",
                known.current,
                known.row.current_fen,
            )?;
            same(row, "the prior bucket", known.prior, known.row.prior_fen)?;
            let what = "what holds set aside on it";
            same(row, what, known.row.aside_fen, known.row.held_fen)?;
            for (what, fen, floor) in [
                (
                    "the current bucket's floor",
                    known.current,
                    known.row.current_floor,
                ),
                (
                    "the prior bucket's floor",
                    known.prior,
                    known.row.prior_floor,
                ),
            ] {
                if fen < floor {
                    return Err(Wrong::new(row, what, format_args!("at most {fen}"), floor));
                }
            }
        }
        Ok(())
    }

    /// What waits for somebody cannot be less than nothing.
    fn ledger_came_out(&self) -> Result<(), Wrong> {
        for (account, fen) in &self.ledger {
            if account.starts_with("suspense:") && *fen < 0 {
                let row = ("ledger account", account);
                return Err(Wrong::new(
                    row,
                    "more was taken out than came in",
                    "0 or more",
                    fen,
                ));
            }
        }
        Ok(())
    }
}
