//! 3201 and 3202: an institution compares its books with the centre's (`domain.md` 14.7).
//!
//! Beyond the interface: both take `acct_mulaid_pay`, so that aid is compared, too, and answer with the centre's figures in
//! `exstmt`. If it is left out, `acct_pay` may hold the own account alone or aid as well: both are in use. The lines of 3202
//! travel in the message, in and out, as `exdetail` with the columns of the file: there is no 9101 and 9102 here that would
//! carry a file, so `file_qury_no` is not asked for. More lines than [`MOST_LINES`] go over gRPC.

use chassis::access::Caller;
use futures::stream;
use kernel::{Reason, Refusal};
use proto::settlement::v1 as pb;
use serde_json::{Value, json};

use super::Failed;
use super::node::Node;
use crate::Edge;

mod read;
mod write;

/// The most lines that one message brings; an answer holds as many again that only the centre has.
const MOST_LINES: usize = 1_000;

/// As many lines as settlement takes in one message.
const AT_ONCE: usize = 500;

/// 3201: totals.
pub async fn totals(edge: &Edge, caller: &Caller, input: &Node) -> Result<Value, Failed> {
    let data = input.node("data")?;
    let agency = data.required("setl_optins")?;
    let told = read::totals(&data)?;
    let answer = edge
        .upstream
        .settlement(caller)
        .reconcile_totals(told.clone())
        .await?
        .into_inner();
    Ok(write::totals(&agency, &told, &answer))
}

/// 3202: line by line.
pub async fn details(edge: &Edge, caller: &Caller, input: &Node) -> Result<Value, Failed> {
    let data = input.node("data")?;
    let agency = data.required("setl_optins")?;
    let header = read::header(&data)?;
    let lines = read::lines(&data)?;
    read::adds_up(&header, &lines)?;

    let messages = messages(header.scope.clone(), &lines);
    let mut settlement = edge.upstream.settlement(caller);
    let mut answers = settlement
        .reconcile_details(stream::iter(messages))
        .await?
        .into_inner();
    let mut records = Vec::new();
    let mut summary = None;
    while let Some(answer) = answers.message().await? {
        records.extend(answer.records);
        if records.len() > 2 * MOST_LINES {
            let most = format!("exdetail: {}", 2 * MOST_LINES);
            return Err(Refusal::about(Reason::PageTooLarge, most).into());
        }
        summary = answer.summary.or(summary);
    }
    let summary = summary.ok_or_else(|| Refusal::from(Reason::Internal))?;
    // Settlement answers line by line, in their order; what only the centre has comes behind them.
    let visits = lines.into_iter().map(|line| line.visit);
    let visits = visits.chain(std::iter::repeat_with(String::new));
    let lines: Vec<_> = records
        .iter()
        .zip(visits)
        .map(|(record, visit)| write::line(record, &visit))
        .collect();
    let statement = write::summary(&agency, &header, &summary);
    Ok(json!({ "exstmt": statement, "exdetail": lines }))
}

/// The lines in as many messages as they need, and at least one: the first says what is compared.
fn messages(
    scope: pb::ReconciliationScope,
    lines: &[read::Line],
) -> Vec<pb::ReconcileDetailsRequest> {
    let mut messages = vec![pb::ReconcileDetailsRequest {
        scope: Some(scope),
        records: Vec::new(),
    }];
    messages.extend(lines.chunks(AT_ONCE).map(|chunk| {
        let records = chunk.iter().map(|line| line.record.clone()).collect();
        pb::ReconcileDetailsRequest {
            scope: None,
            records,
        }
    }));
    messages
}
