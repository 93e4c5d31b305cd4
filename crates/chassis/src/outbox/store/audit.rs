//! The statements with which the outbox is compared with the stream.

use jiff_sqlx::ToSqlx as _;
use kernel::Timestamp;
use sqlx::{PgConnection, PgPool};

use crate::bus;
use crate::outbox::Follower;

/// A stream this service has published to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) incarnation: i64,
    pub(crate) generation: i64,
    pub(crate) last_sequence: i64,
}

/// The stream that is published to.
pub(crate) async fn current(db: &PgPool) -> Result<Option<Stream>, sqlx::Error> {
    sqlx::query_as!(
        Stream,
        r#"
        -- outbox.current_stream
        SELECT incarnation, generation, last_sequence FROM outbox_stream WHERE current
        "#
    )
    .fetch_optional(db)
    .await
}

/// Keeps everybody from marking events as published until the caller's transaction ends.
pub(crate) async fn lock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        -- outbox.lock_streams
        SELECT incarnation FROM outbox_stream WHERE current FOR UPDATE
        "#
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// The other streams this service has published to.
pub(crate) async fn others(
    conn: &mut PgConnection,
    incarnation: i64,
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        -- outbox.other_streams
        SELECT incarnation FROM outbox_stream WHERE incarnation <> $1
        "#,
        incarnation,
    )
    .fetch_all(conn)
    .await
}

/// The highest sequence that this stream is known to have given.
pub(crate) async fn highest(conn: &mut PgConnection, incarnation: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        -- outbox.highest_sequence
        SELECT greatest(
            (SELECT last_sequence FROM outbox_stream WHERE incarnation = $1),
            (SELECT max(sequence) FROM outbox_published WHERE incarnation = $1),
            0
        ) AS "highest!"
        "#,
        incarnation,
    )
    .fetch_one(conn)
    .await
}

