//! Keeps the ledger's monthly partitions ahead of time, and forgets what is long expired.

use std::time::Duration;

use chassis::health::Progress;
use chassis::tasks::{BoxError, Stop};
use kernel::Clock;
use kernel::clock::{business_day, shifted};
use sqlx::PgPool;

use crate::quote;
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

/// Maintains every `pause` until it is stopped. A failure is told and tried again: months ahead are there already.
pub(crate) async fn run(
    (db, clock, ahead): (PgPool, Clock, u8),
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
        let end = shifted(clock.now(), -quote::KEPT);
        if let Err(error) = store::quote::sweep(&db, end).await {
            tracing::error!(error = %chassis::telemetry::Chain(&error), "expired quotes could not be swept");
        }
    }
}
