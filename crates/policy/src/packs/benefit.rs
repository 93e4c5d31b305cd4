//! The `benefit` tables of a pack: one per scheme, merged value by value like the rules, in timelines of their own.
//!
//! A scheme has a benefit where somebody on the line from the place to the nation gives a ratio. Then everything else must be
//! answered, too: a benefit of which half is known is refused at load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kernel::{Date, Fen, Region, Scheme};
use serde::Deserialize;

use super::edition::{Edition, Grade, Origin, PackVersion};
use super::flaw::{Flaw, PackError};
use super::timeline::Timeline;
use super::written::Entry;
use crate::benefit::{BenefitRules, ByGrade, ByTier, DeductiblePeriod, Percent};
use crate::usages::Usages;

#[derive(Debug, Clone)]
struct Answer<T> {
    value: T,
    origin: Origin,
}

/// Declares the values of a benefit once: the keys of a pack, what an edition says, and how they merge.
macro_rules! values {
    ($($(#[$doc:meta])* $field:ident: $type:ty;)*) => {
        /// The `benefit.employee` or `benefit.resident` table as written.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct WrittenBenefit {
            $($(#[$doc])* $field: Option<Entry<$type>>,)*
        }

        /// What an edition says of one scheme's benefit.
        #[derive(Debug, Clone, Default)]
        struct BenefitAnswers {
            $($field: Option<Answer<$type>>,)*
        }

        impl BenefitAnswers {
            fn read(written: WrittenBenefit, text: &str) -> Self {
                Self { $($field: written.$field.map(|entry| {
                    let (value, origin) = entry.read(text);
                    Answer { value, origin }
                }),)* }
            }

            fn replace(&mut self, over: Self) {
                $(if over.$field.is_some() { self.$field = over.$field; })*
            }

            fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
                [$((stringify!($field), self.$field.as_ref().map(|answer| &answer.origin)),)*]
                    .into_iter()
                    .filter_map(|(key, origin)| Some((key, origin?)))
            }

            fn origin_mut(&mut self, key: &str) -> Option<&mut Origin> {
                $(if key == stringify!($field) {
                    return self.$field.as_mut().map(|answer| &mut answer.origin);
                })*
                None
            }

            fn sign(&mut self, version: &PackVersion) {
                $(if let Some(answer) = &mut self.$field { answer.origin.version = version.clone(); })*
            }

            /// The first enabled value of each key, from the narrowest place outwards.
            ///
            /// # Errors
            /// The first key that nobody answers.
            fn merge(place: Region, line: &[&Self]) -> Result<BenefitRules, &'static str> {
                let mut origins = Vec::new();
                let mut versions = Vec::new();
                $(
                    let answer = line
                        .iter()
                        .filter_map(|answers| answers.$field.as_ref())
                        .find(|answer| answer.origin.enabled)
                        .ok_or(stringify!($field))?;
                    if !versions.contains(&answer.origin.version) {
                        versions.push(answer.origin.version.clone());
                    }
                    origins.push((stringify!($field), answer.origin.clone()));
                    let $field = answer.value.clone();
                )*
                Ok(BenefitRules { place, versions, origins, $($field,)* })
            }
        }
    };
}

values! {
    /// What the fund pays above the deductible, by status and tier.
    ratio: ByTier<Percent>;
    /// What the patient pays first, by status and tier.
    deductible: ByTier<Fen>;
    /// For how long a deductible counts.
    deductible_period: DeductiblePeriod;
    /// What the fund pays at most in a medical year, maybe by contribution grade.
    annual_cap: ByGrade<Option<Fen>>;
    /// The part of the ratio that is left for an unfiled treatment elsewhere.
    unfiled_share: Percent;
    /// The kinds of bill that it covers.
    usages: Usages;
}

/// The `benefit` table of an edition or overlay as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenBenefits {
    #[serde(default)]
    employee: WrittenBenefit,
    #[serde(default)]
    resident: WrittenBenefit,
}

