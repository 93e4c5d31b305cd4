//! Keeps the ledger's monthly partitions ahead of time, and forgets what is long expired.

use std::time::Duration;

use chassis::health::Progress;
use chassis::tasks::{BoxError, Stop};
use jiff::SignedDuration;
use kernel::Clock;
use kernel::clock::{business_day, shifted};
use sqlx::PgPool;

use crate::Retention;
use crate::store::movement::{has_strays, make_partitions};
use crate::store::{self, StoreError};

/// Makes the partitions of this month and of `ahead` more; `migrate` and the start of the service do it, too.
///
/// A movement whose month has no partition falls into the default one: nothing fails, and somebody is told.
pub async fn maintain(db: &PgPool, clock: &Clock, ahead: u8) -> Result<(), StoreError> {
    let months = i32::from(ahead).saturating_add(1);
    let made = make_partitions(db, business_day(clock.now()), months).await?;
    if made > 0 {
        tracing::info!(made, "the ledger has new monthly partitions");
    }
    if has_strays(db).await? {
        tracing::warn!(
            "movements lie in the ledger's default partition: a month had no partition of its own"
        );
    }
    Ok(())
}

/// Forgets what is past its retention; says how many rows that were.
///
/// # Errors
/// A statement failed; what it would have forgotten is forgotten the next time.
pub async fn forget(db: &PgPool, clock: &Clock, retention: Retention) -> Result<u64, StoreError> {
    let kept = retention.quotes.max(SignedDuration::ZERO);
    store::quote::sweep(db, shifted(clock.now(), -kept)).await
}

/// Maintains every `pause` until it is stopped. A failure is told and tried again: months ahead are there already.
pub(crate) async fn run(
    (db, clock, ahead, retention): (PgPool, Clock, u8, Retention),
    pause: Duration,
    progress: Progress,
    stop: Stop,
) -> Result<(), BoxError> {
    loop {
        progress.made();
        tokio::select! {
            () = stop.requested() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        if let Err(error) = maintain(&db, &clock, ahead).await {
            tracing::error!(error = %chassis::telemetry::Chain(&error), "the ledger's partitions could not be looked after");
        }
        if let Err(error) = forget(&db, &clock, retention).await {
            tracing::error!(error = %chassis::telemetry::Chain(&error), "expired quotes could not be swept");
        }
    }
}
