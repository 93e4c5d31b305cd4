//! What the text of a notice is made of.

use jiff::Timestamp;
use kernel::{Fen, PersonId, Relation, Usage};
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
    /// An agency that collects premiums.
    Agency,
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

/// What a template may do with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// An amount of money.
    Amount,
    /// An amount that may be absent.
    MaybeAmount,
    /// Somebody else.
    Who,
    /// What relatives paid or got back.
    Parts,
    /// Accounts after the movement.
    Balances,
    /// What limits still allow, by window.
    Limits,
    /// A point in time, or none.
    Moment,
    /// A code that a filter turns into words, or a list of them.
    Code,
}

impl FieldKind {
    /// The names under which a template reaches what is inside the field.
    pub const fn reaches(self) -> &'static [&'static str] {
        match self {
            Self::Balances => &["total", "current", "prior", "version"],
            Self::Parts => &["person", "amount"],
            Self::Limits => &["window", "amount"],
            Self::Amount | Self::MaybeAmount | Self::Who | Self::Moment | Self::Code => &[],
        }
    }
}

/// What a field of a notice must tell about itself. Every type that may stand in the catalogue has it, and no other.
pub(super) trait Field {
    /// What a template may do with it.
    const KIND: FieldKind;

    /// Adds everybody it names.
    fn add_people(&self, _people: &mut Vec<PersonId>) {}
}

macro_rules! fields {
    ($($type:ty => $kind:ident,)*) => {
        $(impl Field for $type {
            const KIND: FieldKind = FieldKind::$kind;
        })*
    };
}

fields! {
    Amount => Amount,
    Option<Amount> => MaybeAmount,
    Vec<Balance> => Balances,
    Vec<LimitLeft> => Limits,
    LimitWindow => Code,
    Timestamp => Moment,
    Option<Timestamp> => Moment,
    Institution => Code,
    MandateStanding => Code,
    Relation => Code,
    Vec<Usage> => Code,
    String => Code,
    Option<String> => Code,
    bool => Code,
}

impl Field for Who {
    const KIND: FieldKind = FieldKind::Who;

    fn add_people(&self, people: &mut Vec<PersonId>) {
        people.push(self.0);
    }
}

impl Field for Vec<Part> {
    const KIND: FieldKind = FieldKind::Parts;

    fn add_people(&self, people: &mut Vec<PersonId>) {
        people.extend(self.iter().map(|part| part.person.0));
    }
}
