//! Enrolments, and whose a person number is.

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx as _;
use kernel::{AccountId, PersonId, PersonKind, Region, Scheme, Standing, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::bindings::uuids;
use crate::actor::Actor;
use crate::error::StoreError;
use crate::person::{Enrolment, PersonNo};

struct EnrolmentRow {
    account_id: Uuid,
    person_id: Uuid,
    region: String,
    person_no: String,
    scheme: String,
    kind: String,
    standing: String,
    version: i64,
}

impl TryFrom<EnrolmentRow> for Enrolment {
    type Error = Corrupt;

    fn try_from(row: EnrolmentRow) -> Result<Self, Corrupt> {
        let account = AccountId::from_uuid(row.account_id);
        let corrupt = |column| move || Corrupt::new("enrolment", column, account);
        Ok(Self {
            account,
            person: PersonId::from_uuid(row.person_id),
            person_no: PersonNo::parse(&row.person_no).ok_or_else(corrupt("person_no"))?,
            region: row
                .region
                .parse::<Region>()
                .ok()
                .ok_or_else(corrupt("region"))?,
            scheme: Scheme::from_code(&row.scheme).ok_or_else(corrupt("scheme"))?,
            kind: PersonKind::from_code(&row.kind).ok_or_else(corrupt("kind"))?,
            standing: Standing::from_code(&row.standing).ok_or_else(corrupt("standing"))?,
            version: row.version,
        })
    }
}

/// One enrolment by its account.
pub async fn find_enrolment(
    conn: &mut PgConnection,
    account: AccountId,
) -> Result<Option<Enrolment>, StoreError> {
    let row = sqlx::query_as!(
        EnrolmentRow,
        r#"
        -- binding.find_enrolment
        SELECT * FROM enrolment WHERE account_id = $1
        "#,
        account.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Enrolment::try_from).transpose()?)
}

/// All enrolments of these people, by account.
pub async fn enrolments_of(
    conn: &mut PgConnection,
    people: &[PersonId],
) -> Result<Vec<Enrolment>, StoreError> {
    let rows = sqlx::query_as!(
        EnrolmentRow,
        r#"
        -- binding.enrolments_of
        SELECT * FROM enrolment WHERE person_id = ANY ($1) ORDER BY account_id
        "#,
        &uuids(people),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Enrolment::try_from(row)?))
        .collect()
}

/// Makes a person number this person's, unless it is somebody's; answers whose it is.
pub async fn claim_number(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
) -> Result<PersonId, StoreError> {
    sqlx::query!(
        r#"
        -- binding.claim_number
        INSERT INTO person_number (region, person_no, person_id) VALUES ($1, $2, $3)
        ON CONFLICT (region, person_no) DO NOTHING
        "#,
        enrolment.region.as_str(),
        enrolment.person_no.as_str(),
        enrolment.person.uuid(),
    )
    .execute(&mut *conn)
    .await?;
    let owner = sqlx::query_scalar!(
        r#"
        -- binding.owner_of_number
        SELECT person_id FROM person_number WHERE region = $1 AND person_no = $2
        "#,
        enrolment.region.as_str(),
        enrolment.person_no.as_str(),
    )
    .fetch_one(conn)
    .await?;
    Ok(PersonId::from_uuid(owner))
}

/// Stores a new enrolment, and its first version in the history.
pub async fn insert_enrolment(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    by: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- binding.insert_enrolment
        INSERT INTO enrolment (account_id, person_id, region, person_no, scheme, kind, standing, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        enrolment.account.uuid(),
        enrolment.person.uuid(),
        enrolment.region.as_str(),
        enrolment.person_no.as_str(),
        enrolment.scheme.code(),
        enrolment.kind.code(),
        enrolment.standing.code(),
        enrolment.version,
    )
    .execute(&mut *conn)
    .await?;
    insert_change(conn, enrolment, by, now).await
}

/// Stores the next version of an enrolment whose person is locked, and adds it to the history.
pub async fn update_enrolment(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    by: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- binding.update_enrolment
        UPDATE enrolment SET kind = $2, standing = $3, version = $4 WHERE account_id = $1 AND version + 1 = $4
        "#,
        enrolment.account.uuid(),
        enrolment.kind.code(),
        enrolment.standing.code(),
        enrolment.version,
    )
    .execute(&mut *conn)
    .await?;
    super::one_row(&done)?;
    insert_change(conn, enrolment, by, now).await
}

async fn insert_change(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    by: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- binding.insert_enrolment_change
        INSERT INTO enrolment_change (account_id, version, kind, standing, at, caller_role, caller_subject, trace)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        enrolment.account.uuid(),
        enrolment.version,
        enrolment.kind.code(),
        enrolment.standing.code(),
        now.to_sqlx(),
        by.caller.role.code(),
        by.caller.subject,
        by.trace.as_deref(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that an enrolment ended, in the transaction that stores it.
pub async fn note_ended_enrolment(
    conn: &mut PgConnection,
    account: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- binding.note_ended_enrolment
        INSERT INTO enrolment_ended (account_id, at) VALUES ($1, $2) ON CONFLICT (account_id) DO NOTHING
        "#,
        account.uuid(),
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Enrolments that ended and whose bindings are still to be looked at, oldest first.
pub async fn ended_enrolments(
    conn: &mut PgConnection,
    most: i64,
) -> Result<Vec<AccountId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        -- binding.ended_enrolments
        SELECT account_id FROM enrolment_ended ORDER BY at LIMIT $1
        "#,
        most,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(AccountId::from_uuid).collect())
}

/// Nothing is left to do for an enrolment that ended.
pub async fn forget_ended_enrolment(
    conn: &mut PgConnection,
    account: AccountId,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- binding.forget_ended_enrolment
        DELETE FROM enrolment_ended WHERE account_id = $1
        "#,
        account.uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
