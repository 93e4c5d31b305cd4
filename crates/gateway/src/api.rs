//! The JSON API: each route is one RPC, its body that RPC's message in proto3 JSON (int64 as text, enums by name).
//!
//! The gateway adds nothing to what a service says: it only carries the caller's token over and the answer back.

mod counter;
mod extract;
mod links;
mod money;
mod notices;
mod people;
mod statements;

use axum::Router;
use axum::routing::{get, post, put};

use crate::Edge;

/// The routes below `/api/v1`.
pub fn routes() -> Router<Edge> {
    Router::new()
        .route("/people", post(people::import))
        .route("/people/{person_id}", get(people::show))
        .route("/people/{person_id}/accounts", get(money::accounts))
        .route("/people/{person_id}/bindings", get(people::bindings))
        .route("/people/{person_id}/mandates", get(people::mandates))
        .route(
            "/people/{person_id}/credentials",
            post(people::issue_credential),
        )
        .route("/people/{person_id}/notices", get(notices::list))
        .route("/people/{person_id}/notices/stream", get(notices::stream))
        .route("/people/{person_id}/notices/read", post(notices::mark_read))
        .route("/people/{person_id}/activation", post(links::activate))
        .route("/people/{person_id}/display-links", get(links::list))
        .route("/display-links", post(links::start))
        .route(
            "/display-links/{display_link_id}",
            get(links::show).delete(links::end),
        )
        .route(
            "/display-links/{display_link_id}/evidence",
            post(links::prove),
        )
        .route(
            "/display-links/{display_link_id}/review",
            post(links::review),
        )
        .route("/bindings", post(people::request_bindings))
        .route(
            "/bindings/{binding_id}",
            get(people::binding).delete(people::unbind),
        )
        .route("/bindings/{binding_id}/confirm", post(people::confirm))
        .route("/bindings/{binding_id}/review", post(people::review))
        .route("/bindings/{binding_id}/decline", post(people::decline))
        .route("/mandates/{binding_id}", get(people::mandate))
        .route("/mandates/{binding_id}", put(people::change_mandate))
        .route("/mandates/{binding_id}/pause", post(people::pause))
        .route("/mandates/{binding_id}/resume", post(people::resume))
        .route("/mandates/{binding_id}/revoke", post(people::revoke))
        .route("/institutions", post(money::register_institutions))
        .route("/allocations", post(money::post_allocations))
        .route("/premiums", post(money::pay_premiums))
        .route("/accounts/{account_id}/movements", get(money::movements))
        .route("/outcomes/{msgid}", get(money::outcome))
        .route("/settlements/{settlement_id}", get(money::settlement))
        .merge(statements::routes())
        .route("/quotes", post(counter::quote))
        .route("/settlements", post(counter::settle))
        .route("/holds", post(counter::place_hold))
        .route("/holds/{hold_id}", get(counter::hold))
        .route("/holds/{hold_id}/capture", post(counter::capture_hold))
        .route("/holds/{hold_id}/release", post(counter::release_hold))
}
