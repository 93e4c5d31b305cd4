//! The pooled fund's rows of the ledger: from the fund of a region to what is owed to the institution, and back. They move no
//! personal account.

use kernel::{Fen, MovementId, Region, SettlementId};

use crate::command::Origin;
use crate::institution::clearing_type;
use crate::refund::{Refunded, Way};
use crate::settlement::Settled;

/// What a movement of the fund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The fund pays its part of a bill.
    Pay,
    /// The fund gets back of a bill what it would not have paid of the rest.
    Back(Way),
}

impl Kind {
    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pay => "FUND_PAY",
            Self::Back(Way::Cancel) => "CANCEL_FUND",
            Self::Back(Way::Refund) => "REFUND_FUND",
            Self::Back(Way::Reversal) => "REVERSAL_FUND",
        }
    }
}

/// One row of the ledger that moves no personal account.
#[derive(Debug, Clone)]
pub struct FundMovement<'a> {
    pub id: MovementId,
    pub kind: Kind,
    pub debit: String,
    pub credit: String,
    pub amount: Fen,
    pub settlement: SettlementId,
    /// What gave it back, and the movement that is taken back.
    pub back: Option<(SettlementId, MovementId)>,
    pub origin: &'a Origin,
    pub reason: &'static str,
    pub sandbox: bool,
}

fn pool(region: Region) -> String {
    format!("fund:pooled:{region}")
}

/// What the fund pays of a settled bill, if anything.
pub fn of_settlement<'a>(settled: &Settled, origin: &'a Origin) -> Option<FundMovement<'a>> {
    let benefit = settled.benefit.as_deref()?;
    let clearing = clearing_type(settled.institution.kind, settled.usage);
    benefit.assessed.pooled.is_positive().then(|| FundMovement {
        id: benefit.movement,
        kind: Kind::Pay,
        debit: pool(benefit.pool),
        credit: format!("payable:inst:{}:{clearing}", settled.key.institution),
        amount: benefit.assessed.pooled,
        settlement: settled.id,
        back: None,
        origin,
        reason: "settle",
        sandbox: settled.patient.sandbox,
    })
}

/// What the fund gets back of what went back, if anything.
pub fn of_refund<'a>(refunded: &Refunded, origin: &'a Origin) -> Option<FundMovement<'a>> {
    let back = refunded.fund.as_ref()?;
    let settlement = &refunded.settlement;
    let clearing = clearing_type(refunded.institution_kind, settlement.usage);
    Some(FundMovement {
        id: MovementId::generate(),
        kind: Kind::Back(refunded.way),
        debit: format!("payable:inst:{}:{clearing}", settlement.institution),
        credit: pool(back.pool),
        amount: back.pooled,
        settlement: settlement.id,
        back: Some((refunded.id, back.pays)),
        origin,
        reason: refunded.way.reason(),
        sandbox: settlement.sandbox,
    })
}
