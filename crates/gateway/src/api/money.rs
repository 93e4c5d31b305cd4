//! Accounts, allocations, movements and settlements.

use axum::Json;
use axum::extract::{Path, State};
use proto::settlement::v1 as pb;

use super::extract::{Calling, Listing, Wire, answer};
use crate::Edge;
use crate::problem::Problem;

type Answer<T> = Result<Json<T>, Problem>;

pub async fn register_institutions(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Wire(request): Wire<pb::RegisterInstitutionsRequest>,
) -> Answer<pb::RegisterInstitutionsResponse> {
    answer(
        edge.upstream
            .settlement(&caller)
            .register_institutions(request)
            .await,
    )
}

pub async fn post_allocations(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Wire(request): Wire<pb::PostAllocationsRequest>,
) -> Answer<pb::PostAllocationsResponse> {
    answer(
        edge.upstream
            .settlement(&caller)
            .post_allocations(request)
            .await,
    )
}

/// Relatives' premiums, out of the caller's own account or, for operators, out of those that the rows name.
pub async fn pay_premiums(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Wire(request): Wire<pb::PayPremiumsRequest>,
) -> Answer<pb::PayPremiumsResponse> {
    answer(
        edge.upstream
            .settlement(&caller)
            .pay_premiums(request)
            .await,
    )
}

pub async fn accounts(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
) -> Answer<pb::ListAccountsResponse> {
    answer(
        edge.upstream
            .settlement(&caller)
            .list_accounts(pb::ListAccountsRequest { person_id })
            .await,
    )
}

pub async fn movements(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(account_id): Path<String>,
    listing: Listing,
) -> Answer<pb::ListMovementsResponse> {
    let request = pb::ListMovementsRequest {
        account_id,
        page: Some(listing.page()),
    };
    answer(
        edge.upstream
            .settlement(&caller)
            .list_movements(request)
            .await,
    )
}

pub async fn outcome(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(msgid): Path<String>,
) -> Answer<pb::GetOutcomeResponse> {
    answer(
        edge.upstream
            .settlement(&caller)
            .get_outcome(pb::GetOutcomeRequest { msgid })
            .await,
    )
}

pub async fn settlement(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(settlement_id): Path<String>,
) -> Answer<pb::GetSettlementResponse> {
    answer(
        edge.upstream
            .settlement(&caller)
            .get_settlement(pb::GetSettlementRequest { settlement_id })
            .await,
    )
}
