//! What happens around every call, whatever is called: access, the trace, figures, and panics that become INTERNAL.

use std::convert::Infallible;
use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use http::{HeaderName, Request, Response};
use kernel::Reason;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service;
use tracing::{Instrument as _, Span};

use super::access::Entrance;
use super::figures::Measured;
use super::status::refuse;
use crate::access::Caller;
use crate::tasks::said;
use crate::telemetry::continue_trace;

/// The header that carries the trace of the caller.
pub(super) const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// The services of a server behind their entrance.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    routes: Routes,
    entrance: Arc<Entrance>,
}

impl Calls {
    pub const fn new(routes: Routes, entrance: Arc<Entrance>) -> Self {
        Self { routes, entrance }
    }
}

impl Service<Request<Body>> for Calls {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.routes, context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Answer {
        let path = request.uri().path();
        if Entrance::is_open(path) {
            return Box::pin(self.routes.call(request));
        }
        let operation = self.entrance.operation(path);
        let measured = Measured::begin(&operation.figures);
        let caller = match self.entrance.admit(operation, &request) {
            Ok(caller) => caller,
            Err(refusal) => {
                let status = refuse(refusal);
                measured.answered(status.code());
                return Box::pin(ready(Ok(status.into_http())));
            }
        };
        let span = span(&request, &caller);
        request.extensions_mut().insert(caller);
        let answer = self.routes.call(request);
        let call = async move {
            let response = match AssertUnwindSafe(answer).catch_unwind().await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(panic) => after_panic(&said(panic.as_ref())).into_http(),
            };
            measured.answered(code_of(&response));
            Ok(response)
        };
        Box::pin(call.instrument(span))
    }
}

/// The span of a call: three to six microseconds with the log line's fields and the ids.
/// Spans further in are `debug` (nanoseconds while nobody looks), so that this is the only one on the hot path.
fn span(request: &Request<Body>, caller: &Caller) -> Span {
    let span = tracing::info_span!(
        "call",
        otel.name = request.uri().path(),
        otel.kind = "server",
        caller.role = caller.role.code(),
    );
    let trace_parent = request.headers().get(TRACE_PARENT);
    if let Some(trace_parent) = trace_parent.and_then(|header| header.to_str().ok()) {
        continue_trace(&span, trace_parent);
    }
    span
}

fn after_panic(said: &str) -> Status {
    tracing::error!(error = said, "a call panicked");
    refuse(Reason::Internal)
}

/// The code of an answer. An error stands in the head; an answer that has a body is counted as OK.
fn code_of(response: &Response<Body>) -> Code {
    response
        .headers()
        .get(Status::GRPC_STATUS)
        .map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}
