//! What operators do to accounts: freeze, close, correct.

use chassis::access::Caller;
use chassis::db::Corrupt;
use chassis::grpc::{internal, refuse};
use kernel::{AllocationId, Bucket, Fen, Reason, Refusal};
use proto::common::v1 as common;
use proto::convert::{self, wire_time};
use proto::settlement::v1 as pb;
use tonic::Status;

use super::{Api, failed, mismatched, origin};
use crate::command::{Answer, Command};
use crate::correction::{Proposal, Standing};
use crate::keep::Keep;
use crate::store;
use crate::store::correction::Seen;

/// The most characters of a note.
const LONGEST_NOTE: usize = 200;

/// Has the writer do something to an account.
async fn keep(api: &Api, keep: Keep, caller: &Caller) -> Result<(), Status> {
    match api.writer.submit(Command::Keep(keep), origin(caller)).await {
        Ok(Answer::Keep(_)) => Ok(()),
        Ok(_) => Err(mismatched()),
        Err(refusal) => Err(refuse(refusal)),
    }
}

/// What an operator says of what they do.
pub(super) fn note(text: &str) -> Result<String, Status> {
    let text = convert::text("note", text.trim(), LONGEST_NOTE).map_err(|error| refuse(error.0))?;
    if text.is_empty() {
        return Err(refuse(Refusal::about(Reason::FieldMissing, "note")));
    }
    Ok(text.to_owned())
}

pub(super) async fn set_frozen(
    api: &Api,
    caller: &Caller,
    request: &pb::SetAccountFrozenRequest,
) -> Result<pb::SetAccountFrozenResponse, Status> {
    let freeze = Keep::Freeze {
        account: convert::id("account_id", &request.account_id).map_err(|error| refuse(error.0))?,
        frozen: request.frozen,
        note: note(&request.note)?,
    };
    keep(api, freeze, caller).await?;
    Ok(pb::SetAccountFrozenResponse {})
}

pub(super) async fn close(
    api: &Api,
    caller: &Caller,
    request: &pb::CloseAccountRequest,
) -> Result<pb::CloseAccountResponse, Status> {
    let close = Keep::Close {
        account: convert::id("account_id", &request.account_id).map_err(|error| refuse(error.0))?,
        note: note(&request.note)?,
    };
    keep(api, close, caller).await?;
    Ok(pb::CloseAccountResponse {})
}

pub(super) async fn propose(
    api: &Api,
    caller: &Caller,
    request: pb::ProposeCorrectionRequest,
) -> Result<pb::ProposeCorrectionResponse, Status> {
    let wire =
        convert::required("correction", request.correction).map_err(|error| refuse(error.0))?;
    let proposal = proposal(&wire, caller)?;
    let db = &api.office.db;
    let owner = store::account::owner(db, proposal.account)
        .await
        .map_err(|error| failed(&error))?;
    if owner.is_none() {
        let account = proposal.account.to_string();
        return Err(refuse(Refusal::about(Reason::AccountUnknown, account)));
    }
    let is_new = store::correction::propose(db, &proposal, api.office.clock.now())
        .await
        .map_err(|error| failed(&error))?;
    let seen = find(api, proposal.id).await?;
    if !is_new && !is_same(&seen, &proposal) {
        return Err(refuse(Reason::AllocationContradicts));
    }
    Ok(pb::ProposeCorrectionResponse {
        correction: Some(shown(seen).map_err(|error| internal(&error))?),
    })
}

fn proposal(wire: &pb::Correction, caller: &Caller) -> Result<Proposal, Status> {
    let amount = Fen::new(wire.amount_fen);
    let positive = amount.checked_neg().filter(|_| amount.is_negative());
    convert::amount("amount_fen", positive.unwrap_or(amount).get())
        .map_err(|error| refuse(error.0))?;
    Ok(Proposal {
        id: convert::id("correction_id", &wire.correction_id).map_err(|error| refuse(error.0))?,
        account: convert::id("account_id", &wire.account_id).map_err(|error| refuse(error.0))?,
        bucket: convert::bucket("bucket", wire.bucket).map_err(|error| refuse(error.0))?,
        amount,
        note: note(&wire.note)?,
        standing: Standing::Proposed,
        proposed_by: caller.subject.clone(),
    })
}

