//! One edition of a pack: what a region's rules say from one day to another, value by value.

use std::fmt;
use std::sync::Arc;

use kernel::{Date, Region};
use serde::Deserialize;

use super::benefit::Benefits;
use super::flaw::{Flaw, PackError};
use super::province::Province;
use crate::axes::{Answers, Axis};

/// Which pack said something, and in which edition: `140000@2024-01-01`, and `410000@2024-09-01+demo` under an overlay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackVersion(Arc<str>);

impl PackVersion {
    pub(crate) fn new(region: Region, valid_from: Date, label: Option<&str>) -> Self {
        let label = label.map(|label| format!("+{label}")).unwrap_or_default();
        Self(format!("{region}@{valid_from}{label}").into())
    }

    /// The version that this text, once stored, names.
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The text that is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How good the source of a value is (`domain.md` section 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Grade {
    /// Official, a state news agency, or the vendor's own documentation.
    A,
    /// Local portals, trade press, code that clearly implements the real interface.
    B,
    /// Content farms; they contradict each other. Ships disabled.
    C,
    /// The articles the project was started from.
    Seed,
    /// Stated by no source: a decision of this project.
    Inf,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::Seed => "SEED",
            Self::Inf => "INF",
        })
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The pack and edition it stands in.
    pub version: PackVersion,
    /// The line on which it stands there.
    pub line: usize,
    /// The value as it is written there.
    pub written: String,
    /// Who says so.
    pub source: String,
    /// How good that source is.
    pub grade: Grade,
    /// Whether it counts. A value that does not is passed over for the next wider region's.
    pub enabled: bool,
}

/// What a region's pack says from one day to another.
#[derive(Debug, Clone)]
pub struct Edition {
    /// The name of the file or text it was read from.
    pub pack: String,
    /// The line on which it begins there.
    pub line: usize,
    pub region: Region,
    pub name_zh: String,
    pub name_en: String,
    /// The first day.
    pub valid_from: Date,
    /// The last day; none is until further notice.
    pub valid_to: Option<Date>,
    pub version: PackVersion,
    pub(crate) answers: Answers,
    pub(crate) benefits: Benefits,
}

impl Edition {
    /// Every value with its axis, enabled or not.
    pub fn values(&self) -> impl Iterator<Item = (Axis, &Origin)> {
        self.answers.origins()
    }

    /// Every value of a benefit with its key, enabled or not: the employees' first.
    pub fn benefit_values(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        self.benefits.origins()
    }

    /// Whether it holds on `day`.
    pub fn covers(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|last| day <= last)
    }

    fn flawed(&self, flaw: Flaw) -> PackError {
        PackError::at(&self.pack, Some(self.line), flaw)
    }
}

/// Checks what no edition can know of itself: neighbours in time, and that a city's province is there.
pub(super) fn check(editions: &[Edition], provinces: &[Province]) -> Result<(), PackError> {
    if !editions
        .iter()
        .any(|edition| edition.region == Region::NATION)
    {
        return Err(PackError::at("packs", None, Flaw::NoNation));
    }
    for (index, edition) in editions.iter().enumerate() {
        let province = edition.region.province();
        if province != Region::NATION && !provinces.iter().any(|known| known.region == province) {
            return Err(edition.flawed(Flaw::NoSuchProvince(edition.region)));
        }
        if !editions.iter().any(|other| other.region == province) {
            return Err(edition.flawed(Flaw::CityWithoutProvince(edition.region, province)));
        }
        let earlier = &editions[..index];
        if let Some(other) = earlier.iter().find(|other| {
            other.region == edition.region
                && (other.covers(edition.valid_from) || edition.covers(other.valid_from))
        }) {
            let flaw = Flaw::OverlappingDates(edition.version.clone(), other.version.clone());
            return Err(edition.flawed(flaw));
        }
    }
    check_gaps(editions)
}

/// Checks that an edition begins on the day after the one before it ends.
fn check_gaps(editions: &[Edition]) -> Result<(), PackError> {
    for edition in editions {
        let Some(last) = edition.valid_to else {
            continue;
        };
        let later = editions
            .iter()
            .filter(|other| other.region == edition.region && other.valid_from > last)
            .min_by_key(|other| other.valid_from);
        if let Some(next) = later.filter(|next| next.valid_from.yesterday().ok() != Some(last)) {
            let flaw = Flaw::Gap(edition.version.clone(), next.version.clone());
            return Err(next.flawed(flaw));
        }
    }
    Ok(())
}
