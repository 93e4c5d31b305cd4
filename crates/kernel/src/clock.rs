//! Business time: a clock that is handed around, and the days of Asia/Shanghai.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// The time, as decisions see it. Clones of a manual clock show the same hand.
#[derive(Debug, Clone)]
pub struct Clock(Hand);

#[derive(Debug, Clone)]
enum Hand {
    System,
    /// Microseconds since the epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(Hand::System)
    }

    /// A clock that stands at `at` until it is moved: a demo or a story crosses a midnight without waiting for it.
    pub fn manual(at: Timestamp) -> Self {
        Self(Hand::Manual(Arc::new(AtomicI64::new(at.as_microsecond()))))
    }

    /// The time now, in whole microseconds: what a database stores is what a decision saw.
    #[expect(clippy::disallowed_methods, reason = "the one clock")]
    pub fn now(&self) -> Timestamp {
        let microseconds = match &self.0 {
            Hand::System => Timestamp::now().as_microsecond(),
            Hand::Manual(hand) => hand.load(Ordering::SeqCst),
        };
        Timestamp::from_microsecond(microseconds).expect("a clock shows a time within jiff's range")
    }

    /// Moves a manual clock forward. The machine's clock cannot be moved: `false`.
    pub fn advance(&self, by: SignedDuration) -> bool {
        match (&self.0, i64::try_from(by.as_micros())) {
            (Hand::Manual(hand), Ok(by)) if by >= 0 => {
                hand.fetch_add(by, Ordering::SeqCst);
                true
            }
            _ => false,
        }
    }

    /// Moves a manual clock forward to `at`; does nothing if it is later already.
    pub fn advance_to(&self, at: Timestamp) -> bool {
        let Hand::Manual(hand) = &self.0 else {
            return false;
        };
        hand.fetch_max(at.as_microsecond(), Ordering::SeqCst);
        true
    }
}

/// The zone of all business days: Asia/Shanghai, UTC+8 without daylight saving since 1991.
pub const fn shanghai() -> TimeZone {
    TimeZone::fixed(Offset::constant(8))
}

/// The instant `by` after `at`; one beyond the calendar of the time library is its last, or first.
pub fn shifted(at: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    at.checked_add(by).unwrap_or(end)
}

/// The business day on which `at` falls.
pub fn business_day(at: Timestamp) -> Date {
    at.to_zoned(shanghai()).date()
}

/// The instant at which `day` begins, or none for days beyond the calendar of the time library.
pub fn start_of(day: Date) -> Option<Timestamp> {
    day.to_zoned(shanghai())
        .ok()
        .map(|midnight| midnight.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_day_begins_at_midnight_in_shanghai() {
        let midnight = start_of(date(2026, 1, 2)).unwrap();
        assert_eq!(midnight.to_string(), "2026-01-01T16:00:00Z");
        assert_eq!(business_day(midnight), date(2026, 1, 2));
        assert_eq!(
            business_day(midnight - SignedDuration::from_micros(1)),
            date(2026, 1, 1)
        );
    }

    #[test]
    fn clones_of_a_manual_clock_move_together_and_never_back() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let twin = clock.clone();
        assert!(clock.advance(SignedDuration::from_secs(5)));
        assert!(!clock.advance(SignedDuration::from_secs(-1)));
        assert!(twin.advance_to(Timestamp::UNIX_EPOCH));
        assert_eq!(twin.now().as_second(), 5);
        assert!(!Clock::system().advance(SignedDuration::from_secs(1)));
    }
}
