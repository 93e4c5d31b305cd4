//! The medical year, and the period within it for which a deductible is counted.

use kernel::Date;
use serde::Deserialize;

use crate::values::MonthDay;

/// For how long a deductible, once paid, counts (the core's cumulative periods, `domain.md` section 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeductiblePeriod {
    /// For the visit only: every visit has its own.
    PerVisit,
    /// Calendar months.
    PerMonth,
    /// Calendar quarters.
    PerQuarter,
    /// Medical years.
    PerYear,
}

/// The span in which what is used of deductible and cap is counted: one medical year, and the period of the deductible in
/// it. Whatever is used in one window is nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The year in which the medical year began.
    pub year: i16,
    /// The first day of the deductible's period.
    pub first: Date,
}

impl DeductiblePeriod {
    /// The window that a visit on `day` is counted in, where medical years begin on `start`.
    pub fn window(self, day: Date, start: MonthDay) -> Window {
        let year = medical_year(day, start);
        let begun = Date::new(year, start.month, start.day)
            .expect("a medical year starts on a day up to the 28th");
        let month = day.first_of_month();
        let period = match self {
            Self::PerVisit | Self::PerYear => begun,
            Self::PerMonth => month,
            Self::PerQuarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1)
                .expect("a quarter begins on a first"),
        };
        Window {
            year,
            // A period that began in the old medical year goes on as the new one's.
            first: period.max(begun),
        }
    }
}

/// The year in which the medical year of `day` began.
fn medical_year(day: Date, start: MonthDay) -> i16 {
    if (day.month(), day.day()) >= (start.month, start.day) {
        day.year()
    } else {
        day.year().saturating_sub(1)
    }
}
