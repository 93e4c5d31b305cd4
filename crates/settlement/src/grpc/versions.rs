//! The newest movement of each account, for whoever checks that people were told of all of them.

use chassis::grpc::refuse;
use kernel::{AccountId, Reason};
use proto::settlement::v1 as pb;
use tonic::Status;

use super::accounts::page_size;
use super::{Api, failed};
use crate::store::versions as store;

pub(super) async fn page(
    api: &Api,
    request: &pb::ListAccountVersionsRequest,
) -> Result<pb::ListAccountVersionsResponse, Status> {
    let page = request.page.clone().unwrap_or_default();
    let size = page_size(page.size)?;
    let after: Option<AccountId> = match page.cursor.as_str() {
        "" => None,
        cursor => {
            let account = cursor.parse().ok();
            Some(account.ok_or_else(|| refuse(Reason::CursorMalformed))?)
        }
    };
    let newest = store::page(&api.office.db, after, size.into())
        .await
        .map_err(|error| failed(&error))?;
    let is_full = i32::try_from(newest.len()) == Ok(size);
    let last = newest.last().filter(|_| is_full);
    Ok(pb::ListAccountVersionsResponse {
        next_cursor: last.map_or_else(String::new, |last| last.account.to_string()),
        accounts: newest
            .iter()
            .map(|one| pb::AccountVersion {
                account_id: one.account.to_string(),
                person_id: one.person.to_string(),
                version: one.version,
            })
            .collect(),
    })
}