/// Notes that `stream` is the one that is published to.
pub(crate) async fn save(
    conn: &mut PgConnection,
    stream: &Stream,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        -- outbox.leave_streams
        UPDATE outbox_stream SET current = false WHERE current AND incarnation <> $1
        "#,
        stream.incarnation,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        -- outbox.save_stream
        INSERT INTO outbox_stream (incarnation, generation, last_sequence, current, audited_at)
        VALUES ($1, $2, $3, true, $4)
        ON CONFLICT (incarnation) DO UPDATE
            SET generation = EXCLUDED.generation, last_sequence = EXCLUDED.last_sequence, current = true,
                audited_at = EXCLUDED.audited_at
        "#,
        stream.incarnation,
        stream.generation,
        stream.last_sequence,
        now.to_sqlx() as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes how far each follower has come. What was confirmed once stays confirmed.
pub(crate) async fn note_followers(
    conn: &mut PgConnection,
    incarnation: i64,
    followers: &[bus::Follower],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let durables: Vec<&str> = followers.iter().map(|one| one.durable.as_str()).collect();
    let floors: Vec<i64> = followers.iter().map(|one| one.floor).collect();
    sqlx::query!(
        r#"
        -- outbox.note_followers
        INSERT INTO outbox_follower (durable, incarnation, floor, seen_at)
        SELECT durable, $1, floor, $2 FROM UNNEST($3::text[], $4::bigint[]) AS seen (durable, floor)
        ON CONFLICT (durable, incarnation) DO UPDATE
            SET floor = greatest(outbox_follower.floor, EXCLUDED.floor), seen_at = EXCLUDED.seen_at
        "#,
        incarnation,
        now.to_sqlx() as _,
        &durables as _,
        &floors,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes back what was confirmed above `last`: those numbers will be given again.
pub(crate) async fn lower_floors(
    conn: &mut PgConnection,
    incarnation: i64,
    last: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        -- outbox.lower_floors
        UPDATE outbox_follower SET floor = $2 WHERE incarnation = $1 AND floor > $2
        "#,
        incarnation,
        last,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Up to where every follower that was ever seen has confirmed this stream; none if nobody was ever seen.
pub(crate) async fn confirmed(
    conn: &mut PgConnection,
    incarnation: i64,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        -- outbox.confirmed
        SELECT min(coalesce(here.floor, 0))
        FROM (SELECT DISTINCT durable FROM outbox_follower) AS ever
        LEFT JOIN outbox_follower AS here ON here.durable = ever.durable AND here.incarnation = $1
        "#,
        incarnation,
    )
    .fetch_one(conn)
    .await
}

/// Puts what was published above `after` and up to `upto` back into the pending set. How many they were.
pub(crate) async fn put_back(
    conn: &mut PgConnection,
    incarnation: i64,
    after: i64,
    upto: i64,
) -> Result<u64, sqlx::Error> {
    let put_back = sqlx::query!(
        r#"
        -- outbox.put_back
        WITH gone AS (
            DELETE FROM outbox_published
            WHERE incarnation = $1 AND sequence > $2 AND sequence <= $3
            RETURNING position
        )
        INSERT INTO outbox_pending (position, key, lost)
        SELECT outbox.position, outbox.key, true FROM gone JOIN outbox ON outbox.position = gone.position
        ON CONFLICT (position) DO NOTHING
        "#,
        incarnation,
        after,
        upto,
    )
    .execute(conn)
    .await?;
    Ok(put_back.rows_affected())
}

/// Puts what was published as one of `sequences` back into the pending set. How many they were.
pub(crate) async fn put_back_these(
    conn: &mut PgConnection,
    incarnation: i64,
    sequences: &[i64],
) -> Result<u64, sqlx::Error> {
    let put_back = sqlx::query!(
        r#"
        -- outbox.put_back_these
        WITH gone AS (
            DELETE FROM outbox_published
            WHERE incarnation = $1 AND sequence = ANY ($2::bigint[])
            RETURNING position
        )
        INSERT INTO outbox_pending (position, key, lost)
        SELECT outbox.position, outbox.key, true FROM gone JOIN outbox ON outbox.position = gone.position
        ON CONFLICT (position) DO NOTHING
        "#,
        incarnation,
        sequences,
    )
    .execute(conn)
    .await?;
    Ok(put_back.rows_affected())
}

/// What is known about the stream that is published to.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) kept: i64,
    pub(crate) last_sequence: Option<i64>,
    pub(crate) generation: Option<i64>,
    pub(crate) audited_at: Option<jiff_sqlx::Timestamp>,
}

/// What is known about the stream that is published to, and how many published events are kept.
pub(crate) async fn summary(db: &PgPool) -> Result<Summary, sqlx::Error> {
    sqlx::query_as!(
        Summary,
        r#"
        -- outbox.summary
        SELECT
            (SELECT count(*) FROM outbox_published) AS "kept!",
            (SELECT last_sequence FROM outbox_stream WHERE current) AS last_sequence,
            (SELECT generation FROM outbox_stream WHERE current) AS generation,
            (SELECT audited_at FROM outbox_stream WHERE current) AS audited_at
        "#
    )
    .fetch_one(db)
    .await
}

/// Everybody who ever followed, and how far they have confirmed the stream that is published to.
pub(crate) async fn followers(db: &PgPool) -> Result<Vec<Follower>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        -- outbox.followers
        SELECT
            ever.durable,
            max(ever.seen_at) AS "seen_at!",
            max(ever.floor) FILTER (WHERE stream.current) AS floor
        FROM outbox_follower AS ever
        LEFT JOIN outbox_stream AS stream ON stream.incarnation = ever.incarnation
        GROUP BY ever.durable
        ORDER BY ever.durable
        "#
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Follower {
            durable: row.durable,
            floor: row.floor,
            seen_at: row.seen_at.to_jiff(),
        })
        .collect())
}
