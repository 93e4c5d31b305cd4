//! The short wait of an answer for settlement's fence (rulings 14 and 15 of the design).
//!
//! It looks at its own row and listens to nothing: the replica that consumes the fence may be another one. The wait is
//! measured by the machine's clock, because a person waits, not a business day.

use std::error::Error;

use sqlx::PgPool;
use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::config::Fence;
use crate::mandate::Mandate;
use crate::store::{self, StoreError};

/// The mandate as it stands when its tightening is complete, or when the time is up.
///
/// What was decided is committed already, so a failing look is no reason to fail: the answer is what is known.
pub async fn until_fenced(db: &PgPool, mut mandate: Mandate, fence: &Fence) -> Mandate {
    let deadline = Instant::now() + fence.wait.unsigned_abs();
    while mandate.awaits_fence() && Instant::now() < deadline {
        sleep(fence.poll.unsigned_abs()).await;
        match look(db, &mandate).await {
            Ok(Some(now)) => mandate = now,
            Ok(None) => break,
            Err(error) => {
                let error: &(dyn Error + 'static) = &error;
                warn!(error, "could not look whether a mandate was fenced");
                break;
            }
        }
    }
    mandate
}

async fn look(db: &PgPool, mandate: &Mandate) -> Result<Option<Mandate>, StoreError> {
    let mut conn = db.acquire().await?;
    store::find(&mut conn, mandate.facts().binding_id).await
}
