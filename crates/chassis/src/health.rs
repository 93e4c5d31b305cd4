//! Health means *has made progress*: a part is well when its loop went round lately, idle rounds included.
//!
//! Some parts serve callers, others work in the background. A broker that is away holds up the background and is worth a page; it
//! must not take a counter out of service, which needs no broker. So whether a process can serve is asked of the serving parts only.
//!
//! It is measured by the machine's monotonic clock, not by business time: a demo that stands at noon must still notice a dead loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde::Serialize;

/// The parts of a process and when each last made progress.
#[derive(Clone, Debug)]
pub struct Health(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    started: Instant,
    parts: Mutex<Vec<Arc<Part>>>,
}

#[derive(Debug)]
struct Part {
    name: &'static str,
    serves: bool,
    within: Duration,
    started: Instant,
    /// Milliseconds after `started`.
    last: AtomicU64,
}

/// How one part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartHealth {
    /// Its name.
    pub name: &'static str,
    /// Whether callers depend on it; else it works in the background.
    pub serves: bool,
    /// Whether it made progress in the time it is given.
    pub healthy: bool,
    /// How long ago it last did, in milliseconds.
    pub since_ms: u64,
    /// How long that may be, in milliseconds.
    pub within_ms: u64,
}

/// What a loop calls each round.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Part>);

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// No part yet: healthy.
    pub fn new() -> Self {
        Self(Arc::new(Parts {
            started: Instant::now(),
            parts: Mutex::new(Vec::new()),
        }))
    }

    /// Adds a part that callers depend on. It is well as long as it makes progress at least every `within`, and begins well.
    pub fn part(&self, name: &'static str, within: SignedDuration) -> Progress {
        self.add(name, true, within)
    }

    /// Adds a part that works in the background: relays, followers, housekeeping.
    pub fn background(&self, name: &'static str, within: SignedDuration) -> Progress {
        self.add(name, false, within)
    }

    fn add(&self, name: &'static str, serves: bool, within: SignedDuration) -> Progress {
        let part = Arc::new(Part {
            name,
            serves,
            within: within.unsigned_abs(),
            started: self.0.started,
            last: AtomicU64::new(0),
        });
        part.made();
        self.parts().push(Arc::clone(&part));
        Progress(part)
    }

    /// How each part is, in the order in which they were added.
    pub fn report(&self) -> Vec<PartHealth> {
        self.parts().iter().map(|part| part.health()).collect()
    }

    /// Whether every part is well.
    pub fn is_well(&self) -> bool {
        self.parts().iter().all(|part| part.health().healthy)
    }

    /// Whether every part that callers depend on is well.
    pub fn can_serve(&self) -> bool {
        self.parts()
            .iter()
            .all(|part| !part.serves || part.health().healthy)
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Part>>> {
        self.0
            .parts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Part {
    fn made(&self) {
        self.last
            .fetch_max(milliseconds(self.started.elapsed()), Ordering::Relaxed);
    }

    fn health(&self) -> PartHealth {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        let since = self.started.elapsed().saturating_sub(last);
        PartHealth {
            name: self.name,
            serves: self.serves,
            healthy: since <= self.within,
            since_ms: milliseconds(since),
            within_ms: milliseconds(self.within),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Progress {
    /// Says that the loop went round, whether or not there was anything to do.
    pub fn made(&self) {
        self.0.made();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_made_no_progress_in_its_time_is_named() {
        let health = Health::new();
        assert!(health.is_well());
        let relay = health.part("relay", SignedDuration::from_secs(60));
        let _stuck = health.part("consumer", SignedDuration::ZERO);
        while health.is_well() {
            std::hint::spin_loop();
        }
        relay.made();
        let report = health.report();
        assert_eq!((report[0].name, report[0].healthy), ("relay", true));
        assert_eq!((report[1].name, report[1].healthy), ("consumer", false));
    }
}
