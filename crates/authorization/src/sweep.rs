//! Deletes tokens that expired long ago. Until then they can be resolved, so that a cashier hears "expired".
//!
//! Several replicas may sweep at once: each row is deleted by one of them, and which one does not matter.

use std::error::Error;

use chassis::health::Progress;
use chassis::tasks::{BoxError, Stop};
use kernel::Clock;
use sqlx::PgPool;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::config;
use crate::store::{self, StoreError};

/// Deletes what is past its retention, again and again, until `stop` is requested.
pub async fn run(
    db: PgPool,
    config: config::Credential,
    clock: Clock,
    progress: Progress,
    stop: Stop,
) -> Result<(), BoxError> {
    while !stop.is_requested() {
        match sweep(&db, &config, &clock).await {
            Ok(0) => {}
            Ok(deleted) => info!(deleted, "deleted expired e-credentials"),
            Err(error) => {
                let error: &(dyn Error + 'static) = &error;
                warn!(error, "could not delete expired e-credentials");
            }
        }
        progress.made();
        tokio::select! {
            () = sleep(config.sweep.unsigned_abs()) => {}
            () = stop.requested() => {}
        }
    }
    Ok(())
}

/// Deletes what is past its retention now, batch by batch, and answers how many there were.
pub async fn sweep(
    db: &PgPool,
    config: &config::Credential,
    clock: &Clock,
) -> Result<u64, StoreError> {
    let before = clock
        .now()
        .checked_sub(config.retention)
        .unwrap_or(kernel::Timestamp::MIN);
    let mut deleted = 0_u64;
    loop {
        let mut conn = db.acquire().await?;
        let batch = store::delete_expired(&mut conn, before, config.sweep_batch).await?;
        if batch == 0 {
            return Ok(deleted);
        }
        deleted = deleted.saturating_add(batch);
    }
}
