//! People: sealed rows, found by blind index.

use chassis::db::OnConstraint as _;
use jiff_sqlx::ToSqlx as _;
use kernel::{PersonId, Reason, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::bindings::uuids;
use crate::actor::Actor;
use crate::error::{BindingError, StoreError};
use crate::keys::BlindIndex;
use crate::person::SealedPerson;

/// A sealed value and the index by which it is found.
pub struct Sealed<'a> {
    pub index: &'a BlindIndex,
    pub value: &'a [u8],
}

/// The row of a person who was not erased.
struct PersonRow {
    person_id: Uuid,
    cert_type: String,
    data_key: Vec<u8>,
    cert_no: Vec<u8>,
    name: Vec<u8>,
    phone: Option<Vec<u8>>,
    card: Option<Vec<u8>>,
    sandbox: bool,
}

impl From<PersonRow> for SealedPerson {
    fn from(row: PersonRow) -> Self {
        Self {
            id: PersonId::from_uuid(row.person_id),
            cert_type: row.cert_type,
            data_key: row.data_key,
            cert_no: row.cert_no,
            name: row.name,
            phone: row.phone,
            card: row.card,
            sandbox: row.sandbox,
        }
    }
}

/// Locks people until the transaction ends, in the order of their ids, so that no two transactions wait for each other.
///
/// Caps and exclusive roles are counted under these locks: whoever adds to what a person is bound in holds that person.
/// `end::fenced` takes away without them, so a request beside it may count one binding too many and never one too few.
pub async fn lock_people(conn: &mut PgConnection, people: &[PersonId]) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- binding.lock_people
        SELECT person_id FROM person WHERE person_id = ANY ($1) ORDER BY person_id FOR NO KEY UPDATE
        "#,
        &uuids(people),
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// The person with this certificate, locked until the transaction ends.
pub async fn lock_person_by_certificate(
    conn: &mut PgConnection,
    certificate: &BlindIndex,
) -> Result<Option<SealedPerson>, StoreError> {
    let row = sqlx::query_as!(
        PersonRow,
        r#"
        -- binding.lock_person_by_certificate
        SELECT person_id, cert_type, data_key AS "data_key!", cert_no AS "cert_no!", name AS "name!", phone, card, sandbox
        FROM person
        WHERE cert_index = $1
        FOR NO KEY UPDATE
        "#,
        certificate.as_bytes(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(SealedPerson::from))
}

/// The people with these certificates, each with the index it was found by; unknown ones are left out.
pub async fn people_by_certificate(
    conn: &mut PgConnection,
    certificates: &[BlindIndex],
) -> Result<Vec<(PersonId, BlindIndex)>, StoreError> {
    let indexes: Vec<Vec<u8>> = certificates
        .iter()
        .map(|index| index.as_bytes().to_vec())
        .collect();
    let rows = sqlx::query!(
        r#"
        -- binding.people_by_certificate
        SELECT person_id, cert_index AS "cert_index!" FROM person WHERE cert_index = ANY ($1)
        "#,
        &indexes,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                PersonId::from_uuid(row.person_id),
                BlindIndex::stored(row.cert_index),
            )
        })
        .collect())
}

/// One person; none if unknown or erased.
pub async fn find_person(
    conn: &mut PgConnection,
    person: PersonId,
) -> Result<Option<SealedPerson>, StoreError> {
    Ok(people_by_id(conn, &[person]).await?.pop())
}

/// Many people; unknown and erased ones are left out.
pub async fn people_by_id(
    conn: &mut PgConnection,
    people: &[PersonId],
) -> Result<Vec<SealedPerson>, StoreError> {
    let rows = sqlx::query_as!(
        PersonRow,
        r#"
        -- binding.people_by_id
        SELECT person_id, cert_type, data_key AS "data_key!", cert_no AS "cert_no!", name AS "name!", phone, card, sandbox
        FROM person
        WHERE person_id = ANY ($1) AND erased_at IS NULL
        "#,
        &uuids(people),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(SealedPerson::from).collect())
}

