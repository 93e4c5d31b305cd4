//! Rule packs: dated TOML, one file per region, merged along the line from the narrowest place to the nation.
//!
//! Every value carries its source and grade. A value of grade C ships disabled and falls through to the next wider region
//! (ruling 32 of the design); an overlay, which must carry a label, switches such values on or sets others, and its label
//! becomes part of the pack version, so that no settlement decided under it can be mistaken for one under shipped rules.
//!
//! Loading is strict (unknown keys, overlapping dates, a city without its province, a graded-C value that is on), because
//! a wrong pack moves real money. Everything that can be asked is merged at load; [`Packs::rules`] only looks up.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::{Date, Reason, Refusal, Region, Scheme};

mod benefit;
mod edition;
mod flaw;
mod province;
mod timeline;
mod why;
mod written;

pub use edition::{Edition, Grade, Origin, PackVersion};
pub use flaw::{Flaw, PackError};
pub use province::Province;
pub use why::{Verdict, Why, Word};
pub(crate) use written::Entry;

use crate::axes::Rules;
use crate::benefit::BenefitRules;
use benefit::BenefitTimelines;
use timeline::Timeline;

/// The packs that ship with this version, file name and text: what a pack under work is checked together with.
pub const SHIPPED: [(&str, &str); 40] = [
    ("000000.toml", include_str!("../packs/000000.toml")),
    ("110000.toml", include_str!("../packs/110000.toml")),
    ("120000.toml", include_str!("../packs/120000.toml")),
    ("140000.toml", include_str!("../packs/140000.toml")),
    ("210000.toml", include_str!("../packs/210000.toml")),
    ("210600.toml", include_str!("../packs/210600.toml")),
    ("230000.toml", include_str!("../packs/230000.toml")),
    ("230100.toml", include_str!("../packs/230100.toml")),
    ("231000.toml", include_str!("../packs/231000.toml")),
    ("310000.toml", include_str!("../packs/310000.toml")),
    ("320000.toml", include_str!("../packs/320000.toml")),
    ("320100.toml", include_str!("../packs/320100.toml")),
    ("330000.toml", include_str!("../packs/330000.toml")),
    ("330100.toml", include_str!("../packs/330100.toml")),
    ("330300.toml", include_str!("../packs/330300.toml")),
    ("330700.toml", include_str!("../packs/330700.toml")),
    ("340000.toml", include_str!("../packs/340000.toml")),
    ("350000.toml", include_str!("../packs/350000.toml")),
    ("350200.toml", include_str!("../packs/350200.toml")),
    ("360000.toml", include_str!("../packs/360000.toml")),
    ("360800.toml", include_str!("../packs/360800.toml")),
    ("370000.toml", include_str!("../packs/370000.toml")),
    ("370100.toml", include_str!("../packs/370100.toml")),
    ("370900.toml", include_str!("../packs/370900.toml")),
    ("410000.toml", include_str!("../packs/410000.toml")),
    ("411000.toml", include_str!("../packs/411000.toml")),
    ("420000.toml", include_str!("../packs/420000.toml")),
    ("420900.toml", include_str!("../packs/420900.toml")),
    ("421100.toml", include_str!("../packs/421100.toml")),
    ("421200.toml", include_str!("../packs/421200.toml")),
    ("430000.toml", include_str!("../packs/430000.toml")),
    ("430900.toml", include_str!("../packs/430900.toml")),
    ("440000.toml", include_str!("../packs/440000.toml")),
    ("440600.toml", include_str!("../packs/440600.toml")),
    ("500000.toml", include_str!("../packs/500000.toml")),
    ("510000.toml", include_str!("../packs/510000.toml")),
    ("520000.toml", include_str!("../packs/520000.toml")),
    ("610000.toml", include_str!("../packs/610000.toml")),
    ("610100.toml", include_str!("../packs/610100.toml")),
    ("610700.toml", include_str!("../packs/610700.toml")),
];

/// All rule packs, merged and ready to be asked.
#[derive(Debug, Clone)]
pub struct Packs {
    editions: Vec<Edition>,
    provinces: Vec<Province>,
    /// By place with a pack of its own; always holds the nation.
    timelines: BTreeMap<Region, Timeline<Rules>>,
    benefits: BenefitTimelines,
}

impl Packs {
    /// The packs that ship with this version.
    pub fn shipped() -> Self {
        Self::read(&SHIPPED, None).expect("the shipped packs are checked by this crate's tests")
    }

    /// The shipped packs under an overlay: a labelled TOML text that enables and sets values for named regions.
    ///
    /// # Errors
    /// What is wrong with the overlay, or with the rules as it leaves them; `name` is what the error calls it.
    pub fn with_overlay(name: &str, text: &str) -> Result<Self, PackError> {
        Self::read(&SHIPPED, Some((name, text)))
    }

    /// Packs from texts, each with the name its errors carry (`140000.toml`).
    ///
    /// # Errors
    /// The first thing that is wrong, with pack, line and cure.
    pub fn read(packs: &[(&str, &str)], overlay: Option<(&str, &str)>) -> Result<Self, PackError> {
        let provinces = province::all();
        let mut editions = Vec::new();
        for (name, text) in packs {
            editions.extend(written::read_pack(name, text)?);
        }
        edition::check(&editions, &provinces)?;
        if let Some((name, text)) = overlay {
            written::apply_overlay(name, text, &mut editions)?;
            edition::check(&editions, &provinces)?;
        }
        editions.sort_by_key(|edition| (edition.region, edition.valid_from));
        let timelines = timeline::all(&editions)?;
        let benefits = BenefitTimelines::of(&editions)?;
        Ok(Self {
            editions,
            provinces,
            timelines,
            benefits,
        })
    }

    /// The rules of `region` on a business day.
    ///
    /// A place without a pack has those of the next wider one, in the end the nation's. Cheap: a walk of at most four steps.
    ///
    /// # Errors
    /// `REGION_UNKNOWN` if no province has these two first digits, or on a day before the first national rules.
    pub fn rules(&self, region: Region, on: Date) -> Result<&Arc<Rules>, Refusal> {
        let unknown = || Refusal::about(Reason::RegionUnknown, format!("{region} on {on}"));
        let province = region.province();
        if province != Region::NATION
            && !self.provinces.iter().any(|known| known.region == province)
        {
            return Err(unknown());
        }
        region
            .lineage()
            .find_map(|place| self.timelines.get(&place))
            .and_then(|timeline| timeline.on(on))
            .ok_or_else(unknown)
    }

    /// What the pooled fund pays for a scheme's members in `region` on a business day; none where no pack says so.
    pub fn benefit(&self, region: Region, scheme: Scheme, on: Date) -> Option<&Arc<BenefitRules>> {
        self.benefits.on(region, scheme, on)
    }

    /// Every edition of every pack, by region and first day: what was written, enabled or not.
    pub fn editions(&self) -> &[Edition] {
        &self.editions
    }

    /// The provinces (and equals) of the national dictionary.
    pub fn provinces(&self) -> &[Province] {
        &self.provinces
    }
}

#[cfg(test)]
mod tests;
