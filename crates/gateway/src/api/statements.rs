//! What people look up about the past: balances, statements, a year in figures.

use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::routing::get;
use axum::{Json, Router};
use kernel::{Reason, Refusal, Timestamp};
use proto::common::v1::Page;
use proto::convert::wire_time;
use proto::settlement::v1 as pb;
use serde::Deserialize;

use super::extract::{Calling, answer};
use crate::Edge;
use crate::problem::Problem;

type Answer<T> = Result<Json<T>, Problem>;

/// The routes of this page.
pub fn routes() -> Router<Edge> {
    Router::new()
        .route("/accounts/{account_id}/balance", get(balance))
        .route("/accounts/{account_id}/statement", get(statement))
        .route("/people/{person_id}/aid-given", get(aid_given))
        .route("/people/{person_id}/costs/{year}", get(yearly_costs))
        .route("/people/{person_id}/family-year/{year}", get(family_year))
        .route(
            "/people/{person_id}/tax-deduction/{year}",
            get(tax_deduction),
        )
}

/// `?as_of=2026-03-31T16:00:00Z`, or `?from=2026-01-01&to=2026-03-31` with `beneficiary`, `page_size` and `cursor`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Past {
    as_of: Option<Timestamp>,
    from: String,
    to: String,
    beneficiary: String,
    page_size: i32,
    cursor: String,
}

impl FromRequestParts<Edge> for Past {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, edge).await;
        let malformed = || Refusal::about(Reason::MalformedRequest, "query");
        query
            .map(|Query(past)| past)
            .ok()
            .ok_or_else(|| malformed().into())
    }
}

/// A year out of a path.
fn year(text: &str) -> Result<i32, Problem> {
    let malformed = || Refusal::about(Reason::DateMalformed, "year");
    text.parse().ok().ok_or_else(|| malformed().into())
}

async fn balance(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(account_id): Path<String>,
    past: Past,
) -> Answer<pb::GetBalanceResponse> {
    let request = pb::GetBalanceRequest {
        account_id,
        as_of: past.as_of.map(wire_time),
    };
    answer(edge.upstream.settlement(&caller).get_balance(request).await)
}

async fn statement(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(account_id): Path<String>,
    past: Past,
) -> Answer<pb::GetStatementResponse> {
    let request = pb::GetStatementRequest {
        account_id,
        from_day: past.from,
        to_day: past.to,
        page: Some(Page {
            size: past.page_size,
            cursor: past.cursor,
        }),
    };
    answer(
        edge.upstream
            .settlement(&caller)
            .get_statement(request)
            .await,
    )
}

async fn aid_given(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
    past: Past,
) -> Answer<pb::ListAidGivenResponse> {
    let request = pb::ListAidGivenRequest {
        person_id,
        from_day: past.from,
        to_day: past.to,
        beneficiary_person_id: past.beneficiary,
        page: Some(Page {
            size: past.page_size,
            cursor: past.cursor,
        }),
    };
    answer(
        edge.upstream
            .settlement(&caller)
            .list_aid_given(request)
            .await,
    )
}

async fn yearly_costs(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path((person_id, text)): Path<(String, String)>,
) -> Answer<pb::GetYearlyCostsResponse> {
    let request = pb::GetYearlyCostsRequest {
        person_id,
        year: year(&text)?,
    };
    answer(
        edge.upstream
            .settlement(&caller)
            .get_yearly_costs(request)
            .await,
    )
}

async fn family_year(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path((person_id, text)): Path<(String, String)>,
) -> Answer<pb::GetFamilyYearResponse> {
    let request = pb::GetFamilyYearRequest {
        person_id,
        year: year(&text)?,
    };
    answer(
        edge.upstream
            .settlement(&caller)
            .get_family_year(request)
            .await,
    )
}

async fn tax_deduction(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path((person_id, text)): Path<(String, String)>,
) -> Answer<pb::EstimateTaxDeductionResponse> {
    let request = pb::EstimateTaxDeductionRequest {
        person_id,
        year: year(&text)?,
    };
    answer(
        edge.upstream
            .settlement(&caller)
            .estimate_tax_deduction(request)
            .await,
    )
}
