//! Settlements taken back whole.

use std::collections::BTreeMap;

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::{
    AccountId, BindingId, Bucket, Fen, MovementId, PersonId, SettlementId, Timestamp, Usage,
};
use policy::plan::Payer;
use policy::plan::limits::Windows;
use prost::Message as _;
use proto::settlement::v1 as pb;
use sqlx::PgConnection;

use super::{StoreError, column, touched, word};
use crate::settlement::{Cancelled, PaidLeg, Split, Stored};

/// Locks settlements that are to be cancelled, in the order of their ids, with their legs. Declined bills are not among them.
pub async fn lock(
    conn: &mut PgConnection,
    wanted: &[SettlementId],
) -> Result<BTreeMap<SettlementId, Stored>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.lock_settlements
        SELECT settlement_id, institution, patient_person_id, patient_account_id, person_no, usage, total_fen,
               pooled_fen, own_fen, aid_fen, cash_fen, settled_at, sandbox, cancellation_id
        FROM settlement
        WHERE settlement_id = ANY ($1) AND outcome = 'SETTLED'
        ORDER BY settlement_id
        FOR UPDATE
        "#,
        &column(wanted, |id| id.uuid()),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let id = SettlementId::from_uuid(row.settlement_id);
        let stored = Stored {
            id,
            institution: row.institution,
            patient: PersonId::from_uuid(row.patient_person_id),
            patient_account: AccountId::from_uuid(row.patient_account_id),
            person_no: row.person_no,
            usage: word("settlement", "usage", id, Usage::from_code(&row.usage))?,
            split: Split {
                total: Fen::new(row.total_fen),
                pooled: Fen::new(row.pooled_fen),
                own: Fen::new(row.own_fen),
                aid: Fen::new(row.aid_fen),
                cash: Fen::new(row.cash_fen),
            },
            settled_at: row.settled_at.to_jiff(),
            sandbox: row.sandbox,
            cancelled: row.cancellation_id.is_some(),
            legs: Vec::new(),
        };
        found.insert(id, stored);
    }
    for (id, leg) in legs(conn, wanted).await? {
        if let Some(stored) = found.get_mut(&id) {
            stored.legs.push(leg);
        }
    }
    Ok(found)
}

struct LegRow {
    settlement_id: uuid::Uuid,
    account_id: uuid::Uuid,
    person_id: uuid::Uuid,
    bucket: String,
    amount_fen: i64,
    binding_id: Option<uuid::Uuid>,
    mandate_version: Option<i64>,
    medical_year: i16,
    limit_day: Option<jiff_sqlx::Date>,
    limit_year: Option<jiff_sqlx::Date>,
    movement_id: uuid::Uuid,
}

impl TryFrom<LegRow> for PaidLeg {
    type Error = Corrupt;

    fn try_from(row: LegRow) -> Result<Self, Corrupt> {
        let id = SettlementId::from_uuid(row.settlement_id);
        Ok(Self {
            payer: match (row.binding_id, row.mandate_version) {
                (Some(binding), Some(mandate)) => Payer::Aid {
                    binding: BindingId::from_uuid(binding),
                    mandate,
                },
                _ => Payer::Own,
            },
            account: AccountId::from_uuid(row.account_id),
            person: PersonId::from_uuid(row.person_id),
            bucket: word("leg", "bucket", id, Bucket::from_code(&row.bucket))?,
            amount: Fen::new(row.amount_fen),
            medical_year: row.medical_year,
            counted_in: row
                .limit_day
                .zip(row.limit_year)
                .map(|(day, year)| Windows {
                    day: day.to_jiff(),
                    year: year.to_jiff(),
                }),
            movement: MovementId::from_uuid(row.movement_id),
        })
    }
}

/// The legs of settlements, in the order in which they were paid.
async fn legs(
    conn: &mut PgConnection,
    of: &[SettlementId],
) -> Result<Vec<(SettlementId, PaidLeg)>, StoreError> {
    let rows = sqlx::query_as!(
        LegRow,
        r#"
        -- settlement.legs_of_settlements
        SELECT settlement_id, account_id, person_id, bucket, amount_fen, binding_id, mandate_version, medical_year,
               limit_day, limit_year, movement_id
        FROM leg
        WHERE settlement_id = ANY ($1)
        ORDER BY settlement_id, leg_no
        "#,
        &column(of, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push((
            SettlementId::from_uuid(row.settlement_id),
            PaidLeg::try_from(row)?,
        ));
    }
    Ok(found)
}

/// Stores cancellations, marks their settlements and legs.
pub async fn insert(
    conn: &mut PgConnection,
    cancelled: &[(&Cancelled, &pb::CancelResponse)],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_cancellations
        INSERT INTO cancellation (cancellation_id, settlement_id, institution, msgid, answer, cancelled_at)
        SELECT told.*, $6 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[]) AS told
        "#,
        &column(cancelled, |(row, _)| row.id.uuid()),
        &column(cancelled, |(row, _)| row.settlement.id.uuid()),
        &column(cancelled, |(row, _)| row.key.institution.clone()),
        &column(cancelled, |(row, _)| row.key.msgid.clone()),
        &column(cancelled, |(_, answer)| answer.encode_to_vec()),
        at.to_sqlx(),
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!(
        r#"
        -- settlement.mark_cancelled
        UPDATE settlement SET cancellation_id = told.cancellation_id
        FROM unnest($1::uuid[], $2::uuid[]) AS told (settlement_id, cancellation_id)
        WHERE settlement.settlement_id = ANY ($1) AND settlement.settlement_id = told.settlement_id
            AND settlement.cancellation_id IS NULL
        "#,
        &column(cancelled, |(row, _)| row.settlement.id.uuid()),
        &column(cancelled, |(row, _)| row.id.uuid()),
    )
    .execute(&mut *conn)
    .await?;
    touched(
        "settlement.mark_cancelled",
        done.rows_affected(),
        cancelled.len(),
    )?;
    sqlx::query!(
        r#"
        -- settlement.refund_legs
        UPDATE leg SET refunded_fen = amount_fen WHERE settlement_id = ANY ($1)
        "#,
        &column(cancelled, |(row, _)| row.settlement.id.uuid()),
    )
    .execute(conn)
    .await?;
    Ok(())
}
