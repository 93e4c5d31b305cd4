//! Reads: what was answered, what is in an account, what moved it.

use chassis::db::Corrupt;
use kernel::{AccountId, Bucket, MovementId, PersonId, Reason, Refusal, SettlementId};
use prost::Message as _;
use proto::common::v1 as common;
use proto::convert::{wire_reason, wire_time};
use proto::settlement::v1 as pb;

use crate::institution::Institution;
use crate::request::Operation;
use crate::store::movement::Seen;
use crate::store::outcome::{Outcome, Since};
use crate::store::{self, StoreError};
use crate::writer::Office;

/// A stored answer that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unshown {
    #[error("a stored answer cannot be decoded")]
    Decode(#[from] prost::DecodeError),
    #[error("a stored answer is empty")]
    Empty,
}

/// What became of a request.
pub(super) fn outcome(
    outcome: Option<Outcome>,
) -> Result<pb::get_outcome_response::Outcome, Unshown> {
    use pb::get_outcome_response::Outcome as Wire;
    let Some(outcome) = outcome else {
        return Ok(Wire::NeverDecided(pb::NeverDecided {}));
    };
    let answer = &*outcome.answer;
    match outcome.operation {
        Operation::Settle | Operation::Capture => match pb::SettleResponse::decode(answer)?.outcome
        {
            Some(pb::settle_response::Outcome::Settlement(settlement)) => {
                Ok(Wire::Settlement(as_it_is(settlement, outcome.since)))
            }
            Some(pb::settle_response::Outcome::Declined(reason)) => Ok(Wire::Declined(reason)),
            // A stale answer is never stored: it leaves its key free.
            Some(pb::settle_response::Outcome::Stale(_)) | None => Err(Unshown::Empty),
        },
        Operation::Cancel => {
            let cancellation = pb::CancelResponse::decode(answer)?.cancellation;
            cancellation.map(Wire::Cancellation).ok_or(Unshown::Empty)
        }
        Operation::Refund => {
            let refund = pb::RefundResponse::decode(answer)?.refund;
            refund.map(Wire::Refund).ok_or(Unshown::Empty)
        }
        Operation::Reverse | Operation::Reversed => {
            let reversal = pb::ReverseResponse::decode(answer)?.reversal;
            reversal.map(Wire::Reversal).ok_or(Unshown::Empty)
        }
        // Holds are shown as they stand, not as they were answered.
        Operation::Place | Operation::Release => Err(Unshown::Empty),
    }
}

/// A settlement as it is now.
pub(super) fn settlement(answer: &[u8], since: Since) -> Result<pb::Settlement, Unshown> {
    match pb::SettleResponse::decode(answer)?.outcome {
        Some(pb::settle_response::Outcome::Settlement(settlement)) => {
            Ok(as_it_is(settlement, since))
        }
        _ => Err(Unshown::Empty),
    }
}

/// The answer that was given, with what has happened since.
fn as_it_is(settlement: pb::Settlement, since: Since) -> pb::Settlement {
    use pb::SettlementState as State;
    let total = settlement.split.as_ref().map_or(0, |split| split.total_fen);
    let refunded = since.refunded.get();
    let is_open = settlement
        .after_visit
        .as_ref()
        .is_some_and(|after_visit| after_visit.open_fen > 0);
    let state = match since.cancellation {
        Some(_) if since.reversed => State::Reversed,
        Some(_) => State::Cancelled,
        // While there is more to deduct, that is what its state says.
        None if refunded == 0 || is_open => settlement.state(),
        None if refunded < total => State::PartlyRefunded,
        None => State::Refunded,
    };
    let shown = |id: Option<SettlementId>| id.map(|id| id.to_string()).unwrap_or_default();
    pb::Settlement {
        state: state.into(),
        cancellation_id: shown(since.cancellation),
        refunded_fen: refunded,
        replaced_by: shown(since.replaced_by),
        ..settlement
    }
}

