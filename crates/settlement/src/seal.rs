//! Sealed blocks: what a batch wrote cannot be altered, removed or put into another order without being noticed.
//!
//! Every committed batch is one block of the lane that wrote it. A block's `entries` is the SHA-256 of what the batch posted, its `hash` that
//! of its header, and the header names the hash of the block before: one altered row changes every hash after it.
//! Whoever can write to the database can also compute hashes; what they cannot change is a head of the chain that was noted elsewhere,
//! which is why `gongji verify` prints the heads and can be told earlier ones.
//!
//! # What is sealed, byte by byte
//!
//! Integers are 8 bytes, big-endian; ids are their 16 bytes; a text is its length in bytes as an integer, then UTF-8; a truth is one byte; what may
//! be absent is a byte 0, or 1 and the value. Times are microseconds since 1970, which is what the database keeps.
//!
//! - `entries`: the text `gongji.entries.v1`; for each movement by its position the byte `M` and the fields of [`MovementEntry`] in their order,
//!   directly followed, if a leg names this movement, by the byte `L` and the fields of [`LegEntry`]; then for each settlement by its id the byte
//!   `S` and the fields of [`SettlementEntry`]; then for each refund by its id the byte `R` and the fields of [`RefundEntry`].
//! - `hash`: the text `gongji.block.v1`, lane, height, the 32 bytes of `previous`, the 32 bytes of `entries`, how many movements, how many
//!   settlements, how many refunds, the time.
//!
//! A row's lane, height, position and time are the block's. A leg is sealed with the movement that paid it, whichever block its settlement is in.
//! Refunds are sealed because cash that is handed back moves no account. Not sealed, because it is derived from what is: account rows, limit
//! counters, and how much of a leg or a settlement was given back.

use kernel::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A SHA-256.
pub type Digest = [u8; 32];

/// What the first block of a lane follows.
pub const NOTHING: Digest = [0; 32];

/// Where a chain ends: the last block of a lane, or height 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub lane: i16,
    pub height: i64,
    pub hash: Digest,
}

/// Where what a batch writes is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub lane: i16,
    pub height: i64,
}

/// One batch, sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    pub place: Place,
    pub previous: Digest,
    pub contents: Contents,
    /// Microseconds since 1970.
    pub posted_at: i64,
}

/// What a block holds, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    pub entries: Digest,
    pub movements: i32,
    pub settlements: i32,
    pub refunds: i32,
}

impl Head {
    /// Where the next block goes; none if the lane is as high as numbers go.
    pub fn next(&self) -> Option<Place> {
        Some(Place {
            lane: self.lane,
            height: self.height.checked_add(1)?,
        })
    }
}

impl Block {
    /// The hash that the next block will name.
    pub fn hash(&self) -> Digest {
        let mut bytes = Bytes::begin("gongji.block.v1");
        bytes.int(self.place.lane);
        bytes.int(self.place.height);
        bytes.0.update(self.previous);
        bytes.0.update(self.contents.entries);
        bytes.int(self.contents.movements);
        bytes.int(self.contents.settlements);
        bytes.int(self.contents.refunds);
        bytes.int(self.posted_at);
        bytes.0.finalize().into()
    }

    /// The head of its lane once it is written.
    pub fn head(&self) -> Head {
        Head {
            lane: self.place.lane,
            height: self.place.height,
            hash: self.hash(),
        }
    }
}

/// The instant as the database keeps it.
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A movement, column by column.
#[derive(Debug, Clone, Copy)]
pub struct MovementEntry<'a> {
    pub movement_id: Uuid,
    pub kind: &'a str,
    pub debit: &'a str,
    pub credit: &'a str,
    pub amount_fen: i64,
    /// None, like the bucket, where it is the pooled fund that pays or is paid.
    pub account_id: Option<Uuid>,
    pub bucket: Option<&'a str>,
    /// None, like the balances after it, where no personal account moved.
    pub account_version: Option<i64>,
    pub current_after_fen: Option<i64>,
    pub prior_after_fen: Option<i64>,
    pub settlement_id: Option<Uuid>,
    pub refund_id: Option<Uuid>,
    pub allocation_id: Option<Uuid>,
    pub beneficiary_person_id: Option<Uuid>,
    pub binding_id: Option<Uuid>,
    pub mandate_version: Option<i64>,
    pub reverses: Option<Uuid>,
    pub caller_role: &'a str,
    pub caller: &'a str,
    pub reason: &'a str,
    pub trace_parent: Option<&'a str>,
    pub sandbox: bool,
}

