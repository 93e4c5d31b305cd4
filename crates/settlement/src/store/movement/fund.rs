//! The rows of the ledger that move no personal account.

use jiff_sqlx::ToSqlx;
use kernel::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::{StoreError, column};
use crate::movement::fund::FundMovement;
use crate::seal::{MovementEntry, Place, Sealer};

impl FundMovement<'_> {
    fn refund(&self) -> Option<Uuid> {
        self.back.map(|(id, _)| id.uuid())
    }

    fn reverses(&self) -> Option<Uuid> {
        self.back.map(|(_, pays)| pays.uuid())
    }

    /// Seals the row as it is stored.
    pub fn seal(&self, sealer: &mut Sealer) {
        sealer.movement(&MovementEntry {
            movement_id: self.id.uuid(),
            kind: self.kind.code(),
            debit: &self.debit,
            credit: &self.credit,
            amount_fen: self.amount.get(),
            account_id: None,
            bucket: None,
            account_version: None,
            current_after_fen: None,
            prior_after_fen: None,
            settlement_id: Some(self.settlement.uuid()),
            refund_id: self.refund(),
            allocation_id: None,
            beneficiary_person_id: None,
            binding_id: None,
            mandate_version: None,
            reverses: self.reverses(),
            caller_role: self.origin.role.code(),
            caller: &self.origin.caller,
            reason: self.reason,
            trace_parent: self.origin.trace_parent.as_deref(),
            sandbox: self.sandbox,
        });
    }
}

/// Posts movements of the pooled fund, at the positions of the block after the first `before`.
pub async fn insert(
    conn: &mut PgConnection,
    rows: &[FundMovement<'_>],
    (place, before): (Place, i64),
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_fund_movements
        INSERT INTO movement
            (movement_id, kind, debit, credit, amount_fen, settlement_id, refund_id, reverses, caller_role, caller,
             reason, trace_parent, sandbox, posted_at, lane, height, position)
        SELECT movement_id, kind, debit, credit, amount_fen, settlement_id, refund_id, reverses, caller_role, caller,
               reason, trace_parent, sandbox, $14, $15, $16, $17::bigint + place
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::uuid[], $8::uuid[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::boolean[])
            WITH ORDINALITY
            AS moved (movement_id, kind, debit, credit, amount_fen, settlement_id, refund_id, reverses, caller_role, caller,
                      reason, trace_parent, sandbox, place)
        "#,
        &column(rows, |row| row.id.uuid()),
        &column(rows, |row| row.kind.code().to_owned()),
        &column(rows, |row| row.debit.clone()),
        &column(rows, |row| row.credit.clone()),
        &column(rows, |row| row.amount.get()),
        &column(rows, |row| row.settlement.uuid()),
        &column(rows, FundMovement::refund) as &[Option<Uuid>],
        &column(rows, FundMovement::reverses) as &[Option<Uuid>],
        &column(rows, |row| row.origin.role.to_string()),
        &column(rows, |row| row.origin.caller.clone()),
        &column(rows, |row| row.reason.to_owned()),
        &column(rows, |row| row.origin.trace_parent.clone()) as &[Option<String>],
        &column(rows, |row| row.sandbox),
        at.to_sqlx(),
        place.lane,
        place.height,
        before,
    )
    .execute(conn)
    .await?;
    Ok(())
}
