//! `/health` and `/metrics`: for those who operate it, without a token.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use crate::Edge;

/// 200 while everything that callers depend on makes progress, else 503; every part is named, also those of the background.
pub async fn health(State(edge): State<Edge>) -> impl IntoResponse {
    let status = if edge.health.can_serve() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let (healthy, parts) = (edge.health.is_well(), edge.health.report());
    (status, Json(json!({ "healthy": healthy, "parts": parts })))
}

/// Prometheus text.
pub async fn metrics() -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, kind)],
        chassis::telemetry::prometheus_text(),
    )
}
