//! Sets of usage categories, small enough to copy for every candidate of every bill.

use std::fmt;

use kernel::Usage;
use serde::de::{Deserialize, Deserializer, Error};

/// A set of usage categories, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Usages(u32);

impl Usages {
    /// No use at all.
    pub const NONE: Self = Self(0);

    /// Every use that is not prohibited everywhere (`domain.md` 3.4): what a mandate without a list of its own allows.
    pub fn allowed_anywhere() -> Self {
        Usage::ALL
            .iter()
            .copied()
            .filter(|usage| !usage.is_prohibited())
            .collect()
    }

    /// Whether `usage` is in the set.
    pub fn contains(self, usage: Usage) -> bool {
        self.0 & bit(usage) != 0
    }

    /// The members, in the order of the catalogue.
    pub fn iter(self) -> impl Iterator<Item = Usage> {
        Usage::ALL
            .iter()
            .copied()
            .filter(move |usage| self.contains(*usage))
    }
}

fn bit(usage: Usage) -> u32 {
    Usage::ALL
        .iter()
        .zip(0..)
        .find_map(|(candidate, place)| (*candidate == usage).then_some(1 << place))
        .expect("every usage is in its own catalogue")
}

impl FromIterator<Usage> for Usages {
    fn from_iter<I: IntoIterator<Item = Usage>>(usages: I) -> Self {
        Self(usages.into_iter().fold(0, |bits, usage| bits | bit(usage)))
    }
}

impl fmt::Debug for Usages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A list of codes. A prohibited use is refused here, so that no pack and no overlay can allow one (ruling 41 of the design).
impl<'de> Deserialize<'de> for Usages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let usages = Vec::<Usage>::deserialize(deserializer)?;
        match usages.iter().find(|usage| usage.is_prohibited()) {
            Some(usage) => Err(D::Error::custom(format!(
                "{usage} is prohibited everywhere and no pack can allow it"
            ))),
            None => Ok(usages.into_iter().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let set: Usages = [Usage::PharmacyDrug, Usage::ResidentPremium]
            .into_iter()
            .collect();
        assert!(set.contains(Usage::PharmacyDrug) && !set.contains(Usage::HospitalOutpatient));
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Usage::PharmacyDrug, Usage::ResidentPremium]
        );
        assert_eq!(Usages::NONE.iter().count(), 0);
    }

    #[test]
    fn what_is_prohibited_everywhere_is_in_no_default() {
        let all = Usages::allowed_anywhere();
        for usage in Usage::ALL {
            assert_eq!(all.contains(*usage), !usage.is_prohibited(), "{usage}");
        }
    }
}
