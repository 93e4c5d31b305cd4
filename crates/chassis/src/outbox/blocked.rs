//! Keys whose next event the broker refuses: nothing of such a key is published before it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::trouble::growing;

/// When a refused event is tried for the second time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest time between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The blocked keys. It is only remembered by the relay that found out; the next one finds out again.
#[derive(Debug, Default)]
pub(super) struct Blocked(HashMap<String, Block>);

#[derive(Debug, Clone, Copy)]
struct Block {
    refusals: u32,
    until: Instant,
}

impl Blocked {
    /// Notes that an event of `key` was refused. Whether that is news.
    pub(super) fn refused(&mut self, key: &str, now: Instant) -> bool {
        let block = self.0.entry(key.to_owned()).or_insert(Block {
            refusals: 0,
            until: now,
        });
        block.refusals = block.refusals.saturating_add(1);
        block.until = now + growing(FIRST_PAUSE, LONGEST_PAUSE, block.refusals);
        block.refusals == 1
    }

    /// Notes that an event of `key` was published.
    pub(super) fn published(&mut self, key: &str) {
        if !self.0.is_empty() && self.0.remove(key).is_some() {
            tracing::info!(key, "events of this key are published again");
        }
    }

    /// The keys that must wait now.
    pub(super) fn keys(&self, now: Instant) -> Vec<String> {
        self.0
            .iter()
            .filter(|(_, block)| block.until > now)
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// How many keys have a refused event.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_key_waits_longer_each_time_and_is_free_once_published() {
        let begun = Instant::now();
        let mut blocked = Blocked::default();
        assert!(blocked.refused("a", begun));
        assert_eq!(blocked.keys(begun), ["a"]);
        assert!(blocked.keys(begun + FIRST_PAUSE).is_empty());
        assert!(!blocked.refused("a", begun));
        assert_eq!(blocked.keys(begun + FIRST_PAUSE), ["a"]);
        blocked.published("a");
        assert_eq!((blocked.keys(begun).len(), blocked.len()), (0, 0));
    }
}