/// A leg, column by column, but for what was given back since.
#[derive(Debug, Clone, Copy)]
pub struct LegEntry<'a> {
    pub settlement_id: Uuid,
    pub leg_no: i16,
    pub kind: &'a str,
    pub account_id: Uuid,
    pub person_id: Uuid,
    pub bucket: &'a str,
    pub amount_fen: i64,
    pub binding_id: Option<Uuid>,
    pub mandate_version: Option<i64>,
    pub medical_year: i16,
    /// `yyyy-MM-dd`; aid only.
    pub limit_day: Option<&'a str>,
    /// Likewise.
    pub limit_year: Option<&'a str>,
    pub movement_id: Uuid,
}

/// A decided bill: what says who pays what, and the answer that said so.
#[derive(Debug, Clone, Copy)]
pub struct SettlementEntry<'a> {
    pub settlement_id: Uuid,
    pub institution: &'a str,
    pub msgid: &'a str,
    pub outcome: &'a str,
    pub decline_reason: Option<&'a str>,
    pub patient_person_id: Uuid,
    pub patient_account_id: Uuid,
    pub usage: &'a str,
    pub total_fen: i64,
    pub pooled_fen: i64,
    pub rest: Rest,
    /// Separated by spaces.
    pub rules: &'a str,
    pub sandbox: bool,
    /// The SHA-256 of the encoded answer.
    pub answer: Digest,
}

/// What of a bill the pooled fund left, as it was decided. Of a bill that is deducted after the visit only the sum is: who pays it
/// is told later, by legs that are sealed with their own movements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    pub own_fen: i64,
    pub aid_fen: i64,
    pub cash_fen: i64,
    pub open_fen: i64,
}

impl Rest {
    /// From the columns of the row, as they may stand at any time after.
    pub const fn of([total, pooled]: [i64; 2], [own, aid, cash]: [i64; 3], deferred: bool) -> Self {
        if deferred {
            Self {
                own_fen: 0,
                aid_fen: 0,
                cash_fen: 0,
                open_fen: total.saturating_sub(pooled),
            }
        } else {
            Self {
                own_fen: own,
                aid_fen: aid,
                cash_fen: cash,
                open_fen: 0,
            }
        }
    }
}

/// What was given back of a bill.
#[derive(Debug, Clone, Copy)]
pub struct RefundEntry<'a> {
    pub refund_id: Uuid,
    pub settlement_id: Uuid,
    pub way: &'a str,
    pub institution: &'a str,
    pub msgid: &'a str,
    pub total_fen: i64,
    pub pooled_fen: i64,
    pub own_fen: i64,
    pub aid_fen: i64,
    pub cash_fen: i64,
    pub open_fen: i64,
    /// The SHA-256 of the encoded answer.
    pub answer: Digest,
}

/// Puts the entries of one block under one hash.
#[derive(Debug)]
pub struct Sealer {
    bytes: Bytes,
    movements: i32,
    settlements: i32,
    refunds: i32,
}

impl Default for Sealer {
    fn default() -> Self {
        Self {
            bytes: Bytes::begin("gongji.entries.v1"),
            movements: 0,
            settlements: 0,
            refunds: 0,
        }
    }
}

impl Sealer {
    /// The next movement; says which position it has.
    pub fn movement(&mut self, row: &MovementEntry<'_>) -> i32 {
        let bytes = &mut self.bytes;
        bytes.0.update(b"M");
        bytes.id(row.movement_id);
        bytes.text(row.kind);
        bytes.text(row.debit);
        bytes.text(row.credit);
        bytes.int(row.amount_fen);
        bytes.maybe(row.account_id, Bytes::id);
        bytes.maybe(row.bucket, Bytes::text);
        bytes.maybe(row.account_version, Bytes::int);
        bytes.maybe(row.current_after_fen, Bytes::int);
        bytes.maybe(row.prior_after_fen, Bytes::int);
        bytes.maybe(row.settlement_id, Bytes::id);
        bytes.maybe(row.refund_id, Bytes::id);
        bytes.maybe(row.allocation_id, Bytes::id);
        bytes.maybe(row.beneficiary_person_id, Bytes::id);
        bytes.maybe(row.binding_id, Bytes::id);
        bytes.maybe(row.mandate_version, Bytes::int);
        bytes.maybe(row.reverses, Bytes::id);
        bytes.text(row.caller_role);
        bytes.text(row.caller);
        bytes.text(row.reason);
        bytes.maybe(row.trace_parent, Bytes::text);
        bytes.truth(row.sandbox);
        self.movements = self.movements.saturating_add(1);
        self.movements
    }

