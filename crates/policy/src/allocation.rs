//! What a month's allocation comes to, where a region's rules compute it (ruling 40 of the design).
//!
//! An employee's account gets a share of the own contribution base; older schemes gave shares by age, the oldest ones of the
//! city's average wage; a retiree gets an amount of the pooled fund (`domain.md` 11). The bases come with the request.

use kernel::{Fen, PersonKind, Reason, Refusal};
use serde::Deserialize;

use crate::axes::{Axis, Rules};
use crate::values::written::Yuan;

/// What the share is of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub enum Grant {
    /// A share of the own contribution base, in basis points.
    OwnWage(Share),
    /// A share of last year's average of the city, in basis points.
    CityAverage(Share),
    /// A fixed amount per year, paid month by month.
    Yearly(Yearly),
}

/// A share in basis points, at most all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Share(u32);

impl TryFrom<u32> for Share {
    type Error = String;

    fn try_from(basis_points: u32) -> Result<Self, String> {
        if (1..=10_000).contains(&basis_points) {
            return Ok(Self(basis_points));
        }
        Err(format!("{basis_points} basis points are no share"))
    }
}

/// An amount per year that twelve months divide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Yuan")]
pub struct Yearly(Fen);

impl TryFrom<Yuan> for Yearly {
    type Error = String;

    fn try_from(yuan: Yuan) -> Result<Self, String> {
        let fen = Fen::from(yuan);
        if fen.get() > 0 && fen.get() % 12 == 0 {
            return Ok(Self(fen));
        }
        Err(format!("{fen} a year is no whole number of fen a month"))
    }
}

/// What people from an age on get.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// The first age, in whole years.
    pub from_age: u8,
    pub grant: Grant,
}

/// The bands of one kind of people, by age; empty where the place's rules compute nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "Vec<Band>")]
pub struct Bands(Vec<Band>);

impl TryFrom<Vec<Band>> for Bands {
    type Error = String;

    fn try_from(bands: Vec<Band>) -> Result<Self, String> {
        if bands
            .windows(2)
            .any(|pair| pair[0].from_age >= pair[1].from_age)
        {
            return Err("the ages of the bands must rise".to_owned());
        }
        Ok(Self(bands))
    }
}

impl Bands {
    /// What somebody of this age gets.
    fn at(&self, age: u8) -> Option<&Grant> {
        let band = self.0.iter().rev().find(|band| band.from_age <= age);
        band.map(|band| &band.grant)
    }
}

/// What an allocation is computed from; none where it was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bases {
    pub own_wage: Option<Fen>,
    pub city_average: Option<Fen>,
    /// Whole years.
    pub age: u8,
}

/// The allocation of one month, rounded half up to the fen.
///
/// # Errors
/// `ALLOCATION_RULE_MISSING` where no rule computes it, `FIELD_MISSING` naming the base that the rule needs, `AMOUNT_ZERO` or
/// `AMOUNT_TOO_LARGE` if it comes to nothing or to more than anybody can hold.
pub fn compute(rules: &Rules, kind: PersonKind, bases: Bases) -> Result<Fen, Refusal> {
    let (bands, axis) = match kind {
        PersonKind::Working => (&rules.allocation_working, Axis::AllocationWorking),
        PersonKind::Retired => (&rules.allocation_retired, Axis::AllocationRetired),
        PersonKind::Resident => return Err(Reason::AllocationRuleMissing.into()),
    };
    let missing = || Refusal::about(Reason::AllocationRuleMissing, axis.code());
    let needed =
        |base: Option<Fen>, field| base.ok_or_else(|| Refusal::about(Reason::FieldMissing, field));
    let amount = match bands.at(bases.age).ok_or_else(missing)? {
        Grant::OwnWage(share) => needed(bases.own_wage, "bases.wage_base_fen")?.share(share.0),
        Grant::CityAverage(share) => {
            needed(bases.city_average, "bases.city_average_fen")?.share(share.0)
        }
        Grant::Yearly(yearly) => Some(Fen::new(yearly.0.get() / 12)),
    };
    match amount {
        Some(amount) if amount.is_positive() => Ok(amount),
        Some(_) => Err(Reason::AmountZero.into()),
        None => Err(Reason::AmountTooLarge.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Packs;

    /// The bands of the old schemes, and Shanghai's retirees (`domain.md` 11).
    const OVERLAY: &str = r#"
overlay = "test"

[[region]]
code = "310000"
[region.rules]
allocation_working = { value = [
  { from_age = 0, grant = { OWN_WAGE = 80 } },
  { from_age = 36, grant = { OWN_WAGE = 100 } },
  { from_age = 46, grant = { OWN_WAGE = 200 } },
  { from_age = 71, grant = { CITY_AVERAGE = 400 } },
], source = "SEED", grade = "SEED" }
allocation_retired = { value = [
  { from_age = 0, grant = { YEARLY = "1680.00" } },
  { from_age = 75, grant = { YEARLY = "1890.00" } },
], source = "N1", grade = "B" }
"#;

    fn computed(kind: PersonKind, age: u8, place: &str) -> Result<i64, Reason> {
        let packs = Packs::with_overlay("test", OVERLAY).unwrap();
        let day = "2026-03-01".parse().unwrap();
        let rules = packs.rules(place.parse().unwrap(), day).unwrap();
        let bases = Bases {
            own_wage: Some(Fen::new(812_345)),
            city_average: Some(Fen::new(1_234_500)),
            age,
        };
        compute(rules, kind, bases)
            .map(Fen::get)
            .map_err(|refusal| refusal.reason)
    }

    #[test]
    fn shares_go_by_age_and_round_half_up() {
        let working = |age| computed(PersonKind::Working, age, "310100");
        assert_eq!(working(35), Ok(6_499)); // 6 498.76
        assert_eq!(working(36), Ok(8_123)); // 8 123.45
        assert_eq!(working(46), Ok(16_247)); // 16 246.9
        assert_eq!(working(71), Ok(49_380));
    }

    #[test]
    fn a_retiree_gets_a_twelfth_of_a_fixed_amount() {
        assert_eq!(computed(PersonKind::Retired, 74, "310100"), Ok(14_000));
        assert_eq!(computed(PersonKind::Retired, 75, "310100"), Ok(15_750));
    }

    #[test]
    fn what_no_rule_computes_must_be_given() {
        for kind in [PersonKind::Retired, PersonKind::Resident] {
            assert_eq!(
                computed(kind, 70, "320600"),
                Err(Reason::AllocationRuleMissing)
            );
        }
        let packs = Packs::shipped();
        let day = "2026-03-01".parse().unwrap();
        let rules = packs.rules("320600".parse().unwrap(), day).unwrap();
        let bases = Bases {
            own_wage: None,
            city_average: None,
            age: 30,
        };
        let refused = compute(rules, PersonKind::Working, bases).unwrap_err();
        assert_eq!(refused.reason, Reason::FieldMissing);
    }

    #[test]
    fn bands_and_shares_that_make_no_sense_are_refused_at_load() {
        for (good, bad) in [
            ("from_age = 46", "from_age = 36"),
            ("OWN_WAGE = 80", "OWN_WAGE = 0"),
            ("OWN_WAGE = 80", "OWN_WAGE = -80"),
            ("CITY_AVERAGE = 400", "CITY_AVERAGE = 10001"),
            ("1680.00", "1680.01"),
            ("1680.00", "-1680.00"),
        ] {
            let text = OVERLAY.replace(good, bad);
            assert!(Packs::with_overlay("test", &text).is_err(), "{bad}");
        }
    }
}
