//! Trouble that a loop waits out instead of ending: told once when it lasts and once when it is over.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::telemetry::Chain;

/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// How long trouble may last before it is told: a stream that its owner is just declaring is none.
const WORTH_TELLING: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How a loop fares.
#[derive(Debug)]
pub(crate) struct Trouble {
    task: &'static str,
    told: Option<String>,
    begun: Option<Instant>,
    failures: u32,
}

impl Trouble {
    /// No trouble yet.
    pub(crate) fn of(task: &'static str) -> Self {
        Self {
            task,
            told: None,
            begun: None,
            failures: 0,
        }
    }

    /// Notes a failure; how long to wait before the next attempt. A failure like the one before it is not told again.
    pub(crate) fn met(&mut self, error: &(dyn Error + 'static)) -> Duration {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let told = Chain(error).to_string();
        if begun.elapsed() >= WORTH_TELLING && self.told.as_ref() != Some(&told) {
            tracing::warn!(
                task = self.task,
                error = told,
                "cannot go on for now and tries again"
            );
            self.told = Some(told);
        }
        self.failures = self.failures.saturating_add(1);
        growing(FIRST_PAUSE, LONGEST_PAUSE, self.failures)
    }

    /// Notes that all is well.
    pub(crate) fn over(&mut self) {
        if let Some(begun) = self.begun.take() {
            if self.told.take().is_some() {
                tracing::info!(task = self.task, after = ?begun.elapsed(), failures = self.failures, "goes on");
            }
            self.failures = 0;
        }
    }
}

/// A pause that doubles with each failure, up to `longest`. The first failure has `first`.
pub(crate) fn growing(first: Duration, longest: Duration, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    first.saturating_mul(1 << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let longest = Duration::from_secs(1);
        let pause = |failures| growing(Duration::from_millis(100), longest, failures).as_millis();
        assert_eq!(
            [1, 2, 3, 4, 5, 400].map(pause),
            [100, 200, 400, 800, 1000, 1000]
        );
    }
}
