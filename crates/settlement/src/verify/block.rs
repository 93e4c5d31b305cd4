//! The chain: a block follows the one before, holds what it says it holds, in that order, and nothing else.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::rows::{LegRow, MovementRow, Sealed, digest};
use super::{Checker, Turn, Waits, Wrong, same};
use crate::seal::{Block, Contents, Place, Sealer};

impl Checker {
    /// The next block of its lane.
    ///
    /// # Errors
    /// The first row that is wrong.
    pub fn block(&mut self, sealed: &Sealed) -> Result<Turn, Wrong> {
        self.follows(sealed)?;
        is_whole(sealed)?;
        if let Some(waits) = self.waits_for(sealed)? {
            return Ok(Turn::Waits(waits));
        }
        let legs = by_movement(sealed)?;
        for movement in &sealed.movements {
            self.movement(movement, legs.get(&movement.movement_id).copied(), sealed)?;
        }
        for settlement in &sealed.settlements {
            self.settlement(settlement, sealed)?;
        }
        for refund in &sealed.refunds {
            self.refund(refund, sealed)?;
        }
        self.is_sealed(sealed, &legs)?;
        let counts = &mut self.counts;
        counts.blocks += 1;
        counts.movements += count(&sealed.movements);
        counts.settlements += count(&sealed.settlements);
        counts.refunds += count(&sealed.refunds);
        counts.legs += u64::try_from(legs.len()).unwrap_or(u64::MAX);
        counts.keys += count(&sealed.keys);
        Ok(Turn::Taken)
    }

    fn follows(&self, sealed: &Sealed) -> Result<(), Wrong> {
        let block = &sealed.block;
        let head = self.head(block.lane);
        let next = head.height.saturating_add(1);
        if block.height != next {
            let missing = ("block", format!("lane {}, height {next}", block.lane));
            let found = format!("height {}", block.height);
            return Err(Wrong::new(missing, "it is missing", "a block", found));
        }
        let what = "the block it follows";
        same(
            name(sealed),
            what,
            &*hex::encode(head.hash),
            &*block.previous,
        )
    }

    /// The first movement whose account has not come to it yet. One that comes again is wrong at once.
    fn waits_for(&self, sealed: &Sealed) -> Result<Option<Waits>, Wrong> {
        let mut versions: HashMap<Uuid, i64> = HashMap::new();
        for movement in &sealed.movements {
            let row = ("movement", movement.movement_id);
            let Some(account) = movement.account_id else {
                continue;
            };
            let Some(known) = self.accounts.get(&account) else {
                return Err(Wrong::new(row, "its account", account, "no such account"));
            };
            let Some(stated) = movement.account_version else {
                continue;
            };
            let version = versions.entry(account).or_insert(known.version);
            *version = version.saturating_add(1);
            if stated != *version {
                let wrong = Wrong::new(row, "the account's version", *version, stated);
                if stated < *version {
                    return Err(wrong);
                }
                let reached = stated <= known.row.version;
                return Ok(Some(Waits {
                    wrong: Box::new(wrong),
                    rank: (reached, movement.posted_at),
                }));
            }
        }
        Ok(None)
    }

    fn is_sealed(&mut self, sealed: &Sealed, legs: &HashMap<Uuid, &LegRow>) -> Result<(), Wrong> {
        let stored = &sealed.block;
        let row = || name(sealed);
        let mut sealer = Sealer::default();
        for movement in &sealed.movements {
            sealer.movement(&movement.entry());
            if let Some(leg) = legs.get(&movement.movement_id) {
                sealer.leg(&leg.entry());
            }
        }
        for settlement in &sealed.settlements {
            let row = ("settlement", settlement.settlement_id);
            let unreadable = || no_hash(row, &settlement.answer);
            sealer.settlement(&settlement.entry().ok_or_else(unreadable)?);
        }
        for refund in &sealed.refunds {
            let row = ("refund", refund.refund_id);
            let unreadable = || no_hash(row, &refund.answer);
            sealer.refund(&refund.entry().ok_or_else(unreadable)?);
        }
        let contents: Contents = sealer.finish();
        let entries = hex::encode(contents.entries);
        let what = "what it holds is not what was sealed; the hash of that";
        same(row(), what, &*stored.entries, &*entries)?;
        let Some(previous) = digest(&stored.previous) else {
            return Err(Wrong::new(
                row(),
                "the block it follows",
                "a hash",
                &stored.previous,
            ));
        };
        let head = Block {
            place: Place {
                lane: stored.lane,
                height: stored.height,
            },
            previous,
            contents,
            posted_at: stored.posted_at,
        }
        .head();
        same(row(), "its hash", &*hex::encode(head.hash), &*stored.hash)?;
        self.noted.retain(|noted| {
            (noted.lane, noted.height, &*noted.hash) != (stored.lane, stored.height, &*stored.hash)
        });
        self.heads.insert(stored.lane, head);
        Ok(())
    }
}

