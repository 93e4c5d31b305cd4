//! What became of requests and settlements, for those who ask later.

use kernel::{Fen, PersonId, SettlementId};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::{StoreError, word};
use crate::request::{Operation, RequestKey};

/// What has happened to a settlement since it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// Who took back all that was left of it, if anybody did.
    pub cancellation: Option<SettlementId>,
    /// Whether that was a reversal.
    pub reversed: bool,
    /// What was given back of it.
    pub refunded: Fen,
    /// The settlement that took its place.
    pub replaced_by: Option<SettlementId>,
}

/// A stored answer, with what has happened to its settlement since.
#[derive(Debug)]
pub struct Outcome {
    /// Which kind of answer it is.
    pub operation: Operation,
    /// The outcome's id: a settlement's, a refund's, a reversal's or a hold's.
    pub id: Uuid,
    /// The encoded answer that was given; a hold's is the one to its placing.
    pub answer: Vec<u8>,
    pub since: Since,
}

/// What became of a request; none if nothing was ever decided under its key.
pub async fn of_request(
    db: impl PgExecutor<'_>,
    key: &RequestKey,
) -> Result<Option<Outcome>, StoreError> {
    let row = sqlx::query!(
        r#"
        -- settlement.outcome_of_request
        SELECT key.operation, key.outcome_id, coalesce(d.shown, s.answer, v.answer, r.answer, h.answer) AS "answer!",
               s.cancellation_id AS "cancellation_id?",
               coalesce(s.cash_back_fen + s.pooled_back_fen + s.open_back_fen + (
                   SELECT coalesce(sum(refunded_fen), 0)::bigint FROM leg WHERE leg.settlement_id = s.settlement_id), 0)
                   AS "refunded_fen!",
               EXISTS (SELECT FROM reversal WHERE reversal_id = s.cancellation_id) AS "reversed!",
               (SELECT p.settlement_id FROM replacement p WHERE p.replaces = s.settlement_id) AS "replaced_by?"
        FROM request_key key
        LEFT JOIN settlement s ON s.settlement_id = key.outcome_id
        LEFT JOIN deferral d ON d.settlement_id = key.outcome_id
        LEFT JOIN refund r ON r.refund_id = key.outcome_id
        LEFT JOIN reversal v ON v.reversal_id = key.outcome_id
        LEFT JOIN hold h ON h.hold_id = key.outcome_id
        WHERE key.institution = $1 AND key.msgid = $2
        "#,
        key.institution,
        key.msgid,
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let operation = Operation::from_code(&row.operation);
    Ok(Some(Outcome {
        operation: word("request_key", "operation", key, operation)?,
        id: row.outcome_id,
        answer: row.answer,
        since: Since {
            cancellation: row.cancellation_id.map(SettlementId::from_uuid),
            reversed: row.reversed,
            refunded: Fen::new(row.refunded_fen),
            replaced_by: row.replaced_by.map(SettlementId::from_uuid),
        },
    }))
}

impl Outcome {
    /// Whether it is the placing or the release of a hold.
    pub fn is_of_a_hold(&self) -> bool {
        matches!(self.operation, Operation::Place | Operation::Release)
    }
}

/// A settlement as it was answered, and who may see it.
#[derive(Debug)]
pub struct Found {
    pub institution: String,
    pub patient: PersonId,
    /// The encoded `SettleResponse`.
    pub answer: Vec<u8>,
    pub since: Since,
}

/// A settlement; declined bills have none.
pub async fn of_settlement(
    db: impl PgExecutor<'_>,
    id: SettlementId,
) -> Result<Option<Found>, StoreError> {
    let row = sqlx::query!(
        r#"
        -- settlement.find_settlement
        SELECT institution, s.patient_person_id, coalesce(d.shown, answer) AS "answer!", cancellation_id,
               cash_back_fen + pooled_back_fen + open_back_fen + (
                   SELECT coalesce(sum(refunded_fen), 0)::bigint FROM leg WHERE leg.settlement_id = s.settlement_id)
                   AS "refunded_fen!",
               EXISTS (SELECT FROM reversal WHERE reversal_id = s.cancellation_id) AS "reversed!",
               (SELECT p.settlement_id FROM replacement p WHERE p.replaces = s.settlement_id) AS "replaced_by?"
        FROM settlement s
        LEFT JOIN deferral d USING (settlement_id)
        WHERE settlement_id = $1 AND outcome = 'SETTLED'
        "#,
        id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Found {
        institution: row.institution,
        patient: PersonId::from_uuid(row.patient_person_id),
        answer: row.answer,
        since: Since {
            cancellation: row.cancellation_id.map(SettlementId::from_uuid),
            reversed: row.reversed,
            refunded: Fen::new(row.refunded_fen),
            replaced_by: row.replaced_by.map(SettlementId::from_uuid),
        },
    }))
}
