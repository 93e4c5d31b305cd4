//! What waits in suspense, at the border: listed for operators, and closed by them.

use chassis::access::Caller;
use chassis::grpc::refuse;
use kernel::{MovementId, Reason};
use proto::common::v1 as common;
use proto::convert::{self, wire_time};
use proto::settlement::v1 as pb;
use tonic::Status;

use super::accounts::{note, page_size};
use super::{Api, failed};
use crate::close_task::{CloseTaskError, close_task};
use crate::refund::Waiting;
use crate::store;
use crate::task::Task;

/// A page of tasks, those first that have waited longest. The cursor is the last one shown.
pub(super) async fn list(
    api: &Api,
    request: &pb::ListTasksRequest,
) -> Result<pb::ListTasksResponse, Status> {
    let page = request.page.clone().unwrap_or_default();
    let size = page_size(page.size)?;
    let after: Option<MovementId> = match page.cursor.as_str() {
        "" => None,
        cursor => {
            let read = cursor.parse().ok();
            Some(read.ok_or_else(|| refuse(Reason::CursorMalformed))?)
        }
    };
    let tasks = store::task::page(&api.office.db, after, request.only_open, size.into())
        .await
        .map_err(|error| failed(&error))?;
    let is_full = i32::try_from(tasks.len()) == Ok(size);
    let last = tasks.last().filter(|_| is_full);
    Ok(pb::ListTasksResponse {
        next_cursor: last.map(|last| last.id.to_string()).unwrap_or_default(),
        tasks: tasks.into_iter().map(shown).collect(),
    })
}

/// Closes one.
pub(super) async fn close(
    api: &Api,
    caller: &Caller,
    request: &pb::CloseTaskRequest,
) -> Result<pb::CloseTaskResponse, Status> {
    let id = convert::id("task_id", &request.task_id).map_err(|error| refuse(error.0))?;
    let note = note(&request.note)?;
    let said = (&*caller.subject, &*note);
    let closed = close_task(&api.office.db, id, said, api.office.clock.now()).await;
    match closed {
        Ok(task) => Ok(pb::CloseTaskResponse {
            task: Some(shown(task)),
        }),
        Err(CloseTaskError::Refused(refusal)) => Err(refuse(refusal)),
        Err(CloseTaskError::Store(error)) => Err(failed(&error)),
    }
}

fn shown(task: Task) -> pb::Task {
    let cause = match task.why {
        Waiting::AccountClosed => pb::TaskCause::AccountClosed,
        Waiting::BindingEnded => pb::TaskCause::BindingEnded,
    };
    let closed = task.closed;
    pb::Task {
        task_id: task.id.to_string(),
        cause: cause.into(),
        settlement_id: task.settlement.to_string(),
        refund_id: task.refund.to_string(),
        account_id: task.account.to_string(),
        person_id: task.person.map(|id| id.to_string()).unwrap_or_default(),
        bucket: common::Bucket::from(task.bucket).into(),
        amount_fen: task.amount.get(),
        opened_at: Some(wire_time(task.opened_at)),
        closed_at: closed.as_ref().map(|closed| wire_time(closed.at)),
        closed_by: closed
            .as_ref()
            .map(|closed| closed.by.clone())
            .unwrap_or_default(),
        note: closed.map(|closed| closed.note).unwrap_or_default(),
        sandbox: task.sandbox,
    }
}
