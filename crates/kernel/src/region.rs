//! Places: the six-digit administrative division code (`admdvs`) of insurance and treatment.

use std::fmt;
use std::str::FromStr;

/// A six-digit region code. `320000` is a province, `320600` one of its cities, `000000` the whole country.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region([u8; 6]);

/// Why a text is not a region code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a region code of six digits")]
pub struct MalformedRegion(pub String);

impl Region {
    /// The whole country: the fallback every other region's rules start from.
    pub const NATION: Self = Self(*b"000000");

    /// The province (first two digits) this region lies in; the nation lies in itself.
    #[must_use]
    pub fn province(self) -> Self {
        let [a, b, ..] = self.0;
        Self([a, b, b'0', b'0', b'0', b'0'])
    }

    /// The city (first four digits) this region lies in; a province is its own city.
    #[must_use]
    pub fn city(self) -> Self {
        let [a, b, c, d, ..] = self.0;
        Self([a, b, c, d, b'0', b'0'])
    }

    /// This region and those that contain it, the narrowest first, each once: district, city, province, nation.
    ///
    /// Rules are looked up along this line: the longest prefix that has a value wins.
    pub fn lineage(self) -> impl Iterator<Item = Self> {
        let line = [self, self.city(), self.province(), Self::NATION];
        (0..line.len())
            .filter(move |&at| at == 0 || line[at] != line[at - 1])
            .map(move |at| line[at])
    }

    /// The six digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a region holds ASCII digits only")
    }
}

impl FromStr for Region {
    type Err = MalformedRegion;

    fn from_str(text: &str) -> Result<Self, MalformedRegion> {
        <[u8; 6]>::try_from(text.as_bytes())
            .ok()
            .filter(|digits| digits.iter().all(u8::is_ascii_digit))
            .map(Self)
            .ok_or_else(|| MalformedRegion(text.to_owned()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Region {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Region {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(text: &str) -> Region {
        text.parse().unwrap()
    }

    #[test]
    fn rules_are_looked_up_from_the_narrowest_place_outwards() {
        let line: Vec<_> = region("320602").lineage().collect();
        assert_eq!(line, ["320602", "320600", "320000", "000000"].map(region));
        let line: Vec<_> = region("320000").lineage().collect();
        assert_eq!(line, ["320000", "000000"].map(region));
        assert_eq!(
            Region::NATION.lineage().collect::<Vec<_>>(),
            [Region::NATION]
        );
    }

    #[test]
    fn only_six_ascii_digits_are_a_region() {
        for text in ["", "32060", "3206000", "32060a", "３２０６００"] {
            assert_eq!(
                text.parse::<Region>(),
                Err(MalformedRegion(text.to_owned()))
            );
        }
    }
}
