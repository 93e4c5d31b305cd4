//! How often one caller may call: a burst at once, and then so many a second.
//!
//! A caller is one instant (the generic cell rate algorithm): when all they have asked for would have been due at their rate.
//! Nothing else is kept, and who has been quiet for long enough is forgotten. Each gateway counts for itself: the figures
//! keep one caller from crowding out the others, they are no quota.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chassis::access::Caller;
use kernel::Role;
use serde::Deserialize;

/// Above this many callers those are looked for who can be forgotten.
const MANY: usize = 100_000;

/// What a role's callers may ask, each of them.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Calls a second in the long run.
    pub per_second: NonZeroU32,
    /// Calls at once.
    pub burst: NonZeroU32,
}

/// The rate of each role.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    pub citizen: Rate,
    pub institution: Rate,
    pub operator: Rate,
    /// Services and monitoring.
    pub other: Rate,
}

/// Who has called, and how much of their rate is used.
#[derive(Debug, Clone)]
pub struct Limiter {
    rates: Rates,
    callers: Arc<Mutex<Callers>>,
}

/// The caller has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFast {
    /// Until the next call is let in.
    pub wait: Duration,
}

#[derive(Debug, Default)]
struct Callers {
    due: HashMap<(Role, String), Instant>,
    /// How many there may be before the next clearing.
    most: usize,
}

impl TooFast {
    /// Whole seconds to wait, at least one: what `Retry-After` says.
    pub fn seconds(self) -> u64 {
        self.wait
            .as_secs()
            .saturating_add(u64::from(self.wait.subsec_nanos() > 0))
            .max(1)
    }
}

impl Limiter {
    /// Nobody has called yet.
    pub fn new(rates: Rates) -> Self {
        let callers = Callers {
            due: HashMap::new(),
            most: MANY,
        };
        Self {
            rates,
            callers: Arc::new(Mutex::new(callers)),
        }
    }

    /// Counts a call of `caller` at `now`, or says how long to wait; what is not let in does not count.
    ///
    /// # Errors
    /// [`TooFast`] where the burst is used up.
    pub fn admit(&self, caller: &Caller, now: Instant) -> Result<(), TooFast> {
        let rate = match caller.role {
            Role::Citizen => self.rates.citizen,
            Role::Institution => self.rates.institution,
            Role::Operator => self.rates.operator,
            Role::Service | Role::Monitoring => self.rates.other,
        };
        // A caller is a number in a map: there is no invariant that a panic elsewhere could have broken.
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (caller.role, caller.subject.clone());
        let due = next(rate, callers.due.get(&key).copied(), now)?;
        callers.due.insert(key, due);
        callers.forget(now);
        Ok(())
    }
}

impl Callers {
    /// Forgets those of whose rate nothing is used, whenever the number of callers has doubled since the last time.
    fn forget(&mut self, now: Instant) {
        if self.due.len() > self.most {
            self.due.retain(|_, due| *due > now);
            self.most = self.due.len().saturating_mul(2).max(MANY);
        }
    }
}

/// When all that was asked for is due, this call included.
fn next(rate: Rate, due: Option<Instant>, now: Instant) -> Result<Instant, TooFast> {
    let each = Duration::from_secs(1) / rate.per_second.get();
    let ahead = each.saturating_mul(rate.burst.get());
    let next = due.unwrap_or(now).max(now) + each;
    let wait = next.saturating_duration_since(now).saturating_sub(ahead);
    if wait.is_zero() {
        Ok(next)
    } else {
        Err(TooFast { wait })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate {
            per_second: NonZeroU32::new(per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    fn limiter() -> Limiter {
        Limiter::new(Rates {
            citizen: rate(2, 3),
            institution: rate(10, 1),
            operator: rate(1, 1),
            other: rate(1, 1),
        })
    }

    fn citizen(subject: &str) -> Caller {
        Caller {
            role: Role::Citizen,
            subject: subject.to_owned(),
            about: None,
        }
    }

    #[test]
    fn a_burst_is_let_in_at_once_and_then_so_many_a_second() {
        let (limiter, caller, begin) = (limiter(), citizen("psn_1"), Instant::now());
        let at = |millis| limiter.admit(&caller, begin + Duration::from_millis(millis));
        for _ in 0..3 {
            assert_eq!(at(0), Ok(()));
        }
        let wait = Duration::from_millis(500);
        assert_eq!(at(0), Err(TooFast { wait }));
        assert_eq!(at(500), Ok(()));
        assert_eq!(at(500), Err(TooFast { wait }));
        // A refused call does not count against the caller.
        assert_eq!(at(1_000), Ok(()));
        for _ in 0..3 {
            assert_eq!(at(60_000), Ok(()));
        }
        assert_eq!(at(60_000), Err(TooFast { wait }));
    }

    #[test]
    fn callers_do_not_use_up_each_others_rate() {
        let (limiter, now) = (limiter(), Instant::now());
        for _ in 0..3 {
            assert_eq!(limiter.admit(&citizen("psn_1"), now), Ok(()));
        }
        assert!(limiter.admit(&citizen("psn_1"), now).is_err());
        assert_eq!(limiter.admit(&citizen("psn_2"), now), Ok(()));
        // The same name in another role is somebody else.
        let namesake = Caller {
            role: Role::Operator,
            ..citizen("psn_1")
        };
        assert_eq!(limiter.admit(&namesake, now), Ok(()));
    }

    #[test]
    fn whoever_has_been_quiet_is_forgotten() {
        let now = Instant::now();
        let mut callers = Callers {
            due: HashMap::from([
                ((Role::Citizen, "quiet".to_owned()), now),
                (
                    (Role::Citizen, "busy".to_owned()),
                    now + Duration::from_secs(1),
                ),
            ]),
            most: 1,
        };
        callers.forget(now);
        assert_eq!((callers.due.len(), callers.most), (1, MANY));
    }

    #[test]
    fn seconds_to_wait_are_whole_and_never_none() {
        for (millis, seconds) in [(1, 1), (500, 1), (1_000, 1), (1_001, 2)] {
            let wait = Duration::from_millis(millis);
            assert_eq!(TooFast { wait }.seconds(), seconds, "{millis}");
        }
    }
}
