//! A statement: an account between two business days, and the words people read in it.
//!
//! How an account stood at an instant is what stands on the last movement before the first one that was posted later. A batch
//! takes its time while it holds the account, so versions and times have one order; should two replicas' clocks disagree, the
//! version decides, and no answer ever contains a movement without those before it. So the balance for a later instant is the
//! one for an earlier instant and the movements between the two, always.

use kernel::clock::{business_day, start_of};
use kernel::{Date, Fen, Reason, Refusal, Timestamp};

/// How an account stood at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceAt {
    /// Movements at this very instant are in it.
    pub at: Timestamp,
    pub current: Fen,
    pub prior: Fen,
    /// How many movements there had been.
    pub version: i64,
}

/// No account is older; the database's calendar ends some thousand years before that.
const FIRST_YEAR: i16 = 1990;

/// An instant to the microsecond, which is what movements are posted by; one that has not come yet is refused.
///
/// # Errors
/// `PERIOD_NOT_BEGUN`, `DATE_MALFORMED` for one before there were accounts.
pub fn past(at: Timestamp, now: Timestamp) -> Result<Timestamp, Refusal> {
    let at = floor(at);
    if at > now {
        return Err(Reason::PeriodNotBegun.into());
    }
    if business_day(at).year() < FIRST_YEAR {
        return Err(Refusal::about(Reason::DateMalformed, "as_of"));
    }
    Ok(at)
}

/// The last whole microsecond that is not after `at`.
fn floor(at: Timestamp) -> Timestamp {
    let micros = at.as_nanosecond().div_euclid(1_000);
    i64::try_from(micros)
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .unwrap_or(at)
}

/// The time of some whole business days, as the instants at which it begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first instant in it.
    pub begin: Timestamp,
    /// The first instant after it. May lie ahead.
    pub end: Timestamp,
}

impl Days {
    /// From the first to the last day, both included, of a time that has begun.
    ///
    /// # Errors
    /// `RANGE_INVERTED`, `PERIOD_NOT_BEGUN`, `DATE_MALFORMED` for a day before there were accounts or at the end of the calendar.
    pub fn between(first: Date, last: Date, now: Timestamp) -> Result<Self, Refusal> {
        if first > last {
            return Err(Reason::RangeInverted.into());
        }
        if first > business_day(now) {
            return Err(Reason::PeriodNotBegun.into());
        }
        let malformed = |field| Refusal::about(Reason::DateMalformed, field);
        let begin = start_of(first)
            .filter(|_| first.year() >= FIRST_YEAR)
            .ok_or_else(|| malformed("from_day"))?;
        let end = last.tomorrow().ok().and_then(start_of);
        Ok(Self {
            begin,
            end: end.ok_or_else(|| malformed("to_day"))?,
        })
    }

    /// A calendar year that has begun.
    ///
    /// # Errors
    /// `PERIOD_NOT_BEGUN`, `DATE_MALFORMED` for what is no year.
    pub fn of_year(year: i16, now: Timestamp) -> Result<Self, Refusal> {
        let day = |month, day| Date::new(year, month, day).ok();
        let malformed = || Refusal::about(Reason::DateMalformed, "year");
        let first = day(1, 1).filter(|_| year >= FIRST_YEAR);
        let first = first.ok_or_else(malformed)?;
        let last = day(12, 31).ok_or_else(malformed)?;
        Self::between(first, last, now)
    }

    /// Whether nothing can be recorded in it any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end <= now
    }

    /// The last microsecond before it: its opening is how the account stood then.
    pub fn opening(&self) -> Timestamp {
        before(self.begin)
    }

    /// Its last microsecond, or `now` while it lasts: its closing is how the account stood then.
    pub fn closing(&self, now: Timestamp) -> Timestamp {
        before(self.end).min(now)
    }
}

fn before(at: Timestamp) -> Timestamp {
    kernel::clock::shifted(at, jiff::SignedDuration::from_micros(-1))
}

/// Where a reader of a statement is: what was shown last, and up to when the statement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bookmark {
    /// The account's version after the last movement shown.
    pub version: i64,
    /// The instant of the closing, so that all pages are of one statement.
    pub closing: Timestamp,
}

impl Bookmark {
    /// The bookmark as a cursor.
    pub fn cursor(&self) -> String {
        format!("{}.{}", self.version, self.closing.as_microsecond())
    }

    /// The bookmark that a cursor of a statement of `days` is: it closes within them, and never ahead.
    ///
    /// # Errors
    /// `CURSOR_MALFORMED`
    pub fn read(cursor: &str, days: &Days, now: Timestamp) -> Result<Option<Self>, Refusal> {
        if cursor.is_empty() {
            return Ok(None);
        }
        let bookmark = || {
            let (version, closing) = cursor.split_once('.')?;
            let version = version.parse().ok().filter(|version| *version > 0)?;
            let closing = Timestamp::from_microsecond(closing.parse().ok()?).ok()?;
            let within = days.opening()..=days.closing(now);
            within
                .contains(&closing)
                .then_some(Self { version, closing })
        };
        bookmark()
            .map(Some)
            .ok_or_else(|| Reason::CursorMalformed.into())
    }
}

