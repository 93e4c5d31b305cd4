//! What became of requests and settlements, for those who ask later.

use kernel::{PersonId, SettlementId};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::{StoreError, word};
use crate::request::{Operation, RequestKey};

/// A stored answer, with what has happened to its settlement since.
#[derive(Debug)]
pub struct Outcome {
    pub operation: Operation,
    /// The outcome's id: a settlement's, a cancellation's or a hold's.
    pub id: Uuid,
    /// The encoded answer that was given; a hold's is the one to its placing.
    pub answer: Vec<u8>,
    /// Who cancelled the settlement since, if anybody did.
    pub cancellation: Option<SettlementId>,
}

/// What became of a request; none if nothing was ever decided under its key.
pub async fn of_request(
    db: impl PgExecutor<'_>,
    key: &RequestKey,
) -> Result<Option<Outcome>, StoreError> {
    let row = sqlx::query!(
        r#"
        -- settlement.outcome_of_request
        SELECT key.operation, key.outcome_id, coalesce(s.answer, c.answer, h.answer) AS "answer!",
               s.cancellation_id AS "cancellation_id?"
        FROM request_key key
        LEFT JOIN settlement s ON s.settlement_id = key.outcome_id
        LEFT JOIN cancellation c ON c.cancellation_id = key.outcome_id
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
        cancellation: row.cancellation_id.map(SettlementId::from_uuid),
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
    pub cancellation: Option<SettlementId>,
}

/// A settlement; declined bills have none.
pub async fn of_settlement(
    db: impl PgExecutor<'_>,
    id: SettlementId,
) -> Result<Option<Found>, StoreError> {
    let row = sqlx::query!(
        r#"
        -- settlement.find_settlement
        SELECT institution, patient_person_id, answer, cancellation_id
        FROM settlement
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
        cancellation: row.cancellation_id.map(SettlementId::from_uuid),
    }))
}
