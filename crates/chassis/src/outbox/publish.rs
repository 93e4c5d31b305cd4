//! How events reach the stream: many at once as one atomic batch, or one by one where a batch is refused.
//!
//! Every message says after which one it comes. A stream that lost its end, was made anew, or was written to by
//! somebody else is noticed by the first message and not after numbers have been given twice.

use std::str::FromStr as _;

use async_nats::client::{PublishError, PublishErrorKind, RequestError, RequestErrorKind};
use async_nats::header::{self, HeaderMap, HeaderValue};
use serde::Deserialize;

use super::store::{Pending, Told};
use crate::bus::{Bus, BusError};

/// The server's limit of an atomic batch.
pub(super) const LARGEST_BATCH: usize = 1000;
/// What the headers of one message take at most, for telling a message that is too large before a batch is begun.
const HEADERS: usize = 2048;
/// The stream's last sequence is not what was expected; two numbers for two kinds of streams.
const NOT_AFTER_THAT: [u32; 2] = [10_071, 10_164];

/// Why an event or a batch was not stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unpublished {
    /// Nobody answered, or the broker is not able to store anything: nothing else would fare better.
    #[error(transparent)]
    Unanswered(#[from] BusError),
    /// The stream is not where it was left.
    #[error("the stream is not where it was left")]
    Elsewhere,
    /// This message, or a batch with it, is not accepted; another one may be.
    #[error("the broker refuses it: {0}")]
    Refused(String),
}

/// What the broker answers to a publish.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ack {
    error: Option<Said>,
    seq: i64,
    duplicate: bool,
    count: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    code: u32,
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    description: String,
}

/// Where one message was stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) sequence: i64,
    /// It had been stored before.
    pub(super) duplicate: bool,
}

/// Publishes all of `events`, or none, after the message `last`: the first is requested, so that a stream that will
/// have none of it says so at once, and the last commits.
pub(super) async fn batch(
    bus: &Bus,
    events: &[Pending],
    last: i64,
    id: &str,
) -> Result<Vec<Told>, Unpublished> {
    if let Some(large) = events
        .iter()
        .find(|event| event.body.len() + HEADERS > bus.client().max_payload())
    {
        return Err(Unpublished::Refused(format!(
            "event {} is too large",
            large.event_id
        )));
    }
    let count = i64::try_from(events.len()).expect("a batch has at most a thousand events");
    for (nth, event) in (1_i64..).zip(events) {
        let mut headers = envelope(bus, event)?;
        headers.insert(header::NATS_BATCH_ID, id);
        headers.insert(header::NATS_BATCH_SEQUENCE, nth.to_string());
        if nth == 1 {
            headers.insert(header::NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
        }
        if nth == count {
            headers.insert(header::NATS_BATCH_COMMIT, header::NATS_BATCH_COMMIT_FINAL);
            let ack = request(bus, event, headers).await?;
            return told(events, count, &ack);
        }
        if nth == 1 {
            request(bus, event, headers).await?;
        } else {
            let sent = bus.client().publish_with_headers(
                event.subject.clone(),
                headers,
                event.body.clone(),
            );
            sent.await.map_err(unsent)?;
        }
    }
    Ok(Vec::new())
}

/// Publishes one event after the message `last`. One that the stream already has counts as published.
pub(super) async fn single(bus: &Bus, event: &Pending, last: i64) -> Result<Stored, Unpublished> {
    let mut headers = envelope(bus, event)?;
    headers.insert(header::NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
    let ack = request(bus, event, headers).await?;
    Ok(Stored {
        sequence: ack.seq,
        duplicate: ack.duplicate,
    })
}

/// A committed batch has consecutive numbers, and its answer names the last.
fn told(events: &[Pending], count: i64, ack: &Ack) -> Result<Vec<Told>, Unpublished> {
    if ack.seq < count || ack.count.is_some_and(|stored| stored != count) {
        return Err(BusError::Unanswered(
            format!("a batch of {count} was answered with {ack:?}").into(),
        )
        .into());
    }
    let first = ack.seq - count + 1;
    Ok(events
        .iter()
        .zip(first..)
        .map(|(event, sequence)| Told {
            position: event.position,
            sequence,
        })
        .collect())
}

/// The event's envelope, by the attribute names of CloudEvents 1.0.
fn envelope(bus: &Bus, event: &Pending) -> Result<HeaderMap, Unpublished> {
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|error| Unpublished::Refused(error.to_string()))
    };
    let id = event.event_id.to_string();
    let mut headers = HeaderMap::new();
    if !event.lost {
        headers.insert(header::NATS_MESSAGE_ID, value(&id)?);
    }
    headers.insert("ce-specversion", "1.0");
    headers.insert("ce-id", value(&id)?);
    headers.insert("ce-source", value(&format!("/gongji/{}", bus.service()))?);
    headers.insert("ce-type", value(&event.subject)?);
    headers.insert("ce-subject", value(&event.key)?);
    headers.insert("ce-time", value(&event.occurred_at.to_string())?);
    headers.insert("content-type", "application/protobuf");
    if let Some(trace_parent) = &event.trace_parent {
        headers.insert("traceparent", value(trace_parent)?);
    }
    Ok(headers)
}

async fn request(bus: &Bus, event: &Pending, headers: HeaderMap) -> Result<Ack, Unpublished> {
    let sent =
        bus.client()
            .request_with_headers(event.subject.clone(), headers, event.body.clone());
    let answer = sent.await.map_err(unrequested)?;
    if answer.payload.is_empty() {
        return Ok(Ack::default()); // the first of a batch
    }
    let ack: Ack = serde_json::from_slice(&answer.payload)
        .map_err(|error| BusError::Unanswered(error.into()))?;
    match ack.error {
        None => Ok(ack),
        Some(said) if NOT_AFTER_THAT.contains(&said.err_code) => Err(Unpublished::Elsewhere),
        Some(said) if said.code >= 500 => Err(BusError::Unanswered(said.description.into()).into()),
        Some(said) => Err(Unpublished::Refused(format!(
            "{} ({})",
            said.description, said.err_code
        ))),
    }
}

fn unrequested(error: RequestError) -> Unpublished {
    match error.kind() {
        RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
            Unpublished::Refused(error.to_string())
        }
        RequestErrorKind::TimedOut | RequestErrorKind::NoResponders | RequestErrorKind::Other => {
            BusError::Unanswered(error.into()).into()
        }
    }
}

fn unsent(error: PublishError) -> Unpublished {
    match error.kind() {
        PublishErrorKind::InvalidSubject | PublishErrorKind::MaxPayloadExceeded => {
            Unpublished::Refused(error.to_string())
        }
        PublishErrorKind::Send => BusError::Unanswered(error.into()).into(),
    }
}
