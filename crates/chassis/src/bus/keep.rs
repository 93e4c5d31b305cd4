//! For how long events are kept, and how often the broker is checked.

use jiff::SignedDuration;
use serde::Deserialize;

/// How long events are kept where. Each place keeps them longer than the one before it, so that whatever can still be
/// published again finds an inbox that still knows whether it was handled.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// The outbox keeps what every follower has confirmed for this long.
    pub outbox: SignedDuration,
    /// The stream keeps everything for this long.
    pub stream: SignedDuration,
    /// The inbox remembers what was handled for this long; an older event is parked, never applied.
    pub inbox: SignedDuration,
    /// How often the stream is compared with the outbox.
    pub audit: SignedDuration,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            outbox: SignedDuration::from_hours(3 * 24),
            stream: SignedDuration::from_hours(7 * 24),
            inbox: SignedDuration::from_hours(30 * 24),
            audit: SignedDuration::from_secs(5),
        }
    }
}

/// Why events would be forgotten in the wrong order.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// The stream must outlive the outbox, or what nobody follows would be published again and again.
    #[error("bus.keep.stream ({stream:#}) must be longer than bus.keep.outbox ({outbox:#})")]
    Stream {
        /// How long the stream keeps events.
        stream: SignedDuration,
        /// How long the outbox keeps them.
        outbox: SignedDuration,
    },
    /// The inbox must outlive both.
    #[error("bus.keep.inbox ({inbox:#}) must be longer than bus.keep.stream ({stream:#})")]
    Inbox {
        /// How long the inbox remembers.
        inbox: SignedDuration,
        /// How long the stream keeps events.
        stream: SignedDuration,
    },
    /// A span of no time.
    #[error("bus.keep.outbox and bus.keep.audit must be above zero")]
    Nothing,
}

impl Keep {
    /// Refuses spans with which an event could be applied twice.
    pub fn check(&self) -> Result<(), KeepError> {
        if !self.outbox.is_positive() || !self.audit.is_positive() {
            return Err(KeepError::Nothing);
        }
        if self.stream <= self.outbox {
            return Err(KeepError::Stream {
                stream: self.stream,
                outbox: self.outbox,
            });
        }
        if self.inbox <= self.stream {
            return Err(KeepError::Inbox {
                inbox: self.inbox,
                stream: self.stream,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inbox_remembers_longest_and_the_outbox_shortest() {
        let keep = Keep::default();
        assert_eq!(keep.check(), Ok(()));
        let forgetful = Keep {
            inbox: keep.stream,
            ..keep.clone()
        };
        assert!(matches!(forgetful.check(), Err(KeepError::Inbox { .. })));
        let hoarding = Keep {
            outbox: keep.stream,
            ..keep.clone()
        };
        assert!(matches!(hoarding.check(), Err(KeepError::Stream { .. })));
        let idle = Keep {
            audit: SignedDuration::ZERO,
            ..keep
        };
        assert_eq!(idle.check(), Err(KeepError::Nothing));
    }
}
