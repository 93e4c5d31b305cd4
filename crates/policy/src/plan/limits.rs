//! Limits: in which windows they count, what is left of them, and when they open again.
//!
//! Two sides set them. A contributor limits one beneficiary, in the mandate; a region limits a contributor, in its pack: for each
//! beneficiary (scope Pair) or for all together (scope Contributor). Whichever is tighter holds. What is left of a limit is
//! `limit - used - held`, where `used` is what was charged in the window, and where refunds are counted, less what went
//! back (ruling 36 of the design).

use kernel::{Date, Fen};

use super::Ground;
use super::contributor::rule;
use super::input::Candidate;
use crate::axes::{Axis, Rules};
use crate::values::{LimitCount, LimitScope, LimitYear, MonthDay, Share, ShareOf};

/// Over which time a limit counts. Windows are calendar windows of Asia/Shanghai.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// One bill.
    Transaction,
    Day,
    Month,
    /// The calendar year or the medical year, as the contributor's region says.
    Year,
    /// For ever.
    Total,
    /// A share of the balance or of the bill, for one bill.
    Share,
}

/// The windows into which a charge falls that have a beginning: what a counter is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Windows {
    pub day: Date,
    /// The first day of the year that [`LimitYear`] names.
    pub year: Date,
}

/// Limits, each optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps {
    pub per_transaction: Option<Fen>,
    pub per_day: Option<Fen>,
    pub per_month: Option<Fen>,
    pub per_year: Option<Fen>,
    pub total: Option<Fen>,
    /// Of the usable balance before the floor, for one bill.
    pub share: Option<Share>,
}

/// What was charged in a window, and what of that went back. `refunded <= gross`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub gross: Fen,
    pub refunded: Fen,
}

/// What is used of limits in the windows of the bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    pub day: Tally,
    pub month: Tally,
    pub year: Tally,
    pub total: Tally,
    /// What open holds have set aside: it counts in every window.
    pub held: Fen,
}

/// What may be taken from a contributor for one patient, and what of it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The mandate's.
    pub caps: Caps,
    /// By this patient, under this binding.
    pub used: Used,
    /// By all beneficiaries together, out of the contributor's account.
    pub used_by_all: Used,
}

/// What is left of the tightest limit of each window; none where nothing limits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Left {
    pub day: Option<Fen>,
    pub month: Option<Fen>,
    pub year: Option<Fen>,
    pub total: Option<Fen>,
}

/// One limit and what is left of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    pub(super) window: Window,
    pub(super) limit: Fen,
    /// What of it is used, held or spent.
    pub(super) used: Fen,
    pub(super) left: Fen,
    /// What is left once the window begins anew.
    pub(super) afresh: Fen,
    pub(super) ground: Ground,
}

impl Windows {
    /// The windows of a charge on `day`, for a contributor under `rules`.
    pub fn of(day: Date, rules: &Rules) -> Self {
        let start = match rules.limit_year {
            LimitYear::Calendar => MonthDay { month: 1, day: 1 },
            LimitYear::Medical => rules.medical_year_start,
        };
        Self {
            day,
            year: year_start(day, start),
        }
    }

    /// The first day of the month.
    pub fn month(&self) -> Date {
        self.day.first_of_month()
    }

    /// The day on which `window` begins anew; none for what never does, and for the end of the calendar.
    pub fn next(&self, window: Window) -> Option<Date> {
        let span = match window {
            Window::Transaction | Window::Share | Window::Total => return None,
            Window::Day => return self.day.tomorrow().ok(),
            Window::Month => jiff::Span::new().months(1),
            Window::Year => return self.year.checked_add(jiff::Span::new().years(1)).ok(),
        };
        self.month().checked_add(span).ok()
    }
}

fn year_start(day: Date, start: MonthDay) -> Date {
    let year = if (day.month(), day.day()) >= (start.month, start.day) {
        day.year()
    } else {
        day.year().saturating_sub(1)
    };
    Date::new(year, start.month, start.day).expect("every year has a day up to the 28th")
}

impl Bound {
    /// By how much it would have to be raised to leave `asked`. That is more than what is left falls short by, where a
    /// limit was lowered below what was used.
    pub(super) fn missing(&self, asked: Fen) -> Fen {
        asked
            .checked_add(self.used)
            .unwrap_or(Fen::new(i64::MAX))
            .less(self.limit)
    }
}

impl Tally {
    /// What counts against a limit.
    pub fn counted(&self, count: LimitCount) -> Fen {
        match count {
            LimitCount::Gross => self.gross,
            LimitCount::Net => self.gross.less(self.refunded),
        }
    }
}

impl Used {
    fn of(&self, window: Window, count: LimitCount) -> Fen {
        let tally = match window {
            Window::Transaction | Window::Share => return Fen::ZERO,
            Window::Day => self.day,
            Window::Month => self.month,
            Window::Year => self.year,
            Window::Total => self.total,
        };
        tally
            .counted(count)
            .checked_add(self.held)
            .unwrap_or(Fen::new(i64::MAX))
    }
}

impl Caps {
    /// What the pack of a region sets.
    pub fn of_rules(rules: &Rules) -> Self {
        Self {
            per_transaction: rules.limit_per_transaction,
            per_day: rules.limit_per_day,
            per_month: rules.limit_per_month,
            per_year: rules.limit_per_year,
            total: rules.limit_total,
            share: rules.limit_share,
        }
    }

