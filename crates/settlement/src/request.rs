//! The key of a request, for ever, and the fields by which a repetition is told from another request.

use std::collections::BTreeSet;
use std::fmt;

use jiff::SignedDuration;
use kernel::{Fen, HoldId, PersonId, QuoteId, Reason, Refusal, SettlementId};
use policy::benefit::Quantity;
use serde_json::{Map, Value, json};

use crate::bill::Bill;
use crate::deferral::Deduct;
use crate::refund::What;

/// `(institution, msgid)`: what a request is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    pub institution: String,
    pub msgid: String,
}

impl RequestKey {
    /// The key of a message that an institution sent.
    ///
    /// # Errors
    /// `MSGID_MALFORMED` unless it is 1 to 30 visible ASCII characters that begin with the institution's code
    /// (`domain.md` 14.2), so that no institution can use up another's keys.
    pub fn new(institution: &str, msgid: &str) -> Result<Self, Refusal> {
        let well_formed = msgid.len() <= 30
            && msgid.bytes().all(|byte| byte.is_ascii_graphic())
            && msgid.len() > institution.len()
            && msgid.starts_with(institution);
        if !well_formed {
            return Err(Reason::MsgidMalformed.into());
        }
        Ok(Self {
            institution: institution.to_owned(),
            msgid: msgid.to_owned(),
        })
    }
}

impl fmt::Display for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.msgid, self.institution)
    }
}

/// What is done under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Settle,
    Cancel,
    Refund,
    /// Undo another message.
    Reverse,
    /// Nothing: the message of this key was reversed before it arrived.
    Reversed,
    /// Place a hold.
    Place,
    /// Capture one: it becomes a settlement.
    Capture,
    Release,
}

impl Operation {
    const ALL: [Self; 8] = [
        Self::Settle,
        Self::Cancel,
        Self::Refund,
        Self::Reverse,
        Self::Reversed,
        Self::Place,
        Self::Capture,
        Self::Release,
    ];

    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Settle => "SETTLE",
            Self::Cancel => "CANCEL",
            Self::Refund => "REFUND",
            Self::Reverse => "REVERSE",
            Self::Reversed => "REVERSED",
            Self::Place => "HOLD",
            Self::Capture => "CAPTURE",
            Self::Release => "RELEASE",
        }
    }

    /// The operation with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.code() == code)
    }
}

/// The fields of a request that decide its answer, readable: they are stored beside the answer, and a repetition with
/// other values is told which differ (ruling 3 of the design). What an honest retry restamps is not among them: the credential
/// (a refreshed code is still the same patient), times, the operator.
///
/// A field that is absent equals one that is null, so that a later version may add fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked(Map<String, Value>);

impl Asked {
    /// What a bill asks.
    pub fn settle(patient: PersonId, bill: &Bill) -> Self {
        let premium = bill.premium.as_ref();
        let lines: Vec<Value> = bill
            .lines
            .iter()
            .map(|line| match line.quantity {
                Quantity::ONE => json!([line.line_no, line.item_code, line.amount.get()]),
                Quantity(units) => {
                    json!([line.line_no, line.item_code, line.amount.get(), units])
                }
            })
            .collect();
        Self::of([
            ("patient", json!(patient.to_string())),
            ("person_no", json!(bill.person_no)),
            ("scheme", json!(bill.scheme)),
            ("usage", json!(bill.usage)),
            ("total_fen", json!(bill.total.get())),
            ("lines", json!(lines)),
            ("without_account", json!(bill.without_account)),
            ("without_aid", json!(bill.without_aid)),
            (
                "chosen_binding_id",
                json!(bill.chosen.map(|id| id.to_string())),
            ),
            ("year", json!(premium.map(|premium| premium.year))),
            (
                "contributor",
                json!(premium.map(|premium| premium.contributor.to_string())),
            ),
        ])
    }

    /// The same bill, to be settled on a quote.
    #[must_use]
    pub fn on_quote(mut self, quote: QuoteId) -> Self {
        self.0
            .insert("quote_id".to_owned(), json!(quote.to_string()));
        self
    }

    /// The same bill, in the place of another one.
    #[must_use]
    pub fn replacing(mut self, settlement: SettlementId) -> Self {
        self.0
            .insert("replaces".to_owned(), json!(settlement.to_string()));
        self
    }

