//! The relay: takes what is pending, publishes it, marks it. One per service at a time, held by a lease.
//!
//! A relay that loses its lease while it publishes does no harm: both publish in the order of positions, and what
//! arrives twice is handled once. Neither a broken broker nor a broken database ends it.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use kernel::{Clock, Timestamp};
use sqlx::PgPool;
use tokio::sync::watch;

use super::audit::{self, Place};
use super::blocked::Blocked;
use super::publish::{self, LARGEST_BATCH, Unpublished};
use super::store::{self, Pending, Told};
use crate::bus::{Bus, BusError};
use crate::health::Progress;
use crate::lease::Lease;
use crate::tasks::{BoxError, Stop};
use crate::telemetry::Chain;
use crate::trouble::Trouble;

/// How long a relay may be silent before another one takes over.
const LEASE: SignedDuration = SignedDuration::from_secs(3);
/// How often an empty outbox is looked at.
const IDLE: Duration = Duration::from_millis(20);
/// How often what is no longer needed is deleted, and how much of it in one statement.
const SWEEP: Duration = Duration::from_mins(1);
const SWEPT: i64 = 2000;

/// Publishes what a service has recorded.
#[derive(Debug)]
pub struct Relay {
    db: PgPool,
    bus: Bus,
    service: &'static str,
    progress: Progress,
    clock: Clock,
}

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RelayError {
    #[error("the outbox cannot be read or written")]
    Store(#[from] sqlx::Error),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("the stream is not where it was left")]
    Elsewhere,
}

/// One holding of the lease.
#[derive(Debug)]
struct Term<'a> {
    relay: &'a Relay,
    lease: Lease,
    place: Option<Place>,
    audited: Instant,
    /// When nothing more was left to delete; none if that is not known.
    swept: Option<Instant>,
    connections: watch::Receiver<u64>,
    blocked: Blocked,
    /// What that stream has and the outbox does not say yet.
    unmarked: Option<(Place, Vec<Told>)>,
    batches: u64,
}

enum Round {
    /// So many events were published.
    Published(usize),
    /// Another relay has taken over.
    LostLease,
}

impl Relay {
    /// The relay of `service`. It works as soon as no other one does.
    pub fn new(
        db: PgPool,
        bus: Bus,
        service: &'static str,
        progress: Progress,
        clock: Clock,
    ) -> Self {
        Self {
            db,
            bus,
            service,
            progress,
            clock,
        }
    }

    /// Publishes until `stop` is requested. It never fails: what goes wrong is waited out.
    pub async fn run(self, stop: Stop) -> Result<(), BoxError> {
        let mut trouble = Trouble::of("relay");
        let holder = format!("{} {}", self.service, std::process::id());
        while !stop.is_requested() {
            let acquired = tokio::select! {
                acquired = Lease::acquire(&self.db, "relay", &holder, LEASE) => acquired,
                () = stop.requested() => return Ok(()),
            };
            match acquired {
                Ok(Some(lease)) => Term::new(&self, lease).serve(&stop, &mut trouble).await,
                Ok(None) => self.progress.made(),
                Err(error) => rest(trouble.met(&RelayError::Store(error)), &stop).await,
            }
        }
        Ok(())
    }
}

async fn rest(pause: Duration, stop: &Stop) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = stop.requested() => {}
    }
}

impl<'a> Term<'a> {
    fn new(relay: &'a Relay, lease: Lease) -> Self {
        Self {
            relay,
            lease,
            place: None,
            audited: Instant::now(),
            swept: None,
            connections: relay.bus.connections(),
            blocked: Blocked::default(),
            unmarked: None,
            batches: 0,
        }
    }

    async fn serve(mut self, stop: &Stop, trouble: &mut Trouble) {
        while !stop.is_requested() {
            if self.connections.has_changed().unwrap_or(false) {
                self.place = None;
            }
            self.connections.mark_unchanged();
            let mut connections = self.connections.clone();
            // A request to a broker that is gone is never answered: the next connection says so sooner than a timeout.
            let round = tokio::select! {
                round = self.round() => round,
                _ = connections.changed() => continue,
            };
            match round {
                Ok(Round::Published(events)) => {
                    trouble.over();
                    self.relay.progress.made();
                    if events == 0 {
                        rest(IDLE, stop).await;
                    }
                }
                Ok(Round::LostLease) => {
                    tracing::warn!(service = self.relay.service, "another relay has taken over");
                    return;
                }
                Err(error) => {
                    self.place = None;
                    let pause = trouble.met(&error);
                    tokio::select! {
                        () = rest(pause, stop) => {}
                        _ = connections.changed() => {}
                    }
                }
            }
        }
        if let Err(error) = self.lease.release().await {
            tracing::debug!(%error, "the relay's lease could not be released and will lapse");
        }
    }

    async fn round(&mut self) -> Result<Round, RelayError> {
        if self.lease.is_due() && !self.lease.renew().await? {
            return Ok(Round::LostLease);
        }
        // Before the audit: it must see where everything is.
        self.mark().await?;
        if let Err(error) = self.sweep().await {
            // Housekeeping never holds up what has to be told.
            tracing::warn!(error = %Chain(&error), "the outbox could not be swept");
            self.swept = Some(Instant::now());
        }
        let place = self.place().await?;
        let limit = i64::try_from(LARGEST_BATCH).expect("a batch is small");
        let events = store::next(&self.relay.db, &self.blocked.keys(Instant::now()), limit).await?;
        if events.is_empty() {
            return Ok(Round::Published(0));
        }
        let mut told = Vec::with_capacity(events.len());
        let published = self.publish(&events, place, &mut told).await;
        let count = told.len();
        self.unmarked = Some((place, told));
        self.mark().await?;
        published?;
        Ok(Round::Published(count))
    }

