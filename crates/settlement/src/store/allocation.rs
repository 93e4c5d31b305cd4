//! Credits that were posted: the key of their idempotency, and what they said.

use std::collections::{BTreeMap, BTreeSet};

use jiff_sqlx::ToSqlx;
use kernel::{AccountId, AllocationId, Bucket, Fen, Timestamp};
use sqlx::{PgConnection, PgExecutor};

use super::{StoreError, column, touched, word};
use crate::command::{Allocate, AllocationKind};

/// Claims allocation ids, sorted and each once; says which were free.
pub async fn claim(
    conn: &mut PgConnection,
    claims: &[&Allocate],
    at: Timestamp,
) -> Result<BTreeSet<AllocationId>, StoreError> {
    let free = sqlx::query_scalar!(
        r#"
        -- settlement.claim_allocations
        INSERT INTO allocation (allocation_id, account_id, kind, bucket, amount_fen, period, posted_at)
        SELECT told.*, $7
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[]) AS told
        ON CONFLICT DO NOTHING
        RETURNING allocation_id
        "#,
        &column(claims, |claim| claim.id.uuid()),
        &column(claims, |claim| claim.account.uuid()),
        &column(claims, |claim| claim.kind.code().to_owned()),
        &column(claims, |claim| claim.bucket.to_string()),
        &column(claims, |claim| claim.amount.get()),
        &column(claims, |claim| claim.period.clone()),
        at.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    Ok(free.into_iter().map(AllocationId::from_uuid).collect())
}

/// Records allocations that were made here, each with an id of its own.
pub async fn record(
    conn: &mut PgConnection,
    made: &[&Allocate],
    at: Timestamp,
) -> Result<(), StoreError> {
    let free = claim(conn, made, at).await?;
    touched(
        "settlement.claim_allocations",
        u64::try_from(free.len()).unwrap_or(u64::MAX),
        made.len(),
    )
}

/// What these allocations said when they were posted.
pub async fn earlier(
    conn: &mut PgConnection,
    ids: &[AllocationId],
) -> Result<BTreeMap<AllocationId, Allocate>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.earlier_allocations
        SELECT allocation_id, account_id, kind, bucket, amount_fen, period FROM allocation WHERE allocation_id = ANY ($1)
        "#,
        &column(ids, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let id = AllocationId::from_uuid(row.allocation_id);
        let allocate = Allocate {
            id,
            account: AccountId::from_uuid(row.account_id),
            kind: word(
                "allocation",
                "kind",
                id,
                AllocationKind::from_code(&row.kind),
            )?,
            bucket: word("allocation", "bucket", id, Bucket::from_code(&row.bucket))?,
            amount: Fen::new(row.amount_fen),
            period: row.period,
        };
        found.insert(id, allocate);
    }
    Ok(found)
}

/// Frees allocation ids that this very transaction claimed.
pub async fn release(conn: &mut PgConnection, ids: &[AllocationId]) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.release_allocations
        DELETE FROM allocation WHERE allocation_id = ANY ($1)
        "#,
        &column(ids, |id| id.uuid()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether one of these was posted.
pub async fn landed(db: impl PgExecutor<'_>, ids: &[AllocationId]) -> Result<bool, StoreError> {
    let landed = sqlx::query_scalar!(
        r#"
        -- settlement.landed_allocations
        SELECT EXISTS (SELECT FROM allocation WHERE allocation_id = ANY ($1)) AS "landed!"
        "#,
        &column(ids, |id| id.uuid()),
    )
    .fetch_one(db)
    .await?;
    Ok(landed)
}
