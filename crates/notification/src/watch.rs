//! Who is watching, and how they learn of new notices.
//!
//! The inbox loop commits, possibly in another process, so a watcher is not woken by whoever stores. One loop per process
//! asks for all people who are watched at once how far their notices have got, and wakes those for whom there is something
//! new. A person's counter moves in the transaction that stores the notice, so nothing is announced that cannot be read, and
//! a transaction that commits late is seen when it does. While nobody watches, nothing is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::health::Progress;
use chassis::tasks::{BoxError, Stop};
use kernel::PersonId;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tracing::warn;
use uuid::Uuid;

use crate::store;

/// Those who are watching in this process: by person, the number of their newest notice as last looked at.
#[derive(Debug, Clone, Default)]
pub struct Watchers(Arc<Mutex<HashMap<PersonId, watch::Sender<i64>>>>);

/// One watcher. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watching {
    person: PersonId,
    newest: watch::Receiver<i64>,
    watchers: Watchers,
}

impl Watchers {
    /// Watches a person's notices.
    pub fn watch(&self, person: PersonId) -> Watching {
        let newest = self
            .people()
            .entry(person)
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe();
        Watching {
            person,
            newest,
            watchers: self.clone(),
        }
    }

    /// How many people are watched.
    pub fn len(&self) -> usize {
        self.people().len()
    }

    /// Whether nobody is watched.
    pub fn is_empty(&self) -> bool {
        self.people().is_empty()
    }

    fn seen(&self) -> (Vec<Uuid>, Vec<i64>) {
        self.people()
            .iter()
            .map(|(person, newest)| (person.uuid(), *newest.borrow()))
            .unzip()
    }

    fn wake(&self, advanced: Vec<(PersonId, i64)>) {
        let people = self.people();
        for (person, newest) in advanced {
            if let Some(watchers) = people.get(&person) {
                watchers.send_replace(newest);
            }
        }
    }

    /// The map is whole whatever panicked while it was held: every change to it is one call.
    fn people(&self) -> MutexGuard<'_, HashMap<PersonId, watch::Sender<i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watching {
    /// The highest number of a notice that is known to be given. Everything that is stored under it or below can be read;
    /// there may be nothing, for a notice that was told before leaves a gap.
    pub fn newest(&self) -> i64 {
        *self.newest.borrow()
    }

    /// Waits until a number after `sequence` was given.
    pub async fn beyond(&mut self, sequence: i64) {
        self.newest
            .wait_for(|newest| *newest > sequence)
            .await
            .expect("the sender stays in the map as long as somebody watches");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut people = self.watchers.people();
        let alone = people
            .get(&self.person)
            .is_some_and(|watchers| watchers.receiver_count() == 1);
        if alone {
            people.remove(&self.person);
        }
    }
}

/// Looks every so often for news of those who are watched, and wakes them.
pub async fn poll(
    watchers: Watchers,
    db: PgPool,
    every: Duration,
    progress: Progress,
    stop: Stop,
) -> Result<(), BoxError> {
    let mut rounds = tokio::time::interval(every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.requested() => return Ok(()),
            _ = rounds.tick() => {}
        }
        match look(&watchers, &db).await {
            Ok(()) => progress.made(),
            Err(failed) => {
                let error: &dyn std::error::Error = &failed;
                warn!(error, "could not look for new notices; trying again");
            }
        }
    }
}

async fn look(watchers: &Watchers, db: &PgPool) -> Result<(), sqlx::Error> {
    let (people, seen) = watchers.seen();
    if !people.is_empty() {
        watchers.wake(store::find_advanced(db, &people, &seen).await?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u128) -> PersonId {
        PersonId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn a_watch_ends_with_its_last_watcher() {
        let watchers = Watchers::default();
        let (one, two) = (watchers.watch(person(1)), watchers.watch(person(1)));
        let other = watchers.watch(person(2));
        assert_eq!(watchers.len(), 2);
        drop(one);
        assert_eq!(watchers.len(), 2);
        drop((two, other));
        assert!(watchers.is_empty());
    }

    #[tokio::test]
    async fn all_watchers_of_a_person_are_woken_and_nobody_else() {
        let watchers = Watchers::default();
        let (mut one, mut two) = (watchers.watch(person(1)), watchers.watch(person(1)));
        let other = watchers.watch(person(2));
        watchers.wake(vec![(person(1), 7), (person(3), 9)]);
        one.beyond(6).await;
        two.beyond(0).await;
        assert_eq!((one.newest(), two.newest(), other.newest()), (7, 7, 0));
        assert!(!other.newest.has_changed().unwrap());
        assert_eq!(watchers.seen().1.iter().sum::<i64>(), 7);
    }
}
