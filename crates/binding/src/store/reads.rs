//! Who looked at whose data.

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx as _;
use kernel::{PersonId, ReadId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::bindings::uuids;
use crate::actor::Actor;
use crate::error::StoreError;
use crate::reads::{Read, What};

/// Records one look at what belongs to several people.
pub async fn insert_reads(
    conn: &mut PgConnection,
    people: &[PersonId],
    what: What,
    by: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = people.iter().map(|_| ReadId::generate().uuid()).collect();
    sqlx::query!(
        r#"
        -- binding.insert_reads
        INSERT INTO person_read (read_id, person_id, at, what, caller_role, caller_subject, trace)
        SELECT read_id, person_id, $3, $4, $5, $6, $7
        FROM UNNEST($1::uuid[], $2::uuid[]) AS looked (read_id, person_id)
        "#,
        &ids,
        &uuids(people),
        now.to_sqlx() as _,
        what.code(),
        by.caller.role.code(),
        by.caller.subject,
        by.trace.as_deref(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The looks at a person's data, newest first, older than `after`.
pub async fn list_reads(
    conn: &mut PgConnection,
    person: PersonId,
    after: Option<ReadId>,
    most: i64,
) -> Result<Vec<Read>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- binding.list_reads
        SELECT read_id, at AS "at: jiff_sqlx::Timestamp", what, caller_role, caller_subject
        FROM person_read
        WHERE person_id = $1 AND ($2::uuid IS NULL OR read_id < $2)
        ORDER BY read_id DESC
        LIMIT $3
        "#,
        person.uuid(),
        after.map(ReadId::uuid),
        most,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let id = ReadId::from_uuid(row.read_id);
            Ok(Read {
                id,
                at: row.at.to_jiff(),
                what: What::from_code(&row.what)
                    .ok_or_else(|| Corrupt::new("person_read", "what", id))?,
                role: row.caller_role,
                subject: row.caller_subject,
            })
        })
        .collect()
}
