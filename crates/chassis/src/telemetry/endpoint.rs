//! A small HTTP listener of its own for what machines watch: `/metrics` and `/health`.

use std::net::SocketAddr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::figures::prometheus_text;
use crate::health::Health;
use crate::tasks::Tasks;

/// Why the listener could not start.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {address} for metrics: choose another address, or stop what uses it")]
pub struct EndpointError {
    /// Where.
    pub address: SocketAddr,
    /// Why.
    pub source: std::io::Error,
}

/// Serves `/metrics` and `/health` on `listen` (port 0 picks a free one) as one of `tasks`, and says where.
pub async fn serve_metrics(
    listen: SocketAddr,
    health: Health,
    tasks: &mut Tasks,
) -> Result<SocketAddr, EndpointError> {
    let failed = |source| EndpointError {
        address: listen,
        source,
    };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let router = Router::new()
        .route("/metrics", get(async || prometheus_text()))
        .route("/health", get(tell_health))
        .with_state(health);
    let stop = tasks.stop();
    tasks.add("metrics endpoint", async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(async move { stop.requested().await })
            .await?;
        Ok(())
    });
    Ok(address)
}

async fn tell_health(State(health): State<Health>) -> (StatusCode, Json<Value>) {
    let status = if health.is_well() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(json!({ "parts": health.report() })))
}
