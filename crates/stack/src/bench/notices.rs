//! How long after a charge its notices are stored.

use sqlx::PgConnection;

use super::BenchError;

/// Milliseconds from the decision of a charge to its notice being stored, over all notices of the run.
///
/// The decision is taken before the charge is committed and the other time before the notice is, so each of the two commits counts
/// once: the first is in it, the second is not.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Notices {
    pub median: f64,
    pub p99: f64,
    pub longest: f64,
}

impl Notices {
    /// Reads it from what notification has stored.
    pub async fn of(notification: &mut PgConnection) -> Result<Self, BenchError> {
        sqlx::query_as(
            "-- bench.notice_delay
             SELECT coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY ms), 0) AS median,
                    coalesce(percentile_disc(0.99) WITHIN GROUP (ORDER BY ms), 0) AS p99,
                    coalesce(max(ms), 0) AS longest
             FROM (SELECT extract(epoch FROM stored_at - happened_at)::float8 * 1000 AS ms FROM notice) AS delay",
        )
        .fetch_one(notification)
        .await
        .map_err(BenchError::sql("ask how long notices took"))
    }
}
