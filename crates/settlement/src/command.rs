//! What the writer is asked to do, and what it answers. All money goes through these three.

use kernel::{
    AccountId, AllocationId, Bucket, Fen, PersonId, Reason, Refusal, Role, SettlementId, Timestamp,
};
use proto::convert;
use proto::settlement::v1 as pb;

use crate::bill::Bill;
use crate::quote::Named;
use crate::request::{Asked, Operation, RequestKey};

/// Something that moves money.
#[derive(Debug, Clone)]
pub enum Command {
    Settle(Box<Settle>),
    Cancel(Cancel),
    Allocate(Allocate),
}

/// What became of a command, as the caller is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Settle(Box<pb::SettleResponse>),
    Cancel(Box<pb::CancelResponse>),
    Allocate(Box<pb::Account>),
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
}

impl Settle {
    /// What is asked: the bill, and the quote that it names.
    fn asked(&self) -> Asked {
        let asked = Asked::settle(self.patient.person, &self.bill);
        match &self.quote {
            Some(named) => asked.on_quote(named.id),
            None => asked,
        }
    }
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

/// Take a whole settlement back.
#[derive(Debug, Clone)]
pub struct Cancel {
    /// The cancellation's, should it be decided now.
    pub id: SettlementId,
    pub key: RequestKey,
    pub settlement: SettlementId,
    /// `psn_no`, when the institution gave it.
    pub person_no: Option<String>,
}

/// Why money comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocationKind {
    /// 按月实划
    Monthly,
    /// The balance an account brings along.
    Opening,
}

impl AllocationKind {
    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Monthly => "MONTHLY",
            Self::Opening => "OPENING",
        }
    }

    /// The kind with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Monthly, Self::Opening]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// Credit a personal account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocate {
    /// Made by the sender: the key.
    pub id: AllocationId,
    pub account: AccountId,
    pub kind: AllocationKind,
    pub bucket: Bucket,
    pub amount: Fen,
    /// The month it is for, yyyy-MM; empty for an opening balance.
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
    /// The request key, what was asked under it, and the id its outcome will have. Allocations have a key of their own.
    pub fn claim(&self) -> Option<(&RequestKey, Operation, Asked, SettlementId)> {
        match self {
            Self::Settle(settle) => {
                Some((&settle.key, Operation::Settle, settle.asked(), settle.id))
            }
            Self::Cancel(cancel) => {
                let asked = Asked::cancel(cancel.settlement, cancel.person_no.as_deref());
                Some((&cancel.key, Operation::Cancel, asked, cancel.id))
            }
            Self::Allocate(_) => None,
        }
    }
}

impl Allocate {
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
        let kind = match pb::AllocationKind::try_from(allocation.kind) {
            Ok(pb::AllocationKind::Monthly) => AllocationKind::Monthly,
            Ok(pb::AllocationKind::Opening) => AllocationKind::Opening,
            Ok(pb::AllocationKind::Unspecified) => {
                return Err(Refusal::about(Reason::FieldMissing, "kind"));
            }
            Err(_) => return Err(Refusal::about(Reason::UnknownCode, "kind")),
        };
        let bucket = match (kind, allocation.bucket) {
            // Unspecified is the only bucket there is for a contribution.
            (AllocationKind::Monthly, 0) => Bucket::Current,
            (_, bucket) => convert::bucket("bucket", bucket)?,
        };
        if kind == AllocationKind::Monthly && bucket != Bucket::Current {
            return Err(Refusal::about(
                Reason::MalformedRequest,
                "bucket: a contribution goes to the current year",
            ));
        }
        let period = allocation.period.clone();
        if !(is_month(&period) || kind == AllocationKind::Opening && period.is_empty()) {
            return Err(Refusal::about(Reason::DateMalformed, "period: yyyy-MM"));
        }
        Ok(Self {
            id: convert::id("allocation_id", &allocation.allocation_id)?,
            account: convert::id("account_id", &allocation.account_id)?,
            kind,
            bucket,
            amount: convert::amount("amount_fen", allocation.amount_fen)?,
            period,
        })
    }
}

/// Whether a text is a month, `yyyy-MM`.
fn is_month(text: &str) -> bool {
    text.len() == 7 && format!("{text}-01").parse::<kernel::Date>().is_ok()
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
        let opening = pb::Allocation {
            kind: pb::AllocationKind::Opening.into(),
            bucket: prior,
            period: String::new(),
            ..wire()
        };
        assert_eq!(Allocate::try_from(&opening).unwrap().bucket, Bucket::Prior);
    }
}
