//! What the writer is asked to do, and what it answers. All money goes through these.

use std::collections::BTreeMap;

use kernel::{
    AccountId, AllocationId, Bucket, Date, Fen, PersonId, Reason, Refusal, Role, SettlementId,
    Timestamp,
};
use proto::convert;
use proto::settlement::v1 as pb;

use crate::bill::{Bill, MOST_LINES, person_no};
use crate::deferral::Deduct;
use crate::hold::command as hold;
use crate::keep::Keep;
use crate::quote::Named;
use crate::refund::What;
use crate::request::{Asked, Operation, RequestKey};

pub use crate::allocation::AllocationKind;

/// Something that moves money.
#[derive(Debug, Clone)]
pub enum Command {
    Settle(Box<Settle>),
    Cancel(Cancel),
    Refund(Refund),
    Reverse(Reverse),
    Allocate(Allocate),
    Keep(Keep),
    Hold(hold::Command),
    Deduct(DeductNow),
}

/// What became of a command, as the caller is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Settle(Box<pb::SettleResponse>),
    Cancel(Box<pb::CancelResponse>),
    Refund(Box<pb::RefundResponse>),
    Reverse(Box<pb::ReverseResponse>),
    Allocate(Box<pb::Account>),
    Keep(Box<pb::Account>),
    Place(Box<pb::PlaceHoldResponse>),
    Release(Box<pb::ReleaseHoldResponse>),
    /// Nobody asked.
    Nothing,
    /// What there was is deducted, or nothing was left to do.
    Deduct,
}

/// Settle a bill.
#[derive(Debug, Clone)]
pub struct Settle {
    /// The settlement's, should it be decided now.
    pub id: SettlementId,
    pub key: RequestKey,
    pub patient: Presented,
    pub bill: Bill,
    /// The quote that it must not cost more than.
    pub quote: Option<Named>,
    pub deduct: Deduct,
    /// The settlement whose place it takes.
    pub replaces: Option<Replaces>,
}

/// A settlement that is to be taken back whole with the same step that settles another bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaces {
    pub settlement: SettlementId,
    /// The cancellation's id, should it be decided now.
    pub cancellation: SettlementId,
}

impl Settle {
    /// What is asked: the bill, and the quote and the settlement that it names.
    fn asked(&self) -> Asked {
        let asked = Asked::settle(self.patient.person, &self.bill).deducted(self.deduct);
        let asked = match self.replaces {
            Some(replaces) => asked.replacing(replaces.settlement),
            None => asked,
        };
        match &self.quote {
            Some(named) => asked.on_quote(named.id),
            None => asked,
        }
    }
}

/// Deduct from an accepted bill what there is now. It has no key: under the bill's lock it does what is left to do, and asked
/// again it does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeductNow {
    pub settlement: SettlementId,
}

/// A credential that was shown, and who it turned out to belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    pub person: PersonId,
    /// None for a physical card.
    pub expires_at: Option<Timestamp>,
    /// What a used token is remembered by; empty for a physical card, which may be shown often.
    pub fingerprint: Vec<u8>,
}

/// Take back all that is left of a settlement.
#[derive(Debug, Clone)]
pub struct Cancel {
    /// The cancellation's, should it be decided now.
    pub id: SettlementId,
    pub key: RequestKey,
    pub settlement: SettlementId,
    /// `psn_no`, when the institution gave it.
    pub person_no: Option<String>,
}

/// Give a part of a settlement back.
#[derive(Debug, Clone)]
pub struct Refund {
    /// The refund's, should it be decided now.
    pub id: SettlementId,
    pub key: RequestKey,
    pub settlement: SettlementId,
    /// `psn_no`, when the institution gave it.
    pub person_no: Option<String>,
    pub what: What,
}

/// Undo a message.
#[derive(Debug, Clone)]
pub struct Reverse {
    /// The reversal's, should it be decided now.
    pub id: SettlementId,
    pub key: RequestKey,
    /// The message to undo.
    pub original: RequestKey,
    /// What that message was.
    pub was: Operation,
    /// `psn_no`, when the institution gave it.
    pub person_no: Option<String>,
}

/// Credit a personal account, or clear what was credited before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocate {
    /// Made by the sender: the key.
    pub id: AllocationId,
    pub account: AccountId,
    pub kind: AllocationKind,
    pub bucket: Bucket,
    /// Below zero: money that leaves the bucket. Only some kinds may.
    pub amount: Fen,
    /// The month it is for, yyyy-MM, or the medical year, yyyy; empty for what is of no period.
    pub period: String,
}

/// Who asked, for the books: on every movement stands who caused it and in which trace.
#[derive(Debug, Clone)]
pub struct Origin {
    pub role: Role,
    pub caller: String,
    /// W3C traceparent of the request.
    pub trace_parent: Option<String>,
}

