//! What can be asked of holds.

use jiff::SignedDuration;
use kernel::{Fen, HoldId, Reason, Refusal, SettlementId};

use super::{COUNTER, LONGEST};
use crate::bill::Bill;
use crate::command::Presented;
use crate::request::{Asked, Operation, RequestKey};

/// A command about a hold.
#[derive(Debug, Clone)]
pub enum Command {
    Place(Box<Place>),
    Capture(Capture),
    Release(Release),
    /// Ends one that nobody may use any more; the sweeper's, without a key.
    Free {
        hold: HoldId,
        why: Freed,
    },
}

/// Set aside what a bill would take.
#[derive(Debug, Clone)]
pub struct Place {
    /// The hold's, should it be decided now.
    pub id: HoldId,
    pub key: RequestKey,
    pub patient: Presented,
    pub bill: Bill,
    pub lasts: SignedDuration,
}

/// Turn a hold into a settlement.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The settlement's, should it be decided now.
    pub id: SettlementId,
    pub key: RequestKey,
    pub hold: HoldId,
    /// What the bill came to in the end; none is the bill that the hold was placed for.
    pub total: Option<Fen>,
}

/// Let a hold go.
#[derive(Debug, Clone)]
pub struct Release {
    pub key: RequestKey,
    pub hold: HoldId,
}

/// Why a hold is ended without being asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freed {
    /// Its time is over.
    Expired,
    /// A permission that it rests on was withdrawn, and it would last longer than a fence waits.
    Fenced,
}

impl Command {
    /// The hold that is to be ended.
    pub fn hold(&self) -> Option<HoldId> {
        match self {
            Self::Place(_) => None,
            Self::Capture(capture) => Some(capture.hold),
            Self::Release(release) => Some(release.hold),
            Self::Free { hold, .. } => Some(*hold),
        }
    }

    /// The request key; the sweeper has none.
    pub fn key(&self) -> Option<&RequestKey> {
        match self {
            Self::Place(place) => Some(&place.key),
            Self::Capture(capture) => Some(&capture.key),
            Self::Release(release) => Some(&release.key),
            Self::Free { .. } => None,
        }
    }

    /// The request key, what was asked under it, and the id of what answers it: a hold's, or a settlement's.
    pub fn claim(&self) -> Option<(&RequestKey, Operation, Asked, SettlementId)> {
        let key = self.key()?;
        let of_hold = |hold: HoldId| SettlementId::from_uuid(hold.uuid());
        match self {
            Self::Place(place) => {
                let asked = Asked::place(place.patient.person, &place.bill, place.lasts);
                Some((key, Operation::Place, asked, of_hold(place.id)))
            }
            Self::Capture(capture) => {
                let asked = Asked::capture(capture.hold, capture.total);
                Some((key, Operation::Capture, asked, capture.id))
            }
            Self::Release(release) => {
                let asked = Asked::release(release.hold);
                Some((key, Operation::Release, asked, of_hold(release.hold)))
            }
            Self::Free { .. } => None,
        }
    }
}

/// How long a hold is to last; nothing said is the time of a counter.
///
/// # Errors
/// `HOLD_TOO_LONG` for less than a second or more than a day.
pub fn lasts(seconds: i32) -> Result<SignedDuration, Refusal> {
    if seconds == 0 {
        return Ok(COUNTER);
    }
    let lasts = SignedDuration::from_secs(seconds.into());
    if lasts.is_positive() && lasts <= LONGEST {
        return Ok(lasts);
    }
    Err(Refusal::about(
        Reason::HoldTooLong,
        format!("lasts_seconds = {seconds}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_lasts_from_a_second_to_a_day_and_five_minutes_if_nothing_is_said() {
        assert_eq!(lasts(0), Ok(COUNTER));
        assert_eq!(lasts(1), Ok(SignedDuration::from_secs(1)));
        assert_eq!(lasts(86_400), Ok(LONGEST));
        for wrong in [-1, 86_401] {
            assert_eq!(lasts(wrong).unwrap_err().reason, Reason::HoldTooLong);
        }
    }
}
