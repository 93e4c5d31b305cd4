//! The consumer of one stream for one service. One process at a time, held by a lease.

use jiff::SignedDuration;
use kernel::Clock;
use sqlx::PgPool;

use super::batch::Desk;
use super::session::{Ended, Session};
use super::{Follow, Handle};
use crate::bus::{Bus, BusError, Durable};
use crate::health::Progress;
use crate::lease::Lease;
use crate::tasks::{BoxError, Stop};
use crate::trouble::Trouble;

/// How long a consumer may be silent before another one takes over.
const LEASE: SignedDuration = SignedDuration::from_secs(3);

/// Follows one stream.
#[derive(Debug)]
pub struct Consumer<H> {
    pub(super) db: PgPool,
    pub(super) bus: Bus,
    pub(super) durable: Durable,
    pub(super) handler: H,
    pub(super) clock: Clock,
    pub(super) progress: Progress,
}

/// Why a consumer cannot go on for now.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConsumerError {
    #[error("the inbox cannot be read or written")]
    Store(#[from] sqlx::Error),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("the deliveries ended")]
    Deliveries(#[source] BoxError),
}

impl<H: Handle> Consumer<H> {
    /// The consumer `consumer` (the name of this service) of what `follow` names. It works as soon as no other one
    /// of that name does.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a consumer, each of its own type, listed once per service"
    )]
    pub fn new(
        db: PgPool,
        bus: Bus,
        consumer: &'static str,
        follow: Follow,
        handler: H,
        clock: Clock,
        progress: Progress,
    ) -> Self {
        let durable = Durable {
            name: consumer,
            service: follow.service,
            subjects: follow.subjects,
        };
        Self {
            db,
            bus,
            durable,
            handler,
            clock,
            progress,
        }
    }

    /// Handles events until `stop` is requested. It never fails: what goes wrong is waited out.
    pub async fn run(self, stop: Stop) -> Result<(), BoxError> {
        let mut trouble = Trouble::of("consumer");
        let name = format!("consumer of {}", self.durable.service);
        let holder = format!("{} {}", self.durable.name, std::process::id());
        while !stop.is_requested() {
            let acquired = tokio::select! {
                acquired = Lease::acquire(&self.db, &name, &holder, LEASE) => acquired,
                () = stop.requested() => return Ok(()),
            };
            match acquired {
                Ok(Some(lease)) => self.serve(lease, &stop, &mut trouble).await,
                Ok(None) => self.progress.made(),
                Err(error) => {
                    self.rest(trouble.met(&ConsumerError::Store(error)), &stop)
                        .await;
                }
            }
        }
        Ok(())
    }

    /// Handles events until the lease is lost or `stop` is requested.
    async fn serve(&self, lease: Lease, stop: &Stop, trouble: &mut Trouble) {
        let mut session = Session::new(self, lease);
        while !stop.is_requested() {
            match session.run(stop, trouble).await {
                Ok(Ended::Stopped) => break,
                Ok(Ended::Rejoin) => {}
                Ok(Ended::LostLease) => {
                    tracing::warn!(
                        consumer = self.durable.name,
                        source = self.durable.service,
                        "another consumer has taken over"
                    );
                    return;
                }
                Err(error) => self.rest(trouble.met(&error), stop).await,
            }
        }
        if let Err(error) = session.release().await {
            tracing::debug!(%error, "the consumer's lease could not be released and will lapse");
        }
    }

    /// Waits for `pause`, for `stop`, or for the broker to come back.
    async fn rest(&self, pause: std::time::Duration, stop: &Stop) {
        let mut connections = self.bus.connections();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.requested() => {}
            _ = connections.changed() => {}
        }
    }

    pub(super) fn desk(&self) -> Desk<'_, H> {
        Desk {
            db: &self.db,
            consumer: self.durable.name,
            source: self.durable.service,
            handler: &self.handler,
        }
    }
}