    /// The leg of the movement that was just added.
    pub fn leg(&mut self, row: &LegEntry<'_>) {
        let bytes = &mut self.bytes;
        bytes.0.update(b"L");
        bytes.id(row.settlement_id);
        bytes.int(row.leg_no);
        bytes.text(row.kind);
        bytes.id(row.account_id);
        bytes.id(row.person_id);
        bytes.text(row.bucket);
        bytes.int(row.amount_fen);
        bytes.maybe(row.binding_id, Bytes::id);
        bytes.maybe(row.mandate_version, Bytes::int);
        bytes.int(row.medical_year);
        bytes.maybe(row.limit_day, Bytes::text);
        bytes.maybe(row.limit_year, Bytes::text);
        bytes.id(row.movement_id);
    }

    /// The next settlement, in the order of their ids.
    pub fn settlement(&mut self, row: &SettlementEntry<'_>) {
        let bytes = &mut self.bytes;
        bytes.0.update(b"S");
        bytes.id(row.settlement_id);
        bytes.text(row.institution);
        bytes.text(row.msgid);
        bytes.text(row.outcome);
        bytes.maybe(row.decline_reason, Bytes::text);
        bytes.id(row.patient_person_id);
        bytes.id(row.patient_account_id);
        bytes.text(row.usage);
        bytes.int(row.total_fen);
        bytes.int(row.pooled_fen);
        bytes.int(row.rest.own_fen);
        bytes.int(row.rest.aid_fen);
        bytes.int(row.rest.cash_fen);
        bytes.int(row.rest.open_fen);
        bytes.text(row.rules);
        bytes.truth(row.sandbox);
        bytes.0.update(row.answer);
        self.settlements = self.settlements.saturating_add(1);
    }

    /// The next refund, in the order of their ids.
    pub fn refund(&mut self, row: &RefundEntry<'_>) {
        let bytes = &mut self.bytes;
        bytes.0.update(b"R");
        bytes.id(row.refund_id);
        bytes.id(row.settlement_id);
        bytes.text(row.way);
        bytes.text(row.institution);
        bytes.text(row.msgid);
        bytes.int(row.total_fen);
        bytes.int(row.pooled_fen);
        bytes.int(row.own_fen);
        bytes.int(row.aid_fen);
        bytes.int(row.cash_fen);
        bytes.int(row.open_fen);
        bytes.0.update(row.answer);
        self.refunds = self.refunds.saturating_add(1);
    }

    /// What was added.
    pub fn finish(self) -> Contents {
        Contents {
            entries: self.bytes.0.finalize().into(),
            movements: self.movements,
            settlements: self.settlements,
            refunds: self.refunds,
        }
    }
}

/// The SHA-256 of some bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// The canonical encoding, on its way into a hash.
#[derive(Debug)]
struct Bytes(Sha256);

impl Bytes {
    fn begin(what: &str) -> Self {
        let mut bytes = Self(Sha256::new());
        bytes.text(what);
        bytes
    }

    fn int(&mut self, value: impl Into<i64>) {
        self.0.update(value.into().to_be_bytes());
    }

    fn id(&mut self, value: Uuid) {
        self.0.update(value.as_bytes());
    }

    fn text(&mut self, value: &str) {
        self.int(i64::try_from(value.len()).expect("a text is shorter than an i64 counts"));
        self.0.update(value);
    }

    fn truth(&mut self, value: bool) {
        self.0.update([u8::from(value)]);
    }

    fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.truth(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }
}

#[cfg(test)]
mod tests;
