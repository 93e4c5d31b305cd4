//! The fee catalogue: what of an item is in scope, by place and day.
//!
//! Each process remembers the items it has met, together with the version of the catalogue they were read at. A batch asks for
//! the version and for what it has not met in one statement; when the version has moved on, everything is read anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Date, Reason, Refusal, Region};
use policy::benefit::{Item, Level, Percent, Price};
use proto::convert;
use proto::settlement::v1 as pb;

/// The most items that a process remembers; beyond them it starts anew.
const MOST: usize = 200_000;

/// One entry of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub region: Region,
    pub item_code: String,
    pub valid_from: Date,
    /// The last day; none is until further notice.
    pub valid_to: Option<Date>,
    pub item: Item,
}

/// The entries of the items that a batch needs.
#[derive(Debug, Clone, Default)]
pub struct Items(BTreeMap<String, Arc<[Entry]>>);

impl Items {
    /// What holds of an item for people insured in `region` on `day`: the entry of the narrowest place that has one.
    pub fn find(&self, code: &str, region: Region, day: Date) -> Option<Item> {
        let entries = self.0.get(code)?;
        region.lineage().find_map(|place| {
            entries
                .iter()
                .filter(|entry| entry.region == place && entry.valid_from <= day)
                .max_by_key(|entry| entry.valid_from)
                .filter(|entry| entry.valid_to.is_none_or(|last| day <= last))
                .map(|entry| entry.item)
        })
    }
}

/// What a process remembers of the catalogue.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    version: i64,
    items: BTreeMap<String, Arc<[Entry]>>,
}

impl Catalogue {
    /// The version that is remembered, and which of these codes are not.
    pub fn missing(&self, codes: &BTreeSet<String>) -> (i64, Vec<String>) {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = codes
            .iter()
            .filter(|code| !shelf.items.contains_key(*code))
            .cloned()
            .collect();
        (shelf.version, missing)
    }

    /// The wanted items, when `read` is what the catalogue says at `version` of those that were missing at `known`: of all
    /// of them, if the version has moved on.
    pub fn take(
        &self,
        codes: &BTreeSet<String>,
        (known, version): (i64, i64),
        read: Vec<Entry>,
    ) -> Items {
        let mut found: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in read {
            found
                .entry(entry.item_code.clone())
                .or_default()
                .push(entry);
        }
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut items = BTreeMap::new();
        for code in codes {
            let remembered = shelf.items.get(code).filter(|_| known == version);
            let entries = match found.remove(code) {
                Some(entries) => entries.into(),
                None => remembered.map_or_else(|| Vec::new().into(), Arc::clone),
            };
            items.insert(code.clone(), entries);
        }
        if version > shelf.version || shelf.items.len() > MOST {
            shelf.items.clear();
            shelf.version = version;
        }
        // A batch that read an older version than its neighbour leaves nothing behind.
        if version == shelf.version {
            let known = items
                .iter()
                .map(|(code, entries)| (code.clone(), Arc::clone(entries)));
            shelf.items.extend(known);
        }
        Items(items)
    }
}

impl TryFrom<&pb::CatalogueItem> for Entry {
    type Error = Refusal;

    fn try_from(row: &pb::CatalogueItem) -> Result<Self, Refusal> {
        if row.item_code.is_empty() {
            return Err(Refusal::about(Reason::FieldMissing, "item_code"));
        }
        convert::text("item_code", &row.item_code, 50)?;
        let day = |field: &str, text: &str| {
            text.parse::<Date>()
                .ok()
                .filter(|day| day.to_string() == text)
                .ok_or_else(|| Refusal::about(Reason::DateMalformed, field))
        };
        let valid_from = day("valid_from", &row.valid_from)?;
        let valid_to = match row.valid_to.as_str() {
            "" => None,
            text => Some(day("valid_to", text)?),
        };
        if valid_to.is_some_and(|last| last < valid_from) {
            return Err(Refusal::about(
                Reason::DateMalformed,
                "valid_to: before valid_from",
            ));
        }
        let level = Level::from_code(&row.level)
            .ok_or_else(|| Refusal::about(Reason::UnknownCode, "level"))?;
        let self_pay = u16::try_from(row.self_pay_bp)
            .ok()
            .and_then(Percent::from_basis_points)
            .filter(|share| level == Level::B || *share == Percent::NOTHING)
            .ok_or_else(|| Refusal::about(Reason::ShareInvalid, "self_pay_bp"))?;
        if row.price_ceiling_e6.is_some_and(i64::is_negative) {
            return Err(Refusal::about(Reason::AmountNegative, "price_ceiling_e6"));
        }
        Ok(Self {
            region: convert::region("region", &row.region)?,
            item_code: row.item_code.clone(),
            valid_from,
            valid_to,
            item: Item {
                level,
                self_pay,
                ceiling: row.price_ceiling_e6.map(Price),
            },
        })
    }
}

