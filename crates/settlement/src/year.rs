//! A calendar year of a person in figures: what their bills came to, by type of visit, and what passed between relatives.
//!
//! A bill counts in the year in which it was settled, and with what stands of it: what came back later lowers that year, never
//! the one in which it came back. So a year that was looked at in January may be smaller in March, and adds up in both.

use kernel::{Fen, PersonId, Usage};

/// Who paid how much of some bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Paid {
    pub pooled: Fen,
    pub own: Fen,
    pub aid: Fen,
    pub cash: Fen,
}

impl Paid {
    /// What the person bore: own account, relatives and cash; none if it does not fit.
    pub fn personal(&self) -> Option<Fen> {
        Fen::checked_sum([self.own, self.aid, self.cash])
    }

    /// What the bills came to; none if it does not fit.
    pub fn total(&self) -> Option<Fen> {
        self.personal()?.checked_add(self.pooled)
    }

    fn and(&self, other: &Self) -> Option<Self> {
        Some(Self {
            pooled: self.pooled.checked_add(other.pooled)?,
            own: self.own.checked_add(other.own)?,
            aid: self.aid.checked_add(other.aid)?,
            cash: self.cash.checked_add(other.cash)?,
        })
    }
}

/// The bills of one type of visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisitCosts {
    pub usage: Usage,
    /// Those of which something stands.
    pub bills: i32,
    pub split: Paid,
    /// What is known to be outside the insurance's lists, of what the person bore.
    pub not_insured: Fen,
}

/// All visits together: how many bills, and who paid them; none if a sum does not fit.
pub fn together(visits: &[VisitCosts]) -> Option<(i32, Paid)> {
    visits
        .iter()
        .try_fold((0_i32, Paid::default()), |(bills, paid), visit| {
            Some((bills.checked_add(visit.bills)?, paid.and(&visit.split)?))
        })
}

/// What one relative had of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AidTotal {
    /// The other one.
    pub relative: PersonId,
    pub bills: i32,
    pub paid: Fen,
    /// What came back of it.
    pub returned: Fen,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(usage: Usage, fen: i64) -> VisitCosts {
        VisitCosts {
            usage,
            bills: 2,
            split: Paid {
                pooled: Fen::new(fen),
                own: Fen::new(10),
                aid: Fen::new(200),
                cash: Fen::new(3_000),
            },
            not_insured: Fen::ZERO,
        }
    }

    #[test]
    fn the_whole_is_the_sum_of_its_parts() {
        let visits = [
            visit(Usage::PharmacyDrug, 40_000),
            visit(Usage::HospitalInpatient, 50_000),
        ];
        let (bills, paid) = together(&visits).unwrap();
        assert_eq!((bills, paid.pooled), (4, Fen::new(90_000)));
        assert_eq!(paid.personal(), Some(Fen::new(6_420)));
        assert_eq!(paid.total(), Some(Fen::new(96_420)));
        assert_eq!(together(&[]), Some((0, Paid::default())));
    }

    #[test]
    fn a_sum_that_does_not_fit_is_none() {
        let visits = [
            visit(Usage::PharmacyDrug, i64::MAX),
            visit(Usage::HospitalInpatient, 1),
        ];
        assert_eq!(together(&visits), None);
    }
}
