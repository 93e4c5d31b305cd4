//! What is used of limits and of benefits: the counters as they are stored, and what legs and benefits come to.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::rows::{BenefitRow, BenefitUsedRow, CounterRow, LegRow};
use super::{Wrong, same};

/// What legs come to in one window: charged, and given back of that.
type Tally = [i64; 2];

/// What is said of a window that is wrong.
const WINDOWS: [[&str; 2]; 4] = [
    ["what was charged on its day", "what went back of its day"],
    [
        "what was charged in its month",
        "what went back of its month",
    ],
    ["what was charged in its year", "what went back of its year"],
    ["what was ever charged", "what ever went back"],
];

/// A limit's counter: what is stored, and what legs come to.
#[derive(Debug, Default)]
struct Limit {
    stored: Option<CounterRow>,
    scope: &'static str,
    /// The latest windows of its legs.
    day: String,
    year: String,
    legs: [Tally; 4],
}

/// A benefit's counter, likewise.
#[derive(Debug, Default)]
struct Used {
    stored: Option<BenefitUsedRow>,
    deductible: i64,
    fund: i64,
}

/// All counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// By binding or account.
    limits: BTreeMap<Uuid, Limit>,
    /// By account, medical year and period.
    used: BTreeMap<(Uuid, i16, String), Used>,
}

impl Counters {
    pub(super) fn limit(&mut self, row: CounterRow) {
        let id = row.scope_id;
        self.limits.entry(id).or_default().stored = Some(row);
    }

    pub(super) fn used(&mut self, row: BenefitUsedRow) {
        let key = (row.account_id, row.medical_year, row.period_start.clone());
        self.used.entry(key).or_default().stored = Some(row);
    }

    /// Aid counts for its binding and for the account that paid.
    pub(super) fn leg(&mut self, leg: &LegRow) {
        let Some(binding) = leg.binding_id else {
            return;
        };
        for (scope, id) in [("PAIR", binding), ("CONTRIBUTOR", leg.account_id)] {
            self.limits.entry(id).or_default().count(scope, leg);
        }
    }

    pub(super) fn benefit(&mut self, row: &BenefitRow) {
        let key = (row.account_id, row.medical_year, row.period_start.clone());
        let used = self.used.entry(key).or_default();
        let deductible = row
            .deductible_fen
            .saturating_sub(row.deductible_returned_fen);
        let fund = row.pooled_fen.saturating_sub(row.pooled_returned_fen);
        used.deductible = used.deductible.saturating_add(deductible);
        used.fund = used.fund.saturating_add(fund);
    }

    /// Every counter is what was counted in it.
    pub(super) fn came_out(&self) -> Result<(), Wrong> {
        for (id, limit) in &self.limits {
            limit.came_out(*id)?;
        }
        for ((account, year, period), used) in &self.used {
            let row = || ("benefit_used", format!("{account} {year} {period}"));
            let (deductible, fund) = used
                .stored
                .as_ref()
                .map_or((0, 0), |row| (row.deductible_fen, row.fund_fen));
            same(
                row(),
                "what is used of the deductible",
                used.deductible,
                deductible,
            )?;
            same(row(), "what the fund paid", used.fund, fund)?;
        }
        Ok(())
    }
}

impl Limit {
    fn count(&mut self, scope: &'static str, leg: &LegRow) {
        self.scope = scope;
        let day = leg.limit_day.as_deref().unwrap_or_default();
        let year = leg.limit_year.as_deref().unwrap_or_default();
        if day > &*self.day {
            day.clone_into(&mut self.day);
        }
        if year > &*self.year {
            year.clone_into(&mut self.year);
        }
        let Some(stored) = &self.stored else {
            return;
        };
        let same = [
            day == stored.day,
            month(day) == month(&stored.day),
            year == stored.year,
            true,
        ];
        for ([gross, refunded], same) in self.legs.iter_mut().zip(same) {
            if same {
                *gross = gross.saturating_add(leg.amount_fen);
                *refunded = refunded.saturating_add(leg.refunded_fen);
            }
        }
    }

    fn came_out(&self, id: Uuid) -> Result<(), Wrong> {
        let row = ("limit_used", id);
        let Some(stored) = &self.stored else {
            let what = "legs were counted in it";
            return Err(Wrong::new(row, what, "a row", "none"));
        };
        let none = self.day.is_empty();
        let scope = if none { "none" } else { self.scope };
        same(row, "for whom it counts", scope, &*stored.scope)?;
        same(row, "the day it stands in", &*self.day, &*stored.day)?;
        same(row, "the year it stands in", &*self.year, &*stored.year)?;
        let said = [
            [stored.day_gross_fen, stored.day_refunded_fen],
            [stored.month_gross_fen, stored.month_refunded_fen],
            [stored.year_gross_fen, stored.year_refunded_fen],
            [stored.total_gross_fen, stored.total_refunded_fen],
        ];
        for ((what, legs), said) in WINDOWS.into_iter().zip(self.legs).zip(said) {
            same(row, what[0], legs[0], said[0])?;
            same(row, what[1], legs[1], said[1])?;
        }
        Ok(())
    }
}

/// The month of a day, both as text.
fn month(day: &str) -> Option<&str> {
    day.get(..7)
}
