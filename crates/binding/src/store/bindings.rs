//! Bindings: their rows, and the history of those.

use chassis::access::Caller;
use jiff_sqlx::ToSqlx as _;
use kernel::{AccountId, BindingId, PersonId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::row::{BindingRow, StateColumns};
use crate::actor::Actor;
use crate::binding::{Binding, State};
use crate::circle::Agreed;
use crate::error::StoreError;

/// A binding, without a lock.
pub async fn find_binding(
    conn: &mut PgConnection,
    id: BindingId,
) -> Result<Option<Binding>, StoreError> {
    let row = sqlx::query_as!(
        BindingRow,
        r#"
        -- binding.find_binding
        SELECT * FROM binding WHERE binding_id = $1
        "#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Binding::try_from).transpose()?)
}

/// A binding, locked until the transaction ends.
pub async fn lock_binding(
    conn: &mut PgConnection,
    id: BindingId,
) -> Result<Option<Binding>, StoreError> {
    let row = sqlx::query_as!(
        BindingRow,
        r#"
        -- binding.lock_binding
        SELECT * FROM binding WHERE binding_id = $1 FOR UPDATE
        "#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Binding::try_from).transpose()?)
}

/// The open bindings in which any of these people is one of the two. Their rows in `person` must be locked.
pub async fn open_bindings(
    conn: &mut PgConnection,
    people: &[PersonId],
) -> Result<Vec<Binding>, StoreError> {
    let rows = sqlx::query_as!(
        BindingRow,
        r#"
        -- binding.open_bindings
        SELECT * FROM binding
        WHERE state IN ('PENDING_CONFIRM', 'PENDING_REVIEW', 'BOUND', 'ENDING')
          AND (contributor_person = ANY ($1) OR beneficiary_person = ANY ($1))
        "#,
        &uuids(people),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Binding::try_from(row)?))
        .collect()
}

/// Every binding that this person ever agreed to contribute under. Their row in `person` must be locked.
pub async fn agreed_bindings(
    conn: &mut PgConnection,
    contributor: PersonId,
) -> Result<Vec<Agreed>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- binding.agreed_bindings
        SELECT beneficiary_person, ended_at AS "ended_at: jiff_sqlx::Timestamp" FROM binding
        WHERE contributor_person = $1 AND bound_at IS NOT NULL
        "#,
        contributor.uuid(),
    )
    .fetch_all(conn)
    .await?;
    let agreed = rows.into_iter().map(|row| Agreed {
        contributor,
        beneficiary: PersonId::from_uuid(row.beneficiary_person),
        ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
    });
    Ok(agreed.collect())
}

/// The bindings of one person in either role, newest first, older than `after`.
pub async fn list_bindings(
    conn: &mut PgConnection,
    person: PersonId,
    after: Option<BindingId>,
    include_ended: bool,
    most: i64,
) -> Result<Vec<Binding>, StoreError> {
    let rows = sqlx::query_as!(
        BindingRow,
        r#"
        -- binding.list_bindings
        SELECT * FROM binding
        WHERE (contributor_person = $1 OR beneficiary_person = $1)
          AND ($2::uuid IS NULL OR binding_id < $2)
          AND ($3 OR state IN ('PENDING_CONFIRM', 'PENDING_REVIEW', 'BOUND', 'ENDING'))
        ORDER BY binding_id DESC
        LIMIT $4
        "#,
        person.uuid(),
        after.map(BindingId::uuid),
        include_ended,
        most,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Binding::try_from(row)?))
        .collect()
}

/// The bindings of one account, in either role, that are not ending yet.
pub async fn open_bindings_of_account(
    conn: &mut PgConnection,
    account: AccountId,
) -> Result<Vec<BindingId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        -- binding.open_bindings_of_account
        SELECT binding_id FROM binding
        WHERE state IN ('PENDING_CONFIRM', 'PENDING_REVIEW', 'BOUND')
          AND (contributor_account = $1 OR beneficiary_account = $1)
        ORDER BY binding_id
        "#,
        account.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(BindingId::from_uuid).collect())
}

/// Agreed bindings whose last day is over, and those whose answer comes too late; those that are over longest first.
pub async fn due_bindings(
    conn: &mut PgConnection,
    now: Timestamp,
    most: i64,
) -> Result<Vec<BindingId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        -- binding.due_bindings
        SELECT binding_id AS "binding_id!" FROM (
            (SELECT binding_id, valid_until AS due FROM binding
             WHERE state = 'BOUND' AND valid_until <= $1 ORDER BY valid_until LIMIT $2)
            UNION ALL
            (SELECT binding_id, confirm_by FROM binding
             WHERE state = 'PENDING_CONFIRM' AND confirm_by <= $1 ORDER BY confirm_by LIMIT $2)
        ) AS overdue
        ORDER BY due
        LIMIT $2
        "#,
        now.to_sqlx(),
        most,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(BindingId::from_uuid).collect())
}

