//! What is seen of each request: a span that continues the caller's trace, and figures by route.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

/// Runs a request in a span of its own. The services are called inside it, so the trace goes on through them, the outbox row and
/// the bus to the notice. Routes are named by their pattern: a path would carry ids.
pub async fn watched(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().to_string();
    let span = tracing::info_span!("gateway.request", %method, %route);
    if let Some(parent) = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
    {
        chassis::telemetry::continue_trace(&span, parent);
    }
    let begun = Instant::now();
    let response = next.run(request).instrument(span).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("gongji_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("gongji_http_request_seconds", "route" => route).record(begun.elapsed());
    response
}
