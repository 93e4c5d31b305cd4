//! Where the rows come from, and the one way through them: the tables, out of one snapshot, or the files of an export.

use std::collections::{BTreeMap, VecDeque};

use sqlx::PgConnection;
use uuid::Uuid;

use super::export::{Export, ExportError};
use super::rows::{
    AccountRow, AllocationRow, BenefitRow, BenefitUsedRow, CounterRow, KeyRow, LaneRow, LegRow,
    Sealed, Stray,
};
use super::{Checker, Counts, Report, Turn, Waits, Wrong};
use crate::store::{StoreError, books};

/// How many rows are read at once, and how many blocks.
const ROWS: i64 = 10_000;
const BLOCKS: i64 = 200;

/// Why books were not found to be sound.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// They are not.
    #[error(transparent)]
    Wrong(#[from] Box<Wrong>),
    #[error("the tables cannot be read")]
    Store(#[from] StoreError),
    #[error("the export cannot be used")]
    Export(#[from] ExportError),
}

impl From<Wrong> for VerifyError {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(Box::new(wrong))
    }
}

/// The tables, as they stood when the transaction began.
#[derive(Debug)]
pub struct Tables<'c> {
    conn: &'c mut PgConnection,
    account: Uuid,
    counter: Uuid,
    used: Option<BenefitUsedRow>,
    heights: BTreeMap<i16, i64>,
}

impl<'c> Tables<'c> {
    /// Reads in the transaction that `conn` has just begun.
    pub async fn of(conn: &'c mut PgConnection) -> Result<Self, StoreError> {
        books::hold_still(conn).await?;
        Ok(Self {
            conn,
            account: Uuid::nil(),
            counter: Uuid::nil(),
            used: None,
            heights: BTreeMap::new(),
        })
    }

    async fn accounts(&mut self) -> Result<Vec<AccountRow>, StoreError> {
        let rows = books::accounts(self.conn, self.account, ROWS).await?;
        if let Some(last) = rows.last() {
            self.account = last.account_id;
        }
        Ok(rows)
    }

    async fn counters(&mut self) -> Result<Vec<CounterRow>, StoreError> {
        let rows = books::counters(self.conn, self.counter, ROWS).await?;
        if let Some(last) = rows.last() {
            self.counter = last.scope_id;
        }
        Ok(rows)
    }

    async fn benefits_used(&mut self) -> Result<Vec<BenefitUsedRow>, StoreError> {
        let rows = books::benefits_used(self.conn, self.used.as_ref(), ROWS).await?;
        if let Some(last) = rows.last() {
            self.used = Some(last.clone());
        }
        Ok(rows)
    }