/// Stores a new binding, and its first version in the history.
pub async fn insert_binding(
    conn: &mut PgConnection,
    binding: &Binding,
    by: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (asked, columns) = (&binding.asked, StateColumns::from(binding));
    sqlx::query!(
        r#"
        -- binding.insert_binding
        INSERT INTO binding (
            binding_id, version, state, contributor_person, contributor_account, contributor_region,
            beneficiary_person, beneficiary_account, beneficiary_region, relation, asked_until, commitment,
            requested_at, rules, bound_at, effective_from, valid_until, confirm_by
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        "#,
        binding.id.uuid(),
        binding.version,
        columns.state,
        asked.contributor.person.uuid(),
        asked.contributor.account.uuid(),
        asked.contributor.region.as_str(),
        asked.beneficiary.person.uuid(),
        asked.beneficiary.account.uuid(),
        asked.beneficiary.region.as_str(),
        asked.relation.code(),
        asked.until.map(jiff_sqlx::ToSqlx::to_sqlx),
        asked.commitment.as_ref().map(<[u8; 32]>::as_slice),
        asked.at.to_sqlx(),
        &rules(binding),
        columns.bound_at,
        columns.effective_from,
        columns.valid_until,
        confirm_by(binding),
    )
    .execute(&mut *conn)
    .await?;
    insert_change(conn, binding, by, None, now).await
}

/// Stores the next version of a binding whose row is locked, and adds it to the history.
pub async fn update_binding(
    conn: &mut PgConnection,
    binding: &Binding,
    by: &Actor,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let columns = StateColumns::from(binding);
    let done = sqlx::query!(
        r#"
        -- binding.update_binding
        UPDATE binding
        SET version = $2, state = $3, rules = $4, bound_at = $5, effective_from = $6, valid_until = $7,
            ending_at = $8, ended_at = $9, declined_at = $10
        WHERE binding_id = $1 AND version + 1 = $2
        "#,
        binding.id.uuid(),
        binding.version,
        columns.state,
        &rules(binding),
        columns.bound_at,
        columns.effective_from,
        columns.valid_until,
        columns.ending_at,
        columns.ended_at,
        columns.declined_at,
    )
    .execute(&mut *conn)
    .await?;
    super::one_row(&done)?;
    insert_change(conn, binding, by, note, now).await
}

async fn insert_change(
    conn: &mut PgConnection,
    binding: &Binding,
    by: &Actor,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let columns = StateColumns::from(binding);
    sqlx::query!(
        r#"
        -- binding.insert_change
        INSERT INTO binding_change (
            binding_id, version, state, rules, bound_at, effective_from, valid_until, ending_at, ended_at, declined_at,
            at, caller_role, caller_subject, note, trace
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        "#,
        binding.id.uuid(),
        binding.version,
        columns.state,
        &rules(binding),
        columns.bound_at,
        columns.effective_from,
        columns.valid_until,
        columns.ending_at,
        columns.ended_at,
        columns.declined_at,
        now.to_sqlx(),
        by.caller.role.code(),
        by.caller.subject,
        note,
        by.trace.as_deref(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn confirm_by(binding: &Binding) -> Option<jiff_sqlx::Timestamp> {
    match binding.state {
        State::Pending(pending) => pending.confirm_by.map(jiff_sqlx::ToSqlx::to_sqlx),
        _ => None,
    }
}

/// Whether this caller made any of a binding's versions.
pub async fn has_acted(
    conn: &mut PgConnection,
    id: BindingId,
    caller: &Caller,
) -> Result<bool, StoreError> {
    let acted = sqlx::query_scalar!(
        r#"
        -- binding.has_acted
        SELECT EXISTS (
            SELECT FROM binding_change WHERE binding_id = $1 AND caller_role = $2 AND caller_subject = $3
        ) AS "acted!"
        "#,
        id.uuid(),
        caller.role.code(),
        caller.subject,
    )
    .fetch_one(conn)
    .await?;
    Ok(acted)
}

/// The bindings that wait for the agency, oldest first, younger than `after`.
pub async fn list_in_review(
    conn: &mut PgConnection,
    after: Option<BindingId>,
    most: i64,
) -> Result<Vec<Binding>, StoreError> {
    let rows = sqlx::query_as!(
        BindingRow,
        r#"
        -- binding.list_in_review
        SELECT * FROM binding
        WHERE state = 'PENDING_REVIEW' AND ($1::uuid IS NULL OR binding_id > $1)
        ORDER BY binding_id
        LIMIT $2
        "#,
        after.map(BindingId::uuid),
        most,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Ok(Binding::try_from(row)?))
        .collect()
}

fn rules(binding: &Binding) -> Vec<String> {
    binding.rules.iter().map(ToString::to_string).collect()
}

/// The bits of many ids, for an array parameter.
pub(super) fn uuids(people: &[PersonId]) -> Vec<Uuid> {
    people.iter().map(|person| person.uuid()).collect()
}
