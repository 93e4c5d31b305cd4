//! E-credentials as rows, found by the fingerprint of their token.

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::{DisplayLinkId, PersonId, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::StoreError;
use crate::actor::Actor;
use crate::credential::{Credential, Fingerprint, Purpose, Under};

struct Row {
    fingerprint: Vec<u8>,
    person_id: Uuid,
    presenter_person_id: Uuid,
    purpose: String,
    issued_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
    display_link_id: Option<Uuid>,
    counter_only: bool,
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
            under: row.display_link_id.map(|link| Under {
                link: DisplayLinkId::from_uuid(link),
                counter_only: row.counter_only,
            }),
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
                                actor_role, actor, display_link_id, counter_only)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        "#,
        credential.fingerprint.as_bytes(),
        credential.person_id.uuid(),
        credential.presenter.uuid(),
        credential.purpose.code(),
        credential.issued_at.to_sqlx(),
        credential.expires_at.to_sqlx(),
        actor.role.code(),
        &actor.subject,
        credential.under.map(|under| under.link.uuid()),
        credential.under.is_some_and(|under| under.counter_only),
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
        SELECT fingerprint, person_id, presenter_person_id, purpose, issued_at,
            LEAST(expires_at, withdrawn_at) AS "expires_at!: jiff_sqlx::Timestamp", display_link_id, counter_only
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

/// Locks the row of a display link until the transaction ends, and makes it where there is none; answers since when the
/// link is known to have ended.
pub async fn lock_shown_link(
    conn: &mut PgConnection,
    link: DisplayLinkId,
) -> Result<Option<Timestamp>, StoreError> {
    sqlx::query!(
        r#"
        -- authorization.claim_shown_link
        INSERT INTO shown_link (display_link_id) VALUES ($1) ON CONFLICT (display_link_id) DO NOTHING
        "#,
        link.uuid(),
    )
    .execute(&mut *conn)
    .await?;
    let ended_at = sqlx::query_scalar!(
        r#"
        -- authorization.lock_shown_link
        SELECT ended_at AS "ended_at: jiff_sqlx::Timestamp" FROM shown_link WHERE display_link_id = $1 FOR NO KEY UPDATE
        "#,
        link.uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(ended_at.map(jiff_sqlx::Timestamp::to_jiff))
}

/// Marks a locked display link as ended, and withdraws the codes that were shown under it.
pub async fn end_shown_link(
    conn: &mut PgConnection,
    link: DisplayLinkId,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- authorization.end_shown_link
        UPDATE shown_link SET ended_at = $2 WHERE display_link_id = $1
        "#,
        link.uuid(),
        at.to_sqlx(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        -- authorization.withdraw_credentials
        UPDATE credential SET withdrawn_at = $2 WHERE display_link_id = $1 AND expires_at > $2
        "#,
        link.uuid(),
        at.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
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
