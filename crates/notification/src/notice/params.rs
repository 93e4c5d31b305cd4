//! What the text of a notice is made of.

use kernel::{Fen, PersonId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount, stored as whole fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub Fen);

impl From<Fen> for Amount {
    fn from(amount: Fen) -> Self {
        Self(amount)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.get())
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Fen::new).map(Self)
    }
}

/// Somebody other than the reader: an id that becomes a masked name when the notice is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who(pub PersonId);

impl Serialize for Who {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// An account of the reader after the movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Both buckets.
    pub total: Amount,
    /// What came in during this medical year.
    pub current: Amount,
    /// What earlier years left.
    pub prior: Amount,
    /// The version of the account: how many movements it has seen. Of two balances the one with the larger version is the newer.
    pub version: i64,
}

/// What one contributor paid or got back, as the beneficiary may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Who.
    pub person: Who,
    /// How much.
    pub amount: Amount,
}

/// What a limit still allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitLeft {
    /// In which window.
    pub window: LimitWindow,
    /// How much.
    pub amount: Amount,
}

/// Over which time a limit counts, the shortest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LimitWindow {
    /// A business day.
    Day,
    /// A calendar month.
    Month,
    /// A year, the calendar's or the medical one.
    Year,
    /// For ever.
    Total,
}

/// The kind of place where it happened. Which place it was, is nobody's business but the patient's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Institution {
    /// A hospital or clinic.
    Hospital,
    /// A pharmacy.
    Pharmacy,
    /// A kind this build does not know.
    Other,
}

/// How a mandate stands after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MandateStanding {
    /// It pays, on the terms given.
    InForce,
    /// It pays nothing until it is resumed.
    Paused,
    /// It pays nothing any more.
    Revoked,
}
