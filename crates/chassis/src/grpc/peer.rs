//! Another service, as a transport of its generated client.

use std::task::{Context, Poll};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::uri::InvalidUri;
use http::{HeaderValue, Request, Response};
use kernel::Role;
use tonic::body::Body;
use tonic::transport::channel::ResponseFuture;
use tonic::transport::{Channel, Error};
use tower::Service;

use super::CONNECTION_WINDOW;
use super::call::TRACE_PARENT;
use crate::access::{Caller, Claims, Issued, Signer, bearer_header};
use crate::telemetry::trace_parent;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a call may take until its answer begins, unless the caller sets a shorter deadline. A stream may then go on.
const ANSWER: Duration = Duration::from_secs(10);

/// How often a silent connection is asked whether it is still there, and how long it may take to say so.
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(5);

/// Another service: its connection, made at the first call and again when it was lost, and in whose name it is called.
///
/// Every call carries a token and the current trace. Clones share the connection and the tokens; a clone costs nothing.
#[derive(Clone)]
pub struct Peer {
    channel: Channel,
    audience: &'static str,
    issued: Issued,
    name: Name,
}

/// In whose name calls are made.
#[derive(Clone)]
enum Name {
    /// This service's own. Its token is renewed while the peer lives.
    Own(Claims),
    /// A caller's. The token was issued for the calls of one request.
    Given(HeaderValue),
}

/// Why a peer cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The address cannot be read.
    #[error("{url:?} is not the address of a service: write it like http://127.0.0.1:7001")]
    Url {
        /// What was given.
        url: String,
        /// Why.
        source: InvalidUri,
    },
    /// The token cannot stand in a header.
    #[error("the token holds characters that no token has")]
    Token,
}

/// The service `audience` at `url`, called in the name of the service `from`. Nothing is connected yet.
pub fn peer(
    url: &str,
    audience: &'static str,
    signer: Signer,
    from: &'static str,
) -> Result<Peer, PeerError> {
    let endpoint = Channel::from_shared(url.to_owned()).map_err(|source| PeerError::Url {
        url: url.to_owned(),
        source,
    })?;
    let channel = endpoint
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(KEEPALIVE))
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_ANSWER)
        .keep_alive_while_idle(true)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_lazy();
    Ok(Peer {
        channel,
        audience,
        issued: Issued::by(signer),
        name: Name::Own(Claims {
            role: Role::Service,
            subject: from.to_owned(),
            audience: audience.to_owned(),
            about: None,
        }),
    })
}

impl Peer {
    /// The same service, called in the name of `caller`: with a token of a minute for this service alone (ruling 46).
    ///
    /// Take it anew for every request; tokens that were issued lately are kept, so that costs a look-up.
    pub fn on_behalf_of(&self, caller: &Caller) -> Self {
        let token = self.issued.header(&Claims {
            role: caller.role,
            subject: caller.subject.clone(),
            audience: self.audience.to_owned(),
            about: caller.about,
        });
        Self {
            name: Name::Given(token),
            ..self.clone()
        }
    }

    /// The same service, called with a token that somebody else signed.
    pub fn with_token(&self, token: &str) -> Result<Self, PeerError> {
        Ok(Self {
            name: Name::Given(bearer_header(token).ok_or(PeerError::Token)?),
            ..self.clone()
        })
    }

    fn token(&self) -> HeaderValue {
        match &self.name {
            Name::Own(claims) => self.issued.header(claims),
            Name::Given(token) => token.clone(),
        }
    }
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Service::poll_ready(&mut self.channel, context)
    }

    fn call(&mut self, mut request: Request<Body>) -> ResponseFuture {
        let token = self.token();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, token);
        if let Some(parent) = trace_parent().and_then(|parent| parent.try_into().ok()) {
            headers.insert(TRACE_PARENT, parent);
        }
        self.channel.call(request)
    }
}
