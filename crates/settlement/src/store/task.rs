//! Tasks: money that waits in suspense, and what became of it.

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::{AccountId, Bucket, Fen, MovementId, PersonId, SettlementId};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{StoreError, touched, word};
use crate::refund::Waiting;
use crate::task::{Closed, Task};

struct Row {
    task_id: Uuid,
    settlement_id: Uuid,
    refund_id: Uuid,
    account_id: Uuid,
    person_id: Option<Uuid>,
    bucket: String,
    amount_fen: i64,
    why: String,
    sandbox: bool,
    opened_at: jiff_sqlx::Timestamp,
    closed_by: Option<String>,
    closed_at: Option<jiff_sqlx::Timestamp>,
    note: Option<String>,
}

impl TryFrom<Row> for Task {
    type Error = Corrupt;

    fn try_from(row: Row) -> Result<Self, Corrupt> {
        let id = MovementId::from_uuid(row.task_id);
        let closed = match (row.closed_by, row.closed_at, row.note) {
            (None, None, None) => None,
            (Some(by), Some(at), Some(note)) => Some(Closed {
                by,
                note,
                at: at.to_jiff(),
            }),
            _ => return Err(Corrupt::new("refund_task", "closed_at", id)),
        };
        Ok(Self {
            id,
            why: word("refund_task", "why", id, Waiting::from_code(&row.why))?,
            settlement: SettlementId::from_uuid(row.settlement_id),
            refund: SettlementId::from_uuid(row.refund_id),
            account: AccountId::from_uuid(row.account_id),
            person: row.person_id.map(PersonId::from_uuid),
            bucket: word("refund_task", "bucket", id, Bucket::from_code(&row.bucket))?,
            amount: Fen::new(row.amount_fen),
            sandbox: row.sandbox,
            opened_at: row.opened_at.to_jiff(),
            closed,
        })
    }
}

/// Locks a task.
pub async fn lock(conn: &mut PgConnection, id: MovementId) -> Result<Option<Task>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        -- settlement.lock_task
        SELECT task_id, settlement_id, refund_id, t.account_id, a.person_id AS "person_id?", bucket, amount_fen, why,
               t.sandbox, opened_at AS "opened_at: jiff_sqlx::Timestamp", closed_by,
               t.closed_at AS "closed_at: jiff_sqlx::Timestamp", note
        FROM refund_task t
        LEFT JOIN account a ON a.account_id = t.account_id
        WHERE task_id = $1
        FOR UPDATE OF t
        "#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Task::try_from).transpose()?)
}

/// Writes down what became of a locked task.
pub async fn close(
    conn: &mut PgConnection,
    id: MovementId,
    closed: &Closed,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.close_task
        UPDATE refund_task SET closed_by = $2, closed_at = $3, note = $4 WHERE task_id = $1 AND closed_at IS NULL
        "#,
        id.uuid(),
        closed.by,
        closed.at.to_sqlx(),
        closed.note,
    )
    .execute(conn)
    .await?;
    touched("settlement.close_task", done.rows_affected(), 1)
}

/// A page of tasks after `after`, those first that have waited longest; only open ones if `only_open`.
pub async fn page(
    db: impl PgExecutor<'_>,
    after: Option<MovementId>,
    only_open: bool,
    size: i64,
) -> Result<Vec<Task>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.page_of_tasks
        SELECT task_id, settlement_id, refund_id, t.account_id, a.person_id AS "person_id?", bucket, amount_fen, why,
               t.sandbox, opened_at AS "opened_at: jiff_sqlx::Timestamp", closed_by,
               t.closed_at AS "closed_at: jiff_sqlx::Timestamp", note
        FROM refund_task t
        LEFT JOIN account a ON a.account_id = t.account_id
        WHERE ($1::uuid IS NULL OR task_id > $1) AND (t.closed_at IS NULL OR NOT $2)
        ORDER BY task_id
        LIMIT $3
        "#,
        after.map(MovementId::uuid),
        only_open,
        size,
    )
    .fetch_all(db)
    .await?;
    let tasks: Result<Vec<_>, Corrupt> = rows.into_iter().map(Task::try_from).collect();
    Ok(tasks?)
}
