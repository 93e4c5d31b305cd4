//! Keys whose event is to be tried again: what came after it waits behind it.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::trouble::growing;

/// When a failed event is tried for the second time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest time between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What waits behind an event comes again a little after it.
const BEHIND: Duration = Duration::from_millis(20);

/// What is set aside, by key.
#[derive(Debug, Default)]
pub(super) struct Order(HashMap<String, Stall>);

#[derive(Debug)]
struct Stall {
    waiting: BTreeSet<u64>,
    failures: u32,
    until: Instant,
}

impl Order {
    /// Whether an earlier event of `key` is still to be tried again.
    pub(super) fn is_behind(&self, key: &str, sequence: u64) -> bool {
        self.0
            .get(key)
            .and_then(|stall| stall.waiting.first())
            .is_some_and(|first| *first < sequence)
    }

    /// Whether this event itself is tried again.
    pub(super) fn is_stalled(&self, key: &str, sequence: u64) -> bool {
        self.0
            .get(key)
            .is_some_and(|stall| stall.waiting.contains(&sequence))
    }

    /// Sets an event aside that waits behind another; when to look at it again.
    pub(super) fn set_aside(&mut self, key: &str, sequence: u64, now: Instant) -> Duration {
        let Some(stall) = self.0.get_mut(key) else {
            return BEHIND;
        };
        stall.waiting.insert(sequence);
        stall.until.saturating_duration_since(now) + BEHIND
    }

    /// Notes that an event failed; when to try it again.
    pub(super) fn failed(&mut self, key: &str, sequence: u64, now: Instant) -> Duration {
        let stall = self.0.entry(key.to_owned()).or_insert(Stall {
            waiting: BTreeSet::new(),
            failures: 0,
            until: now,
        });
        stall.waiting.insert(sequence);
        stall.failures = stall.failures.saturating_add(1);
        let pause = growing(FIRST_PAUSE, LONGEST_PAUSE, stall.failures);
        stall.until = now + pause;
        pause
    }

    /// Notes that an event is handled or parked.
    pub(super) fn done(&mut self, key: &str, sequence: u64) {
        let Some(stall) = self.0.get_mut(key) else {
            return;
        };
        stall.waiting.remove(&sequence);
        stall.failures = 0;
        if stall.waiting.is_empty() {
            self.0.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_failed_event_of_its_key_waits_behind_it() {
        let now = Instant::now();
        let mut order = Order::default();
        assert_eq!(order.failed("a", 3, now), FIRST_PAUSE);
        assert!(order.is_behind("a", 4) && !order.is_behind("b", 4));
        assert!(!order.is_behind("a", 3) && order.is_stalled("a", 3));
        assert_eq!(order.set_aside("a", 4, now), FIRST_PAUSE + BEHIND);
        assert_eq!(order.failed("a", 3, now), FIRST_PAUSE * 2);

        order.done("a", 3);
        assert!(!order.is_behind("a", 4) && order.is_behind("a", 5));
        order.done("a", 4);
        assert!(!order.is_stalled("a", 4) && !order.is_behind("a", 5));
    }
}
