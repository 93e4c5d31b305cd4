//! Ends a hold without a charge: released by whoever placed it, expired, or ended because a permission was withdrawn.

use kernel::{Fen, HoldId, Reason, Refusal, Timestamp};

use super::command::{Freed, Release};
use super::{Ended, Hold, State};
use crate::book::Book;
use crate::decide::{Failed, Unfit};

/// Lets a hold go in `book`.
///
/// # Errors
/// `HOLD_UNKNOWN`, `HOLD_NOT_YOURS`, or the reason that says how it ended before.
pub fn release(book: &mut Book, command: &Release, at: Timestamp) -> Result<Ended, Failed> {
    let hold = find(book, command.hold)?;
    hold.check_open(&command.key.institution, at)?;
    end(book, hold.clone(), State::Released { at })
}

/// Ends a hold that nobody may use any more. One that was ended in between is left as it is.
///
/// # Errors
/// `HOLD_UNKNOWN` if there is nothing left to do.
pub fn free(book: &mut Book, (id, why): (HoldId, Freed), at: Timestamp) -> Result<Ended, Failed> {
    let hold = find(book, id)?;
    let state = match why {
        Freed::Expired if hold.expires_at <= at => State::Expired { at },
        Freed::Fenced if !hold.is_counter() => State::Released { at },
        Freed::Expired | Freed::Fenced => return Err(Reason::HoldUnknown.into()),
    };
    if hold.state != State::Held {
        return Err(Reason::HoldUnknown.into());
    }
    end(book, hold.clone(), state)
}

/// The hold that a command names.
pub(super) fn find(book: &Book, id: HoldId) -> Result<&Hold, Refusal> {
    book.holds
        .get(&id)
        .ok_or_else(|| Refusal::about(Reason::HoldUnknown, id.to_string()))
}

fn end(book: &mut Book, hold: Hold, state: State) -> Result<Ended, Failed> {
    let hold = Hold { state, ..hold };
    book.end_hold(&hold)
        .ok_or_else(|| Unfit(hold.id.to_string()))?;
    let captured = vec![Fen::ZERO; hold.legs.len()];
    Ok(Ended { hold, captured })
}
