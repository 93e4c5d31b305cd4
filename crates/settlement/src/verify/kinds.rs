//! What each kind of movement may do: between which ledger accounts, and whether it takes something back. A new kind is a new line.

/// One side of a movement, by the first part of its ledger account (`domain.md` 10.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A bucket of the personal account that the row names.
    Account,
    /// Any ledger account whose name begins so.
    Named(&'static str),
}

/// What a kind of movement may do.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub kind: &'static str,
    pub debit: Side,
    pub credit: Side,
    /// It pays a part of a bill, and so has a leg.
    pub has_leg: bool,
    /// It pays the pooled fund's part of a bill, and so has a benefit.
    pub has_benefit: bool,
    /// It takes an earlier movement back, in part or whole. What cannot reach the account that paid waits in [`SUSPENSE`].
    pub reverses: bool,
    /// It may go the other way, too.
    pub either_way: bool,
    /// It may bring a bucket below zero.
    pub below_zero: bool,
}

impl Shape {
    /// Whether it is about a personal account at all; what the pooled fund pays is not.
    pub fn has_account(&self) -> bool {
        self.debit == Side::Account || self.credit == Side::Account
    }
}

/// Where money waits that could not return to the account that paid it.
pub const SUSPENSE: &str = "suspense:refund_unclaimed";

const fn shape(kind: &'static str, debit: Side, credit: Side) -> Shape {
    Shape {
        kind,
        debit,
        credit,
        has_leg: false,
        has_benefit: false,
        reverses: false,
        either_way: false,
        below_zero: false,
    }
}

const fn charge(kind: &'static str, credit: Side) -> Shape {
    Shape {
        has_leg: true,
        ..shape(kind, Side::Account, credit)
    }
}

const fn back(kind: &'static str, credit: Side) -> Shape {
    Shape {
        reverses: true,
        ..shape(kind, PAYABLE, credit)
    }
}

const fn fund(kind: &'static str) -> Shape {
    Shape {
        has_benefit: true,
        ..shape(kind, FUND, PAYABLE)
    }
}

const fn either(kind: &'static str, debit: Side) -> Shape {
    Shape {
        either_way: true,
        ..shape(kind, debit, Side::Account)
    }
}

/// What corrects advances, and may find that more was spent than there was.
const fn clearing(kind: &'static str, debit: Side) -> Shape {
    Shape {
        below_zero: true,
        ..either(kind, debit)
    }
}

const CONTRIBUTION: Side = Side::Named("source:contribution:");
const PAYABLE: Side = Side::Named("payable:inst:");
const FUND: Side = Side::Named("fund:pooled:");

/// Every kind there is.
pub const KINDS: &[Shape] = &[
    shape("ALLOCATION_ACTUAL", CONTRIBUTION, Side::Account),
    shape("PRE_ALLOCATION", CONTRIBUTION, Side::Account),
    clearing("PRE_TO_ACTUAL_ADJ", CONTRIBUTION),
    clearing("CLEARING_DELTA", CONTRIBUTION),
    clearing("YEAR_ROLLOVER", Side::Account),
    shape("INTEREST", Side::Named("source:interest:"), Side::Account),
    shape(
        "OPENING_BALANCE",
        Side::Named("source:opening:"),
        Side::Account,
    ),
    either("CORRECTION", Side::Named("source:correction:")),
    either("ACCOUNT_EXIT", Side::Named("cash:external")),
    charge("CHARGE_OWN", PAYABLE),
    charge("CHARGE_AID", PAYABLE),
    back("CANCEL_OWN", Side::Account),
    back("CANCEL_AID", Side::Account),
    back("REFUND_OWN", Side::Account),
    back("REFUND_AID", Side::Account),
    back("REVERSAL_OWN", Side::Account),
    back("REVERSAL_AID", Side::Account),
    fund("FUND_PAY"),
    back("CANCEL_FUND", FUND),
    back("REFUND_FUND", FUND),
    back("REVERSAL_FUND", FUND),
];

/// What this kind may do; none if there is no such kind.
pub fn of(kind: &str) -> Option<&'static Shape> {
    KINDS.iter().find(|shape| shape.kind == kind)
}
