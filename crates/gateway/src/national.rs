//! The national institution interface: one address, the transaction in `infno`, and always the envelope as the answer.
//!
//! Whatever goes wrong, also in the message's own form, is answered with HTTP 200, `infcode` -1 and a sentence that a cashier
//! can act on: systems in the field show `err_msg` and know nothing else.

mod benefit;
mod envelope;
mod node;
mod pharmacy;
mod reconciliation;
mod setlinfo;
mod transactions;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use chassis::access::Caller;
use chassis::grpc::refusal_of;
use futures::FutureExt as _;
use kernel::{Clock, Reason, Refusal, Role};
use serde_json::Value;
use tonic::Status;

use self::envelope::{Answer, Arrival, Envelope, LARGEST_BODY};
use crate::{Edge, NotAdmitted};

/// Numbers the answers of this gateway.
#[derive(Clone, Default)]
pub struct Serials(Arc<AtomicU64>);

/// Why a transaction was not done.
pub enum Failed {
    /// By the gateway itself.
    Refused(Refusal),
    /// By the service that was asked.
    Answered(Status),
    /// The bill was declined; the answer is kept under its key.
    Declined(proto::common::v1::Reason),
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NotAdmitted> for Failed {
    fn from(not_admitted: NotAdmitted) -> Self {
        match not_admitted {
            NotAdmitted::Refused(refusal) => Self::Refused(refusal),
            NotAdmitted::TooFast(too_fast) => Self::Refused(Refusal::about(
                Reason::RateLimited,
                format!("{} s", too_fast.seconds()),
            )),
        }
    }
}

impl From<Status> for Failed {
    fn from(status: Status) -> Self {
        Self::Answered(status)
    }
}

impl Failed {
    /// The stable code and the sentence for a cashier.
    fn told(self) -> (String, String) {
        match self {
            Self::Refused(refusal) => (refusal.reason.code().to_owned(), refusal.zh()),
            Self::Declined(reason) => (reason.code, reason.zh),
            Self::Answered(status) => match refusal_of(&status) {
                Some(seen) => (seen.code, seen.zh),
                None => Self::Refused(unnamed(&status)).told(),
            },
        }
    }
}

/// A status without one of our reasons: the transport's own, so the request's fate is open.
fn unnamed(status: &Status) -> Refusal {
    tracing::warn!(code = ?status.code(), message = status.message(), "a service did not answer");
    Reason::Unavailable.into()
}

/// `POST /fsi/api/callFsiService/callService`
pub async fn call(State(edge): State<Edge>, headers: HeaderMap, body: Body) -> Json<Answer> {
    let clock = Clock::system();
    let arrival = Arrival {
        at: clock.now(),
        serial: edge.serials.0.fetch_add(1, Ordering::Relaxed),
    };
    let answer = match within_limits(&edge, transact(&edge, &headers, body)).await {
        Ok(output) => Answer::done(arrival, clock.now(), output),
        Err(failed) => {
            let (code, sentence) = failed.told();
            metrics::counter!("gongji_national_refusals_total", "code" => code.clone())
                .increment(1);
            Answer::refused(arrival, clock.now(), &code, &sentence)
        }
    };
    Json(answer)
}

/// A transaction that takes too long or panics is answered like any other that was not done; its fate is asked for by msgid.
async fn within_limits(
    edge: &Edge,
    transaction: impl Future<Output = Result<Value, Failed>>,
) -> Result<Value, Failed> {
    match tokio::time::timeout(edge.patience, AssertUnwindSafe(transaction).catch_unwind()).await {
        Ok(Ok(done)) => done,
        Ok(Err(_panic)) => {
            tracing::error!("a transaction panicked");
            Err(Refusal::from(Reason::Internal).into())
        }
        Err(_elapsed) => Err(Refusal::from(Reason::Unavailable).into()),
    }
}

async fn transact(edge: &Edge, headers: &HeaderMap, body: Body) -> Result<Value, Failed> {
    let caller = edge.caller(headers)?;
    let body = to_bytes(body, LARGEST_BODY)
        .await
        .ok()
        .ok_or_else(|| Refusal::from(Reason::MalformedRequest))?;
    let envelope = Envelope::read(&body)?;
    require_institution(&caller, &envelope)?;
    transactions::run(edge, &caller, envelope).await
}

/// Institutions call this interface, each under its own code.
fn require_institution(caller: &Caller, envelope: &Envelope) -> Result<(), Refusal> {
    if caller.role != Role::Institution {
        return Err(Reason::AccessDenied.into());
    }
    if caller.subject != envelope.institution {
        return Err(Refusal::about(
            Reason::InstitutionMismatch,
            "fixmedins_code",
        ));
    }
    Ok(())
}
