//! Who froze, released or closed an account, and why.

use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;

use super::{StoreError, column};
use crate::command::Origin;
use crate::keep::{Kept, Mark};

/// Notes marks; of one account in one batch, the last of each kind.
pub async fn insert(
    conn: &mut PgConnection,
    marks: &[(&Kept, Mark, &Origin)],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_marks
        INSERT INTO account_mark (account_id, marked_at, mark, note, caller_role, caller, trace_parent)
        SELECT * FROM unnest(
            $1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
        ON CONFLICT DO NOTHING
        "#,
        &column(marks, |(kept, ..)| kept.account.id.uuid()),
        &column(marks, |(kept, ..)| kept.at.to_sqlx()) as &[jiff_sqlx::Timestamp],
        &column(marks, |(_, mark, _)| mark.code().to_owned()),
        &column(marks, |(kept, ..)| kept.note.clone()),
        &column(marks, |(_, _, origin)| origin.role.to_string()),
        &column(marks, |(_, _, origin)| origin.caller.clone()),
        &column(marks, |(_, _, origin)| origin.trace_parent.clone()) as &[Option<String>],
    )
    .execute(conn)
    .await?;
    Ok(())
}
