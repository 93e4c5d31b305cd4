//! The ledger's rows: what moved, from where to where, and how the personal account stood after it.
//!
//! One row names its debit and its credit, so it is balanced by construction. Cash is not a movement: no account pays it.

use kernel::{AccountId, AllocationId, BindingId, Bucket, Fen, MovementId, PersonId, SettlementId};
use policy::plan::Payer;

use crate::account::{Account, After};
use crate::allocation::Allocated;
use crate::command::{AllocationKind, Origin};
use crate::institution::clearing_type;
use crate::refund::{Place, Refunded, Way};
use crate::settlement::Settled;

pub mod fund;

/// What a movement is (`domain.md` 10.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    AllocationActual,
    OpeningBalance,
    ChargeOwn,
    ChargeAid,
    CancelOwn,
    CancelAid,
    RefundOwn,
    RefundAid,
    ReversalOwn,
    ReversalAid,
    PreAllocation,
    PreToActualAdjustment,
    ClearingDelta,
    YearRollover,
    Interest,
    AccountExit,
    Correction,
}

impl Kind {
    /// The word that is stored and shown.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AllocationActual => "ALLOCATION_ACTUAL",
            Self::OpeningBalance => "OPENING_BALANCE",
            Self::ChargeOwn => "CHARGE_OWN",
            Self::ChargeAid => "CHARGE_AID",
            Self::CancelOwn => "CANCEL_OWN",
            Self::CancelAid => "CANCEL_AID",
            Self::RefundOwn => "REFUND_OWN",
            Self::RefundAid => "REFUND_AID",
            Self::ReversalOwn => "REVERSAL_OWN",
            Self::ReversalAid => "REVERSAL_AID",
            Self::PreAllocation => "PRE_ALLOCATION",
            Self::PreToActualAdjustment => "PRE_TO_ACTUAL_ADJ",
            Self::ClearingDelta => "CLEARING_DELTA",
            Self::YearRollover => "YEAR_ROLLOVER",
            Self::Interest => "INTEREST",
            Self::AccountExit => "ACCOUNT_EXIT",
            Self::Correction => "CORRECTION",
        }
    }
}

impl From<AllocationKind> for Kind {
    fn from(kind: AllocationKind) -> Self {
        match kind {
            AllocationKind::Monthly => Self::AllocationActual,
            AllocationKind::Opening => Self::OpeningBalance,
            AllocationKind::Pre => Self::PreAllocation,
            AllocationKind::Adjustment => Self::PreToActualAdjustment,
            AllocationKind::Clearing => Self::ClearingDelta,
            AllocationKind::Rollover => Self::YearRollover,
            AllocationKind::Interest => Self::Interest,
            AllocationKind::Exit => Self::AccountExit,
            AllocationKind::Correction => Self::Correction,
        }
    }
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Settlement(SettlementId),
    /// It was given back.
    Refund {
        id: SettlementId,
        of: SettlementId,
        /// The movement that is taken back.
        reverses: MovementId,
    },
    Allocation(AllocationId),
}

/// Under which permission a relative paid, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aid {
    pub beneficiary: PersonId,
    pub binding: BindingId,
    pub mandate: i64,
}

/// One row of the ledger.
#[derive(Debug, Clone)]
pub struct Movement<'a> {
    pub id: MovementId,
    pub kind: Kind,
    pub debit: String,
    pub credit: String,
    pub amount: Fen,
    pub account: AccountId,
    pub bucket: Bucket,
    /// None for money that waits in suspense: it is the account's, and moved no account.
    pub after: Option<After>,
    pub cause: Cause,
    pub aid: Option<Aid>,
    pub origin: &'a Origin,
    pub reason: &'a str,
    pub sandbox: bool,
}

/// Where money waits that could not return to the account that paid it.
const SUSPENSE: &str = "suspense:refund_unclaimed";
impl Movement<'_> {
    /// Whether the personal account gains by it.
    pub fn is_money_in(&self) -> bool {
        self.credit == personal(self.account, self.bucket)
    }
}

/// The ledger account of a bucket. It is the enrolment's, not the person's: a person may have several.
fn personal(account: AccountId, bucket: Bucket) -> String {
    let bucket = match bucket {
        Bucket::Current => "current",
        Bucket::Prior => "prior",
    };
    format!("pa:{account}:{bucket}")
}

