//! The edge of Gongji: HTTP/JSON and the national institution interface in, gRPC out. It holds no state.
//!
//! Every call has a caller: the bearer token is verified here, and the services get a short token of their own that says for
//! whom the call is made. What a caller may do is decided by the service, once.

mod api;
mod config;
mod national;
mod probe;
mod problem;
mod rate;
mod text;
mod upstream;
mod watched;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use chassis::access::{Caller, KeyError, Verifier};
use chassis::health::Health;
use chassis::tasks::{Stop, Tasks};
use kernel::{Clock, Reason, Refusal};
use tower_http::catch_panic::CatchPanicLayer;

pub use self::config::Config;
use self::national::Serials;
use self::problem::Problem;
use self::rate::{Limiter, TooFast};
pub use self::rate::{Rate, Rates};
use self::upstream::{Upstream, UpstreamError};

/// Why the gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keys that tokens are verified with cannot be read.
    #[error("the gateway cannot verify tokens")]
    Keys(#[from] KeyError),
    /// The services cannot be reached for.
    #[error("the gateway cannot call its services")]
    Upstream(#[from] UpstreamError),
    /// The address cannot be listened on.
    #[error("could not listen on {address}: choose another address, or stop what uses it")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Why a request is not looked at.
#[derive(Debug)]
enum NotAdmitted {
    /// Nobody says who is calling.
    Refused(Refusal),
    /// The caller has called too often.
    TooFast(TooFast),
}

impl From<Refusal> for NotAdmitted {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What every route has at hand.
#[derive(Clone)]
struct Edge {
    upstream: Upstream,
    verifier: Verifier,
    /// Business time: whether a shown code has expired is judged by it, as settlement does.
    clock: Clock,
    health: Health,
    serials: Serials,
    /// Whoever calls too often waits.
    limiter: Limiter,
    /// How long a request may take.
    patience: Duration,
    /// Streams end when the process is asked to.
    stop: Stop,
}

impl Edge {
    /// Who is calling, by the bearer token, if they may call now.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, NotAdmitted> {
        let caller = self.verified(headers)?;
        match self.limiter.admit(&caller, Instant::now()) {
            Ok(()) => Ok(caller),
            Err(too_fast) => {
                metrics::counter!("gongji_rate_limited_total", "role" => caller.role.code())
                    .increment(1);
                Err(NotAdmitted::TooFast(too_fast))
            }
        }
    }

    fn verified(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let missing = || Refusal::from(Reason::AccessTokenMissing);
        let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
        let token = value
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix("Bearer "))
            .ok_or_else(missing)?;
        self.verifier.verify(token.trim())
    }
}

/// Starts serving HTTP and says where.
pub async fn serve(
    config: Config,
    clock: Clock,
    health: Health,
    tasks: &mut Tasks,
) -> Result<SocketAddr, StartError> {
    let edge = Edge {
        upstream: Upstream::new(&config)?,
        verifier: Verifier::new(&config.access)?,
        clock,
        health,
        serials: Serials::default(),
        limiter: Limiter::new(config.rates),
        patience: Duration::from_secs(config.request_timeout_seconds.into()),
        stop: tasks.stop(),
    };
    let failed = |source| StartError::Listen {
        address: config.listen,
        source,
    };
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let stop = edge.stop.clone();
    let app = routes(edge);
    tasks.add("http", async move {
        axum::serve(listener, app)
            .with_graceful_shutdown(async move { stop.requested().await })
            .await?;
        Ok(())
    });
    Ok(address)
}

fn routes(edge: Edge) -> Router {
    let api = api::routes().layer(axum::middleware::from_fn_with_state(edge.clone(), in_time));
    Router::new()
        .route("/fsi/api/callFsiService/callService", post(national::call))
        .nest("/api/v1", api)
        .route("/health", get(probe::health))
        .route("/metrics", get(probe::metrics))
        .fallback(async || Problem::from(Reason::PathUnknown))
        .layer(CatchPanicLayer::custom(panicked))
        .route_layer(axum::middleware::from_fn(watched::watched))
        .with_state(edge)
}

/// A call that takes too long is answered UNAVAILABLE. A stream has begun to answer by then, and goes on.
async fn in_time(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(edge.patience, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => Problem::from(Reason::Unavailable).into_response(),
    }
}

/// A panic is ours, and the caller gets no more than that.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request panicked");
    Problem::from(Reason::Internal).into_response()
}
