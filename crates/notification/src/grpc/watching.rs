//! One open watch: what was missed, then what comes.

use std::collections::VecDeque;

use chassis::tasks::Stop;
use kernel::PersonId;
use proto::notification::v1::{Notice, WatchNoticesResponse};
use tonic::Status;

use super::failure;
use crate::read::{Reader, Voice};
use crate::watch::Watching;

/// How many notices are read and held at once: a slow reader holds no more than this in memory.
const AT_ONCE: i64 = 100;

/// Whose notices are wanted, in which voice, from which number on.
pub(super) struct From {
    pub(super) person: PersonId,
    pub(super) voice: Voice,
    pub(super) after: i64,
}

/// The state of a watch between two notices.
pub(super) struct Watch {
    reader: Reader,
    watching: Watching,
    stop: Stop,
    from: From,
    waiting: VecDeque<Notice>,
    failed: bool,
}

type Item = Result<WatchNoticesResponse, Status>;

impl Watch {
    pub(super) fn new(reader: Reader, watching: Watching, stop: Stop, from: From) -> Self {
        Self {
            reader,
            watching,
            stop,
            from,
            waiting: VecDeque::new(),
            failed: false,
        }
    }

    /// The next notice, however long it takes. Ends when the service stops, or after a failure: the reader comes back with
    /// the number of the last notice it has.
    pub(super) async fn next(mut self) -> Option<(Item, Self)> {
        loop {
            if let Some(notice) = self.waiting.pop_front() {
                let item = WatchNoticesResponse {
                    notice: Some(notice),
                };
                return Some((Ok(item), self));
            }
            if self.failed || self.stop.is_requested() {
                return None;
            }
            let From {
                person,
                voice,
                after,
            } = self.from;
            // Read before the query, so whatever has a number up to this one is in its answer.
            let newest = self.watching.newest();
            match self.reader.after(person, after, AT_ONCE, voice).await {
                Ok(spoken) if spoken.is_empty() => {
                    // A number that was given away for nothing is not looked for again.
                    self.from.after = after.max(newest);
                    tokio::select! {
                        () = self.stop.requested() => return None,
                        () = self.watching.beyond(self.from.after) => {}
                    }
                }
                Ok(spoken) => {
                    self.from.after = spoken.last().map_or(after, |last| last.row.sequence);
                    self.waiting = spoken.into_iter().map(Into::into).collect();
                }
                Err(failed) => {
                    self.failed = true;
                    return Some((Err(failure(&failed)), self));
                }
            }
        }
    }
}
