//! The ledger and its monthly partitions.

use jiff_sqlx::ToSqlx;
use kernel::{AccountId, Date, Timestamp};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{StoreError, column};
use crate::movement::{Cause, Movement};
use crate::seal::{MovementEntry, Place, Sealer};

pub mod fund;

impl Movement<'_> {
    pub(super) fn settlement(&self) -> Option<Uuid> {
        match self.cause {
            Cause::Settlement(id) | Cause::Refund { of: id, .. } => Some(id.uuid()),
            Cause::Allocation(_) => None,
        }
    }

    pub(super) fn refund(&self) -> Option<Uuid> {
        match self.cause {
            Cause::Refund { id, .. } => Some(id.uuid()),
            Cause::Settlement(_) | Cause::Allocation(_) => None,
        }
    }

    fn reverses(&self) -> Option<Uuid> {
        match self.cause {
            Cause::Refund { reverses, .. } => Some(reverses.uuid()),
            Cause::Settlement(_) | Cause::Allocation(_) => None,
        }
    }

    fn allocation(&self) -> Option<Uuid> {
        match self.cause {
            Cause::Allocation(id) => Some(id.uuid()),
            Cause::Settlement(_) | Cause::Refund { .. } => None,
        }
    }
}

impl Movement<'_> {
    /// Seals the row as it is stored.
    pub fn seal(&self, sealer: &mut Sealer) {
        sealer.movement(&MovementEntry {
            movement_id: self.id.uuid(),
            kind: self.kind.code(),
            debit: &self.debit,
            credit: &self.credit,
            amount_fen: self.amount.get(),
            account_id: Some(self.account.uuid()),
            bucket: Some(self.bucket.code()),
            account_version: self.after.map(|after| after.version),
            current_after_fen: self.after.map(|after| after.current.get()),
            prior_after_fen: self.after.map(|after| after.prior.get()),
            settlement_id: self.settlement(),
            refund_id: self.refund(),
            allocation_id: self.allocation(),
            beneficiary_person_id: self.aid.map(|aid| aid.beneficiary.uuid()),
            binding_id: self.aid.map(|aid| aid.binding.uuid()),
            mandate_version: self.aid.map(|aid| aid.mandate),
            reverses: self.reverses(),
            caller_role: self.origin.role.code(),
            caller: &self.origin.caller,
            reason: self.reason,
            trace_parent: self.origin.trace_parent.as_deref(),
            sandbox: self.sandbox,
        });
    }
}

/// Posts movements; their positions in the block are their order.
pub async fn insert(
    conn: &mut PgConnection,
    rows: &[Movement<'_>],
    place: Place,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_movements
        INSERT INTO movement
            (movement_id, kind, debit, credit, amount_fen, account_id, bucket, account_version, current_after_fen,
             prior_after_fen, settlement_id, refund_id, allocation_id, beneficiary_person_id, binding_id,
             mandate_version, reverses, caller_role, caller, reason, trace_parent, sandbox, position, posted_at, lane, height)
        SELECT moved.*, $23, $24, $25
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::uuid[], $12::uuid[], $13::uuid[], $14::uuid[], $15::uuid[], $16::bigint[],
            $17::uuid[], $18::text[], $19::text[], $20::text[], $21::text[], $22::boolean[]) WITH ORDINALITY AS moved
        "#,
        &column(rows, |row| row.id.uuid()),
        &column(rows, |row| row.kind.code().to_owned()),
        &column(rows, |row| row.debit.clone()),
        &column(rows, |row| row.credit.clone()),
        &column(rows, |row| row.amount.get()),
        &column(rows, |row| row.account.uuid()),
        &column(rows, |row| row.bucket.to_string()),
        &column(rows, |row| row.after.map(|after| after.version)) as &[Option<i64>],
        &column(rows, |row| row.after.map(|after| after.current.get())) as &[Option<i64>],
        &column(rows, |row| row.after.map(|after| after.prior.get())) as &[Option<i64>],
        &column(rows, Movement::settlement) as &[Option<Uuid>],
        &column(rows, Movement::refund) as &[Option<Uuid>],
        &column(rows, Movement::allocation) as &[Option<Uuid>],
        &column(rows, |row| row.aid.map(|aid| aid.beneficiary.uuid())) as &[Option<Uuid>],
        &column(rows, |row| row.aid.map(|aid| aid.binding.uuid())) as &[Option<Uuid>],
        &column(rows, |row| row.aid.map(|aid| aid.mandate)) as &[Option<i64>],
        &column(rows, Movement::reverses) as &[Option<Uuid>],
        &column(rows, |row| row.origin.role.to_string()),
        &column(rows, |row| row.origin.caller.clone()),
        &column(rows, |row| row.reason.to_owned()),
        &column(rows, |row| row.origin.trace_parent.clone()) as &[Option<String>],
        &column(rows, |row| row.sandbox),
        at.to_sqlx(),
        place.lane,
        place.height,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One row of the ledger, as the owner of the account sees it.
#[derive(Debug)]
pub struct Seen {
    pub movement_id: Uuid,
    pub kind: String,
    pub posted_at: jiff_sqlx::Timestamp,
    pub bucket: String,
    /// Whether its bucket gained by it.
    pub is_money_in: bool,
    pub amount_fen: i64,
    pub account_version: i64,
    pub current_after_fen: i64,
    pub prior_after_fen: i64,
    pub settlement_id: Option<Uuid>,
    pub beneficiary_person_id: Option<Uuid>,
}

/// The movements of an account older than its version `before`, newest first.
pub async fn page(
    db: impl PgExecutor<'_>,
    account: AccountId,
    before: i64,
    size: i64,
) -> Result<Vec<Seen>, StoreError> {
    let rows = sqlx::query_as!(
        Seen,
        r#"
        -- settlement.page_of_movements
        SELECT movement_id, kind, posted_at, bucket AS "bucket!",
               credit LIKE 'pa:%:' || lower(bucket) AS "is_money_in!", amount_fen, account_version AS "account_version!",
               current_after_fen AS "current_after_fen!", prior_after_fen AS "prior_after_fen!", settlement_id,
               beneficiary_person_id
        FROM movement
        WHERE account_id = $1 AND account_version < $2
        ORDER BY account_version DESC
        LIMIT $3
        "#,
        account.uuid(),
        before,
        size,
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Makes sure that the ledger has a partition for each of `months` months from that of `day` on; says how many are new.
pub async fn make_partitions(
    db: impl PgExecutor<'_>,
    day: Date,
    months: i32,
) -> Result<i32, StoreError> {
    let made = sqlx::query_scalar!(
        r#"
        -- settlement.make_partitions
        SELECT movement_partitions($1, $2) AS "made!"
        "#,
        day.to_sqlx(),
        months,
    )
    .fetch_one(db)
    .await?;
    Ok(made)
}

/// Whether movements fell into the default partition because their month had none.
pub async fn has_strays(db: impl PgExecutor<'_>) -> Result<bool, StoreError> {
    let strays = sqlx::query_scalar!(
        r#"
        -- settlement.stray_movements
        SELECT EXISTS (SELECT FROM movement_default) AS "strays!"
        "#,
    )
    .fetch_one(db)
    .await?;
    Ok(strays)
}
