//! From a message of the broker to a delivery.

use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use kernel::{EventId, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Delivery;
use crate::tasks::BoxError;

/// A delivery and what is needed to answer for it.
pub(super) struct Incoming {
    pub(super) delivery: Delivery,
    /// Its place in the stream.
    pub(super) sequence: u64,
    /// Why its envelope cannot be read; its id is then made from its place.
    pub(super) unreadable: Option<String>,
    message: Message,
}

impl Incoming {
    /// Reads the envelope. Only a message that did not come from a stream is an error.
    pub(super) fn read(message: Message) -> Result<Self, BoxError> {
        let info = message.info()?;
        let sequence = info.stream_sequence;
        let published = i64::try_from(info.published.unix_timestamp_nanos())?;
        let arrived = Timestamp::from_nanosecond(published.into())?;
        let (delivery, unreadable) = match envelope(&message) {
            Ok(delivery) => (delivery, None),
            Err(why) => (anonymous(&message, sequence, published, arrived), Some(why)),
        };
        Ok(Self {
            delivery,
            sequence,
            unreadable,
            message,
        })
    }

    /// All headers, for a person who looks at a parked event.
    pub(super) fn headers(&self) -> Value {
        let mut all = Map::new();
        for (name, values) in self
            .message
            .headers
            .iter()
            .flat_map(async_nats::HeaderMap::iter)
        {
            let values = values
                .iter()
                .map(|value| Value::from(value.as_str()))
                .collect::<Vec<_>>();
            all.insert(name.to_string(), Value::from(values));
        }
        Value::Object(all)
    }

    /// Says that it is done. An answer that gets lost costs one redelivery.
    pub(super) async fn ack(&self) {
        self.answer(AckKind::Ack).await;
    }

    /// Asks for it again after `pause`.
    pub(super) async fn again(&self, pause: Duration) {
        self.answer(AckKind::Nak(Some(pause))).await;
    }

    async fn answer(&self, kind: AckKind) {
        if let Err(error) = self.message.ack_with(kind).await {
            tracing::debug!(error, event_id = %self.delivery.event_id, "an answer could not be sent");
        }
    }
}

/// The delivery as its headers describe it, or what is wrong with them.
fn envelope(message: &Message) -> Result<Delivery, String> {
    let header = |name: &'static str| {
        message
            .headers
            .as_ref()?
            .get(name)
            .map(async_nats::HeaderValue::as_str)
    };
    let required =
        |name: &'static str| header(name).ok_or_else(|| format!("the header {name} is missing"));
    let event_id = required("ce-id")?
        .parse()
        .map_err(|error: kernel::id::MalformedId| error.to_string())?;
    let occurred_at: Timestamp = required("ce-time")?
        .parse()
        .map_err(|error: jiff::Error| format!("the header ce-time: {error}"))?;
    if required("ce-type")? != message.subject.as_str() {
        return Err(format!(
            "the header ce-type is not the subject {}",
            message.subject
        ));
    }
    Ok(Delivery {
        event_id,
        subject: message.subject.to_string(),
        key: required("ce-subject")?.to_owned(),
        payload: message.payload.clone(),
        occurred_at,
        trace_parent: header("traceparent").map(str::to_owned),
    })
}

/// A delivery without a readable envelope. Its id is made from its place in the stream, so it is parked once.
fn anonymous(message: &Message, sequence: u64, published: i64, arrived: Timestamp) -> Delivery {
    let bits = u128::from(published.unsigned_abs()) << 64 | u128::from(sequence);
    Delivery {
        event_id: EventId::from_uuid(Uuid::from_u128(bits)),
        subject: message.subject.to_string(),
        key: String::new(),
        payload: message.payload.clone(),
        occurred_at: arrived,
        trace_parent: None,
    }
}
