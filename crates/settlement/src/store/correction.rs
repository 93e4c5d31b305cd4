//! Corrections: proposed, then approved or rejected.

use std::collections::BTreeMap;

use jiff_sqlx::ToSqlx;
use kernel::{AccountId, AllocationId, Bucket, Fen, Timestamp};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{StoreError, column, touched, word};
use crate::command::Origin;
use crate::correction::{Proposal, Standing};

struct Row {
    allocation_id: Uuid,
    account_id: Uuid,
    bucket: String,
    amount_fen: i64,
    note: String,
    state: String,
    proposed_by: String,
}

impl TryFrom<Row> for Proposal {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = AllocationId::from_uuid(row.allocation_id);
        Ok(Self {
            id,
            account: AccountId::from_uuid(row.account_id),
            bucket: word("correction", "bucket", id, Bucket::from_code(&row.bucket))?,
            amount: Fen::new(row.amount_fen),
            note: row.note,
            standing: word("correction", "state", id, Standing::from_code(&row.state))?,
            proposed_by: row.proposed_by,
        })
    }
}

/// Locks proposals, sorted: together with settlements, before any account.
pub async fn lock(
    conn: &mut PgConnection,
    ids: &[AllocationId],
) -> Result<BTreeMap<AllocationId, Proposal>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.lock_corrections
        SELECT allocation_id, account_id, bucket, amount_fen, note, state, proposed_by
        FROM correction WHERE allocation_id = ANY ($1) ORDER BY allocation_id FOR UPDATE
        "#,
        &column(ids, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Proposal::try_from(row).map(|proposal| (proposal.id, proposal)))
        .collect()
}

/// Notes who approved these.
pub async fn approve(
    conn: &mut PgConnection,
    approved: &[(AllocationId, &Origin)],
    at: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.approve_corrections
        UPDATE correction SET state = 'APPROVED', decided_by = approved.decided_by, decided_at = $3
        FROM unnest($1::uuid[], $2::text[]) AS approved (allocation_id, decided_by)
        WHERE correction.allocation_id = ANY ($1) AND correction.allocation_id = approved.allocation_id
            AND state = 'PROPOSED'
        "#,
        &column(approved, |(id, _)| id.uuid()),
        &column(approved, |(_, origin)| origin.caller.clone()),
        at.to_sqlx(),
    )
    .execute(conn)
    .await?;
    touched(
        "settlement.approve_corrections",
        done.rows_affected(),
        approved.len(),
    )
}

/// Writes a proposal down; `false` if there is one with this id.
pub async fn propose(
    db: impl PgExecutor<'_>,
    proposal: &Proposal,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.propose_correction
        INSERT INTO correction (allocation_id, account_id, bucket, amount_fen, note, state, proposed_by, proposed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT DO NOTHING
        "#,
        proposal.id.uuid(),
        proposal.account.uuid(),
        proposal.bucket.to_string(),
        proposal.amount.get(),
        &proposal.note,
        proposal.standing.code(),
        &proposal.proposed_by,
        at.to_sqlx(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Rejects a proposal that is open; `false` if it is not.
pub async fn reject(
    db: impl PgExecutor<'_>,
    id: AllocationId,
    operator: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.reject_correction
        UPDATE correction SET state = 'REJECTED', decided_by = $2, decided_at = $3
        WHERE allocation_id = $1 AND state = 'PROPOSED'
        "#,
        id.uuid(),
        operator,
        at.to_sqlx(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A proposal and what became of it.
#[derive(Debug)]
pub struct Seen {
    pub allocation_id: Uuid,
    pub account_id: Uuid,
    pub bucket: String,
    pub amount_fen: i64,
    pub note: String,
    pub state: String,
    pub proposed_by: String,
    pub proposed_at: jiff_sqlx::Timestamp,
    pub decided_by: Option<String>,
    pub decided_at: Option<jiff_sqlx::Timestamp>,
}

/// One correction.
pub async fn find(db: impl PgExecutor<'_>, id: AllocationId) -> Result<Option<Seen>, StoreError> {
    let found = sqlx::query_as!(
        Seen,
        r#"
        -- settlement.find_correction
        SELECT allocation_id, account_id, bucket, amount_fen, note, state, proposed_by,
               proposed_at AS "proposed_at: jiff_sqlx::Timestamp", decided_by,
               decided_at AS "decided_at: jiff_sqlx::Timestamp"
        FROM correction WHERE allocation_id = $1
        "#,
        id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(found)
}

/// A page of corrections older than `before`, newest first; only open ones if `open`.
pub async fn page(
    db: impl PgExecutor<'_>,
    before: Option<AllocationId>,
    open: bool,
    size: i64,
) -> Result<Vec<Seen>, StoreError> {
    let rows = sqlx::query_as!(
        Seen,
        r#"
        -- settlement.page_of_corrections
        SELECT allocation_id, account_id, bucket, amount_fen, note, state, proposed_by,
               proposed_at AS "proposed_at: jiff_sqlx::Timestamp", decided_by,
               decided_at AS "decided_at: jiff_sqlx::Timestamp"
        FROM correction
        WHERE ($1::uuid IS NULL OR allocation_id < $1) AND (state = 'PROPOSED' OR NOT $2)
        ORDER BY allocation_id DESC
        LIMIT $3
        "#,
        before.map(AllocationId::uuid),
        open,
        size,
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}
