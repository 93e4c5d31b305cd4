//! The rows of the books as they are checked: read from the tables, or from the lines of an export, whose form this is.
//!
//! Times are microseconds since 1970 and hashes are hexadecimal, as they are sealed; everything else is a column as it is.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::seal::{Digest, LegEntry, MovementEntry, RefundEntry, Rest, SettlementEntry};

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneRow {
    pub lane: i16,
    pub height: i64,
    pub hash: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountRow {
    pub account_id: Uuid,
    pub current_fen: i64,
    pub prior_fen: i64,
    pub current_floor: i64,
    pub prior_floor: i64,
    pub version: i64,
    pub held_fen: i64,
    /// What the open legs of holds set aside on it.
    pub aside_fen: i64,
}

/// What of limits is used, in the windows that the counter stands in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CounterRow {
    /// A binding or an account.
    pub scope_id: Uuid,
    pub scope: String,
    /// `yyyy-MM-dd`.
    pub day: String,
    /// Likewise.
    pub year: String,
    pub day_gross_fen: i64,
    pub day_refunded_fen: i64,
    pub month_gross_fen: i64,
    pub month_refunded_fen: i64,
    pub year_gross_fen: i64,
    pub year_refunded_fen: i64,
    pub total_gross_fen: i64,
    pub total_refunded_fen: i64,
}

/// What a person has used of deductible and fund.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BenefitUsedRow {
    pub account_id: Uuid,
    pub medical_year: i16,
    /// `yyyy-MM-dd`.
    pub period_start: String,
    pub deductible_fen: i64,
    pub fund_fen: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BlockRow {
    pub lane: i16,
    pub height: i64,
    pub previous: String,
    pub hash: String,
    pub entries: String,
    pub movements: i32,
    pub settlements: i32,
    pub refunds: i32,
    pub posted_at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MovementRow {
    pub height: i64,
    pub position: i32,
    pub posted_at: i64,
    pub movement_id: Uuid,
    pub kind: String,
    pub debit: String,
    pub credit: String,
    pub amount_fen: i64,
    pub account_id: Option<Uuid>,
    pub bucket: Option<String>,
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
    pub caller_role: String,
    pub caller: String,
    pub reason: String,
    pub trace_parent: Option<String>,
    pub sandbox: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LegRow {
    pub settlement_id: Uuid,
    pub leg_no: i16,
    pub kind: String,
    pub account_id: Uuid,
    pub person_id: Uuid,
    pub bucket: String,
    pub amount_fen: i64,
    pub refunded_fen: i64,
    pub binding_id: Option<Uuid>,
    pub mandate_version: Option<i64>,
    pub medical_year: i16,
    pub limit_day: Option<String>,
    pub limit_year: Option<String>,
    pub movement_id: Uuid,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SettlementRow {
    pub height: i64,
    pub settled_at: i64,
    pub settlement_id: Uuid,
    pub institution: String,
    pub msgid: String,
    pub outcome: String,
    pub decline_reason: Option<String>,
    pub patient_person_id: Uuid,
    pub patient_account_id: Uuid,
    pub usage: String,
    pub total_fen: i64,
    pub pooled_fen: i64,
    pub own_fen: i64,
    pub aid_fen: i64,
    pub cash_fen: i64,
    /// Still to be deducted after the visit, or given back before anybody paid it.
    pub open_fen: i64,
    /// Separated by spaces.
    pub rules: String,
    pub sandbox: bool,
    /// The hash of the encoded answer; the answer itself does not leave the database.
    pub answer: String,
    pub cash_back_fen: i64,
    pub pooled_back_fen: i64,
    pub open_back_fen: i64,
    pub cancellation_id: Option<Uuid>,
    /// Whether it is deducted after the visit.
    pub deferred: bool,
    /// The bill whose place it took.
    pub replaces: Option<Uuid>,
}

/// How the pooled fund saw a bill, as far as money depends on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BenefitRow {
    pub settlement_id: Uuid,
    pub account_id: Uuid,
    pub deductible_fen: i64,
    pub pooled_fen: i64,
    pub deductible_returned_fen: i64,
    pub pooled_returned_fen: i64,
    pub medical_year: i16,
    pub period_start: String,
    pub movement_id: Option<Uuid>,
}

/// Why money came into an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AllocationRow {
    pub allocation_id: Uuid,
    pub account_id: Uuid,
    pub bucket: String,
    pub amount_fen: i64,
}

/// What was given back of a bill.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefundRow {
    pub height: i64,
    pub refunded_at: i64,
    pub refund_id: Uuid,
    pub settlement_id: Uuid,
    pub way: String,
    pub institution: String,
    pub msgid: String,
    pub total_fen: i64,
    pub pooled_fen: i64,
    pub own_fen: i64,
    pub aid_fen: i64,
    pub cash_fen: i64,
    pub open_fen: i64,
    /// The hash of the encoded answer.
    pub answer: String,
}

/// What a request key leads to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyRow {
    pub institution: String,
    pub msgid: String,
    pub operation: String,
    pub outcome_id: Uuid,
}

/// A row that belongs to nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stray {
    pub of: String,
    pub key: String,
    pub what: String,
}

