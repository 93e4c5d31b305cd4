//! The counter for institutions that do not speak the national interface: quotes, bills, and holds on them.

use axum::Json;
use axum::extract::{Path, State};
use proto::settlement::v1 as pb;

use super::extract::{Calling, Wire, answer};
use crate::Edge;
use crate::problem::Problem;

type Answer<T> = Result<Json<T>, Problem>;

pub async fn quote(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Wire(request): Wire<pb::QuoteRequest>,
) -> Answer<pb::QuoteResponse> {
    answer(edge.upstream.settlement(&caller).quote(request).await)
}

/// A bill, also one that is deducted after the visit: the national interface has no field to ask for that.
pub async fn settle(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Wire(request): Wire<pb::SettleRequest>,
) -> Answer<pb::SettleResponse> {
    answer(edge.upstream.settlement(&caller).settle(request).await)
}

pub async fn place_hold(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Wire(request): Wire<pb::PlaceHoldRequest>,
) -> Answer<pb::PlaceHoldResponse> {
    answer(edge.upstream.settlement(&caller).place_hold(request).await)
}

pub async fn hold(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(hold_id): Path<String>,
) -> Answer<pb::GetHoldResponse> {
    answer(
        edge.upstream
            .settlement(&caller)
            .get_hold(pb::GetHoldRequest { hold_id })
            .await,
    )
}

/// The hold is the path's, whatever the body says.
pub async fn capture_hold(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(hold_id): Path<String>,
    Wire(request): Wire<pb::CaptureHoldRequest>,
) -> Answer<pb::CaptureHoldResponse> {
    let request = pb::CaptureHoldRequest { hold_id, ..request };
    answer(
        edge.upstream
            .settlement(&caller)
            .capture_hold(request)
            .await,
    )
}

/// The hold is the path's, whatever the body says.
pub async fn release_hold(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(hold_id): Path<String>,
    Wire(request): Wire<pb::ReleaseHoldRequest>,
) -> Answer<pb::ReleaseHoldResponse> {
    let request = pb::ReleaseHoldRequest { hold_id, ..request };
    answer(
        edge.upstream
            .settlement(&caller)
            .release_hold(request)
            .await,
    )
}
