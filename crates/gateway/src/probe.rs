//! `/health` and `/metrics`: for those who operate it, without a token.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

use crate::Edge;

/// 200 while every part makes progress, 503 with the name of the part that does not.
pub async fn health(State(edge): State<Edge>) -> impl IntoResponse {
    let parts = edge.health.report();
    let healthy = parts.iter().all(|part| part.healthy);
    let status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let parts: Vec<_> = parts
        .iter()
        .map(|part| json!({ "part": part.name, "healthy": part.healthy }))
        .collect();
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