/// One block with what it holds and what hangs on that: a line of an export.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sealed {
    pub block: BlockRow,
    pub movements: Vec<MovementRow>,
    /// Those that a movement or a settlement of the block has, by settlement and number.
    pub legs: Vec<LegRow>,
    pub settlements: Vec<SettlementRow>,
    pub refunds: Vec<RefundRow>,
    /// Of the same bills as the legs.
    pub benefits: Vec<BenefitRow>,
    pub allocations: Vec<AllocationRow>,
    /// Of the settlements and refunds.
    pub keys: Vec<KeyRow>,
}

impl Sealed {
    /// A block before its rows are read.
    pub fn empty(block: BlockRow) -> Self {
        Self {
            block,
            movements: Vec::new(),
            legs: Vec::new(),
            settlements: Vec::new(),
            refunds: Vec::new(),
            benefits: Vec::new(),
            allocations: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// The bills whose legs concern it: those it decided and those it paid; each once, sorted.
    pub fn bills(&self) -> Vec<Uuid> {
        let paid = self.movements.iter().filter(|row| row.reverses.is_none());
        let paid = paid.filter_map(|row| row.settlement_id);
        let mut bills: Vec<Uuid> = self
            .settlements
            .iter()
            .map(|row| row.settlement_id)
            .collect();
        bills.extend(paid);
        bills.sort_unstable();
        bills.dedup();
        bills
    }

    /// The requests it answered.
    pub fn requests(&self) -> Vec<(&str, &str)> {
        let decided = self.settlements.iter();
        let mut requests: Vec<(&str, &str)> = decided
            .map(|row| (&*row.institution, &*row.msgid))
            .collect();
        let refunded = self.refunds.iter();
        requests.extend(refunded.map(|row| (&*row.institution, &*row.msgid)));
        requests
    }
}

impl MovementRow {
    /// As it is sealed.
    pub fn entry(&self) -> MovementEntry<'_> {
        MovementEntry {
            movement_id: self.movement_id,
            kind: &self.kind,
            debit: &self.debit,
            credit: &self.credit,
            amount_fen: self.amount_fen,
            account_id: self.account_id,
            bucket: self.bucket.as_deref(),
            account_version: self.account_version,
            current_after_fen: self.current_after_fen,
            prior_after_fen: self.prior_after_fen,
            settlement_id: self.settlement_id,
            refund_id: self.refund_id,
            allocation_id: self.allocation_id,
            beneficiary_person_id: self.beneficiary_person_id,
            binding_id: self.binding_id,
            mandate_version: self.mandate_version,
            reverses: self.reverses,
            caller_role: &self.caller_role,
            caller: &self.caller,
            reason: &self.reason,
            trace_parent: self.trace_parent.as_deref(),
            sandbox: self.sandbox,
        }
    }
}

impl LegRow {
    /// As it is sealed.
    pub fn entry(&self) -> LegEntry<'_> {
        LegEntry {
            settlement_id: self.settlement_id,
            leg_no: self.leg_no,
            kind: &self.kind,
            account_id: self.account_id,
            person_id: self.person_id,
            bucket: &self.bucket,
            amount_fen: self.amount_fen,
            binding_id: self.binding_id,
            mandate_version: self.mandate_version,
            medical_year: self.medical_year,
            limit_day: self.limit_day.as_deref(),
            limit_year: self.limit_year.as_deref(),
            movement_id: self.movement_id,
        }
    }
}

impl SettlementRow {
    /// As it is sealed; none if the hash of the answer is not one.
    pub fn entry(&self) -> Option<SettlementEntry<'_>> {
        Some(SettlementEntry {
            settlement_id: self.settlement_id,
            institution: &self.institution,
            msgid: &self.msgid,
            outcome: &self.outcome,
            decline_reason: self.decline_reason.as_deref(),
            patient_person_id: self.patient_person_id,
            patient_account_id: self.patient_account_id,
            usage: &self.usage,
            total_fen: self.total_fen,
            pooled_fen: self.pooled_fen,
            rest: Rest::of(
                [self.total_fen, self.pooled_fen],
                [self.own_fen, self.aid_fen, self.cash_fen],
                self.deferred,
            ),
            rules: &self.rules,
            sandbox: self.sandbox,
            answer: digest(&self.answer)?,
        })
    }
}

impl RefundRow {
    /// As it is sealed; none if the hash of the answer is not one.
    pub fn entry(&self) -> Option<RefundEntry<'_>> {
        Some(RefundEntry {
            refund_id: self.refund_id,
            settlement_id: self.settlement_id,
            way: &self.way,
            institution: &self.institution,
            msgid: &self.msgid,
            total_fen: self.total_fen,
            pooled_fen: self.pooled_fen,
            own_fen: self.own_fen,
            aid_fen: self.aid_fen,
            cash_fen: self.cash_fen,
            open_fen: self.open_fen,
            answer: digest(&self.answer)?,
        })
    }
}

/// A hash out of its hexadecimal form.
pub fn digest(hex_digits: &str) -> Option<Digest> {
    hex::decode(hex_digits).ok()?.try_into().ok()
}