/// Reads the rows of one import: what can be taken in, once each, and the answer to each row as far as it is known without
/// the catalogue. Two rows of one key that say different things are both refused.
pub fn read_import(rows: &[pb::CatalogueItem]) -> (Vec<Entry>, Vec<Result<Key, Refusal>>) {
    let read: Vec<Result<Entry, Refusal>> = rows.iter().map(Entry::try_from).collect();
    let mut by_key: BTreeMap<Key, &Entry> = BTreeMap::new();
    let mut contradicted = BTreeSet::new();
    for entry in read.iter().flatten() {
        if by_key
            .insert(entry.key(), entry)
            .is_some_and(|other| other != entry)
        {
            contradicted.insert(entry.key());
        }
    }
    let answers = read
        .iter()
        .map(|row| match row {
            Err(refusal) => Err(refusal.clone()),
            Ok(entry) if contradicted.contains(&entry.key()) => Err(Refusal::about(
                Reason::CatalogueContradicts,
                &entry.item_code,
            )),
            Ok(entry) => Ok(entry.key()),
        })
        .collect();
    let good = by_key
        .into_iter()
        .filter(|(key, _)| !contradicted.contains(key))
        .map(|(_, entry)| entry.clone())
        .collect();
    (good, answers)
}

/// By what an entry is known: item, place, first day.
pub type Key = (String, Region, Date);

impl Entry {
    fn key(&self) -> Key {
        (self.item_code.clone(), self.region, self.valid_from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(region: &str, from: &str, level: &str) -> pb::CatalogueItem {
        pb::CatalogueItem {
            region: region.into(),
            item_code: "XA01".into(),
            valid_from: from.into(),
            valid_to: String::new(),
            level: level.into(),
            self_pay_bp: 0,
            price_ceiling_e6: None,
        }
    }

    fn codes(code: &str) -> BTreeSet<String> {
        [code.to_owned()].into()
    }

    fn level(items: &Items, region: &str, day: &str) -> Option<Level> {
        let item = items.find("XA01", region.parse().unwrap(), day.parse().unwrap());
        item.map(|item| item.level)
    }

    #[test]
    fn the_narrowest_place_counts_and_the_latest_entry_of_it() {
        let rows = [
            row("000000", "2024-01-01", "01"),
            row("230000", "2025-01-01", "02"),
            pb::CatalogueItem {
                valid_to: "2025-12-31".into(),
                ..row("231000", "2025-06-01", "03")
            },
        ];
        let (entries, _) = read_import(&rows);
        let items = Catalogue::default().take(&codes("XA01"), (0, 1), entries);
        assert_eq!(level(&items, "231002", "2025-06-01"), Some(Level::C));
        assert_eq!(level(&items, "231002", "2025-05-31"), Some(Level::B));
        // An entry that has ended falls through to the wider place.
        assert_eq!(level(&items, "231002", "2026-01-01"), Some(Level::B));
        assert_eq!(level(&items, "320600", "2026-01-01"), Some(Level::A));
        assert_eq!(level(&items, "320600", "2023-12-31"), None);
    }

    #[test]
    fn what_is_remembered_is_forgotten_when_the_version_moves_on() {
        let catalogue = Catalogue::default();
        let wanted = codes("XA01");
        assert_eq!(catalogue.missing(&wanted), (0, vec!["XA01".to_owned()]));
        let (entries, _) = read_import(&[row("000000", "2024-01-01", "01")]);
        catalogue.take(&wanted, (0, 1), entries);
        assert_eq!(catalogue.missing(&wanted), (1, vec![]));
        let items = catalogue.take(&wanted, (1, 1), vec![]);
        assert_eq!(level(&items, "110000", "2026-01-01"), Some(Level::A));
        let items = catalogue.take(&wanted, (1, 2), vec![]);
        assert_eq!(level(&items, "110000", "2026-01-01"), None);
        assert_eq!(catalogue.missing(&wanted), (2, vec![]));
        // A neighbour that read before the change leaves nothing behind.
        let (entries, _) = read_import(&[row("000000", "2024-01-01", "01")]);
        catalogue.take(&wanted, (1, 1), entries);
        assert_eq!(
            level(
                &catalogue.take(&wanted, (2, 2), vec![]),
                "110000",
                "2026-01-01"
            ),
            None
        );
    }

    #[test]
    fn a_wrong_row_is_refused_and_its_neighbours_are_not() {
        let rows = [
            row("000000", "2024-01-01", "01"),
            row("000000", "2024-02-30", "01"),
            row("000000", "2024-01-02", "04"),
            pb::CatalogueItem {
                self_pay_bp: 1,
                ..row("000000", "2024-01-03", "01")
            },
            pb::CatalogueItem {
                self_pay_bp: 10_001,
                ..row("000000", "2024-01-03", "02")
            },
            row("0000", "2024-01-04", "01"),
            row("110000", "2024-01-05", "01"),
            row("110000", "2024-01-05", "03"),
        ];
        let (good, answers) = read_import(&rows);
        assert_eq!(good.len(), 1);
        let reasons: Vec<_> = answers
            .into_iter()
            .map(|answer| answer.err().map(|refusal| refusal.reason))
            .collect();
        assert_eq!(
            reasons,
            [
                None,
                Some(Reason::DateMalformed),
                Some(Reason::UnknownCode),
                Some(Reason::ShareInvalid),
                Some(Reason::ShareInvalid),
                Some(Reason::RegionUnknown),
                Some(Reason::CatalogueContradicts),
                Some(Reason::CatalogueContradicts),
            ]
        );
    }
}
