//! The gRPC interface of the audit: whether everybody was told of every change of their balance.

use chassis::grpc::refuse;
use jiff::SignedDuration;
use kernel::{AccountId, Clock, Date, Reason, Timestamp};
use proto::convert::wire_time;
use proto::notification::v1 as pb;
use proto::notification::v1::completeness_service_server::CompletenessService;
use sqlx::PgPool;
use tonic::{Request, Response, Status};

use super::{failure, page_size};
use crate::audit;
use crate::completeness::{Day, Untold};
use crate::store::completeness as store;

/// The audit as callers see it.
pub struct CompletenessApi {
    db: PgPool,
    grace: SignedDuration,
    clock: Clock,
}

impl CompletenessApi {
    /// What has not been told for longer than `grace` is missing.
    pub fn new(db: PgPool, grace: SignedDuration, clock: Clock) -> Self {
        Self { db, grace, clock }
    }
}

#[tonic::async_trait]
impl CompletenessService for CompletenessApi {
    async fn get_completeness(
        &self,
        _request: Request<pb::GetCompletenessRequest>,
    ) -> Result<Response<pb::GetCompletenessResponse>, Status> {
        let standing = audit::standing(&self.db, self.grace, &self.clock)
            .await
            .map_err(|failed| failure(&failed))?;
        Ok(Response::new(pb::GetCompletenessResponse {
            unreminded: standing.untold,
            accounts: standing.accounts,
            oldest: standing.oldest.map(wire_time),
            compared_at: standing.compared_at.map(wire_time),
        }))
    }

    async fn list_unreminded(
        &self,
        request: Request<pb::ListUnremindedRequest>,
    ) -> Result<Response<pb::ListUnremindedResponse>, Status> {
        let page = request.into_inner().page.unwrap_or_default();
        let size = page_size(page.size)?;
        let found = store::list_untold(&self.db, after(&page.cursor)?, size)
            .await
            .map_err(|failed| failure(&failed))?;
        let full = i64::try_from(found.len()) == Ok(size);
        let next_cursor = found.last().filter(|_| full).map(cursor);
        Ok(Response::new(pb::ListUnremindedResponse {
            accounts: found.into_iter().map(Into::into).collect(),
            next_cursor: next_cursor.unwrap_or_default(),
        }))
    }

    async fn list_completeness_days(
        &self,
        request: Request<pb::ListCompletenessDaysRequest>,
    ) -> Result<Response<pb::ListCompletenessDaysResponse>, Status> {
        let page = request.into_inner().page.unwrap_or_default();
        let size = page_size(page.size)?;
        let before: Option<Date> = match page.cursor.as_str() {
            "" => None,
            cursor => {
                let day = cursor.parse().ok();
                Some(day.ok_or_else(|| refuse(Reason::CursorMalformed))?)
            }
        };
        let found = store::list_days(&self.db, before, size)
            .await
            .map_err(|failed| failure(&failed))?;
        let full = i64::try_from(found.len()) == Ok(size);
        let next_cursor = found
            .last()
            .filter(|_| full)
            .map(|last| last.day.to_string());
        Ok(Response::new(pb::ListCompletenessDaysResponse {
            days: found.into_iter().map(Into::into).collect(),
            next_cursor: next_cursor.unwrap_or_default(),
        }))
    }
}

/// A cursor names the last account of the page before.
fn cursor(last: &Untold) -> String {
    format!("{}~{}", last.since.as_microsecond(), last.account)
}

fn after(cursor: &str) -> Result<Option<(Timestamp, AccountId)>, Status> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let read = || {
        let (at, account) = cursor.split_once('~')?;
        let at = Timestamp::from_microsecond(at.parse().ok()?).ok()?;
        Some((at, account.parse().ok()?))
    };
    read()
        .map(Some)
        .ok_or_else(|| refuse(Reason::CursorMalformed))
}

impl From<Untold> for pb::UnremindedAccount {
    fn from(untold: Untold) -> Self {
        let missing = untold.missing.into_iter();
        Self {
            account_id: untold.account.to_string(),
            person_id: untold.person.to_string(),
            version: untold.known,
            changes: untold.changes,
            missing: missing
                .map(|(first, last)| pb::VersionRange { first, last })
                .collect(),
            since: Some(wire_time(untold.since)),
        }
    }
}

impl From<Day> for pb::CompletenessDay {
    fn from(day: Day) -> Self {
        Self {
            day: day.day.to_string(),
            rounds: day.rounds,
            accounts: day.accounts,
            changes: day.changes,
            unreminded: day.untold,
            most_unreminded: day.most_untold,
            checked_at: Some(wire_time(day.checked_at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_one_that_is_not_ours_is_refused() {
        let account = AccountId::from_uuid(uuid::Uuid::from_u128(7));
        let since = "2026-01-02T04:00:00Z".parse().unwrap();
        let last = Untold {
            account,
            person: kernel::PersonId::from_uuid(uuid::Uuid::from_u128(8)),
            known: 2,
            changes: 1,
            missing: vec![(1, 1)],
            since,
        };
        assert_eq!(after(&cursor(&last)).unwrap(), Some((since, account)));
        assert_eq!(after("").unwrap(), None);
        assert!(after("1~next").is_err());
    }
}
