//! E-credentials and display links: who may show whose code. No route here leads to money.

use axum::Json;
use axum::extract::{Path, State};
use proto::binding::v1 as binding;

use super::extract::{Calling, Listing, Wire, answer};
use crate::Edge;
use crate::problem::Problem;

type Answer<T> = Result<Json<T>, Problem>;

/// The body's person is the path's, whatever it says.
pub async fn activate(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
    Wire(request): Wire<binding::ActivateCredentialRequest>,
) -> Answer<binding::ActivateCredentialResponse> {
    let request = binding::ActivateCredentialRequest {
        person_id,
        ..request
    };
    let mut links = edge.upstream.display_links(&caller);
    answer(links.activate_credential(request).await)
}

pub async fn list(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
    listing: Listing,
) -> Answer<binding::ListDisplayLinksResponse> {
    let include_ended = listing.include_ended;
    let request = binding::ListDisplayLinksRequest {
        person_id,
        page: Some(listing.page()),
        include_ended,
    };
    let mut links = edge.upstream.display_links(&caller);
    answer(links.list_display_links(request).await)
}

pub async fn start(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Wire(request): Wire<binding::StartDisplayLinkRequest>,
) -> Answer<binding::StartDisplayLinkResponse> {
    let mut links = edge.upstream.display_links(&caller);
    answer(links.start_display_link(request).await)
}

pub async fn show(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(display_link_id): Path<String>,
) -> Answer<binding::GetDisplayLinkResponse> {
    let request = binding::GetDisplayLinkRequest { display_link_id };
    let mut links = edge.upstream.display_links(&caller);
    answer(links.get_display_link(request).await)
}

/// The body's link is the path's, whatever it says.
pub async fn prove(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(display_link_id): Path<String>,
    Wire(request): Wire<binding::ProveDisplayLinkRequest>,
) -> Answer<binding::ProveDisplayLinkResponse> {
    let request = binding::ProveDisplayLinkRequest {
        display_link_id,
        ..request
    };
    let mut links = edge.upstream.display_links(&caller);
    answer(links.prove_display_link(request).await)
}

/// The body's link is the path's, whatever it says.
pub async fn review(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(display_link_id): Path<String>,
    Wire(request): Wire<binding::ReviewDisplayLinkRequest>,
) -> Answer<binding::ReviewDisplayLinkResponse> {
    let request = binding::ReviewDisplayLinkRequest {
        display_link_id,
        ..request
    };
    let mut links = edge.upstream.display_links(&caller);
    answer(links.review_display_link(request).await)
}

pub async fn end(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(display_link_id): Path<String>,
) -> Answer<binding::EndDisplayLinkResponse> {
    let request = binding::EndDisplayLinkRequest { display_link_id };
    let mut links = edge.upstream.display_links(&caller);
    answer(links.end_display_link(request).await)
}
