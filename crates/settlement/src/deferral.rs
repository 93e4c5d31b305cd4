//! A bill that is deducted after the visit: accepted with its co-payment open, deducted as money and permissions come,
//! and given up to cash after the time that the patient's place gives it.
//!
//! The bill's settlement row is the lock of its deferral. What is open is no cash: nobody collects it meanwhile.

use kernel::clock::{business_day, start_of};
use kernel::{BindingId, Fen, PersonId, Reason, Refusal, SettlementId, Timestamp, Usage};
use policy::plan::Wishes;
use policy::values::Period;
use proto::settlement::v1 as pb;

/// When the accounts pay what is left for the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Deduct {
    /// Before the answer, as the receipt shows it.
    #[default]
    AtOnce,
    AfterVisit,
}

impl TryFrom<i32> for Deduct {
    type Error = Refusal;

    fn try_from(wire: i32) -> Result<Self, Refusal> {
        match pb::Deduct::try_from(wire) {
            Ok(pb::Deduct::Unspecified | pb::Deduct::AtOnce) => Ok(Self::AtOnce),
            Ok(pb::Deduct::AfterVisit) => Ok(Self::AfterVisit),
            Err(_) => Err(Refusal::about(Reason::UnknownCode, "deduct")),
        }
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    /// Everything was deducted, or what was open was given back.
    Done(Timestamp),
    /// The rest is owed in cash.
    GivenUp(Timestamp),
    /// The bill was taken back.
    Cancelled(Timestamp),
}

impl State {
    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Done(_) => "DONE",
            Self::GivenUp(_) => "GIVEN_UP",
            Self::Cancelled(_) => "CANCELLED",
        }
    }

    /// The state with this word, if it fits whether it was closed.
    pub fn from_stored(code: &str, closed_at: Option<Timestamp>) -> Option<Self> {
        match (code, closed_at) {
            ("OPEN", None) => Some(Self::Open),
            ("DONE", Some(at)) => Some(Self::Done(at)),
            ("GIVEN_UP", Some(at)) => Some(Self::GivenUp(at)),
            ("CANCELLED", Some(at)) => Some(Self::Cancelled(at)),
            _ => None,
        }
    }

    /// When nothing more was to be deducted.
    pub const fn closed_at(self) -> Option<Timestamp> {
        match self {
            Self::Open => None,
            Self::Done(at) | Self::GivenUp(at) | Self::Cancelled(at) => Some(at),
        }
    }
}

/// One bill that is deducted after the visit, as it stands under its settlement's lock.
#[derive(Debug, Clone)]
pub struct Deferral {
    pub settlement: SettlementId,
    pub institution: String,
    pub patient: PersonId,
    pub usage: Usage,
    pub without_aid: bool,
    pub chosen: Option<BindingId>,
    pub state: State,
    pub accepted_at: Timestamp,
    pub look_again_at: Timestamp,
    pub give_up_at: Timestamp,
    /// What accounts have paid so far.
    pub own: Fen,
    pub aid: Fen,
    /// What the patient owes in cash.
    pub cash: Fen,
    /// What is still to be deducted.
    pub open: Fen,
    /// What of it was given back before anybody paid it.
    pub open_back: Fen,
    /// How many legs and deductions there are.
    pub legs: i16,
    pub deductions: i16,
    /// The bill as it is shown now.
    pub shown: pb::Settlement,
}

impl Deferral {
    /// What the patient wished for. A bill that no account may pay is not accepted.
    pub const fn wishes(&self) -> Wishes {
        Wishes {
            use_account: true,
            use_aid: !self.without_aid,
            chosen: self.chosen,
        }
    }

    /// The whole bill, but for what the pooled fund paid.
    pub fn total(&self) -> Option<Fen> {
        Fen::checked_sum([self.own, self.aid, self.cash, self.open, self.open_back])
    }

    /// Whether anything is still to be deducted.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }
}

/// When a bill that is accepted now is given up: at the beginning of the first business day after the period.
///
/// # Errors
/// The day lies beyond the calendar.
pub fn give_up_at(accepted_at: Timestamp, period: Period) -> Result<Timestamp, Refusal> {
    let last = period.after(business_day(accepted_at));
    last.and_then(|day| day.tomorrow().ok())
        .and_then(start_of)
        .ok_or_else(|| Refusal::about(Reason::DateMalformed, "after_visit_give_up"))
}

/// When an open bill is looked at again although nobody told of money or permission: at the next midnight, when bindings
/// take effect and limits begin anew.
pub fn look_again_at(now: Timestamp, give_up_at: Timestamp) -> Timestamp {
    let midnight = business_day(now).tomorrow().ok().and_then(start_of);
    midnight.map_or(give_up_at, |midnight| midnight.min(give_up_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_day_of_the_period_is_a_whole_day() {
        // Ten in the evening in Shanghai, on the first of the month.
        let accepted = at("2026-03-01T14:00:00Z");
        let given_up = give_up_at(accepted, Period::Days(30)).unwrap();
        assert_eq!(given_up, at("2026-03-31T16:00:00Z"));
        assert!(give_up_at(accepted, Period::Days(0)).unwrap() > accepted);
    }

    #[test]
    fn it_is_looked_at_every_midnight_until_it_is_given_up() {
        let given_up = at("2026-03-02T16:00:00Z");
        let first = look_again_at(at("2026-03-01T14:00:00Z"), given_up);
        assert_eq!(first, at("2026-03-01T16:00:00Z"));
        assert_eq!(look_again_at(first, given_up), given_up);
        assert_eq!(look_again_at(given_up, given_up), given_up);
    }

    #[test]
    fn a_state_is_closed_at_a_time_or_open() {
        let now = at("2026-03-01T14:00:00Z");
        for state in [
            State::Open,
            State::Done(now),
            State::GivenUp(now),
            State::Cancelled(now),
        ] {
            let stored = State::from_stored(state.code(), state.closed_at());
            assert_eq!(stored, Some(state));
        }
        assert_eq!(State::from_stored("OPEN", Some(now)), None);
        assert_eq!(State::from_stored("DONE", None), None);
    }

    #[test]
    fn an_unknown_way_to_deduct_is_refused() {
        assert_eq!(Deduct::try_from(0), Ok(Deduct::AtOnce));
        assert_eq!(Deduct::try_from(2), Ok(Deduct::AfterVisit));
        let refused = Deduct::try_from(7).unwrap_err();
        assert_eq!(refused.about.as_deref(), Some("deduct"));
    }
}
