//! What a patient may expect of the fund at one visit: the rules of the place, applied to person, institution and counters.

use kernel::{Date, Fen, PersonKind, Reason, Region, Standing, Usage};

use super::table::{ByGrade, ByTier, Percent, Tier};
use super::window::{DeductiblePeriod, Window};
use crate::packs::{Origin, PackVersion};
use crate::usages::Usages;
use crate::values::MonthDay;

/// The benefit of one scheme in one place, for a span of days.
#[derive(Debug, Clone, PartialEq)]
pub struct BenefitRules {
    /// The place whose pack gives the ratio: the pooling region, unless it is the nation.
    pub place: Region,
    pub(crate) versions: Vec<PackVersion>,
    pub(crate) origins: Vec<(&'static str, Origin)>,
    /// The kinds of bill that it covers.
    pub usages: Usages,
    pub deductible_period: DeductiblePeriod,
    pub deductible: ByTier<Fen>,
    /// What the fund pays above the deductible.
    pub ratio: ByTier<Percent>,
    /// What the fund pays at most in a medical year; none is no cap.
    pub annual_cap: ByGrade<Option<Fen>>,
    /// The part of the ratio that is left for a treatment outside the pooling region that was not filed.
    pub unfiled_share: Percent,
}

/// One visit of one insured person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    pub kind: PersonKind,
    pub standing: Standing,
    /// The contribution grade of a resident; none if it is not known.
    pub grade: Option<u8>,
    pub insured_in: Region,
    pub treated_in: Region,
    pub tier: Tier,
    pub usage: Usage,
    /// Whether a treatment elsewhere was filed (异地就医备案).
    pub filed: bool,
}

/// What a person has used so far, of a [`Window`] and its medical year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Deductible paid in the window's period.
    pub deductible: Fen,
    /// What the fund paid in the window's medical year.
    pub fund: Fen,
}

/// What the fund pays by at one visit. It is kept with the settlement: what stays of a bill after a partial return is assessed
/// with the very same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entitlement {
    pub ratio: Percent,
    /// The part of the ratio that counts: the whole, or less for an unfiled treatment elsewhere.
    pub share: Percent,
    /// What of the deductible was still to be paid.
    pub deductible_left: Fen,
    /// What of the cap was left; none is no cap.
    pub cap_left: Option<Fen>,
}

impl BenefitRules {
    /// The versions of the packs that took part.
    pub fn versions(&self) -> &[PackVersion] {
        &self.versions
    }

    /// Every value with its key and who says so, in the order of a pack.
    pub fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        self.origins.iter().map(|(key, origin)| (*key, origin))
    }

    /// The region whose fund pays for somebody who is insured in `insured_in`.
    pub fn pool(&self, insured_in: Region) -> Region {
        if self.place == Region::NATION {
            insured_in.city()
        } else {
            self.place
        }
    }

    /// The window that a visit on `day` is counted in.
    pub fn window(&self, day: Date, medical_year_start: MonthDay) -> Window {
        self.deductible_period.window(day, medical_year_start)
    }

    /// What the fund pays by at a visit.
    ///
    /// # Errors
    /// Why it pays nothing: the person is not in normal standing, or the place gives no benefit for such a visit.
    pub fn entitle(&self, visit: &Visit, used: Used) -> Result<Entitlement, Reason> {
        if visit.standing != Standing::Normal {
            return Err(Reason::BenefitSuspended);
        }
        if !self.usages.contains(visit.usage) {
            return Err(Reason::BenefitNotCovered);
        }
        let status = visit.kind.into();
        let (Some(ratio), Some(deductible)) = (
            self.ratio.of(status, visit.tier),
            self.deductible.of(status, visit.tier),
        ) else {
            return Err(Reason::BenefitNotCovered);
        };
        let pool = self.pool(visit.insured_in);
        let elsewhere = !visit.treated_in.lineage().any(|place| place == pool);
        let share = if elsewhere && !visit.filed {
            self.unfiled_share
        } else {
            Percent::WHOLE
        };
        let paid = match self.deductible_period {
            DeductiblePeriod::PerVisit => Fen::ZERO,
            _ => used.deductible,
        };
        Ok(Entitlement {
            ratio,
            share,
            deductible_left: deductible.less(paid),
            cap_left: self
                .annual_cap
                .of(visit.grade)
                .map(|cap| cap.less(used.fund)),
        })
    }
}
