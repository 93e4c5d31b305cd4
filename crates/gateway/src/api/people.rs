//! People, aid bindings, mandates and credentials.

use axum::Json;
use axum::extract::{Path, State};
use proto::authorization::v1 as authorization;
use proto::binding::v1 as binding;

use super::extract::{Calling, Listing, Wire, answer};
use crate::Edge;
use crate::problem::Problem;

type Answer<T> = Result<Json<T>, Problem>;

pub async fn import(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Wire(request): Wire<binding::ImportPeopleRequest>,
) -> Answer<binding::ImportPeopleResponse> {
    answer(edge.upstream.binding(&caller).import_people(request).await)
}

pub async fn show(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
) -> Answer<binding::GetPersonResponse> {
    answer(
        edge.upstream
            .binding(&caller)
            .get_person(binding::GetPersonRequest { person_id })
            .await,
    )
}

pub async fn bindings(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
    listing: Listing,
) -> Answer<binding::ListBindingsResponse> {
    let include_ended = listing.include_ended;
    let request = binding::ListBindingsRequest {
        person_id,
        page: Some(listing.page()),
        include_ended,
    };
    answer(edge.upstream.binding(&caller).list_bindings(request).await)
}

pub async fn request_bindings(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Wire(request): Wire<binding::RequestBindingsRequest>,
) -> Answer<binding::RequestBindingsResponse> {
    answer(
        edge.upstream
            .binding(&caller)
            .request_bindings(request)
            .await,
    )
}

pub async fn binding(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(binding_id): Path<String>,
) -> Answer<binding::GetBindingResponse> {
    answer(
        edge.upstream
            .binding(&caller)
            .get_binding(binding::GetBindingRequest { binding_id })
            .await,
    )
}

pub async fn confirm(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(binding_id): Path<String>,
) -> Answer<binding::ConfirmBindingResponse> {
    let request = binding::ConfirmBindingRequest {
        binding_id,
        proofs: Vec::new(),
    };
    answer(
        edge.upstream
            .binding(&caller)
            .confirm_binding(request)
            .await,
    )
}

/// The body's binding is the path's, whatever it says.
pub async fn review(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(binding_id): Path<String>,
    Wire(request): Wire<binding::ReviewBindingRequest>,
) -> Answer<binding::ReviewBindingResponse> {
    let request = binding::ReviewBindingRequest {
        binding_id,
        ..request
    };
    answer(edge.upstream.binding(&caller).review_binding(request).await)
}

pub async fn decline(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(binding_id): Path<String>,
) -> Answer<binding::DeclineBindingResponse> {
    answer(
        edge.upstream
            .binding(&caller)
            .decline_binding(binding::DeclineBindingRequest { binding_id })
            .await,
    )
}

pub async fn unbind(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(binding_id): Path<String>,
) -> Answer<binding::RequestUnbindResponse> {
    let request = binding::RequestUnbindRequest {
        binding_id,
        note: String::new(),
    };
    answer(edge.upstream.binding(&caller).request_unbind(request).await)
}

pub async fn mandates(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
    listing: Listing,
) -> Answer<authorization::ListMandatesResponse> {
    let request = authorization::ListMandatesRequest {
        person_id,
        page: Some(listing.page()),
    };
    answer(
        edge.upstream
            .authorization(&caller)
            .list_mandates(request)
            .await,
    )
}

pub async fn mandate(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(binding_id): Path<String>,
) -> Answer<authorization::GetMandateResponse> {
    let request = authorization::GetMandateRequest { binding_id };
    answer(
        edge.upstream
            .authorization(&caller)
            .get_mandate(request)
            .await,
    )
}

/// The body's binding is the path's, whatever it says.
pub async fn change_mandate(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(binding_id): Path<String>,
    Wire(request): Wire<authorization::ChangeMandateRequest>,
) -> Answer<authorization::ChangeMandateResponse> {
    let request = authorization::ChangeMandateRequest {
        binding_id,
        ..request
    };
    answer(
        edge.upstream
            .authorization(&caller)
            .change_mandate(request)
            .await,
    )
}

pub async fn pause(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(binding_id): Path<String>,
) -> Answer<authorization::PauseMandateResponse> {
    let request = authorization::PauseMandateRequest { binding_id };
    answer(
        edge.upstream
            .authorization(&caller)
            .pause_mandate(request)
            .await,
    )
}

pub async fn resume(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(binding_id): Path<String>,
) -> Answer<authorization::ResumeMandateResponse> {
    let request = authorization::ResumeMandateRequest { binding_id };
    answer(
        edge.upstream
            .authorization(&caller)
            .resume_mandate(request)
            .await,
    )
}

pub async fn revoke(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(binding_id): Path<String>,
) -> Answer<authorization::RevokeMandateResponse> {
    let request = authorization::RevokeMandateRequest { binding_id };
    answer(
        edge.upstream
            .authorization(&caller)
            .revoke_mandate(request)
            .await,
    )
}

/// The body's person is the path's, whatever it says.
pub async fn issue_credential(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
    Wire(request): Wire<authorization::IssueCredentialRequest>,
) -> Answer<authorization::IssueCredentialResponse> {
    let request = authorization::IssueCredentialRequest {
        person_id,
        ..request
    };
    answer(
        edge.upstream
            .authorization(&caller)
            .issue_credential(request)
            .await,
    )
}