/// Where money comes from that is allocated, and where it goes back to if it was too much. A rollover stays in the account.
fn source(kind: AllocationKind, account: &Account) -> String {
    let region = account.region;
    match kind {
        AllocationKind::Monthly
        | AllocationKind::Pre
        | AllocationKind::Adjustment
        | AllocationKind::Clearing => format!("source:contribution:{region}"),
        AllocationKind::Opening => format!("source:opening:{region}"),
        AllocationKind::Interest => format!("source:interest:{region}"),
        AllocationKind::Correction => format!("source:correction:{region}"),
        AllocationKind::Exit => "cash:external".to_owned(),
        AllocationKind::Rollover => personal(account.id, Bucket::Current),
    }
}

fn aid_of(payer: Payer, beneficiary: PersonId) -> Option<Aid> {
    match payer {
        Payer::Own => None,
        Payer::Aid { binding, mandate } => Some(Aid {
            beneficiary,
            binding,
            mandate,
        }),
    }
}

/// One movement per leg: from the payer to what is owed to the institution.
pub fn of_settlement<'a>(
    settled: &'a Settled,
    origin: &'a Origin,
) -> impl Iterator<Item = Movement<'a>> {
    let clearing = clearing_type(settled.institution.kind, settled.usage);
    settled.legs.iter().map(move |leg| Movement {
        id: MovementId::generate(),
        kind: match leg.payer {
            Payer::Own => Kind::ChargeOwn,
            Payer::Aid { .. } => Kind::ChargeAid,
        },
        debit: personal(leg.account, leg.bucket),
        credit: format!("payable:inst:{}:{clearing}", settled.key.institution),
        amount: leg.amount,
        account: leg.account,
        bucket: leg.bucket,
        after: Some(leg.after),
        cause: Cause::Settlement(settled.id),
        aid: aid_of(leg.payer, settled.patient.person),
        origin,
        reason: "settle",
        sandbox: settled.patient.sandbox,
    })
}

/// One movement per leg of which something went back, the other way.
pub fn of_refund<'a>(
    refunded: &'a Refunded,
    origin: &'a Origin,
) -> impl Iterator<Item = Movement<'a>> {
    let settlement = &refunded.settlement;
    let clearing = clearing_type(refunded.institution_kind, settlement.usage);
    refunded.legs.iter().map(move |leg| {
        let (account, bucket) = (leg.paid.account, leg.bucket);
        let (credit, after) = match leg.place {
            Place::Account(after) => (personal(account, bucket), Some(after)),
            Place::Suspense(_) => (SUSPENSE.to_owned(), None),
        };
        Movement {
            id: MovementId::generate(),
            kind: match (refunded.way, leg.paid.payer) {
                (Way::Refund, Payer::Own) => Kind::RefundOwn,
                (Way::Refund, Payer::Aid { .. }) => Kind::RefundAid,
                (Way::Cancel, Payer::Own) => Kind::CancelOwn,
                (Way::Cancel, Payer::Aid { .. }) => Kind::CancelAid,
                (Way::Reversal, Payer::Own) => Kind::ReversalOwn,
                (Way::Reversal, Payer::Aid { .. }) => Kind::ReversalAid,
            },
            debit: format!("payable:inst:{}:{clearing}", settlement.institution),
            credit,
            amount: leg.amount,
            account,
            bucket,
            after,
            cause: Cause::Refund {
                id: refunded.id,
                of: settlement.id,
                reverses: leg.paid.movement,
            },
            aid: aid_of(leg.paid.payer, settlement.patient),
            origin,
            reason: refunded.way.reason(),
            sandbox: settlement.sandbox,
        }
    })
}

/// From its source to the account; the other way, if the amount is below zero: that of a movement never is.
pub fn of_allocation<'a>(allocated: &'a Allocated, origin: &'a Origin) -> Movement<'a> {
    let allocation = &allocated.allocation;
    let source = source(allocation.kind, &allocated.account);
    let account = personal(allocation.account, allocation.bucket);
    let (debit, credit, amount) = match allocation.amount.checked_neg() {
        Some(out) if out.is_positive() => (account, source, out),
        _ => (source, account, allocation.amount),
    };
    Movement {
        id: MovementId::generate(),
        kind: allocation.kind.into(),
        debit,
        credit,
        amount,
        account: allocation.account,
        bucket: allocation.bucket,
        after: Some(allocated.after),
        cause: Cause::Allocation(allocation.id),
        aid: None,
        origin,
        reason: if allocated.note.is_empty() {
            &allocation.period
        } else {
            &allocated.note
        },
        sandbox: allocated.account.sandbox,
    }
}
