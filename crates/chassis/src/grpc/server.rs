//! The server every service runs: its own operations behind the access table, health and reflection open to all.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kernel::Role;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::Service;
use tower::layer::layer_fn;

use super::CONNECTION_WINDOW;
use super::access::Entrance;
use super::call::Calls;
use crate::access::Verifier;
use crate::health::Health;
use crate::tasks::{BoxError, Stop, Tasks};

/// How many calls one connection may have open. A gateway has one connection to each service, and 200 (the default) would be its limit.
const CALLS_PER_CONNECTION: u32 = 10_000;

/// How often a silent connection is asked whether it is still there, and how long it may take to say so.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);

/// How long calls in flight may take to end once the server stops; then their connections are dropped.
const GRACE: Duration = Duration::from_secs(5);

/// How often the health service is brought up to date.
const LOOK_AT_HEALTH: Duration = Duration::from_millis(500);

/// A gRPC server in the making.
#[derive(Debug)]
pub struct Server {
    entrance: Entrance,
    descriptors: &'static [u8],
    health: Health,
    routes: Routes,
    names: Vec<&'static str>,
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("could not listen on {address}: choose another address, or stop what uses it")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The descriptors are not a descriptor set.
    #[error("the proto descriptors cannot be served by reflection")]
    Descriptors(#[source] tonic_reflection::server::Error),
}

impl Server {
    /// A server of `service`, which admits callers by `access` (path of the operation, roles) and denies everything else.
    ///
    /// Start telemetry before: figures go to the recorder that is installed when an operation is first called.
    pub fn new(
        service: &'static str,
        access: &'static [(&'static str, &'static [Role])],
        descriptors: &'static [u8],
        verifier: Verifier,
        health: Health,
    ) -> Self {
        Self {
            entrance: Entrance::new(service, access, verifier),
            descriptors,
            health,
            routes: Routes::default(),
            names: Vec::new(),
        }
    }

    /// Adds a generated service. A message to it may have 4 MiB, unless the service itself was told otherwise.
    #[expect(
        clippy::should_implement_trait,
        reason = "it adds a service, not a number"
    )]
    pub fn add<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.routes = self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Listens on `listen` (port 0 picks a free one), adds the server to `tasks`, and says where it listens.
    ///
    /// When it is stopped it answers NOT_SERVING to health checks, accepts nothing more, and lets calls in flight end.
    pub async fn serve(
        self,
        listen: SocketAddr,
        tasks: &mut Tasks,
    ) -> Result<SocketAddr, StartError> {
        let failed = |source| StartError::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let incoming = TcpIncoming::from(listener)
            .with_nodelay(Some(true))
            .with_keepalive(Some(KEEPALIVE));

        let (reporter, health_service) = tonic_health::server::health_reporter();
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(self.descriptors)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let routes = self
            .routes
            .add_service(health_service)
            .add_service(reflection().build_v1().map_err(StartError::Descriptors)?)
            .add_service(
                reflection()
                    .build_v1alpha()
                    .map_err(StartError::Descriptors)?,
            );

        let checks = Checks {
            reporter,
            names: self.names,
            health: self.health,
        };
        // The first answer about health is a true one.
        checks.tell().await;
        let entrance = Arc::new(self.entrance);
        let stop = tasks.stop();
        tasks.add("grpc", run(routes, entrance, incoming, checks, stop));
        Ok(address)
    }
}

async fn run(
    routes: Routes,
    entrance: Arc<Entrance>,
    incoming: TcpIncoming,
    checks: Checks,
    stop: Stop,
) -> Result<(), BoxError> {
    let serving = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(CALLS_PER_CONNECTION)
        .layer(layer_fn(move |routes| {
            Calls::new(routes, Arc::clone(&entrance))
        }))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.requested());
    let grace_is_over = async {
        stop.requested().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serving => served?,
        () = checks.follow(&stop) => {}
        () = grace_is_over => {}
    }
    Ok(())
}

/// Keeps the health service true.
struct Checks {
    reporter: HealthReporter,
    names: Vec<&'static str>,
    health: Health,
}

impl Checks {
    /// Never returns: after the stop was requested the server is not serving, and calls in flight still end.
    async fn follow(&self, stop: &Stop) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_AT_HEALTH) => self.tell().await,
                () = stop.requested() => break,
            }
        }
        self.set(ServingStatus::NotServing).await;
        std::future::pending::<()>().await;
    }

    async fn tell(&self) {
        let status = if self.health.can_serve() {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        self.set(status).await;
    }

    /// The empty name is the server as a whole.
    async fn set(&self, status: ServingStatus) {
        for name in std::iter::once(&"").chain(&self.names) {
            self.reporter.set_service_status(name, status).await;
        }
    }
}
