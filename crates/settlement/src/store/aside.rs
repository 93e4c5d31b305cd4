//! What holds set aside on accounts, and which of them are to be ended unasked.

use std::collections::BTreeMap;

use jiff_sqlx::ToSqlx;
use kernel::{AccountId, Fen, HoldId, PersonId, Timestamp};
use sqlx::{PgConnection, PgExecutor};

use super::{StoreError, column, touched};
use crate::account::Account;
use crate::hold::command::Freed;

/// Writes what is set aside on locked accounts.
pub async fn write_held(conn: &mut PgConnection, accounts: &[&Account]) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.write_held
        UPDATE account SET held_fen = now.held_fen
        FROM unnest($1::uuid[], $2::bigint[]) AS now (account_id, held_fen)
        WHERE account.account_id = ANY ($1) AND account.account_id = now.account_id
        "#,
        &column(accounts, |account| account.id.uuid()),
        &column(accounts, |account| account.held.get()),
    )
    .execute(conn)
    .await?;
    touched(
        "settlement.write_held",
        done.rows_affected(),
        accounts.len(),
    )
}

/// What open holds set aside on the accounts of a person, where there are any.
pub async fn held_of(
    db: impl PgExecutor<'_>,
    person: PersonId,
    at: Timestamp,
) -> Result<BTreeMap<AccountId, Fen>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.held_of_person
        SELECT l.account_id, sum(l.amount_fen)::bigint AS "held_fen!"
        FROM account a
        JOIN hold_leg l ON l.account_id = a.account_id AND l.is_open
        JOIN hold h ON h.hold_id = l.hold_id AND h.expires_at > $2
        WHERE a.person_id = $1
        GROUP BY l.account_id
        "#,
        person.uuid(),
        at.to_sqlx() as jiff_sqlx::Timestamp,
    )
    .fetch_all(db)
    .await?;
    let held = rows
        .into_iter()
        .map(|row| (AccountId::from_uuid(row.account_id), Fen::new(row.held_fen)));
    Ok(held.collect())
}

/// Up to `most` holds that are to be ended unasked: those that expired, and those that a fence does not wait for.
pub async fn due(
    db: impl PgExecutor<'_>,
    at: Timestamp,
    most: i64,
) -> Result<Vec<(HoldId, Freed)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.due_holds
        (SELECT hold_id AS "hold_id!", true AS "has_expired!"
         FROM hold WHERE state = 'HELD' AND expires_at <= $1
         ORDER BY expires_at LIMIT $2)
        UNION ALL
        (SELECT DISTINCT h.hold_id, false
         FROM fence_waiting f
         JOIN hold_leg l ON l.binding_id = f.binding_id AND l.is_open
         JOIN hold h ON h.hold_id = l.hold_id
         WHERE h.state = 'HELD' AND h.expires_at > $1 AND h.expires_at > h.placed_at + interval '5 minutes'
         LIMIT $2)
        "#,
        at.to_sqlx() as jiff_sqlx::Timestamp,
        most,
    )
    .fetch_all(db)
    .await?;
    let due = rows.into_iter().map(|row| {
        let why = if row.has_expired {
            Freed::Expired
        } else {
            Freed::Fenced
        };
        (HoldId::from_uuid(row.hold_id), why)
    });
    Ok(due.collect())
}
