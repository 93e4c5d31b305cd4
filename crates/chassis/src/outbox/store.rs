//! The statements of the outbox. Each keeps its tables in step by itself: an event is pending or published, never both.

pub(super) mod audit;

use bytes::Bytes;
use jiff_sqlx::ToSqlx as _;
use kernel::{EventId, Timestamp};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::Entry;
use super::audit::Place;

/// An event that is to be published.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) position: i64,
    /// The stream had it and lost it.
    pub(super) lost: bool,
    pub(super) event_id: EventId,
    pub(super) subject: String,
    pub(super) key: String,
    pub(super) body: Bytes,
    pub(super) occurred_at: Timestamp,
    pub(super) trace_parent: Option<String>,
}

/// An event that the stream has, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) position: i64,
    pub(super) sequence: i64,
}

/// What waits to be published.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backlog {
    pub(super) events: i64,
    /// When the oldest that nothing holds up happened.
    pub(super) oldest: Option<Timestamp>,
}

/// Records events and puts them into the pending set, in their order.
pub(super) async fn insert(conn: &mut PgConnection, entries: &[Entry]) -> Result<(), sqlx::Error> {
    let event_ids: Vec<Uuid> = entries.iter().map(|entry| entry.id.uuid()).collect();
    let subjects: Vec<&str> = entries.iter().map(|entry| entry.subject).collect();
    let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let bodies: Vec<&[u8]> = entries.iter().map(|entry| entry.body.as_ref()).collect();
    let times: Vec<jiff_sqlx::Timestamp> = entries
        .iter()
        .map(|entry| entry.occurred_at.to_sqlx())
        .collect();
    let traces: Vec<Option<&str>> = entries
        .iter()
        .map(|entry| entry.trace_parent.as_deref())
        .collect();
    sqlx::query!(
        r#"
        -- outbox.insert
        WITH recorded AS (
            INSERT INTO outbox (event_id, subject, key, body, occurred_at, trace_parent)
            SELECT event_id, subject, key, body, occurred_at, trace_parent
            FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::timestamptz[], $6::text[])
                WITH ORDINALITY AS entry (event_id, subject, key, body, occurred_at, trace_parent, nth)
            ORDER BY nth
            RETURNING position, key
        )
        INSERT INTO outbox_pending (position, key) SELECT position, key FROM recorded
        "#,
        &event_ids,
        &subjects as _,
        &keys as _,
        &bodies as _,
        &times as _,
        &traces as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many events are pending.
pub(super) async fn count_pending(db: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        -- outbox.count_pending
        SELECT count(*) AS "count!" FROM outbox_pending
        "#
    )
    .fetch_one(db)
    .await
}

/// The backlog; what is held up does not count as old.
pub(super) async fn backlog(db: &PgPool, blocked: &[String]) -> Result<Backlog, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        -- outbox.backlog
        SELECT
            (SELECT count(*) FROM outbox_pending) AS "events!",
            (
                SELECT occurred_at FROM outbox
                WHERE position = (
                    SELECT position FROM outbox_pending WHERE key <> ALL ($1::text[]) ORDER BY position LIMIT 1
                )
            ) AS oldest
        "#,
        blocked,
    )
    .fetch_one(db)
    .await?;
    Ok(Backlog {
        events: row.events,
        oldest: row.oldest.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

/// The pending events to publish next, in the order of their positions, except those of `blocked` keys.
pub(super) async fn next(
    db: &PgPool,
    blocked: &[String],
    limit: i64,
) -> Result<Vec<Pending>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        -- outbox.next
        SELECT
            next.position, next.lost, outbox.event_id, outbox.subject, outbox.key, outbox.body, outbox.occurred_at,
            outbox.trace_parent
        FROM (
            SELECT position, lost FROM outbox_pending
            WHERE key <> ALL ($1::text[])
            ORDER BY position
            LIMIT $2
        ) AS next
        JOIN outbox ON outbox.position = next.position
        ORDER BY next.position
        "#,
        blocked,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Pending {
            position: row.position,
            lost: row.lost,
            event_id: EventId::from_uuid(row.event_id),
            subject: row.subject,
            key: row.key,
            body: row.body.into(),
            occurred_at: row.occurred_at.to_jiff(),
            trace_parent: row.trace_parent,
        })
        .collect())
}

/// Moves events from the pending set to where `place` has them.
///
/// If the audit has found meanwhile that this stream is gone or lost its end, nothing moves, and they are published
/// again: the row of the stream is locked so that the two cannot miss each other.
pub(super) async fn mark(
    db: &PgPool,
    place: Place,
    told: &[Told],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let positions: Vec<i64> = told.iter().map(|one| one.position).collect();
    let sequences: Vec<i64> = told.iter().map(|one| one.sequence).collect();
    sqlx::query!(
        r#"
        -- outbox.mark
        WITH stream AS (
            SELECT incarnation FROM outbox_stream
            WHERE incarnation = $1 AND generation = $2 AND current
            FOR SHARE
        ), told AS (
            SELECT stream.incarnation, told.position, told.sequence
            FROM stream, UNNEST($3::bigint[], $4::bigint[]) AS told (position, sequence)
        ), gone AS (
            DELETE FROM outbox_pending USING told
            WHERE outbox_pending.position = told.position
            RETURNING told.incarnation, told.position, told.sequence
        )
        INSERT INTO outbox_published (incarnation, sequence, position, published_at)
        SELECT incarnation, sequence, position, $5 FROM gone
        ON CONFLICT (incarnation, sequence) DO NOTHING
        "#,
        place.incarnation,
        place.generation,
        &positions,
        &sequences,
        now.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes published events that everybody has confirmed (`floor`) and that are older than `before`; a few at a time,
/// the oldest first. How many they were.
pub(super) async fn delete_confirmed(
    db: &PgPool,
    incarnation: i64,
    floor: i64,
    before: Timestamp,
    limit: i64,
) -> Result<u64, sqlx::Error> {
    let deleted = sqlx::query!(
        r#"
        -- outbox.delete_confirmed
        WITH head AS (
            SELECT sequence, published_at FROM outbox_published
            WHERE incarnation = $1 AND sequence <= $2
            ORDER BY sequence
            LIMIT $4
        ), gone AS (
            DELETE FROM outbox_published USING head
            WHERE outbox_published.incarnation = $1
              AND outbox_published.sequence = head.sequence
              AND head.published_at < $3
            RETURNING outbox_published.position
        )
        DELETE FROM outbox USING gone WHERE outbox.position = gone.position
        "#,
        incarnation,
        floor,
        before.to_sqlx() as _,
        limit,
    )
    .execute(db)
    .await?;
    Ok(deleted.rows_affected())
}

/// Forgets that a follower was ever seen.
pub(super) async fn forget_follower(db: &PgPool, durable: &str) -> Result<bool, sqlx::Error> {
    let deleted = sqlx::query!(
        r#"
        -- outbox.forget_follower
        DELETE FROM outbox_follower WHERE durable = $1
        "#,
        durable,
    )
    .execute(db)
    .await?;
    Ok(deleted.rows_affected() > 0)
}