    async fn blocks(&mut self, lane: i16) -> Result<Vec<Sealed>, StoreError> {
        let after = self.heights.entry(lane).or_insert(0);
        let blocks = books::blocks(self.conn, lane, *after, BLOCKS).await?;
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Ok(Vec::new());
        };
        *after = last.height;
        let times = || blocks.iter().map(|block| block.posted_at);
        let span = books::Span {
            lane,
            first: first.height,
            last: last.height,
            from: times().min().unwrap_or(i64::MIN),
            to: times().max().unwrap_or(i64::MAX),
        };
        let mut page: BTreeMap<i64, Sealed> = BTreeMap::new();
        for block in blocks {
            page.insert(block.height, Sealed::empty(block));
        }
        for row in books::movements(self.conn, span).await? {
            if let Some(sealed) = page.get_mut(&row.height) {
                sealed.movements.push(row);
            }
        }
        for row in books::settlements(self.conn, span).await? {
            if let Some(sealed) = page.get_mut(&row.height) {
                sealed.settlements.push(row);
            }
        }
        for row in books::refunds(self.conn, span).await? {
            if let Some(sealed) = page.get_mut(&row.height) {
                sealed.refunds.push(row);
            }
        }
        let mut page: Vec<Sealed> = page.into_values().collect();
        self.complete(&mut page).await?;
        Ok(page)
    }

    /// Reads what hangs on movements and settlements: legs, benefits, allocations, and the keys of requests.
    async fn complete(&mut self, page: &mut [Sealed]) -> Result<(), StoreError> {
        let bills: Vec<Uuid> = page.iter().flat_map(Sealed::bills).collect();
        let came: Vec<Uuid> = page
            .iter()
            .flat_map(|sealed| sealed.movements.iter().filter_map(|row| row.allocation_id))
            .collect();
        let mut legs: BTreeMap<Uuid, Vec<LegRow>> = BTreeMap::new();
        for leg in books::legs(self.conn, &bills).await? {
            legs.entry(leg.settlement_id).or_default().push(leg);
        }
        let allocations: BTreeMap<Uuid, AllocationRow> = books::allocations(self.conn, &came)
            .await?
            .into_iter()
            .map(|row| (row.allocation_id, row))
            .collect();
        let benefits: BTreeMap<Uuid, BenefitRow> = books::benefits(self.conn, &bills)
            .await?
            .into_iter()
            .map(|row| (row.settlement_id, row))
            .collect();
        for sealed in &mut *page {
            for bill in sealed.bills() {
                sealed
                    .legs
                    .extend(legs.get(&bill).into_iter().flatten().cloned());
                sealed.benefits.extend(benefits.get(&bill).cloned());
            }
            let mut ids: Vec<Uuid> = sealed
                .movements
                .iter()
                .filter_map(|row| row.allocation_id)
                .collect();
            ids.sort_unstable();
            sealed.allocations = ids
                .iter()
                .filter_map(|id| allocations.get(id).cloned())
                .collect();
        }
        self.add_keys(page).await
    }

    async fn add_keys(&mut self, page: &mut [Sealed]) -> Result<(), StoreError> {
        let asked: Vec<(&str, &str)> = page.iter().flat_map(Sealed::requests).collect();
        let keys: BTreeMap<(String, String), KeyRow> = books::keys(self.conn, &asked)
            .await?
            .into_iter()
            .map(|row| ((row.institution.clone(), row.msgid.clone()), row))
            .collect();
        for sealed in page {
            let of = |(institution, msgid): (&str, &str)| {
                keys.get(&(institution.to_owned(), msgid.to_owned()))
                    .cloned()
            };
            sealed.keys = sealed.requests().into_iter().filter_map(of).collect();
        }
        Ok(())
    }
}

/// Where rows come from.
#[derive(Debug)]
pub enum Source<'c> {
    Tables(Tables<'c>),
    Export(Box<Export>),
}

impl Source<'_> {
    pub(super) async fn lanes(&mut self) -> Result<Vec<LaneRow>, VerifyError> {
        match self {
            Self::Tables(tables) => Ok(books::lanes(tables.conn).await?),
            Self::Export(export) => Ok(export.lanes().to_vec()),
        }
    }

    /// The next accounts; none are left if this is empty.
    pub(super) async fn accounts(&mut self) -> Result<Vec<AccountRow>, VerifyError> {
        match self {
            Self::Tables(tables) => Ok(tables.accounts().await?),
            Self::Export(export) => export.accounts(),
        }
    }

    /// The next limit counters, likewise.
    pub(super) async fn counters(&mut self) -> Result<Vec<CounterRow>, VerifyError> {
        match self {
            Self::Tables(tables) => Ok(tables.counters().await?),
            Self::Export(export) => export.counters(),
        }
    }

    /// The next counters of benefits, likewise.
    pub(super) async fn benefits_used(&mut self) -> Result<Vec<BenefitUsedRow>, VerifyError> {
        match self {
            Self::Tables(tables) => Ok(tables.benefits_used().await?),
            Self::Export(export) => export.benefits_used(),
        }
    }

    /// The next blocks of a lane, likewise.
    pub(super) async fn blocks(&mut self, lane: i16) -> Result<Vec<Sealed>, VerifyError> {
        match self {
            Self::Tables(tables) => Ok(tables.blocks(lane).await?),
            Self::Export(export) => export.blocks(lane),
        }
    }

    pub(super) async fn strays(&mut self) -> Result<Vec<Stray>, VerifyError> {
        match self {
            Self::Tables(tables) => {
                let mut strays = books::strays(tables.conn).await?;
                strays.extend(books::strays_after_visits(tables.conn).await?);
                Ok(strays)
            }
            Self::Export(export) => Ok(export.strays().to_vec()),
        }
    }
}