impl Command {
    /// The request key, what was asked under it, and the id its outcome will have. Allocations have a key of their own,
    /// and what is kept of an account needs none: its state says whether it was done.
    pub fn claim(&self) -> Option<(&RequestKey, Operation, Asked, SettlementId)> {
        match self {
            Self::Settle(settle) => {
                Some((&settle.key, Operation::Settle, settle.asked(), settle.id))
            }
            Self::Cancel(cancel) => {
                let asked = Asked::cancel(cancel.settlement, cancel.person_no.as_deref());
                Some((&cancel.key, Operation::Cancel, asked, cancel.id))
            }
            Self::Refund(refund) => {
                let asked =
                    Asked::refund(refund.settlement, refund.person_no.as_deref(), &refund.what);
                Some((&refund.key, Operation::Refund, asked, refund.id))
            }
            Self::Reverse(reverse) => {
                let person_no = reverse.person_no.as_deref();
                let asked = Asked::reverse(&reverse.original, reverse.was, person_no);
                Some((&reverse.key, Operation::Reverse, asked, reverse.id))
            }
            Self::Allocate(_) | Self::Keep(_) | Self::Deduct(_) => None,
            Self::Hold(command) => command.claim(),
        }
    }

    /// Whose bill it is, of a command that brings one.
    pub fn patient(&self) -> Option<PersonId> {
        match self {
            Self::Settle(settle) => Some(settle.patient.person),
            Self::Hold(hold::Command::Place(place)) => Some(place.patient.person),
            Self::Hold(_)
            | Self::Cancel(_)
            | Self::Refund(_)
            | Self::Reverse(_)
            | Self::Allocate(_)
            | Self::Keep(_)
            | Self::Deduct(_) => None,
        }
    }
}

impl Reverse {
    /// Reads a request under its key.
    ///
    /// # Errors
    /// Names the field that is missing or cannot be read; `MESSAGE_NOT_YOURS` if another institution sent the original.
    pub fn read(key: RequestKey, request: &pb::ReverseRequest) -> Result<Self, Refusal> {
        use pb::ReversibleOperation as Wire;
        if !request.original_msgid.starts_with(&key.institution) {
            return Err(Reason::MessageNotYours.into());
        }
        let original = RequestKey::new(&key.institution, &request.original_msgid)?;
        if original == key {
            return Err(Reason::MessageNotReversible.into());
        }
        let was = match Wire::try_from(request.original_operation) {
            Ok(Wire::Settle) => Operation::Settle,
            Ok(Wire::Cancel) => Operation::Cancel,
            Ok(Wire::Refund) => Operation::Refund,
            Ok(Wire::Unspecified) => {
                return Err(Refusal::about(Reason::FieldMissing, "original_operation"));
            }
            Err(_) => return Err(Refusal::about(Reason::UnknownCode, "original_operation")),
        };
        Ok(Self {
            id: SettlementId::generate(),
            key,
            original,
            was,
            person_no: person_no(&request.person_no)?,
        })
    }
}

impl Refund {
    /// Reads a request under its key.
    ///
    /// # Errors
    /// Names the field that is missing or cannot be read.
    pub fn read(key: RequestKey, request: &pb::RefundRequest) -> Result<Self, Refusal> {
        Ok(Self {
            id: SettlementId::generate(),
            key,
            settlement: convert::id("settlement_id", &request.settlement_id)?,
            person_no: person_no(&request.person_no)?,
            what: what(request.what.as_ref())?,
        })
    }
}

fn what(what: Option<&pb::refund_request::What>) -> Result<What, Refusal> {
    use pb::refund_request::What as Wire;
    match what {
        None => Err(Refusal::about(Reason::FieldMissing, "amount_fen or lines")),
        Some(Wire::AmountFen(fen)) => Ok(What::Amount(convert::amount("amount_fen", *fen)?)),
        Some(Wire::Lines(told)) => {
            if told.lines.is_empty() {
                return Err(Refusal::about(Reason::FieldMissing, "lines"));
            }
            if told.lines.len() > MOST_LINES {
                return Err(Refusal::about(Reason::PageTooLarge, "lines"));
            }
            let mut lines = BTreeMap::new();
            for line in &told.lines {
                let amount = line
                    .amount_fen
                    .map(|fen| convert::amount("lines.amount_fen", fen))
                    .transpose()?;
                let no = convert::text("lines.line_no", &line.line_no, 30)?.to_owned();
                if lines.insert(no, amount).is_some() {
                    return Err(Refusal::about(Reason::PartsDoNotAddUp, "lines.line_no × 2"));
                }
            }
            Ok(What::Lines(lines.into_iter().collect()))
        }
    }
}

impl Allocate {
    /// The first day of the month it is for.
    pub fn month(&self) -> Option<Date> {
        month(&self.period)
    }

    /// The fields in which two allocations of one id differ, by name.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        [
            ("account_id", self.account == other.account),
            ("kind", self.kind == other.kind),
            ("bucket", self.bucket == other.bucket),
            ("amount_fen", self.amount == other.amount),
            ("period", self.period == other.period),
        ]
        .into_iter()
        .filter_map(|(field, same)| (!same).then_some(field))
        .collect()
    }
}