    /// What a hold asks: the bill, and how long it is to last.
    pub fn place(patient: PersonId, bill: &Bill, lasts: SignedDuration) -> Self {
        let mut asked = Self::settle(patient, bill);
        let seconds = json!(lasts.as_secs());
        asked.0.insert("lasts_seconds".to_owned(), seconds);
        asked
    }

    /// What a capture asks.
    pub fn capture(hold: HoldId, total: Option<Fen>) -> Self {
        Self::of([
            ("hold_id", json!(hold.to_string())),
            ("total_fen", json!(total.map(Fen::get))),
        ])
    }

    /// What a release asks.
    pub fn release(hold: HoldId) -> Self {
        Self::of([("hold_id", json!(hold.to_string()))])
    }

    /// The same, and when it is to be deducted.
    #[must_use]
    pub fn deducted(mut self, deduct: Deduct) -> Self {
        if deduct == Deduct::AfterVisit {
            self.0.insert("deduct".to_owned(), json!("AFTER_VISIT"));
        }
        self
    }

    /// What a cancellation asks.
    pub fn cancel(settlement: SettlementId, person_no: Option<&str>) -> Self {
        Self::of([
            ("settlement_id", json!(settlement.to_string())),
            ("person_no", json!(person_no)),
        ])
    }

    /// What a refund asks.
    pub fn refund(settlement: SettlementId, person_no: Option<&str>, what: &What) -> Self {
        let (amount, lines) = match what {
            What::Amount(amount) => (Some(amount.get()), None),
            What::Lines(lines) => (None, Some(lines)),
        };
        let lines: Option<Vec<Value>> = lines.map(|lines| {
            let line = |(no, amount): &(String, Option<Fen>)| json!([no, amount.map(Fen::get)]);
            lines.iter().map(line).collect()
        });
        Self::of([
            ("settlement_id", json!(settlement.to_string())),
            ("person_no", json!(person_no)),
            ("amount_fen", json!(amount)),
            ("lines", json!(lines)),
        ])
    }

    /// What a reversal asks.
    pub fn reverse(original: &RequestKey, was: Operation, person_no: Option<&str>) -> Self {
        Self::of([
            ("original_msgid", json!(original.msgid)),
            ("original_operation", json!(was.code())),
            ("person_no", json!(person_no)),
        ])
    }

    /// What a message asked that never arrived.
    pub fn nothing() -> Self {
        Self::of([])
    }

    fn of<const N: usize>(fields: [(&str, Value); N]) -> Self {
        let present = fields.into_iter().filter(|(_, value)| !value.is_null());
        Self(
            present
                .map(|(field, value)| (field.to_owned(), value))
                .collect(),
        )
    }

    /// The fields as they are stored.
    pub fn to_text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// The fields as they were stored; none if that is no object.
    pub fn from_stored(stored: Value) -> Option<Self> {
        match stored {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    /// The fields in which `self` and `other` differ, by name.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let fields: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let value =
            |asked: &Self, field: &String| asked.0.get(field).cloned().unwrap_or(Value::Null);
        fields
            .into_iter()
            .filter(|field| value(self, field) != value(other, field))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::tests::bill;

    #[test]
    fn a_msgid_begins_with_its_institution_and_goes_on() {
        let new = |msgid: &str| RequestKey::new("H0001", msgid).map_err(|refusal| refusal.reason);
        assert!(new("H0001202601010000010001").is_ok());
        for msgid in [
            "",
            "H0001",
            "H0002202601010001",
            "H0001 1",
            "H0001１",
            "H00012345678901234567890123456x",
        ] {
            assert_eq!(new(msgid), Err(Reason::MsgidMalformed), "{msgid}");
        }
    }

    #[test]
    fn a_repetition_is_told_what_differs() {
        let patient = PersonId::generate();
        let first = Asked::settle(patient, &bill(100));
        let stored = Asked::from_stored(first.to_text().parse().unwrap()).unwrap();
        assert_eq!(first.differences(&stored), Vec::<String>::new());
        let other = Bill {
            without_aid: true,
            ..bill(101)
        };
        assert_eq!(
            Asked::settle(patient, &other).differences(&stored),
            ["total_fen", "without_aid"]
        );
    }

    #[test]
    fn a_field_that_a_later_version_adds_is_no_difference_while_it_is_empty() {
        let settlement = SettlementId::generate();
        let old = Asked::cancel(settlement, None);
        let mut new = old.clone();
        new.0.insert("why".to_owned(), Value::Null);
        assert!(new.differences(&old).is_empty());
    }
}