    fn amounts(&self) -> [(Window, Option<Fen>); 5] {
        [
            (Window::Total, self.total),
            (Window::Year, self.per_year),
            (Window::Month, self.per_month),
            (Window::Day, self.per_day),
            (Window::Transaction, self.per_transaction),
        ]
    }
}

impl Limits {
    /// What is left of the tightest limit of each window, the mandate's and the region's.
    pub fn left(&self, rules: &Rules) -> Left {
        let mut left = Left::default();
        for bound in amounts(self, rules, Fen::ZERO) {
            let place = match bound.window {
                Window::Day => &mut left.day,
                Window::Month => &mut left.month,
                Window::Year => &mut left.year,
                Window::Total => &mut left.total,
                Window::Transaction | Window::Share => continue,
            };
            *place = Some(place.map_or(bound.left, |so_far| so_far.min(bound.left)));
        }
        left
    }
}

/// Every limit that stands between a contributor and a bill: the region's first, for a mandate that sets the same can be
/// raised without any use. `burden` is what is left of the bill for the patient, and `spent` what this account already pays
/// of it under another binding.
pub(super) fn bounds(candidate: &Candidate<'_>, burden: Fen, spent: Fen) -> Vec<Bound> {
    let rules = candidate.rules;
    let usable = candidate.purse.usable(rules.aid_source);
    let mut bounds = amounts(&candidate.limits, rules, spent);
    let shares = [
        (
            rules.limit_share,
            match rules.limit_share_of {
                ShareOf::Balance => usable,
                ShareOf::Bill => burden,
            },
            rule(rules, Axis::LimitShare),
        ),
        (candidate.limits.caps.share, usable, Ground::Mandate),
    ];
    for (share, whole, ground) in shares {
        if let Some(share) = share {
            let limit = share.of(whole);
            bounds.push(Bound {
                window: Window::Share,
                limit,
                used: Fen::ZERO,
                left: limit,
                afresh: limit,
                ground,
            });
        }
    }
    bounds
}

fn amounts(limits: &Limits, rules: &Rules, spent: Fen) -> Vec<Bound> {
    let (of_region, spent) = match rules.limit_scope {
        LimitScope::Pair => (&limits.used, Fen::ZERO),
        LimitScope::Contributor => (&limits.used_by_all, spent),
    };
    let mut bounds = Vec::new();
    for (window, limit) in Caps::of_rules(rules).amounts() {
        if let Some(limit) = limit {
            let bound = bound(window, limit, (of_region, spent), rules);
            bounds.push(Bound {
                ground: rule(rules, axis(window)),
                ..bound
            });
        }
    }
    for (window, limit) in limits.caps.amounts() {
        if let Some(limit) = limit {
            bounds.push(bound(window, limit, (&limits.used, Fen::ZERO), rules));
        }
    }
    bounds
}

fn bound(window: Window, limit: Fen, (used, spent): (&Used, Fen), rules: &Rules) -> Bound {
    // A limit per bill is not shared with other bills, nor with what is held for them.
    let (spent, held) = match window {
        Window::Transaction => (Fen::ZERO, Fen::ZERO),
        _ => (spent, used.held),
    };
    let used = used
        .of(window, rules.limit_count)
        .checked_add(spent)
        .unwrap_or(Fen::new(i64::MAX));
    Bound {
        window,
        limit,
        used,
        left: limit.less(used),
        afresh: limit.less(held),
        ground: Ground::Mandate,
    }
}

const fn axis(window: Window) -> Axis {
    match window {
        Window::Transaction => Axis::LimitPerTransaction,
        Window::Day => Axis::LimitPerDay,
        Window::Month => Axis::LimitPerMonth,
        Window::Year => Axis::LimitPerYear,
        Window::Total => Axis::LimitTotal,
        Window::Share => Axis::LimitShare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_year_is_the_calendars_or_the_medical_one() {
        let july = MonthDay { month: 7, day: 1 };
        assert_eq!(year_start(date(2026, 6, 30), july), date(2025, 7, 1));
        assert_eq!(year_start(date(2026, 7, 1), july), date(2026, 7, 1));
        let january = MonthDay { month: 1, day: 1 };
        assert_eq!(year_start(date(2026, 1, 1), january), date(2026, 1, 1));
    }

    #[test]
    fn windows_begin_anew_at_the_next_calendar_day_month_and_year() {
        let windows = Windows {
            day: date(2026, 1, 31),
            year: date(2025, 7, 1),
        };
        assert_eq!(windows.next(Window::Day), Some(date(2026, 2, 1)));
        assert_eq!(windows.next(Window::Month), Some(date(2026, 2, 1)));
        assert_eq!(windows.next(Window::Year), Some(date(2026, 7, 1)));
        assert_eq!(windows.next(Window::Total), None);
        assert_eq!(windows.next(Window::Transaction), None);
    }

    #[test]
    fn a_refund_counts_only_where_the_rules_count_net() {
        let tally = Tally {
            gross: Fen::new(100),
            refunded: Fen::new(30),
        };
        assert_eq!(tally.counted(LimitCount::Gross), Fen::new(100));
        assert_eq!(tally.counted(LimitCount::Net), Fen::new(70));
    }
}
