//! What a request brings: a caller, a message, a page.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use chassis::access::Caller;
use kernel::{Reason, Refusal};
use proto::common::v1::Page;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tonic::{Response, Status};

use crate::Edge;
use crate::problem::Problem;
use crate::text::is_well_formed;

/// The caller of a route.
pub struct Calling(pub Caller);

impl FromRequestParts<Edge> for Calling {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        Ok(Self(edge.caller(&parts.headers)?))
    }
}

/// A message in proto3 JSON. What is wrong is told by place, never by value: it may hold an ID number.
pub struct Wire<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Edge> for Wire<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Edge) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, edge)
            .await
            .ok()
            .ok_or(Reason::MalformedRequest)?;
        if !is_well_formed(&body) {
            return Err(Reason::TextMalformed.into());
        }
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            Refusal::about(Reason::MalformedRequest, place).into()
        })
    }
}

/// `?page_size=…&cursor=…`, and the switches of some lists.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listing {
    pub page_size: i32,
    pub cursor: String,
    pub include_ended: bool,
    pub unread_only: bool,
    /// `zh` (default) or `en`.
    pub language: String,
    /// Few words, one fact per line.
    pub large_print: bool,
    /// Where a stream of notices goes on.
    pub after_sequence: i64,
}

impl Listing {
    /// The page for a list RPC.
    pub fn page(self) -> Page {
        Page {
            size: self.page_size,
            cursor: self.cursor,
        }
    }
}

impl FromRequestParts<Edge> for Listing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, edge).await;
        let malformed = || Refusal::about(Reason::MalformedRequest, "query");
        query
            .map(|Query(listing)| listing)
            .ok()
            .ok_or_else(|| malformed().into())
    }
}

/// A service's answer, as the route's.
pub fn answer<T>(answered: Result<Response<T>, Status>) -> Result<Json<T>, Problem> {
    Ok(Json(answered?.into_inner()))
}
