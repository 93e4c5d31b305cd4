//! Undoes a message by its number, whatever became of it (2601; `domain.md` section 9).
//!
//! A sender that did not hear an answer does not know whether its message arrived. So a reversal claims the key of the
//! original in the very statement in which it claims its own: whoever is deciding the original is waited for, and if nobody
//! ever did, the key is spent and the original is refused when it comes (ruling 9 of the design).

use kernel::{Reason, Refusal, SettlementId, Timestamp};
use policy::Packs;

use crate::book::Book;
use crate::command::Reverse;
use crate::decide::Failed;
use crate::give_back::{Order, give_back};
use crate::refund::{Refunded, Way};
use crate::request::{Operation, RequestKey};

/// What was found under the key of the message that is to be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Original {
    /// Nothing: the key is the reversal's now.
    NotArrived,
    /// It was decided, and this came of it.
    Decided {
        operation: Operation,
        outcome: SettlementId,
    },
}

/// What a reversal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What the message did was taken back.
    Undone,
    /// It did nothing, or that was taken back before.
    Nothing,
    /// It had not arrived, and is refused when it does.
    NeverArrives,
}

impl Effect {
    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Undone => "UNDONE",
            Self::Nothing => "NOTHING",
            Self::NeverArrives => "NEVER_ARRIVES",
        }
    }
}

/// A message that is undone.
#[derive(Debug, Clone)]
pub struct Reversed {
    pub id: SettlementId,
    pub key: RequestKey,
    pub original: RequestKey,
    pub at: Timestamp,
    pub effect: Effect,
    /// What went back; where something was undone.
    pub refunded: Option<Box<Refunded>>,
}

/// Undoes a message in `book`.
///
/// # Errors
/// `MESSAGE_NOT_REVERSIBLE` if it was of another kind than the caller says, `REFUND_STANDS` if it gave money back,
/// `CREDENTIAL_NOT_THE_PATIENTS` if it is somebody else's bill.
pub fn reverse(
    book: &mut Book,
    command: &Reverse,
    original: Original,
    (packs, at): (&Packs, Timestamp),
) -> Result<Reversed, Failed> {
    let reversed = |effect, refunded| Reversed {
        id: command.id,
        key: command.key.clone(),
        original: command.original.clone(),
        at,
        effect,
        refunded,
    };
    let (operation, outcome) = match original {
        Original::NotArrived => return Ok(reversed(Effect::NeverArrives, None)),
        Original::Decided { operation, outcome } => (operation, outcome),
    };
    match operation {
        // Another reversal was here before.
        Operation::Reversed => return Ok(reversed(Effect::NeverArrives, None)),
        Operation::Reverse | Operation::Place | Operation::Capture | Operation::Release => {
            return Err(Reason::MessageNotReversible.into());
        }
        _ if operation != command.was => return Err(Reason::MessageNotReversible.into()),
        Operation::Cancel | Operation::Refund => return Err(Reason::RefundStands.into()),
        Operation::Settle => {}
    }
    // A declined bill moved nothing, and is not among the settlements.
    let Some(settlement) = book.settlements.get(&outcome).cloned() else {
        return Ok(reversed(Effect::Nothing, None));
    };
    let person_no = command.person_no.as_ref();
    if person_no.is_some_and(|number| *number != settlement.person_no) {
        return Err(Refusal::about(Reason::CredentialNotThePatients, "person_no").into());
    }
    let total = settlement.rest().total;
    if settlement.replaces.is_some() {
        // It gave another bill back, too, and that stands.
        return Err(Reason::RefundStands.into());
    }
    if total.is_zero() {
        return Ok(reversed(Effect::Nothing, None));
    }
    let order = Order {
        id: command.id,
        key: &command.key,
        way: Way::Reversal,
        settlement,
        total,
        lines: Vec::new(),
    };
    let refunded = give_back(book, order, (packs, at))?;
    Ok(reversed(Effect::Undone, Some(Box::new(refunded))))
}
