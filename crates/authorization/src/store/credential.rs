//! E-credentials as rows, found by the fingerprint of their token.

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::{PersonId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::StoreError;
use crate::actor::Actor;
use crate::credential::{Credential, Fingerprint, Purpose};

struct Row {
    fingerprint: Vec<u8>,
    person_id: Uuid,
    presenter_person_id: Uuid,
    purpose: String,
    issued_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
}

impl TryFrom<Row> for Credential {
    type Error = Corrupt;

    fn try_from(row: Row) -> Result<Self, Corrupt> {
        let person_id = PersonId::from_uuid(row.person_id);
        let corrupt = |column| move || Corrupt::new("credential", column, person_id);
        Ok(Self {
            fingerprint: Fingerprint::stored(&row.fingerprint)
                .ok_or_else(corrupt("fingerprint"))?,
            person_id,
            presenter: PersonId::from_uuid(row.presenter_person_id),
            purpose: Purpose::from_code(&row.purpose).ok_or_else(corrupt("purpose"))?,
            issued_at: row.issued_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
        })
    }
}

/// Stores an issued token.
pub async fn insert_credential(
    conn: &mut PgConnection,
    credential: &Credential,
    actor: &Actor,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- authorization.insert_credential
        INSERT INTO credential (fingerprint, person_id, presenter_person_id, purpose, issued_at, expires_at,
                                actor_role, actor)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        credential.fingerprint.as_bytes(),
        credential.person_id.uuid(),
        credential.presenter.uuid(),
        credential.purpose.code(),
        credential.issued_at.to_sqlx(),
        credential.expires_at.to_sqlx(),
        actor.role.code(),
        &actor.subject,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The issued tokens among these fingerprints, in any order.
pub async fn find_credentials(
    conn: &mut PgConnection,
    fingerprints: &[Fingerprint],
) -> Result<Vec<Credential>, StoreError> {
    let fingerprints: Vec<_> = fingerprints
        .iter()
        .map(|it| it.as_bytes().to_vec())
        .collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- authorization.find_credentials
        SELECT fingerprint, person_id, presenter_person_id, purpose, issued_at, expires_at
        FROM credential
        WHERE fingerprint = ANY($1)
        "#,
        &fingerprints,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(Credential::try_from)
        .collect::<Result<_, _>>()?)
}

/// Deletes at most `most` tokens that expired before `before`, the oldest first, and answers how many.
pub async fn delete_expired(
    conn: &mut PgConnection,
    before: Timestamp,
    most: i64,
) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        r#"
        -- authorization.delete_expired
        DELETE FROM credential
        WHERE fingerprint IN (
            SELECT fingerprint FROM credential WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        "#,
        before.to_sqlx(),
        most,
    )
    .execute(conn)
    .await?;
    Ok(deleted.rows_affected())
}
