//! What can be wrong with a pack: where, what, and what to do about it.

use std::fmt;

use kernel::Region;

use super::edition::PackVersion;
use crate::axes::Axis;

/// Why a pack was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pack}{}: {flaw}; {}", Line(*line), flaw.cure())]
pub struct PackError {
    /// The file or text.
    pub pack: String,
    /// The line in it, from 1, where one can be named.
    pub line: Option<usize>,
    pub flaw: Flaw,
}

impl PackError {
    pub(super) fn at(pack: &str, line: Option<usize>, flaw: Flaw) -> Self {
        Self {
            pack: pack.to_owned(),
            line,
            flaw,
        }
    }
}

struct Line(Option<usize>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, ", line {line}"),
            None => Ok(()),
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not TOML, an unknown key, or a value its axis does not know; the text names it.
    #[error("{0}")]
    Malformed(String),
    #[error("the edition ends before it begins")]
    EndsBeforeItBegins,
    #[error("a pack without an edition says nothing")]
    NoEdition,
    #[error("{0} and {1} hold on the same day")]
    OverlappingDates(PackVersion, PackVersion),
    #[error("nothing is said from the end of {0} to the beginning of {1}")]
    Gap(PackVersion, PackVersion),
    #[error("no province has the first two digits of {0}")]
    NoSuchProvince(Region),
    #[error("the city {0} has a pack and its province {1} has none")]
    CityWithoutProvince(Region, Region),
    #[error("there is no national default 000000")]
    NoNation,
    #[error("nobody answers `{0}` for {1}")]
    Unanswered(Axis, PackVersion),
    #[error("`{0}` rests on a source of grade C and is enabled")]
    GradeCEnabled(Axis),
    #[error("`{0}` has no source")]
    NoSource(Axis),
    #[error("`{0}` of {1} is not there to be enabled")]
    NothingToEnable(Axis, Region),
    #[error("the label {0:?} is not one to twenty letters, digits and dashes")]
    LabelMalformed(String),
    #[error("{0} is named twice")]
    RegionTwice(Region),
    #[error("{1} gives a ratio and nobody answers `{0}` of its benefit")]
    BenefitUnanswered(&'static str, PackVersion),
    #[error("`{0}` of a benefit rests on a source of grade C and is enabled")]
    BenefitGradeCEnabled(&'static str),
    #[error("`{0}` of a benefit has no source")]
    BenefitNoSource(&'static str),
    #[error("`{0}` of the benefit of {1} is not there to be enabled")]
    NoBenefitToEnable(String, Region),
}

impl Flaw {
    /// What to do about it.
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "write it as the other packs do",
            Self::EndsBeforeItBegins => {
                "let `valid_to` be the last day of the edition, or leave it out"
            }
            Self::NoEdition => "add an [[edition]] with its first day",
            Self::OverlappingDates(..) => {
                "end the earlier edition on the day before the later one begins"
            }
            Self::Gap(..) => {
                "let one edition follow the other, so that the wider region's rules never come back by accident"
            }
            Self::NoSuchProvince(_) => "check the code, or add the province to provinces.toml",
            Self::CityWithoutProvince(..) => "add the province's pack, even a short one",
            Self::NoNation => "add a pack that answers every axis for 000000",
            Self::Unanswered(..) => "answer it in the national default, enabled",
            Self::BenefitUnanswered(..) => "answer it beside the ratio, or disable the ratio",
            Self::NoBenefitToEnable(..) => {
                "write it like employee.ratio, and check it against that region's pack"
            }
            Self::GradeCEnabled(_) | Self::BenefitGradeCEnabled(_) => {
                "write `enabled = false`, and enable it in an overlay if you must"
            }
            Self::NoSource(_) | Self::BenefitNoSource(_) => {
                "name the source, so that somebody can verify it"
            }
            Self::NothingToEnable(..) => {
                "check the name against that region's pack, or set the value here"
            }
            Self::LabelMalformed(_) => {
                "name the overlay like \"demo\"; the label becomes part of the pack version"
            }
            Self::RegionTwice(_) => "put both into one table",
        }
    }
}
