//! The statements of the inbox.

use std::collections::{HashMap, HashSet};

use jiff_sqlx::ToSqlx as _;
use kernel::{EventId, Timestamp};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Records events as handled, in the caller's transaction; those that were not handled before.
pub(super) async fn claim(
    conn: &mut PgConnection,
    consumer: &str,
    event_ids: &[Uuid],
    now: Timestamp,
) -> Result<HashSet<EventId>, sqlx::Error> {
    let fresh = sqlx::query_scalar!(
        r#"
        -- inbox.claim
        INSERT INTO inbox (consumer, event_id, handled_at)
        SELECT $1, event_id, $2 FROM UNNEST($3::uuid[]) AS event (event_id)
        ORDER BY event_id
        ON CONFLICT (consumer, event_id) DO NOTHING
        RETURNING event_id
        "#,
        consumer,
        now.to_sqlx() as _,
        event_ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(fresh.into_iter().map(EventId::from_uuid).collect())
}

/// How many lives began to handle these events and did not end it; events without any are left out.
pub(super) async fn lives(
    db: &PgPool,
    consumer: &str,
    event_ids: &[Uuid],
) -> Result<HashMap<EventId, i32>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        -- inbox.lives
        SELECT event_id, lives FROM inbox_attempt WHERE consumer = $1 AND event_id = ANY ($2::uuid[])
        "#,
        consumer,
        event_ids,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (EventId::from_uuid(row.event_id), row.lives))
        .collect())
}

/// Notes, before it happens, that this life begins to handle those of the events that are not handled yet.
pub(super) async fn begin(
    db: &PgPool,
    consumer: &str,
    event_ids: &[Uuid],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        -- inbox.begin
        INSERT INTO inbox_attempt (consumer, event_id, lives)
        SELECT DISTINCT $1, event_id, 1 FROM UNNEST($2::uuid[]) AS event (event_id)
        WHERE NOT EXISTS (SELECT FROM inbox WHERE inbox.consumer = $1 AND inbox.event_id = event.event_id)
        ON CONFLICT (consumer, event_id) DO UPDATE SET lives = inbox_attempt.lives + 1
        "#,
        consumer,
        event_ids,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets how often the handling of these events was begun: it has an outcome.
pub(super) async fn end(
    conn: &mut PgConnection,
    consumer: &str,
    event_ids: &[Uuid],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        -- inbox.end
        DELETE FROM inbox_attempt WHERE consumer = $1 AND event_id = ANY ($2::uuid[])
        "#,
        consumer,
        event_ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a portion of the rows older than `before`; how many.
pub(super) async fn delete_handled(
    db: &PgPool,
    before: Timestamp,
    limit: i64,
) -> Result<u64, sqlx::Error> {
    let deleted = sqlx::query!(
        r#"
        -- inbox.delete_handled
        DELETE FROM inbox
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM inbox WHERE handled_at < $1 LIMIT $2))
        "#,
        before.to_sqlx() as _,
        limit,
    )
    .execute(db)
    .await?;
    Ok(deleted.rows_affected())
}