impl TryFrom<&pb::Allocation> for Allocate {
    type Error = Refusal;

    fn try_from(allocation: &pb::Allocation) -> Result<Self, Refusal> {
        let kind = kind(allocation.kind)?;
        Ok(Self {
            id: convert::id("allocation_id", &allocation.allocation_id)?,
            account: convert::id("account_id", &allocation.account_id)?,
            kind,
            bucket: bucket(kind, allocation.bucket)?,
            amount: amount(kind, allocation.amount_fen)?,
            period: period(kind, &allocation.period)?,
        })
    }
}

/// The kinds that are sent; the others are made here.
pub(crate) fn kind(wire: i32) -> Result<AllocationKind, Refusal> {
    match pb::AllocationKind::try_from(wire) {
        Ok(pb::AllocationKind::Monthly) => Ok(AllocationKind::Monthly),
        Ok(pb::AllocationKind::Opening) => Ok(AllocationKind::Opening),
        Ok(pb::AllocationKind::PreAllocation) => Ok(AllocationKind::Pre),
        Ok(pb::AllocationKind::Adjustment) => Ok(AllocationKind::Adjustment),
        Ok(pb::AllocationKind::Clearing) => Ok(AllocationKind::Clearing),
        Ok(pb::AllocationKind::Unspecified) => Err(Refusal::about(Reason::FieldMissing, "kind")),
        Err(_) => Err(Refusal::about(Reason::UnknownCode, "kind")),
    }
}

/// The bucket that was named, or the usual one of the kind.
pub(crate) fn bucket(kind: AllocationKind, wire: i32) -> Result<Bucket, Refusal> {
    let bucket = match (kind.usual_bucket(), wire) {
        (Some(usual), 0) => usual,
        (_, bucket) => convert::bucket("bucket", bucket)?,
    };
    if !kind.goes_to(bucket) {
        return Err(Refusal::about(
            Reason::MalformedRequest,
            "bucket: a contribution goes to the current year",
        ));
    }
    Ok(bucket)
}

/// An amount other than zero; below zero only where it clears something.
pub(crate) fn amount(kind: AllocationKind, wire: i64) -> Result<Fen, Refusal> {
    let unsigned = match wire.checked_neg() {
        Some(positive) if wire < 0 && kind.is_clearing() => positive,
        _ => wire,
    };
    convert::amount("amount_fen", unsigned)?;
    Ok(Fen::new(wire))
}

/// The month, or nothing for an opening balance.
pub(crate) fn period(kind: AllocationKind, text: &str) -> Result<String, Refusal> {
    if month(text).is_some() || !kind.has_month() && text.is_empty() {
        return Ok(text.to_owned());
    }
    Err(Refusal::about(Reason::DateMalformed, "period: yyyy-MM"))
}

/// The first day of a month written `yyyy-MM`.
pub(crate) fn month(text: &str) -> Option<Date> {
    if text.len() != 7 {
        return None;
    }
    format!("{text}-01").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::common::v1 as common;

    fn wire() -> pb::Allocation {
        pb::Allocation {
            allocation_id: AllocationId::generate().to_string(),
            account_id: AccountId::generate().to_string(),
            kind: pb::AllocationKind::Monthly.into(),
            bucket: 0,
            amount_fen: 100,
            period: "2026-01".into(),
        }
    }

    #[test]
    fn a_contribution_is_of_a_month_and_goes_to_the_current_year() {
        assert_eq!(Allocate::try_from(&wire()).unwrap().bucket, Bucket::Current);
        let refused = |wire: pb::Allocation| Allocate::try_from(&wire).unwrap_err().reason;
        for period in ["", "2026-13", "2026-1", "202601", "+026-01"] {
            assert_eq!(
                refused(pb::Allocation {
                    period: period.into(),
                    ..wire()
                }),
                Reason::DateMalformed
            );
        }
        let prior = common::Bucket::Prior.into();
        assert_eq!(
            refused(pb::Allocation {
                bucket: prior,
                ..wire()
            }),
            Reason::MalformedRequest
        );
        assert_eq!(
            refused(pb::Allocation {
                amount_fen: -1,
                ..wire()
            }),
            Reason::AmountNegative
        );
        let clearing = pb::Allocation {
            kind: pb::AllocationKind::Clearing.into(),
            amount_fen: -1,
            ..wire()
        };
        assert_eq!(Allocate::try_from(&clearing).unwrap().amount, Fen::new(-1));
        assert_eq!(
            refused(pb::Allocation {
                amount_fen: i64::MIN,
                ..clearing
            }),
            Reason::AmountNegative
        );
        let opening = pb::Allocation {
            kind: pb::AllocationKind::Opening.into(),
            bucket: prior,
            period: String::new(),
            ..wire()
        };
        assert_eq!(Allocate::try_from(&opening).unwrap().bucket, Bucket::Prior);
    }
}
