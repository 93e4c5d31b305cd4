//! Does the stream have what it said it had? Whatever it lost and nobody has confirmed becomes pending again.
//!
//! Three numbers tell: *which* stream it is (when the broker made it), how far it counts, and how much it holds.
//! A stream that was made anew has none of what was published before. One that counts less far than it did has lost
//! its end and will give those numbers again, so its followers, who may have read further, must start again: its
//! generation grows. One that begins late or has gaps has lost what is missing there.

use kernel::Timestamp;
use sqlx::{PgConnection, PgPool};

use super::relay::RelayError;
use super::store::audit::{self as store, Stream};
use crate::bus::{Bus, Follower, State};

/// What the broker says.
#[derive(Debug)]
struct Seen {
    state: State,
    followers: Vec<Follower>,
    gaps: Vec<i64>,
}

/// Asks how far the followers are, and only then what is missing: a follower reads over a hole as if nothing had ever
/// been there, so every hole it may have read over must be seen in the same audit.
async fn look(bus: &Bus, generation: i64) -> Result<Seen, RelayError> {
    let earlier = bus.declare(Some(generation)).await?;
    let followers = bus.followers(&earlier).await?;
    let state = bus.declare(Some(generation)).await?;
    if state.incarnation != earlier.incarnation {
        return Err(RelayError::Elsewhere);
    }
    let gaps = if state.has_gaps() {
        bus.gaps().await?
    } else {
        Vec::new()
    };
    Ok(Seen {
        state,
        followers,
        gaps,
    })
}

/// Where the stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) incarnation: i64,
    pub(super) generation: i64,
    pub(super) last: i64,
}

/// Compares the stream with what was published to it, and puts back what it lost.
pub(super) async fn audit(db: &PgPool, bus: &Bus, now: Timestamp) -> Result<Place, RelayError> {
    let before = store::current(db).await?;
    let generation = before.map_or(1, |stream| stream.generation);
    let seen = look(bus, generation).await?;
    let state = seen.state;

    let mut tx = crate::db::begin(db).await?;
    let lost = reconcile(&mut tx, before, &seen, now).await?;
    tx.commit().await?;

    let generation = generation + i64::from(lost.end);
    if lost.end {
        bus.declare(Some(generation)).await?;
    }
    Ok(Place {
        incarnation: state.incarnation,
        generation,
        last: state.last,
    })
}

/// What was found to be gone.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lost {
    /// Events of streams before this one.
    with_older_streams: u64,
    /// Events at the end, in the middle and at the beginning of this one.
    here: u64,
    /// The stream counts less far than it did.
    end: bool,
}

async fn reconcile(
    conn: &mut PgConnection,
    before: Option<Stream>,
    seen: &Seen,
    now: Timestamp,
) -> Result<Lost, sqlx::Error> {
    let State {
        incarnation,
        first,
        last,
        ..
    } = seen.state;
    let mut lost = Lost::default();

    store::lock(conn).await?;
    let highest = store::highest(conn, incarnation).await?;
    lost.end = last < highest;
    if lost.end {
        lost.here += store::put_back(conn, incarnation, last, i64::MAX).await?;
        store::lower_floors(conn, incarnation, last).await?;
    }
    // By what was confirmed when the stream was last seen: what is missing since cannot have been confirmed in passing.
    let confirmed = store::confirmed(conn, incarnation).await?.unwrap_or(0);
    lost.here += store::put_back(conn, incarnation, confirmed, first - 1).await?;
    let gaps: Vec<i64> = seen
        .gaps
        .iter()
        .copied()
        .filter(|gap| *gap > confirmed)
        .collect();
    if !gaps.is_empty() {
        lost.here += store::put_back_these(conn, incarnation, &gaps).await?;
    }
    if before.is_none_or(|before| before.incarnation != incarnation) {
        for older in store::others(conn, incarnation).await? {
            let confirmed = store::confirmed(conn, older).await?.unwrap_or(0);
            lost.with_older_streams += store::put_back(conn, older, confirmed, i64::MAX).await?;
        }
    }
    if !lost.end {
        store::note_followers(conn, incarnation, &seen.followers, now).await?;
    }

    let generation = before.map_or(1, |stream| stream.generation) + i64::from(lost.end);
    store::save(
        conn,
        &Stream {
            incarnation,
            generation,
            last_sequence: last,
        },
        now,
    )
    .await?;
    lost.tell(&seen.state, highest);
    Ok(lost)
}

impl Lost {
    fn tell(&self, state: &State, highest: i64) {
        let events = self.here + self.with_older_streams;
        if events == 0 && !self.end {
            return;
        }
        metrics::counter!("gongji_outbox_republished_total").increment(events);
        tracing::warn!(
            events,
            highest,
            first = state.first,
            last = state.last,
            messages = state.messages,
            "the broker lost events that it had accepted: they are published again"
        );
    }
}