/// Checks the books. `noted` are heads of chains that were noted earlier; `progress` hears how far it is.
///
/// # Errors
/// The first row that is wrong, or why the rows cannot be read.
pub async fn check(
    mut source: Source<'_>,
    noted: Vec<LaneRow>,
    progress: &mut (dyn FnMut(&Counts) + Send),
) -> Result<Report, VerifyError> {
    let mut checker = Checker::going_through(noted);
    let lanes = source.lanes().await?;
    read_states(&mut checker, &mut source, progress).await?;
    let mut waiting: BTreeMap<i16, VecDeque<Sealed>> = lanes
        .iter()
        .map(|lane| (lane.lane, VecDeque::new()))
        .collect();
    loop {
        let mut went_on = false;
        let mut stuck: Option<Waits> = None;
        for (lane, blocks) in &mut waiting {
            let here = go_on(&mut checker, &mut source, (*lane, blocks), progress).await?;
            went_on |= here.went_on;
            let before = |one: &Waits| stuck.as_ref().is_none_or(|first| one.rank < first.rank);
            if let Some(waits) = here.stuck.filter(before) {
                stuck = Some(waits);
            }
        }
        match stuck {
            Some(_) if went_on => {}
            Some(waits) => {
                // What others wait for may be what a lane has lost at its end.
                for lane in lanes.iter().filter(|lane| waiting[&lane.lane].is_empty()) {
                    checker.ends_there(lane)?;
                }
                return Err(waits.wrong.into());
            }
            None => break,
        }
    }
    let report = checker.finish(&lanes, &source.strays().await?)?;
    if let Source::Export(export) = &source {
        export.is_as_it_was_written()?;
    }
    Ok(report)
}

/// Reads what blocks are checked against: accounts and counters.
async fn read_states(
    checker: &mut Checker,
    source: &mut Source<'_>,
    progress: &mut (dyn FnMut(&Counts) + Send),
) -> Result<(), VerifyError> {
    loop {
        let rows = source.accounts().await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            checker.account(row);
        }
        progress(checker.counts());
    }
    loop {
        let rows = source.counters().await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            checker.counter(row);
        }
        progress(checker.counts());
    }
    loop {
        let rows = source.benefits_used().await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            checker.benefit_used(row);
        }
        progress(checker.counts());
    }
}

/// How far a lane came, and what it waits for.
struct Progressed {
    went_on: bool,
    stuck: Option<Waits>,
}

/// Takes blocks of one lane until there are no more or one must wait.
async fn go_on(
    checker: &mut Checker,
    source: &mut Source<'_>,
    (lane, blocks): (i16, &mut VecDeque<Sealed>),
    progress: &mut (dyn FnMut(&Counts) + Send),
) -> Result<Progressed, VerifyError> {
    let mut went_on = false;
    loop {
        if blocks.is_empty() {
            blocks.extend(source.blocks(lane).await?);
            progress(checker.counts());
        }
        let Some(sealed) = blocks.front() else {
            return Ok(Progressed {
                went_on,
                stuck: None,
            });
        };
        match checker.block(sealed)? {
            Turn::Taken => went_on = true,
            Turn::Waits(waits) => {
                return Ok(Progressed {
                    went_on,
                    stuck: Some(waits),
                });
            }
        }
        blocks.pop_front();
    }
}