/// What an edition says of both schemes' benefits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Benefits {
    employee: BenefitAnswers,
    resident: BenefitAnswers,
}

impl Benefits {
    /// Reads what was written. Every value has a source, and what rests on grade C is disabled unless `is_overlay`.
    pub(super) fn read(
        name: &str,
        text: &str,
        written: WrittenBenefits,
        is_overlay: bool,
    ) -> Result<Self, PackError> {
        let read = Self {
            employee: BenefitAnswers::read(written.employee, text),
            resident: BenefitAnswers::read(written.resident, text),
        };
        for (key, origin) in read.origins() {
            let flaw = if origin.source.trim().is_empty() {
                Flaw::BenefitNoSource(key)
            } else if origin.grade == Grade::C && origin.enabled && !is_overlay {
                Flaw::BenefitGradeCEnabled(key)
            } else {
                continue;
            };
            return Err(PackError::at(name, Some(origin.line), flaw));
        }
        Ok(read)
    }

    pub(super) fn replace(&mut self, over: Self) {
        self.employee.replace(over.employee);
        self.resident.replace(over.resident);
    }

    pub(super) fn sign(&mut self, version: &PackVersion) {
        self.employee.sign(version);
        self.resident.sign(version);
    }

    /// Switches a value on, by its scheme and key: `employee.ratio`. Whether it was there.
    pub(super) fn enable(&mut self, path: &str) -> bool {
        let origin = match path.split_once('.') {
            Some(("employee", key)) => self.employee.origin_mut(key),
            Some(("resident", key)) => self.resident.origin_mut(key),
            _ => None,
        };
        origin.is_some_and(|origin| {
            origin.enabled = true;
            true
        })
    }

    /// Every value with its key, enabled or not: the employees' first.
    pub(super) fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        self.employee.origins().chain(self.resident.origins())
    }

    fn of(&self, scheme: Scheme) -> &BenefitAnswers {
        match scheme {
            Scheme::Employee => &self.employee,
            Scheme::Resident => &self.resident,
        }
    }
}

/// The benefits of every place with a pack, through time.
#[derive(Debug, Clone)]
pub(super) struct BenefitTimelines(BTreeMap<(Region, Scheme), Timeline<BenefitRules>>);

impl BenefitTimelines {
    /// Merges all editions.
    pub(super) fn of(editions: &[Edition]) -> Result<Self, PackError> {
        let places: BTreeSet<_> = editions.iter().map(|edition| edition.region).collect();
        let mut timelines = BTreeMap::new();
        for place in places {
            for scheme in [Scheme::Employee, Scheme::Resident] {
                let timeline = Timeline::of(place, editions, |line| merge(scheme, line))?;
                timelines.insert((place, scheme), timeline);
            }
        }
        Ok(Self(timelines))
    }

    /// The benefit of `scheme` in `region` on a day.
    pub(super) fn on(
        &self,
        region: Region,
        scheme: Scheme,
        day: Date,
    ) -> Option<&Arc<BenefitRules>> {
        region
            .lineage()
            .find_map(|place| self.0.get(&(place, scheme)))?
            .on(day)
    }
}

/// The benefit of one day, unless nobody gives a ratio on it.
fn merge(scheme: Scheme, line: &[&Edition]) -> Result<Option<BenefitRules>, PackError> {
    let gives_ratio = |edition: &&&Edition| {
        let ratio = edition.benefits.of(scheme).ratio.as_ref();
        ratio.is_some_and(|ratio| ratio.origin.enabled)
    };
    let Some(giver) = line.iter().find(gives_ratio) else {
        return Ok(None);
    };
    let answers: Vec<_> = line
        .iter()
        .map(|edition| edition.benefits.of(scheme))
        .collect();
    BenefitAnswers::merge(giver.region, &answers)
        .map(Some)
        .map_err(|key| {
            let flaw = Flaw::BenefitUnanswered(key, giver.version.clone());
            PackError::at(&giver.pack, Some(giver.line), flaw)
        })
}
