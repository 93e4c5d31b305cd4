//! How the outbox stands, for people and for alarms.

use kernel::Timestamp;
use sqlx::PgPool;

use super::store;

/// How the outbox stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How many events are recorded and not published.
    pub pending: i64,
    /// When the oldest of them happened.
    pub oldest: Option<Timestamp>,
    /// How many events are published and kept.
    pub kept: i64,
    /// The last number the stream gave when it was last audited; none before the first audit.
    pub last_sequence: Option<i64>,
    /// How often the stream lost its end, and once for the first.
    pub generation: Option<i64>,
    /// When it was last audited.
    pub audited_at: Option<Timestamp>,
    /// Everybody who ever followed.
    pub followers: Vec<Follower>,
}

/// How far a follower has confirmed the present stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// Its durable name.
    pub durable: String,
    /// Everything up to this number is confirmed; none if it has not been seen on this stream.
    pub floor: Option<i64>,
    /// When it was last seen, on any stream.
    pub seen_at: Timestamp,
}

/// How the outbox stands now.
pub async fn status(db: &PgPool) -> Result<Status, sqlx::Error> {
    let backlog = store::backlog(db, &[]).await?;
    let stream = store::audit::summary(db).await?;
    Ok(Status {
        pending: backlog.events,
        oldest: backlog.oldest,
        kept: stream.kept,
        last_sequence: stream.last_sequence,
        generation: stream.generation,
        audited_at: stream.audited_at.map(jiff_sqlx::Timestamp::to_jiff),
        followers: store::audit::followers(db).await?,
    })
}