/// The person with this social-security card.
pub async fn person_by_card(
    conn: &mut PgConnection,
    card: &BlindIndex,
) -> Result<Option<PersonId>, StoreError> {
    let id = sqlx::query_scalar!(
        r#"
        -- binding.person_by_card
        SELECT person_id FROM person WHERE card_index = $1
        "#,
        card.as_bytes(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id.map(PersonId::from_uuid))
}

/// Stores a new person, unless somebody with this certificate is there: then `false`.
///
/// An insert at the same time on another connection is waited for.
///
/// # Errors
/// `CARD_CONTRADICTS` if the card is somebody else's.
pub async fn insert_person(
    conn: &mut PgConnection,
    person: &SealedPerson,
    certificate: &BlindIndex,
    card: Option<&BlindIndex>,
    now: Timestamp,
) -> Result<bool, BindingError> {
    let done = sqlx::query!(
        r#"
        -- binding.insert_person
        INSERT INTO person (
            person_id, cert_type, data_key, cert_index, cert_no, name, phone, card_index, card, sandbox, imported_at
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT ON CONSTRAINT person_cert_index_key DO NOTHING
        "#,
        person.id.uuid(),
        person.cert_type,
        person.data_key,
        certificate.as_bytes(),
        person.cert_no,
        person.name,
        person.phone.as_deref(),
        card.map(BlindIndex::as_bytes),
        person.card.as_deref(),
        person.sandbox,
        now.to_sqlx(),
    )
    .execute(conn)
    .await
    .on_constraint("person_card_index_key", || BindingError::from(Reason::CardContradicts))?;
    Ok(done.rows_affected() == 1)
}

/// Replaces the phone number of a person whose row is locked.
pub async fn change_phone(
    conn: &mut PgConnection,
    person: PersonId,
    phone: &[u8],
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- binding.change_phone
        UPDATE person SET phone = $2 WHERE person_id = $1
        "#,
        person.uuid(),
        phone,
    )
    .execute(conn)
    .await?;
    super::one_row(&done)
}

/// Replaces the social-security card of a person whose row is locked.
///
/// # Errors
/// `CARD_CONTRADICTS` if the card is somebody else's.
pub async fn change_card(
    conn: &mut PgConnection,
    person: PersonId,
    card: Sealed<'_>,
) -> Result<(), BindingError> {
    let done = sqlx::query!(
        r#"
        -- binding.change_card
        UPDATE person SET card = $2, card_index = $3 WHERE person_id = $1
        "#,
        person.uuid(),
        card.value,
        card.index.as_bytes(),
    )
    .execute(conn)
    .await
    .on_constraint("person_card_index_key", || {
        BindingError::from(Reason::CardContradicts)
    })?;
    Ok(super::one_row(&done)?)
}

/// Empties a locked person's row of all that identifies them.
pub async fn erase_person(
    conn: &mut PgConnection,
    person: PersonId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- binding.erase_person
        UPDATE person
        SET erased_at = $2, data_key = NULL, cert_index = NULL, cert_no = NULL, name = NULL, phone = NULL,
            card_index = NULL, card = NULL
        WHERE person_id = $1 AND erased_at IS NULL
        "#,
        person.uuid(),
        now.to_sqlx(),
    )
    .execute(conn)
    .await?;
    super::one_row(&done)
}

/// People after `after` whose key another key than `current` wraps, with that wrapped key, locked. Whom somebody else holds is
/// left out.
pub async fn lock_old_keys(
    conn: &mut PgConnection,
    current: u8,
    after: Option<PersonId>,
    most: i64,
) -> Result<Vec<(PersonId, Vec<u8>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- binding.lock_old_keys
        SELECT person_id, data_key AS "data_key!" FROM person
        WHERE erased_at IS NULL AND get_byte(data_key, 0) <> $1 AND ($2::uuid IS NULL OR person_id > $2)
        ORDER BY person_id
        LIMIT $3
        FOR NO KEY UPDATE SKIP LOCKED
        "#,
        i32::from(current),
        after.map(PersonId::uuid),
        most,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (PersonId::from_uuid(row.person_id), row.data_key))
        .collect())
}

/// How many people's keys another key than `current` wraps.
pub async fn count_old_keys(conn: &mut PgConnection, current: u8) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"
        -- binding.count_old_keys
        SELECT count(*) AS "count!" FROM person WHERE erased_at IS NULL AND get_byte(data_key, 0) <> $1
        "#,
        i32::from(current),
    )
    .fetch_one(conn)
    .await?)
}

/// Replaces the wrapped keys of people whose rows are locked.
pub async fn replace_keys(
    conn: &mut PgConnection,
    keys: &[(PersonId, Vec<u8>)],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = keys.iter().map(|(person, _)| person.uuid()).collect();
    let wrapped: Vec<Vec<u8>> = keys.iter().map(|(_, key)| key.clone()).collect();
    sqlx::query!(
        r#"
        -- binding.replace_keys
        UPDATE person SET data_key = wrapped.data_key
        FROM UNNEST($1::uuid[], $2::bytea[]) AS wrapped (person_id, data_key)
        WHERE person.person_id = wrapped.person_id
        "#,
        &ids,
        &wrapped,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What changed of a person, and why where staff of the agency did it.
pub struct PersonChange<'a> {
    pub facts: &'a [&'static str],
    pub note: Option<&'a str>,
}

/// Adds to a person's history which facts changed.
pub async fn record_person_change(
    conn: &mut PgConnection,
    person: PersonId,
    change: &PersonChange<'_>,
    by: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let facts: Vec<String> = change.facts.iter().map(|fact| (*fact).to_owned()).collect();
    sqlx::query!(
        r#"
        -- binding.record_person_change
        INSERT INTO person_change (person_id, at, facts, caller_role, caller_subject, trace, note)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        "#,
        person.uuid(),
        now.to_sqlx(),
        &facts,
        by.caller.role.code(),
        by.caller.subject,
        by.trace.as_deref(),
        change.note,
    )
    .execute(conn)
    .await?;
    Ok(())
}
