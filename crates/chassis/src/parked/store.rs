//! The statements of parked events.

use jiff_sqlx::ToSqlx as _;
use kernel::{EventId, Timestamp};
use sqlx::{PgConnection, PgPool};

use super::{Parked, Reason};
use crate::db::Corrupt;
use crate::inbox::Delivery;

/// Parks an event, in the transaction that records it as handled.
pub(crate) async fn insert(conn: &mut PgConnection, parked: &Parked) -> Result<(), sqlx::Error> {
    let delivery = &parked.delivery;
    sqlx::query!(
        r#"
        -- parked.insert
        INSERT INTO parked (
            consumer, event_id, source, subject, key, payload, headers, occurred_at, trace_parent, reason, error_chain,
            parked_at
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (consumer, event_id) DO NOTHING
        "#,
        parked.consumer,
        delivery.event_id.uuid(),
        parked.source,
        delivery.subject,
        delivery.key,
        delivery.payload.as_ref(),
        parked.headers,
        delivery.occurred_at.to_sqlx() as _,
        delivery.trace_parent,
        parked.reason.word(),
        &parked.error_chain,
        parked.parked_at.to_sqlx() as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is parked and was not replayed.
pub(super) async fn list(db: &PgPool, limit: i64) -> Result<Vec<Parked>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        -- parked.list
        SELECT
            consumer, event_id, source, subject, key, payload, headers, occurred_at, trace_parent, reason, error_chain,
            parked_at, replay_requested_at
        FROM parked
        WHERE replayed_at IS NULL
        ORDER BY parked_at, event_id
        LIMIT $1
        "#,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Parked {
                reason: Reason::of(&row.reason).ok_or_else(|| {
                    sqlx::Error::Decode(
                        Corrupt::new("parked", "reason", EventId::from_uuid(row.event_id)).into(),
                    )
                })?,
                consumer: row.consumer,
                source: row.source,
                delivery: Delivery {
                    event_id: EventId::from_uuid(row.event_id),
                    subject: row.subject,
                    key: row.key,
                    payload: row.payload.into(),
                    occurred_at: row.occurred_at.to_jiff(),
                    trace_parent: row.trace_parent,
                },
                headers: row.headers,
                error_chain: row.error_chain,
                parked_at: row.parked_at.to_jiff(),
                replay_requested_at: row.replay_requested_at.map(jiff_sqlx::Timestamp::to_jiff),
            })
        })
        .collect()
}

/// How many events are parked and were not replayed.
pub(super) async fn count(db: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        -- parked.count
        SELECT count(*) AS "count!" FROM parked WHERE replayed_at IS NULL
        "#
    )
    .fetch_one(db)
    .await
}

/// Notes the wish to handle one event again.
pub(super) async fn request_one(
    db: &PgPool,
    consumer: &str,
    event_id: EventId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let updated = sqlx::query!(
        r#"
        -- parked.request_one
        UPDATE parked SET replay_requested_at = $3
        WHERE consumer = $1 AND event_id = $2 AND replayed_at IS NULL
        "#,
        consumer,
        event_id.uuid(),
        now.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Notes the wish to handle all events of a consumer again.
pub(super) async fn request_all(
    db: &PgPool,
    consumer: &str,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query!(
        r#"
        -- parked.request_all
        UPDATE parked SET replay_requested_at = $2 WHERE consumer = $1 AND replayed_at IS NULL
        "#,
        consumer,
        now.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(updated.rows_affected())
}

/// The next event of `source` that `consumer` is to handle again, locked until the caller's transaction ends.
pub(crate) async fn next_request(
    conn: &mut PgConnection,
    consumer: &str,
    source: &str,
) -> Result<Option<Delivery>, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        -- parked.next_request
        SELECT event_id, subject, key, payload, occurred_at, trace_parent
        FROM parked
        WHERE consumer = $1 AND source = $2 AND replayed_at IS NULL AND replay_requested_at IS NOT NULL
        ORDER BY replay_requested_at, occurred_at, event_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
        "#,
        consumer,
        source,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Delivery {
        event_id: EventId::from_uuid(row.event_id),
        subject: row.subject,
        key: row.key,
        payload: row.payload.into(),
        occurred_at: row.occurred_at.to_jiff(),
        trace_parent: row.trace_parent,
    }))
}

/// Notes that an event was replayed, in the transaction with its effect.
pub(crate) async fn finish(
    conn: &mut PgConnection,
    consumer: &str,
    event_id: EventId,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        -- parked.finish
        UPDATE parked SET replayed_at = $3 WHERE consumer = $1 AND event_id = $2
        "#,
        consumer,
        event_id.uuid(),
        now.to_sqlx() as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that a replay failed as well, and why; it has to be asked for again.
pub(crate) async fn refuse(
    db: &PgPool,
    consumer: &str,
    event_id: EventId,
    error_chain: &[String],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        -- parked.refuse
        UPDATE parked SET replay_requested_at = NULL, error_chain = $3
        WHERE consumer = $1 AND event_id = $2 AND replayed_at IS NULL
        "#,
        consumer,
        event_id.uuid(),
        error_chain,
    )
    .execute(db)
    .await?;
    Ok(())
}
