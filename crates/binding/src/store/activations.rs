//! Whose e-credential is activated.

use jiff_sqlx::ToSqlx as _;
use kernel::{PersonId, Timestamp};
use sqlx::PgConnection;

use crate::error::StoreError;
use crate::link::Proof;

/// Since when a person's e-credential is activated; none if it is not.
pub async fn activated_at(
    conn: &mut PgConnection,
    person: PersonId,
) -> Result<Option<Timestamp>, StoreError> {
    let at = sqlx::query_scalar!(
        r#"
        -- binding.activated_at
        SELECT activated_at AS "activated_at: jiff_sqlx::Timestamp" FROM credential_activation WHERE person_id = $1
        "#,
        person.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(at.map(jiff_sqlx::Timestamp::to_jiff))
}

/// Which of these people have an activated e-credential.
pub async fn activated(
    conn: &mut PgConnection,
    people: &[PersonId],
) -> Result<Vec<PersonId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        -- binding.activated
        SELECT person_id FROM credential_activation WHERE person_id = ANY ($1)
        "#,
        &super::bindings::uuids(people),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(PersonId::from_uuid).collect())
}

/// Activates a person's e-credential, unless it is active; says since when it is.
pub async fn insert_activation(
    conn: &mut PgConnection,
    person: PersonId,
    proof: &Proof,
    trace: Option<&str>,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    sqlx::query!(
        r#"
        -- binding.insert_activation
        INSERT INTO credential_activation (person_id, activated_at, evidence, digest, caller_role, caller_subject, trace)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (person_id) DO NOTHING
        "#,
        person.uuid(),
        now.to_sqlx(),
        proof.kind.code(),
        proof.digest.as_slice(),
        proof.by.0.code(),
        proof.by.1,
        trace,
    )
    .execute(&mut *conn)
    .await?;
    activated_at(conn, person)
        .await?
        .ok_or_else(|| sqlx::Error::RowNotFound.into())
}
