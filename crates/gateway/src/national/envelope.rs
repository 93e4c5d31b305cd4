//! The envelope of the national interface (`domain.md` 14.2): what surrounds every request and every answer.

use jiff::fmt::strtime;
use kernel::clock::shanghai;
use kernel::{Reason, Refusal, Timestamp};
use serde::Serialize;

use super::node::Node;
use crate::text::is_well_formed;

/// The largest body that is read: the specification's 40,000 characters of input, in UTF-8, and the envelope around it.
pub const LARGEST_BODY: usize = 256 * 1024;

/// What a request says about itself.
#[derive(Debug)]
pub struct Envelope {
    /// The transaction number.
    pub infno: String,
    /// The institution's key of this message.
    pub msgid: String,
    /// `fixmedins_code`.
    pub institution: String,
    /// `insuplc_admdvs`: where the patient is insured; empty if the message does not say.
    pub insured_region: String,
    /// The transaction's own fields.
    pub input: Node,
}

impl Envelope {
    /// Reads a body. What is wrong is named, never echoed: it may hold an ID number.
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        if !is_well_formed(body) {
            return Err(Reason::TextMalformed.into());
        }
        let envelope: Node = serde_json::from_slice(body)
            .ok()
            .ok_or_else(|| Refusal::from(Reason::MalformedRequest))?;
        Ok(Self {
            infno: envelope.required("infno")?,
            msgid: envelope.required("msgid")?,
            institution: envelope.required("fixmedins_code")?,
            insured_region: envelope.text("insuplc_admdvs")?.unwrap_or_default(),
            input: envelope.node("input")?,
        })
    }
}

/// What the institution gets back. The HTTP status is always 200: `infcode` says how it went.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// 0 done, -1 refused.
    infcode: i8,
    inf_refmsgid: String,
    refmsg_time: String,
    respond_time: String,
    /// Empty, or the stable code and a sentence for the cashier, at most 200 characters.
    err_msg: String,
    warn_msg: String,
    output: serde_json::Value,
}

/// When a message arrived, and the number its answer carries.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// When it was read.
    pub at: Timestamp,
    /// A number that this gateway gives out once.
    pub serial: u64,
}

impl Answer {
    /// An answer with an output node.
    pub fn done(arrival: Arrival, now: Timestamp, output: serde_json::Value) -> Self {
        let warn_msg = super::benefit::warn_msg(&output);
        Self {
            warn_msg,
            ..Self::new(arrival, now, 0, String::new(), output)
        }
    }

    /// A refusal: the stable code, and what a cashier can do about it.
    pub fn refused(arrival: Arrival, now: Timestamp, code: &str, sentence: &str) -> Self {
        let err_msg = format!("{code}: {sentence}").chars().take(200).collect();
        Self::new(
            arrival,
            now,
            -1,
            err_msg,
            serde_json::Value::Object(serde_json::Map::new()),
        )
    }

    fn new(
        arrival: Arrival,
        now: Timestamp,
        infcode: i8,
        err_msg: String,
        output: serde_json::Value,
    ) -> Self {
        let inf_refmsgid = format!(
            "000000{}{:010}",
            stamp("%Y%m%d%H%M%S", arrival.at),
            arrival.serial % 10_000_000_000
        );
        Self {
            infcode,
            inf_refmsgid,
            refmsg_time: milliseconds(arrival.at),
            respond_time: milliseconds(now),
            err_msg,
            warn_msg: String::new(),
            output,
        }
    }
}

/// `yyyyMMddHHmmssSSS` in Asia/Shanghai.
fn milliseconds(at: Timestamp) -> String {
    format!(
        "{}{:03}",
        stamp("%Y%m%d%H%M%S", at),
        at.subsec_millisecond()
    )
}

/// `yyyy-MM-dd HH:mm:ss` in Asia/Shanghai, as the interface writes instants.
pub fn date_time(at: Timestamp) -> String {
    stamp("%Y-%m-%d %H:%M:%S", at)
}

fn stamp(format: &str, at: Timestamp) -> String {
    strtime::format(format, &at.to_zoned(shanghai())).expect("the formats above are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"infno":"2102","msgid":"H1","fixmedins_code":"H","input":{"data":{}}}"#;

    #[test]
    fn an_envelope_without_its_fields_is_refused_by_field() {
        assert!(Envelope::read(WHOLE.as_bytes()).is_ok());
        for field in ["infno", "msgid", "fixmedins_code", "input"] {
            let body = WHOLE.replace(&format!("\"{field}\""), "\"other\"");
            let refusal = Envelope::read(body.as_bytes()).unwrap_err();
            assert_eq!(refusal, Refusal::about(Reason::FieldMissing, field));
        }
    }

    #[test]
    fn what_is_not_json_is_malformed_and_what_is_no_text_says_so() {
        let reason = |body: &[u8]| Envelope::read(body).unwrap_err().reason;
        assert_eq!(reason(b""), Reason::MalformedRequest);
        assert_eq!(reason(b"[1]"), Reason::MalformedRequest);
        assert_eq!(reason(b"{\"infno\":"), Reason::MalformedRequest);
        assert_eq!(reason(b"{\"infno\":\"\xff\"}"), Reason::TextMalformed);
        assert_eq!(reason(br#"{"psn_name":"\ud842"}"#), Reason::TextMalformed);
        assert_eq!(
            reason(br#"{"psn_name":"\udfb7\ud842"}"#),
            Reason::TextMalformed
        );
    }

    #[test]
    fn an_answer_carries_shanghai_time_and_at_most_200_characters_of_reason() {
        let at: Timestamp = "2026-01-02T02:30:00.007Z".parse().unwrap();
        let answer = Answer::refused(Arrival { at, serial: 7 }, at, "X", &"长".repeat(300));
        assert_eq!(answer.refmsg_time, "20260102103000007");
        assert_eq!(answer.inf_refmsgid, "000000202601021030000000000007");
        assert_eq!(answer.err_msg.chars().count(), 200);
        assert_eq!(date_time(at), "2026-01-02 10:30:00");
    }
}
