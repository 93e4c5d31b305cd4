//! How values are written in a pack, where that differs from how they are used: yuan text, and `"UNLIMITED"` for no cap.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU16;

use kernel::Fen;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::{MonthDay, OwnZero, Period, Share};

/// Yuan text, zero or more: `"1000.00"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Yuan(Fen);

impl TryFrom<String> for Yuan {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fen: Fen = text
            .parse()
            .map_err(|malformed: kernel::fen::MalformedAmount| malformed.to_string())?;
        if fen.is_negative() {
            return Err(format!("{text:?} is below zero"));
        }
        Ok(Self(fen))
    }
}

impl From<Yuan> for Fen {
    fn from(yuan: Yuan) -> Self {
        yuan.0
    }
}

/// Yuan text above zero, or `"UNLIMITED"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Limit(Option<Fen>);

impl TryFrom<String> for Limit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "UNLIMITED" {
            return Ok(Self(None));
        }
        let Yuan(fen) = text.clone().try_into()?;
        if fen.is_zero() {
            return Err(format!("a limit of {text:?} would allow nothing"));
        }
        Ok(Self(Some(fen)))
    }
}

impl From<Limit> for Option<Fen> {
    fn from(limit: Limit) -> Self {
        limit.0
    }
}

/// A share in percent, at most two decimals and above zero, or `"UNLIMITED"`: `"50%"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct LimitShare(Option<Share>);

impl TryFrom<String> for LimitShare {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "UNLIMITED" {
            return Ok(Self(None));
        }
        // A percent with two decimals is a number of basis points, as yuan with two decimals are a number of fen.
        let share = text
            .strip_suffix('%')
            .and_then(|percent| percent.parse::<Fen>().ok())
            .and_then(|points| u16::try_from(points.get()).ok())
            .and_then(Share::new)
            .ok_or_else(|| {
                format!("{text:?} is not a share like \"50%\", above 0% and up to 100%")
            })?;
        Ok(Self(Some(share)))
    }
}

impl From<LimitShare> for Option<Share> {
    fn from(share: LimitShare) -> Self {
        share.0
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) enum Unlimited {
    #[serde(rename = "UNLIMITED")]
    Unlimited,
}

/// How many people, or `"UNLIMITED"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a number above zero or \"UNLIMITED\"")]
pub(crate) enum Cap {
    AtMost(NonZeroU16),
    Unlimited(Unlimited),
}

impl From<Cap> for Option<NonZeroU16> {
    fn from(cap: Cap) -> Self {
        match cap {
            Cap::AtMost(number) => Some(number),
            Cap::Unlimited(Unlimited::Unlimited) => None,
        }
    }
}

/// How long at most, or `"UNLIMITED"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "expected { days = 365 }, { months = 12 } or \"UNLIMITED\""
)]
pub(crate) enum Longest {
    Period(Period),
    Unlimited(Unlimited),
}

impl From<Longest> for Option<Period> {
    fn from(longest: Longest) -> Self {
        match longest {
            Longest::Period(period) => Some(period),
            Longest::Unlimited(Unlimited::Unlimited) => None,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) enum NotNeeded {
    #[serde(rename = "NOT_NEEDED")]
    NotNeeded,
}

/// What of the own account must be empty, or `"NOT_NEEDED"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "expected { when = \"BEFORE_BILL\", scope = \"ALL_BUCKETS\" } or the like, or \"NOT_NEEDED\""
)]
pub(crate) enum Zero {
    Needed(OwnZero),
    NotNeeded(NotNeeded),
}

impl From<Zero> for Option<OwnZero> {
    fn from(zero: Zero) -> Self {
        match zero {
            Zero::Needed(zero) => Some(zero),
            Zero::NotNeeded(NotNeeded::NotNeeded) => None,
        }
    }
}

/// The terms of something, or `"NOT_OFFERED"`.
#[derive(Debug, Clone)]
pub(crate) struct Offered<T>(Option<T>);

/// By hand, so that an error inside the terms is told as such: an untagged enum would only say that nothing matched.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Offered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Terms<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Terms<T> {
            type Value = Offered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the terms as a table, or \"NOT_OFFERED\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                match text {
                    "NOT_OFFERED" => Ok(Offered(None)),
                    other => Err(E::invalid_value(Unexpected::Str(other), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let terms = T::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Offered(Some(terms)))
            }
        }

        deserializer.deserialize_any(Terms(PhantomData))
    }
}

impl<T> From<Offered<T>> for Option<T> {
    fn from(offered: Offered<T>) -> Self {
        offered.0
    }
}

impl TryFrom<String> for MonthDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let malformed =
            || format!("{text:?} is not a month and a day like \"07-01\", up to the 28th");
        let (month, day) = text.split_once('-').ok_or_else(malformed)?;
        let number = |part: &str, most: i8| {
            (part.len() == 2)
                .then(|| part.parse().ok())
                .flatten()
                .filter(|number| (1..=most).contains(number))
                .ok_or_else(malformed)
        };
        Ok(Self {
            month: number(month, 12)?,
            day: number(day, 28)?,
        })
    }
}
