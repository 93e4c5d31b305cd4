//! Webhooks: what is told is also told to other machines, after Standard Webhooks 1.0.0.
//!
//! A message is thin: it says that there is a notice, of which kind and about what, in ids. Whoever may read the notice asks
//! for it, and is written down as having done so; so no message holds an amount, a name or a sentence, and nothing that
//! must be forgotten lives on in somebody's queue.

use jiff::Timestamp;
use kernel::{EndpointId, EventId, NoticeId, PersonId};
use serde::Serialize;

pub mod guard;
pub mod post;
pub mod schedule;
pub mod sign;

/// The most bytes of a message (Standard Webhooks: smaller than 20 kB).
pub const LARGEST: usize = 20_000;

/// Somebody else's address to which notices are announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where messages are posted.
    pub url: String,
    /// The kinds that are announced; none means all.
    pub kinds: Vec<String>,
    /// Which of its secrets signs. Each rotation makes the next.
    pub generation: i32,
    /// Until then the secret before it signs as well.
    pub previous_until: Option<Timestamp>,
    /// Since when nothing is sent, and why.
    pub disabled: Option<(Timestamp, String)>,
    /// When it was subscribed.
    pub created_at: Timestamp,
    /// How many attempts in a row have failed.
    pub failures: i32,
    /// Whether the messages about one person come one after the other, in the order of their numbers.
    pub in_order: bool,
}

/// What a message announces, in references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The notice; also the id of the message, the same for every attempt.
    pub notice: NoticeId,
    /// Whose it is.
    pub person: PersonId,
    /// Its number among theirs.
    pub sequence: i64,
    /// Its kind: `CHARGED_AID`.
    pub kind: String,
    /// The event it tells of.
    pub event: EventId,
    /// The settlement, allocation or binding it is about.
    pub subject: String,
    /// When that happened.
    pub happened_at: Timestamp,
    /// Whether it tells of test money.
    pub sandbox: bool,
}

impl Announced {
    /// The body of the message, or how large it would be.
    pub fn body(&self) -> Result<String, usize> {
        let message = Message {
            r#type: format!("notice.{}", self.kind.to_ascii_lowercase()),
            timestamp: self.happened_at.to_string(),
            data: Data {
                notice_id: self.notice.to_string(),
                person_id: self.person.to_string(),
                sequence: self.sequence,
                event_id: self.event.to_string(),
                subject_id: &self.subject,
                sandbox: self.sandbox,
            },
        };
        let body = serde_json::to_string(&message).expect("texts and whole numbers are JSON");
        if body.len() < LARGEST {
            Ok(body)
        } else {
            Err(body.len())
        }
    }
}

#[derive(Serialize)]
struct Message<'a> {
    r#type: String,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    notice_id: String,
    person_id: String,
    sequence: i64,
    event_id: String,
    subject_id: &'a str,
    sandbox: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn announced(subject: &str) -> Announced {
        Announced {
            notice: NoticeId::from_uuid(Uuid::from_u128(1)),
            person: PersonId::from_uuid(Uuid::from_u128(2)),
            sequence: 7,
            kind: "CHARGED_AID".into(),
            event: EventId::from_uuid(Uuid::from_u128(3)),
            subject: subject.into(),
            happened_at: "2026-01-02T02:05:00Z".parse().unwrap(),
            sandbox: false,
        }
    }

    #[test]
    fn a_message_is_thin() {
        assert_eq!(
            announced("stl_x").body().unwrap(),
            r#"{"type":"notice.charged_aid","timestamp":"2026-01-02T02:05:00Z","data":{"notice_id":"ntc_00000000000000000000000001","person_id":"psn_00000000000000000000000002","sequence":7,"event_id":"evt_00000000000000000000000003","subject_id":"stl_x","sandbox":false}}"#
        );
    }

    #[test]
    fn a_message_of_20_kb_is_none() {
        assert!(announced(&"x".repeat(30_000)).body().is_err());
    }
}
