//! One JSON object of the national interface, read field by field.
//!
//! Systems in the field write numbers as text and text as numbers, so both are taken. A number is kept as the text it came
//! in and never passes through a float (ruling 49 of the design).

use std::collections::BTreeMap;

use kernel::fen::MalformedAmount;
use kernel::{Fen, Reason, Refusal};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of an object, unread.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Node(BTreeMap<String, Box<RawValue>>);

impl Node {
    /// The text of a field; absent, null and empty are the same to the national interface.
    pub fn text(&self, field: &str) -> Result<Option<String>, Refusal> {
        let Some(raw) = self.0.get(field) else {
            return Ok(None);
        };
        match raw.get().as_bytes().first() {
            Some(b'"') => {
                let text: String = serde_json::from_str(raw.get())
                    .ok()
                    .ok_or_else(|| malformed(field))?;
                Ok(Some(text).filter(|text| !text.is_empty()))
            }
            Some(b'0'..=b'9' | b'-') => Ok(Some(raw.get().to_owned())),
            Some(b'n') => Ok(None),
            _ => Err(malformed(field)),
        }
    }

    /// The text of a field that must be there.
    pub fn required(&self, field: &str) -> Result<String, Refusal> {
        self.text(field)?
            .ok_or_else(|| Refusal::about(Reason::FieldMissing, field))
    }

    /// The amount of yuan in a field that must be there. It must not be negative.
    pub fn amount(&self, field: &str) -> Result<Fen, Refusal> {
        let amount = self.signed(field)?;
        if amount.is_negative() {
            return Err(Refusal::about(Reason::AmountNegative, field));
        }
        Ok(amount)
    }

    /// The amount of yuan in a field that must be there; below zero for what was taken back.
    pub fn signed(&self, field: &str) -> Result<Fen, Refusal> {
        let refused = |reason| Refusal::about(reason, field);
        self.required(field)?
            .parse()
            .map_err(|problem| match problem {
                MalformedAmount::TooLarge(_) => refused(Reason::AmountTooLarge),
                MalformedAmount::NotDecimal(_) | MalformedAmount::TooPrecise(_) => {
                    refused(Reason::AmountMalformed)
                }
            })
    }

    /// Likewise, of a field that may be left out.
    pub fn signed_if_told(&self, field: &str) -> Result<Option<Fen>, Refusal> {
        match self.text(field)? {
            Some(_) => self.signed(field).map(Some),
            None => Ok(None),
        }
    }

    /// Whether the object has the field at all.
    pub fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// An object inside this one.
    pub fn node(&self, field: &str) -> Result<Self, Refusal> {
        let raw = self
            .0
            .get(field)
            .ok_or_else(|| Refusal::about(Reason::FieldMissing, field))?;
        serde_json::from_str(raw.get())
            .ok()
            .ok_or_else(|| malformed(field))
    }

    /// The objects of a list inside this one; an absent list is empty, and one object stands for a list of one.
    pub fn nodes(&self, field: &str) -> Result<Vec<Self>, Refusal> {
        let Some(raw) = self.0.get(field) else {
            return Ok(Vec::new());
        };
        match raw.get().as_bytes().first() {
            Some(b'{') => self.node(field).map(|node| vec![node]),
            Some(b'n') => Ok(Vec::new()),
            _ => serde_json::from_str(raw.get())
                .ok()
                .ok_or_else(|| malformed(field)),
        }
    }
}

fn malformed(field: &str) -> Refusal {
    Refusal::about(Reason::MalformedRequest, field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_amount_may_be_text_or_number_and_is_exact_in_both() {
        let data = node(r#"{"a":"600.00","b":0.1,"c":90071992547409.92,"d":7}"#);
        assert_eq!(data.amount("a"), Ok(Fen::new(60_000)));
        assert_eq!(data.amount("b"), Ok(Fen::new(10)));
        assert_eq!(data.amount("c"), Ok(Fen::LARGEST_BILL));
        assert_eq!(data.amount("d"), Ok(Fen::new(700)));
    }

    #[test]
    fn a_wrong_amount_is_refused_by_its_own_reason() {
        let data = node(
            r#"{"three":"1.234","negative":"-1.00","huge":"99999999999999999999","word":"abc","exp":6e2,"list":[]}"#,
        );
        let reason = |field| data.amount(field).unwrap_err().reason;
        assert_eq!(reason("three"), Reason::AmountMalformed);
        assert_eq!(reason("negative"), Reason::AmountNegative);
        assert_eq!(reason("huge"), Reason::AmountTooLarge);
        assert_eq!(reason("word"), Reason::AmountMalformed);
        assert_eq!(reason("exp"), Reason::AmountMalformed);
        assert_eq!(reason("list"), Reason::MalformedRequest);
        assert_eq!(reason("absent"), Reason::FieldMissing);
    }

    #[test]
    fn empty_null_and_absent_are_the_same() {
        let data = node(r#"{"empty":"","null":null,"number":1}"#);
        for field in ["empty", "null", "absent"] {
            assert_eq!(data.text(field), Ok(None));
        }
        assert_eq!(data.text("number"), Ok(Some("1".to_owned())));
    }
}