    /// Where the stream goes on; audited if that is not known, or if it is time.
    async fn place(&mut self) -> Result<Place, RelayError> {
        let due = self.audited.elapsed() >= self.relay.bus.keep().audit.unsigned_abs();
        if let Some(place) = self.place
            && !due
        {
            return Ok(place);
        }
        self.place = None;
        let place = audit::audit(&self.relay.db, &self.relay.bus, self.relay.clock.now()).await?;
        self.audited = Instant::now();
        self.place = Some(place);
        self.measure().await?;
        Ok(place)
    }

    /// Publishes `events`; what the stream has is in `told` afterwards, also if the rest failed.
    async fn publish(
        &mut self,
        events: &[Pending],
        place: Place,
        told: &mut Vec<Told>,
    ) -> Result<(), RelayError> {
        if events.len() > 1 {
            self.batches += 1;
            let id = format!("{}-{}", self.lease.token(), self.batches);
            match publish::batch(&self.relay.bus, events, place.last, &id).await {
                Ok(stored) => {
                    let last = stored.last().map_or(place.last, |one| one.sequence);
                    self.place = Some(Place { last, ..place });
                    for event in events {
                        self.blocked.published(&event.key);
                    }
                    *told = stored;
                    return Ok(());
                }
                Err(Unpublished::Refused(why)) => {
                    tracing::debug!(why, "a batch was refused and goes one by one");
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.publish_one_by_one(events, place, told).await
    }

    /// In order; a key stops at its first refusal.
    async fn publish_one_by_one(
        &mut self,
        events: &[Pending],
        mut place: Place,
        told: &mut Vec<Told>,
    ) -> Result<(), RelayError> {
        let mut stopped: Vec<&str> = Vec::new();
        for event in events {
            if stopped.contains(&event.key.as_str()) {
                continue;
            }
            match publish::single(&self.relay.bus, event, place.last).await {
                Ok(stored) => {
                    if !stored.duplicate {
                        place.last = stored.sequence;
                        self.place = Some(place);
                    }
                    self.blocked.published(&event.key);
                    told.push(Told {
                        position: event.position,
                        sequence: stored.sequence,
                    });
                }
                Err(Unpublished::Refused(why)) => {
                    stopped.push(&event.key);
                    if self.blocked.refused(&event.key, Instant::now()) {
                        let event_id = event.event_id;
                        tracing::error!(%event_id, event.subject, event.key, why, "an event is refused and holds up its key");
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Says in the outbox what the stream has.
    async fn mark(&mut self) -> Result<(), RelayError> {
        let Some((place, told)) = &self.unmarked else {
            return Ok(());
        };
        if !told.is_empty() {
            store::mark(&self.relay.db, *place, told, self.relay.clock.now()).await?;
            let events = u64::try_from(told.len()).unwrap_or(u64::MAX);
            metrics::counter!("gongji_outbox_published_total", "service" => self.relay.service)
                .increment(events);
        }
        self.unmarked = None;
        Ok(())
    }

    /// Tells how much waits, and for how long.
    async fn measure(&self) -> Result<(), RelayError> {
        let service = self.relay.service;
        let backlog = store::backlog(&self.relay.db, &self.blocked.keys(Instant::now())).await?;
        let now = self.relay.clock.now();
        let age = backlog
            .oldest
            .map_or(SignedDuration::ZERO, |oldest| now.duration_since(oldest));
        metrics::gauge!("gongji_outbox_pending", "service" => service).set(gauge(backlog.events));
        metrics::gauge!("gongji_outbox_oldest_claimable_age_seconds", "service" => service)
            .set(age.as_secs_f64());
        let blocked = i64::try_from(self.blocked.len()).unwrap_or(i64::MAX);
        metrics::gauge!("gongji_outbox_blocked_keys", "service" => service).set(gauge(blocked));
        Ok(())
    }

    /// Deletes what everybody has confirmed and nobody will ask for again.
    async fn sweep(&mut self) -> Result<(), RelayError> {
        let due = self.swept.is_none_or(|swept| swept.elapsed() >= SWEEP);
        let (Some(place), true) = (self.place, due) else {
            return Ok(());
        };
        let before = self
            .relay
            .clock
            .now()
            .checked_sub(self.relay.bus.keep().outbox)
            .unwrap_or(Timestamp::MIN);
        let more = sweep(&self.relay.db, place, before).await?;
        self.swept = (!more).then(Instant::now);
        Ok(())
    }
}

/// Deletes one portion of the events published before `before` that everybody has confirmed; whether there is more.
pub(super) async fn sweep(
    db: &PgPool,
    place: Place,
    before: Timestamp,
) -> Result<bool, sqlx::Error> {
    let mut conn = db.acquire().await?;
    // With no follower at all, what the stream has is all that was promised.
    let confirmed = store::audit::confirmed(&mut conn, place.incarnation)
        .await?
        .unwrap_or(place.last);
    let older = store::audit::others(&mut conn, place.incarnation).await?;
    drop(conn);
    let mut deleted =
        store::delete_confirmed(db, place.incarnation, confirmed, before, SWEPT).await?;
    for incarnation in older {
        // What nobody had confirmed there was put back when that stream was left.
        deleted += store::delete_confirmed(db, incarnation, i64::MAX, before, SWEPT).await?;
    }
    Ok(deleted > 0)
}

fn gauge(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}

impl From<Unpublished> for RelayError {
    fn from(error: Unpublished) -> Self {
        match error {
            Unpublished::Unanswered(source) => Self::Bus(source),
            Unpublished::Elsewhere => Self::Elsewhere,
            Unpublished::Refused(why) => Self::Bus(BusError::Unanswered(why.into())),
        }
    }
}