/// Registers what can be registered, row by row. Of several rows with one code the last one holds.
pub(super) async fn register(
    office: &Office,
    told: &[pb::Institution],
) -> Result<pb::RegisterInstitutionsResponse, StoreError> {
    let mut good = std::collections::BTreeMap::new();
    let mut results = Vec::with_capacity(told.len());
    for institution in told {
        let refused = match Institution::try_from(institution) {
            Ok(institution) => {
                good.insert(institution.code.clone(), institution);
                None
            }
            Err(refusal) => Some(wire_reason(&refusal)),
        };
        results.push(pb::RegisteredInstitution { refused });
    }
    let good: Vec<Institution> = good.into_values().collect();
    if !good.is_empty() {
        store::institution::register(&office.db, &good, office.clock.now()).await?;
    }
    Ok(pb::RegisterInstitutionsResponse { results })
}

/// Where in the movements of an account a page begins, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// Only what is older than this version.
    before: i64,
    size: i64,
}

impl Page {
    const USUAL: i64 = 50;
    const MOST: i64 = 500;

    pub(super) fn read(page: Option<&common::Page>) -> Result<Self, Refusal> {
        let page = page.cloned().unwrap_or_default();
        let size = match i64::from(page.size) {
            0 => Self::USUAL,
            size if (1..=Self::MOST).contains(&size) => size,
            size => {
                return Err(Refusal::about(
                    Reason::PageTooLarge,
                    format!("size = {size}"),
                ));
            }
        };
        let before = match page.cursor.as_str() {
            "" => i64::MAX,
            cursor => cursor
                .parse()
                .ok()
                .filter(|version| *version > 0)
                .ok_or(Reason::CursorMalformed)?,
        };
        Ok(Self { before, size })
    }
}

/// A page of an account's movements, newest first. The cursor is the version of the last one shown.
pub(super) async fn movements(
    office: &Office,
    account: AccountId,
    page: Page,
) -> Result<pb::ListMovementsResponse, StoreError> {
    let rows = store::movement::page(&office.db, account, page.before, page.size).await?;
    let is_full = i64::try_from(rows.len()) == Ok(page.size);
    let last = rows
        .last()
        .filter(|last| is_full && last.account_version > 1);
    let next_cursor = last
        .map(|last| last.account_version.to_string())
        .unwrap_or_default();
    let movements = rows
        .into_iter()
        .map(movement)
        .collect::<Result<_, Corrupt>>()?;
    Ok(pb::ListMovementsResponse {
        movements,
        next_cursor,
    })
}

pub(super) fn movement(row: Seen) -> Result<pb::Movement, Corrupt> {
    let id = MovementId::from_uuid(row.movement_id);
    let bucket =
        Bucket::from_code(&row.bucket).ok_or_else(|| Corrupt::new("movement", "bucket", id))?;
    let signed = if row.is_money_in {
        Some(row.amount_fen)
    } else {
        row.amount_fen.checked_neg()
    };
    Ok(pb::Movement {
        movement_id: id.to_string(),
        posted_at: Some(wire_time(row.posted_at.to_jiff())),
        bucket: common::Bucket::from(bucket).into(),
        amount_fen: signed.ok_or_else(|| Corrupt::new("movement", "amount_fen", id))?,
        account_version: row.account_version,
        current_after_fen: row.current_after_fen,
        prior_after_fen: row.prior_after_fen,
        settlement_id: row
            .settlement_id
            .map(|id| SettlementId::from_uuid(id).to_string())
            .unwrap_or_default(),
        beneficiary_person_id: row
            .beneficiary_person_id
            .map(|id| PersonId::from_uuid(id).to_string())
            .unwrap_or_default(),
        kind: row.kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(size: i32, cursor: &str) -> Result<Page, Reason> {
        let page = common::Page {
            size,
            cursor: cursor.to_owned(),
        };
        Page::read(Some(&page)).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_page_has_a_usual_and_a_greatest_size() {
        assert_eq!(
            Page::read(None).unwrap(),
            Page {
                before: i64::MAX,
                size: 50
            }
        );
        assert_eq!(
            read(500, "7"),
            Ok(Page {
                before: 7,
                size: 500
            })
        );
        assert_eq!(read(501, ""), Err(Reason::PageTooLarge));
        assert_eq!(read(-1, ""), Err(Reason::PageTooLarge));
        assert_eq!(read(0, "mov_1"), Err(Reason::CursorMalformed));
    }
}