/// What a movement is called, in Chinese and English; none for a kind that moves no personal account.
pub fn title(kind: &str) -> Option<(&'static str, &'static str)> {
    let title = match kind {
        "ALLOCATION_ACTUAL" => ("个人账户划入", "allocation"),
        "OPENING_BALANCE" => ("期初余额", "opening balance"),
        "PRE_ALLOCATION" => ("预划", "advance allocation, may be adjusted"),
        "PRE_TO_ACTUAL_ADJ" => ("预划转实划调整", "adjustment of an advance"),
        "CLEARING_DELTA" => ("年度清算差额", "clearing difference, not spending"),
        "YEAR_ROLLOVER" => ("当年余额结转历年", "this year's rest joins earlier years"),
        "INTEREST" => ("年终计息", "interest"),
        "ACCOUNT_EXIT" => ("账户清退", "paid out at closing"),
        "CORRECTION" => ("更正", "correction"),
        "CHARGE_OWN" => ("本人就医购药支付", "own bill"),
        "CHARGE_AID" => ("家庭共济支付", "aid for a relative's bill"),
        "CANCEL_OWN" => ("撤销退回", "own bill cancelled"),
        "CANCEL_AID" => ("共济撤销退回", "aid returned, bill cancelled"),
        "REFUND_OWN" => ("退费退回", "own bill refunded"),
        "REFUND_AID" => ("共济退费退回", "aid returned, bill refunded"),
        "REVERSAL_OWN" => ("冲正退回", "own bill reversed"),
        "REVERSAL_AID" => ("共济冲正退回", "aid returned, bill reversed"),
        _ => return None,
    };
    Some(title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_begin_and_end_at_midnight_in_shanghai_and_include_the_last() {
        let now = at("2026-03-05T02:00:00Z");
        let days = Days::between(date(2026, 3, 1), date(2026, 3, 4), now).unwrap();
        assert_eq!(days.begin, at("2026-02-28T16:00:00Z"));
        assert_eq!(days.opening(), at("2026-02-28T15:59:59.999999Z"));
        assert_eq!(days.end, at("2026-03-04T16:00:00Z"));
        assert_eq!(days.closing(now), at("2026-03-04T15:59:59.999999Z"));
        assert!(days.is_over(now));
    }

    #[test]
    fn a_statement_of_days_to_come_closes_now() {
        let now = at("2026-03-05T02:00:00Z");
        let days = Days::between(date(2026, 3, 5), date(2026, 3, 31), now).unwrap();
        assert_eq!(days.closing(now), now);
        assert!(!days.is_over(now));
        let refused = |first, last| Days::between(first, last, now).unwrap_err().reason;
        let tomorrow = date(2026, 3, 6);
        assert_eq!(refused(tomorrow, tomorrow), Reason::PeriodNotBegun);
        assert_eq!(refused(tomorrow, date(2026, 3, 5)), Reason::RangeInverted);
        let malformed = [
            (date(1989, 12, 31), tomorrow),
            (Date::MIN, tomorrow),
            (date(2026, 3, 5), Date::MAX),
        ];
        for (first, last) in malformed {
            assert_eq!(refused(first, last), Reason::DateMalformed);
        }
    }

    #[test]
    fn a_year_has_begun_at_its_first_midnight() {
        let eve = at("2026-12-31T15:59:59.999999Z");
        let midnight = at("2026-12-31T16:00:00Z");
        let refused = Days::of_year(2027, eve).unwrap_err().reason;
        assert_eq!(refused, Reason::PeriodNotBegun);
        assert_eq!(Days::of_year(2027, midnight).unwrap().begin, midnight);
        let last = Days::of_year(2026, eve).unwrap();
        assert!(!last.is_over(eve) && last.is_over(midnight));
    }

    #[test]
    fn an_instant_is_cut_to_the_microsecond_and_must_have_come() {
        let now = at("2026-03-05T02:00:00.000001Z");
        let asked = at("2026-03-05T02:00:00.000001999Z");
        assert_eq!(past(asked, now), Ok(now));
        let ahead = at("2026-03-05T02:00:00.000002Z");
        assert_eq!(past(ahead, now).unwrap_err().reason, Reason::PeriodNotBegun);
        let first = at("1989-12-31T16:00:00.0000009Z");
        assert_eq!(past(first, now), Ok(at("1989-12-31T16:00:00Z")));
        let reason = |instant| past(instant, now).unwrap_err().reason;
        assert_eq!(reason(at("1989-12-31T15:59:59Z")), Reason::DateMalformed);
        assert_eq!(reason(Timestamp::MIN), Reason::DateMalformed);
    }

    #[test]
    fn a_bookmark_survives_its_cursor_and_closes_within_its_statement() {
        let now = at("2026-03-05T02:00:00Z");
        let today = Days::between(date(2026, 3, 5), date(2026, 3, 5), now).unwrap();
        let bookmark = Bookmark {
            version: 7,
            closing: now,
        };
        let cursor = bookmark.cursor();
        assert_eq!(Bookmark::read(&cursor, &today, now), Ok(Some(bookmark)));
        assert_eq!(Bookmark::read("", &today, now), Ok(None));
        let earlier = before(now);
        for cursor in [&cursor, "7", "7.0", "7.x", "x.1", &cursor.replace('7', "0")] {
            let refused = Bookmark::read(cursor, &today, earlier).unwrap_err().reason;
            assert_eq!(refused, Reason::CursorMalformed, "{cursor}");
        }
    }
}