fn name(sealed: &Sealed) -> (&'static str, String) {
    let block = &sealed.block;
    (
        "block",
        format!("lane {}, height {}", block.lane, block.height),
    )
}

fn no_hash(row: (&'static str, Uuid), found: &str) -> Wrong {
    Wrong::new(row, "the hash of its answer", "a hash", found)
}

fn count<T>(rows: &[T]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

/// No row is missing, none is too many, and all are of the block's moment.
fn is_whole(sealed: &Sealed) -> Result<(), Wrong> {
    let block = &sealed.block;
    let at = "when it was posted";
    for (position, row) in (1..).zip(&sealed.movements) {
        if row.position > position {
            let missing = format!(
                "lane {}, height {}, position {position}",
                block.lane, block.height
            );
            let found = format!("{} at position {}", row.movement_id, row.position);
            return Err(Wrong::new(
                ("movement", missing),
                "it is missing",
                "a movement",
                found,
            ));
        }
        same(
            movement(row),
            "its position in the block",
            position,
            row.position,
        )?;
        same(movement(row), at, block.posted_at, row.posted_at)?;
    }
    if count(&sealed.movements) < u64::try_from(block.movements).unwrap_or(0) {
        let position = count(&sealed.movements).saturating_add(1);
        let missing = format!(
            "lane {}, height {}, position {position}",
            block.lane, block.height
        );
        return Err(Wrong::new(
            ("movement", missing),
            "it is missing",
            "a movement",
            "none",
        ));
    }
    let found = i32::try_from(sealed.movements.len()).unwrap_or(i32::MAX);
    same(
        name(sealed),
        "how many movements it holds",
        found,
        block.movements,
    )?;
    for row in &sealed.settlements {
        same(
            ("settlement", row.settlement_id),
            at,
            block.posted_at,
            row.settled_at,
        )?;
    }
    for row in &sealed.refunds {
        let key = ("refund", row.refund_id);
        same(key, at, block.posted_at, row.refunded_at)?;
    }
    let found = i32::try_from(sealed.settlements.len()).unwrap_or(i32::MAX);
    let what = "how many settlements it holds";
    same(name(sealed), what, found, block.settlements)?;
    let found = i32::try_from(sealed.refunds.len()).unwrap_or(i32::MAX);
    let what = "how many refunds it holds";
    same(name(sealed), what, found, block.refunds)
}

fn movement(row: &MovementRow) -> (&'static str, Uuid) {
    ("movement", row.movement_id)
}

/// The leg of each movement of the block that has one.
fn by_movement(sealed: &Sealed) -> Result<HashMap<Uuid, &LegRow>, Wrong> {
    let movements = sealed.movements.iter();
    let movements: HashSet<Uuid> = movements.map(|row| row.movement_id).collect();
    let mut legs: HashMap<Uuid, &LegRow> = HashMap::new();
    for leg in &sealed.legs {
        if !movements.contains(&leg.movement_id) {
            continue;
        }
        if let Some(other) = legs.insert(leg.movement_id, leg) {
            let row = ("leg", format!("{} {}", leg.settlement_id, leg.leg_no));
            let found = format!(
                "the movement of leg {} {}",
                other.settlement_id, other.leg_no
            );
            return Err(Wrong::new(row, "its movement", "one of its own", found));
        }
    }
    Ok(legs)
}
