//! The connections of the writer: how they plan their statements, and which chain of blocks each of them makes longer.

use jiff_sqlx::ToSqlx;
use kernel::Timestamp;
use sqlx::PgConnection;

use super::{StoreError, word};
use crate::seal::{Block, Digest, Head};

/// Makes a connection plan each statement once, and always by keys.
///
/// Every statement of a batch finds its rows by key, whatever the number of commands, so planning it again for each batch
/// gains nothing and costs as much as running it. Without sequential scans a plan that was made while a table was small
/// stays right when it has grown.
pub async fn prepare(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        -- settlement.prepare_lane
        SELECT set_config('plan_cache_mode', 'force_generic_plan', false) AS plans,
               set_config('enable_seqscan', 'off', false) AS scans
        "#,
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// The first half of the advisory locks by which connections hold lanes; the other half is the lane.
const HELD: i32 = 0x676a;

/// Takes the first lane that no connection holds, and reads where its chain ends. It is held until the connection ends.
///
/// Holding it only spares collisions: what makes a fork impossible is that [`seal`] compares the head it builds upon.
pub async fn take(conn: &mut PgConnection) -> Result<Head, StoreError> {
    loop {
        let lanes = sqlx::query_scalar!(
            r#"
            -- settlement.lanes
            SELECT lane FROM lane ORDER BY lane
            "#,
        )
        .fetch_all(&mut *conn)
        .await?;
        for &lane in &lanes {
            if hold(conn, lane).await? {
                return head(conn, lane).await;
            }
        }
        // All are taken: another replica is at work, or a connection that is gone has not been noticed yet.
        sqlx::query!(
            r#"
            -- settlement.open_lane
            INSERT INTO lane (lane) VALUES ($1) ON CONFLICT DO NOTHING
            "#,
            lanes.last().copied().unwrap_or(0).saturating_add(1),
        )
        .execute(&mut *conn)
        .await?;
    }
}

async fn hold(conn: &mut PgConnection, lane: i16) -> Result<bool, StoreError> {
    let held = sqlx::query_scalar!(
        r#"
        -- settlement.hold_lane
        SELECT pg_try_advisory_lock($1, $2) AS "held!"
        "#,
        HELD,
        i32::from(lane),
    )
    .fetch_one(conn)
    .await?;
    Ok(held)
}

async fn head(conn: &mut PgConnection, lane: i16) -> Result<Head, StoreError> {
    let row = sqlx::query!(
        r#"
        -- settlement.head_of_lane
        SELECT height, hash FROM lane WHERE lane = $1
        "#,
        lane,
    )
    .fetch_one(conn)
    .await?;
    let hash = row.hash.try_into().ok();
    Ok(Head {
        lane,
        height: row.height,
        hash: word("lane", "hash", lane, hash)?,
    })
}

/// Puts a block on top of its lane, which is locked by this, last of all. `false`: the chain does not end where the block thinks
/// it does; nothing was written, and the batch must not be committed.
pub async fn seal(
    conn: &mut PgConnection,
    block: &Block,
    hash: &Digest,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.seal
        WITH head AS (
            UPDATE lane SET height = $2::bigint, hash = $4
            WHERE lane = $1 AND height = $2::bigint - 1 AND hash = $3
            RETURNING lane
        )
        INSERT INTO block (lane, height, previous, hash, entries, movements, settlements, refunds, posted_at)
        SELECT lane, $2, $3, $4, $5, $6, $7, $8, $9 FROM head
        "#,
        block.place.lane,
        block.place.height,
        &block.previous,
        hash,
        &block.contents.entries,
        block.contents.movements,
        block.contents.settlements,
        block.contents.refunds,
        at.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
