//! Notices that could not be put into words.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use kernel::PersonId;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Found, Row};

/// A notice on its way to those that could not be said.
#[derive(Debug, Clone)]
pub struct Unsaid {
    /// Whose it is.
    pub person: PersonId,
    /// Its number.
    pub sequence: i64,
    /// The code of the reason.
    pub reason: &'static str,
    /// What went wrong.
    pub detail: String,
}

/// A notice that could not be said.
#[derive(Debug, Clone)]
pub struct Parked {
    /// Whose it is.
    pub person: PersonId,
    /// The notice.
    pub row: Row,
    /// The code of the reason.
    pub reason: String,
    /// What went wrong.
    pub detail: String,
    /// When it was parked.
    pub parked_at: Timestamp,
}

/// Where a page of parked notices goes on: behind the one parked then, of that person, with that number.
pub type After = (Timestamp, PersonId, i64);

/// Parks notices. One that is parked already keeps its first reason.
pub async fn insert(db: &PgPool, unsaid: &[Unsaid], now: Timestamp) -> Result<u64, sqlx::Error> {
    let people: Vec<Uuid> = unsaid.iter().map(|one| one.person.uuid()).collect();
    let sequences: Vec<i64> = unsaid.iter().map(|one| one.sequence).collect();
    let reasons: Vec<&str> = unsaid.iter().map(|one| one.reason).collect();
    let details: Vec<&str> = unsaid.iter().map(|one| one.detail.as_str()).collect();
    let parked = sqlx::query!(
        r#"
        -- notification.park_notices
        INSERT INTO notice_parked (person_id, sequence, reason, detail, parked_at)
        SELECT person_id, sequence, reason, detail, $5
          FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[])
               AS unsaid (person_id, sequence, reason, detail)
         ORDER BY person_id, sequence
        ON CONFLICT (person_id, sequence) DO NOTHING
        "#,
        &people,
        &sequences,
        &reasons as _,
        &details as _,
        now.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(parked.rows_affected())
}

/// The parked notices after one of them, the oldest first.
pub async fn list(
    db: &PgPool,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Parked>, sqlx::Error> {
    let (at, person, sequence) = after.map_or((None, None, None), |(at, person, sequence)| {
        (Some(at.to_sqlx()), Some(person.uuid()), Some(sequence))
    });
    let rows = sqlx::query!(
        r#"
        -- notification.list_parked_notices
        SELECT notice.person_id, notice.sequence, notice_id, event_id, template, params::text AS "params!",
               subject_id, happened_at, stored_at, read_at, sandbox, reason, detail, parked_at
          FROM notice_parked AS parked
          JOIN notice ON notice.person_id = parked.person_id AND notice.sequence = parked.sequence
         WHERE $1::timestamptz IS NULL
            OR (parked_at, parked.person_id, parked.sequence) > ($1, $2::uuid, $3::bigint)
         ORDER BY parked_at, parked.person_id, parked.sequence
         LIMIT $4
        "#,
        at as _,
        person,
        sequence,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Parked {
            person: PersonId::from_uuid(row.person_id),
            reason: row.reason,
            detail: row.detail,
            parked_at: row.parked_at.to_jiff(),
            row: Found {
                notice_id: row.notice_id,
                sequence: row.sequence,
                event_id: row.event_id,
                template: row.template,
                params: row.params,
                subject_id: row.subject_id,
                happened_at: row.happened_at,
                stored_at: row.stored_at,
                read_at: row.read_at,
                sandbox: row.sandbox,
            }
            .into(),
        })
        .collect())
}

/// A notice can be said again.
pub async fn delete(db: &PgPool, person: PersonId, sequence: i64) -> Result<bool, sqlx::Error> {
    let deleted = sqlx::query!(
        r#"
        -- notification.unpark_notice
        DELETE FROM notice_parked WHERE person_id = $1 AND sequence = $2
        "#,
        person.uuid(),
        sequence,
    )
    .execute(db)
    .await?;
    Ok(deleted.rows_affected() == 1)
}
