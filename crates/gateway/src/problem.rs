//! How the JSON API refuses: RFC 9457 problem details with the stable code and the sentence in both languages.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chassis::grpc::{refusal_of, refuse};
use kernel::{Reason, Refusal};
use serde::Serialize;
use tonic::{Code, Status};

use crate::NotAdmitted;

/// A refusal or failure as HTTP sees it.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// The HTTP status.
    status: u16,
    /// The stable code.
    code: String,
    /// The sentence in English.
    title: String,
    /// The sentence in Chinese.
    title_zh: String,
    /// Seconds after which it is worth asking again, where that is known.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        refuse(refusal).into()
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        Refusal::from(reason).into()
    }
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        let Some(seen) = refusal_of(&status) else {
            // The transport's own failure, not one of ours: the request's fate is open.
            tracing::warn!(code = ?status.code(), message = status.message(), "a service did not answer");
            return Reason::Unavailable.into();
        };
        Self {
            status: http_status(status.code()).as_u16(),
            code: seen.code,
            title: seen.en,
            title_zh: seen.zh,
            retry_after: None,
        }
    }
}

impl From<NotAdmitted> for Problem {
    fn from(not_admitted: NotAdmitted) -> Self {
        match not_admitted {
            NotAdmitted::Refused(refusal) => refusal.into(),
            NotAdmitted::TooFast(too_fast) => Self {
                retry_after: Some(too_fast.seconds()),
                ..Reason::RateLimited.into()
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        if let Some(seconds) = retry_after {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

fn http_status(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::FailedPrecondition => StatusCode::UNPROCESSABLE_ENTITY,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
