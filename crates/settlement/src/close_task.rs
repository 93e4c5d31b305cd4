//! An operator closes a task: says what became of money that waited in suspense.

use kernel::{MovementId, Reason, Refusal, Timestamp};
use sqlx::PgPool;

use crate::store::{self, StoreError};
use crate::task::Task;

/// Why a task was not closed.
#[derive(Debug, thiserror::Error)]
pub enum CloseTaskError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the task could not be read or written")]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for CloseTaskError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// Closes a task; answers with it as it is then. The same words of the same operator again change nothing.
///
/// # Errors
/// `TASK_UNKNOWN`, or `TASK_CLOSED` if it was closed by another operator or with other words.
#[tracing::instrument(name = "settlement.close_task", skip_all, fields(task.id = %id))]
pub async fn close_task(
    db: &PgPool,
    id: MovementId,
    (operator, note): (&str, &str),
    at: Timestamp,
) -> Result<Task, CloseTaskError> {
    let mut tx = chassis::db::begin(db).await?;

    // The task's row is the lock: of two operators one closes it.
    let task = store::task::lock(&mut tx, id).await?;
    let task = task.ok_or_else(|| Refusal::about(Reason::TaskUnknown, id.to_string()))?;
    let Some(closed) = task.close(operator, note, at)? else {
        return Ok(task);
    };
    store::task::close(&mut tx, id, &closed).await?;
    tx.commit().await?;
    Ok(Task {
        closed: Some(closed),
        ..task
    })
}
