//! The rows of the ledger that move no personal account.

use jiff_sqlx::ToSqlx;
use kernel::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::{StoreError, column};
use crate::movement::fund::FundMovement;

/// Posts movements of the pooled fund.
pub async fn insert(
    conn: &mut PgConnection,
    rows: &[FundMovement<'_>],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_fund_movements
        INSERT INTO movement
            (movement_id, kind, debit, credit, amount_fen, settlement_id, refund_id, reverses, caller_role, caller,
             reason, trace_parent, sandbox, posted_at)
        SELECT moved.*, $14
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::uuid[], $8::uuid[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::boolean[]) AS moved
        "#,
        &column(rows, |row| row.id.uuid()),
        &column(rows, |row| row.kind.code().to_owned()),
        &column(rows, |row| row.debit.clone()),
        &column(rows, |row| row.credit.clone()),
        &column(rows, |row| row.amount.get()),
        &column(rows, |row| row.settlement.uuid()),
        &column(rows, |row| row.back.map(|(id, _)| id.uuid())) as &[Option<Uuid>],
        &column(rows, |row| row.back.map(|(_, pays)| pays.uuid())) as &[Option<Uuid>],
        &column(rows, |row| row.origin.role.to_string()),
        &column(rows, |row| row.origin.caller.clone()),
        &column(rows, |row| row.reason.to_owned()),
        &column(rows, |row| row.origin.trace_parent.clone()) as &[Option<String>],
        &column(rows, |row| row.sandbox),
        at.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
