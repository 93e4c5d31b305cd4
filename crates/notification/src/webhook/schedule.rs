//! When a message that was not taken is posted again: the schedule of Standard Webhooks 1.0.0, with jitter.

use jiff::{SignedDuration, Timestamp};
use kernel::clock::shifted;

/// The pauses after the first, second … attempt. After the last one there is no other: 75 h 35 min 5 s in all.
const PAUSES: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(24),
];

/// The longest that an endpoint may ask us to wait.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// How long an endpoint that has too much to do rests, if it does not say itself.
const REST: SignedDuration = SignedDuration::from_secs(30);

/// When a message is posted again after `attempts` attempts; none: that was the last.
///
/// `chance` spreads the pauses by up to a tenth, so that what failed together does not come back together. An endpoint that
/// asks for more time gets it, up to a day.
pub fn next(
    attempts: i32,
    asked: Option<SignedDuration>,
    chance: u16,
    now: Timestamp,
) -> Option<Timestamp> {
    let nth = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let pause = *PAUSES.get(nth)?;
    let tenth = pause / 10;
    let spread = tenth
        .checked_mul(i32::from(chance))
        .map_or(tenth, |spread| spread / 65_536);
    let pause = pause.checked_add(spread).unwrap_or(pause);
    let asked = asked.unwrap_or_default().min(LONGEST);
    Some(shifted(now, pause.max(asked)))
}

/// Until when nothing is posted to an endpoint that has too much to do.
pub fn rest(asked: Option<SignedDuration>, now: Timestamp) -> Timestamp {
    shifted(now, asked.unwrap_or(REST).min(LONGEST))
}

/// What a `Retry-After` header asks for: seconds, or a date.
pub fn retry_after(header: &str, now: Timestamp) -> Option<SignedDuration> {
    let asked = if let Ok(seconds) = header.trim().parse::<u32>() {
        SignedDuration::from_secs(seconds.into())
    } else {
        let date = jiff::fmt::rfc2822::parse(header.trim()).ok()?;
        date.timestamp().duration_since(now)
    };
    Some(asked.max(SignedDuration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-01-02T04:00:00Z".parse().unwrap()
    }

    #[test]
    fn ten_attempts_span_the_published_time() {
        let (mut at, mut attempts) = (noon(), 1);
        while let Some(next) = next(attempts, None, 0, at) {
            (at, attempts) = (next, attempts + 1);
        }
        assert_eq!(attempts, 10);
        let span = at.duration_since(noon());
        let expected = SignedDuration::from_hours(75) + SignedDuration::from_secs(35 * 60 + 5);
        assert_eq!(span, expected);
    }

    #[test]
    fn jitter_adds_at_most_a_tenth() {
        let pause = |chance| {
            next(2, None, chance, noon())
                .unwrap()
                .duration_since(noon())
        };
        assert_eq!(pause(0), SignedDuration::from_secs(300));
        assert!(pause(u16::MAX) > SignedDuration::from_secs(329));
        assert!(pause(u16::MAX) <= SignedDuration::from_secs(330));
    }

    #[test]
    fn an_endpoint_gets_the_time_it_asks_for_but_no_more_than_a_day() {
        let pause = |asked| {
            let at = next(1, Some(SignedDuration::from_secs(asked)), 0, noon());
            at.unwrap().duration_since(noon()).as_secs()
        };
        assert_eq!(pause(2), 5);
        assert_eq!(pause(120), 120);
        assert_eq!(pause(1_000_000), 86_400);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let asked = |header| retry_after(header, noon()).map(|asked| asked.as_secs());
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Fri, 02 Jan 2026 04:01:00 GMT"), Some(60));
        assert_eq!(asked("Fri, 02 Jan 2026 03:00:00 GMT"), Some(0));
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("-5"), None);
    }
}