fn is_same(seen: &Seen, proposal: &Proposal) -> bool {
    seen.account_id == proposal.account.uuid()
        && Bucket::from_code(&seen.bucket) == Some(proposal.bucket)
        && seen.amount_fen == proposal.amount.get()
        && seen.note == proposal.note
        && seen.proposed_by == proposal.proposed_by
}

pub(super) async fn decide(
    api: &Api,
    caller: &Caller,
    request: &pb::DecideCorrectionRequest,
) -> Result<pb::DecideCorrectionResponse, Status> {
    let id: AllocationId =
        convert::id("correction_id", &request.correction_id).map_err(|error| refuse(error.0))?;
    let operator = caller.subject.clone();
    if request.approve {
        keep(api, Keep::Correct { id, operator }, caller).await?;
    } else {
        let at = api.office.clock.now();
        let rejected = store::correction::reject(&api.office.db, id, &operator, at)
            .await
            .map_err(|error| failed(&error))?;
        let seen = find(api, id).await?;
        if !rejected && Standing::from_code(&seen.state) != Some(Standing::Rejected) {
            return Err(refuse(Reason::CorrectionDecided));
        }
    }
    let seen = find(api, id).await?;
    Ok(pb::DecideCorrectionResponse {
        correction: Some(shown(seen).map_err(|error| internal(&error))?),
    })
}

/// How many a page holds.
pub(super) fn page_size(asked: i32) -> Result<i32, Status> {
    match asked {
        0 => Ok(50),
        size if (1..=500).contains(&size) => Ok(size),
        size => {
            let what = format!("size = {size}");
            Err(refuse(Refusal::about(Reason::PageTooLarge, what)))
        }
    }
}

async fn find(api: &Api, id: AllocationId) -> Result<Seen, Status> {
    store::correction::find(&api.office.db, id)
        .await
        .map_err(|error| failed(&error))?
        .ok_or_else(|| refuse(Refusal::about(Reason::CorrectionUnknown, id.to_string())))
}

pub(super) async fn list(
    api: &Api,
    request: &pb::ListCorrectionsRequest,
) -> Result<pb::ListCorrectionsResponse, Status> {
    let page = request.page.clone().unwrap_or_default();
    let size = page_size(page.size)?;
    let before = match page.cursor.as_str() {
        "" => None,
        cursor => Some(
            cursor
                .parse()
                .ok()
                .ok_or_else(|| refuse(Reason::CursorMalformed))?,
        ),
    };
    let rows = store::correction::page(&api.office.db, before, request.only_open, size.into())
        .await
        .map_err(|error| failed(&error))?;
    let is_full = i32::try_from(rows.len()) == Ok(size);
    let corrections = rows
        .into_iter()
        .map(shown)
        .collect::<Result<Vec<_>, Corrupt>>()
        .map_err(|error| internal(&error))?;
    let last = corrections.last().filter(|_| is_full);
    Ok(pb::ListCorrectionsResponse {
        next_cursor: last
            .map(|last| last.correction_id.clone())
            .unwrap_or_default(),
        corrections,
    })
}

fn shown(seen: Seen) -> Result<pb::Correction, Corrupt> {
    let id = AllocationId::from_uuid(seen.allocation_id);
    let bucket = Bucket::from_code(&seen.bucket);
    let bucket = bucket.ok_or_else(|| Corrupt::new("correction", "bucket", id))?;
    let state = match Standing::from_code(&seen.state) {
        Some(Standing::Proposed) => pb::CorrectionState::Proposed,
        Some(Standing::Approved) => pb::CorrectionState::Approved,
        Some(Standing::Rejected) => pb::CorrectionState::Rejected,
        None => return Err(Corrupt::new("correction", "state", id)),
    };
    Ok(pb::Correction {
        correction_id: id.to_string(),
        account_id: kernel::AccountId::from_uuid(seen.account_id).to_string(),
        bucket: common::Bucket::from(bucket).into(),
        amount_fen: seen.amount_fen,
        note: seen.note,
        state: state.into(),
        proposed_by: seen.proposed_by,
        proposed_at: Some(wire_time(seen.proposed_at.to_jiff())),
        decided_by: seen.decided_by.unwrap_or_default(),
        decided_at: seen.decided_at.map(|at| wire_time(at.to_jiff())),
    })
}
