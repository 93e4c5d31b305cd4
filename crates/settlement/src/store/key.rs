//! Request keys: claimed first, never dropped.

use std::collections::{BTreeMap, BTreeSet};

use jiff_sqlx::ToSqlx;
use kernel::{SettlementId, Timestamp};
use sqlx::{PgConnection, PgExecutor};

use super::{StoreError, column, word};
use crate::request::{Asked, Operation, RequestKey};

/// A key that somebody wants.
#[derive(Debug)]
pub struct Claim<'a> {
    pub key: &'a RequestKey,
    pub operation: Operation,
    pub asked: Asked,
    /// The settlement, refund, reversal or hold that will answer it.
    pub outcome: SettlementId,
}

/// What was answered under a key before.
#[derive(Debug)]
pub struct Earlier {
    pub operation: Operation,
    pub asked: Asked,
    pub outcome: SettlementId,
    /// The encoded answer.
    pub answer: Vec<u8>,
}

/// Claims keys, sorted by key and each once; says which were free. A key that somebody else is just claiming is waited for.
pub async fn claim(
    conn: &mut PgConnection,
    claims: &[&Claim<'_>],
    at: Timestamp,
) -> Result<BTreeSet<RequestKey>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.claim_keys
        INSERT INTO request_key (institution, msgid, operation, request, outcome_id, claimed_at)
        SELECT institution, msgid, operation, request::json, outcome_id, $6
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[])
            AS wanted (institution, msgid, operation, request, outcome_id)
        ON CONFLICT DO NOTHING
        RETURNING institution, msgid
        "#,
        &column(claims, |claim| claim.key.institution.clone()),
        &column(claims, |claim| claim.key.msgid.clone()),
        &column(claims, |claim| claim.operation.code().to_owned()),
        &column(claims, |claim| claim.asked.to_text()),
        &column(claims, |claim| claim.outcome.uuid()),
        at.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    let keys = rows.into_iter().map(|row| RequestKey {
        institution: row.institution,
        msgid: row.msgid,
    });
    Ok(keys.collect())
}

/// What was answered under these keys.
pub async fn earlier(
    conn: &mut PgConnection,
    keys: &[&RequestKey],
) -> Result<BTreeMap<RequestKey, Earlier>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.earlier_answers
        SELECT key.institution, key.msgid, key.operation, key.request, key.outcome_id,
               CASE key.operation WHEN 'HOLD' THEN h.answer WHEN 'RELEASE' THEN h.release_answer
               ELSE coalesce(s.answer, v.answer, r.answer) END AS "answer!"
        FROM unnest($1::text[], $2::text[]) AS lost (institution, msgid)
        JOIN request_key key ON key.institution = lost.institution AND key.msgid = lost.msgid
        LEFT JOIN settlement s ON s.settlement_id = key.outcome_id
        LEFT JOIN refund r ON r.refund_id = key.outcome_id
        LEFT JOIN reversal v ON v.reversal_id = key.outcome_id
        LEFT JOIN hold h ON h.hold_id = key.outcome_id
        "#,
        &column(keys, |key| key.institution.clone()),
        &column(keys, |key| key.msgid.clone()),
    )
    .fetch_all(conn)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let key = RequestKey {
            institution: row.institution,
            msgid: row.msgid,
        };
        let earlier = Earlier {
            operation: word(
                "request_key",
                "operation",
                &key,
                Operation::from_code(&row.operation),
            )?,
            asked: word(
                "request_key",
                "request",
                &key,
                Asked::from_stored(row.request),
            )?,
            outcome: SettlementId::from_uuid(row.outcome_id),
            answer: row.answer,
        };
        found.insert(key, earlier);
    }
    Ok(found)
}

/// Frees keys that this very transaction claimed for these outcomes.
pub async fn release(
    conn: &mut PgConnection,
    keys: &[(&RequestKey, SettlementId)],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.release_keys
        DELETE FROM request_key
        USING unnest($1::text[], $2::text[], $3::uuid[]) AS refused (institution, msgid, outcome_id)
        WHERE request_key.institution = refused.institution AND request_key.msgid = refused.msgid
            AND request_key.outcome_id = refused.outcome_id
        "#,
        &column(keys, |(key, _)| key.institution.clone()),
        &column(keys, |(key, _)| key.msgid.clone()),
        &column(keys, |(_, outcome)| outcome.uuid()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a commit whose fate is unknown took place: its keys lead to its outcomes then, all of them.
pub async fn landed(
    db: impl PgExecutor<'_>,
    wanted: &[(RequestKey, SettlementId)],
) -> Result<bool, StoreError> {
    let landed = sqlx::query_scalar!(
        r#"
        -- settlement.landed
        SELECT EXISTS (
            SELECT FROM unnest($1::text[], $2::text[], $3::uuid[]) AS wanted (institution, msgid, outcome_id)
            JOIN request_key USING (institution, msgid, outcome_id)) AS "landed!"
        "#,
        &column(wanted, |(key, _)| key.institution.clone()),
        &column(wanted, |(key, _)| key.msgid.clone()),
        &column(wanted, |(_, outcome)| outcome.uuid()),
    )
    .fetch_one(db)
    .await?;
    Ok(landed)
}
