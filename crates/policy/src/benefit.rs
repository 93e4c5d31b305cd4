//! The benefit (门诊统筹): what of a bill the pooled fund pays, and by which parts the rest is the patient's.
//!
//! A bill is taken apart line by line, by what the catalogue says of each item; then the deductible, the ratio of the
//! place and the cap of the year are applied to the sum that is in scope (`domain.md` section 7):
//!
//! ```text
//! line       = own expense + over the price ceiling + class-B first part + in scope
//! deductible = min(in scope, what is left of the deductible in its period)
//! pooled     = min(round((in scope − deductible) × ratio), what is left of the cap in the medical year)
//! co-payment = in scope − deductible − pooled
//! ```
//!
//! - The class-B share applies to what is left after the price ceiling (ruling 39 of the design).
//! - An item that is not in the catalogue is own expense (ruling 45), and is pointed out.
//! - Every rounding is [`rounded`]: half up, to the fen, and the exact value is rounded once. The national platform's own
//!   rounding is not published, so what it pays in real operation is taken from it; this is for everything else.
//! - The benefit is personal and of one medical year. Nothing here knows of a relative, and what was [`Used`] belongs to the
//!   [`Window`] it was counted in: there is no way to hand a rest to somebody else or into the next year.

use kernel::{Fen, Reason};

use crate::plan::Burden;

mod entitlement;
mod table;
mod window;

pub use entitlement::{BenefitRules, Entitlement, Used, Visit};
pub use table::{ByGrade, ByTier, Percent, Status, Tier};
pub use window::{DeductiblePeriod, Window};

/// What the catalogue says of an item (`chrgitm_lv`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 01 甲: fully in scope.
    A,
    /// 02 乙: the patient pays a share first.
    B,
    /// 03 丙, 自费: wholly own expense.
    C,
}

impl Level {
    /// The national code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::A => "01",
            Self::B => "02",
            Self::C => "03",
        }
    }

    /// The level with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::A, Self::B, Self::C]
            .into_iter()
            .find(|level| level.code() == code)
    }
}

/// A price per unit in millionths of a yuan, as the interface transports it (`pric_uplmt_amt`, N16,6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(pub i64);

/// How many units in ten-thousandths, as the interface transports it (`cnt`, N16,4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(pub i64);

impl Quantity {
    /// One unit: what a line without a quantity is taken for.
    pub const ONE: Self = Self(10_000);
}

/// What the catalogue of the patient's place says of an item on the day of the visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    pub level: Level,
    /// The first part of a class-B item that the patient pays (`selfpay_prop`).
    pub self_pay: Percent,
    /// The highest price per unit that is in scope; none is no ceiling.
    pub ceiling: Option<Price>,
}

/// One line of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// None: not in the catalogue.
    pub item: Option<Item>,
    /// The whole line, zero or more.
    pub amount: Fen,
    pub quantity: Quantity,
}

/// The parts of a line, or of a bill: their sum is its amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// 全自费, `fulamt_ownpay_amt`.
    pub own_expense: Fen,
    /// 超限价, `overlmt_amt`.
    pub over_limit: Fen,
    /// 乙类先行自付, `preselfpay_amt`.
    pub pre_self_pay: Fen,
    /// 符合范围, `inscp_scp_amt`.
    pub in_scope: Fen,
}

impl Parts {
    /// The sum, unless it does not fit.
    pub fn total(&self) -> Option<Fen> {
        Fen::checked_sum([
            self.own_expense,
            self.over_limit,
            self.pre_self_pay,
            self.in_scope,
        ])
    }

    /// What these are more than others, part by part; none if a difference does not fit.
    pub fn without(self, other: Self) -> Option<Self> {
        Some(Self {
            own_expense: self.own_expense.checked_sub(other.own_expense)?,
            over_limit: self.over_limit.checked_sub(other.over_limit)?,
            pre_self_pay: self.pre_self_pay.checked_sub(other.pre_self_pay)?,
            in_scope: self.in_scope.checked_sub(other.in_scope)?,
        })
    }

    fn and(self, other: Self) -> Option<Self> {
        Some(Self {
            own_expense: self.own_expense.checked_add(other.own_expense)?,
            over_limit: self.over_limit.checked_add(other.over_limit)?,
            pre_self_pay: self.pre_self_pay.checked_add(other.pre_self_pay)?,
            in_scope: self.in_scope.checked_add(other.in_scope)?,
        })
    }
}

impl Line {
    /// Takes the line apart; none if a product does not fit.
    pub fn parts(&self) -> Option<Parts> {
        let Some(item) = self.item.filter(|item| item.level != Level::C) else {
            return Some(Parts {
                own_expense: self.amount,
                ..Parts::default()
            });
        };
        let allowed = match item.ceiling {
            None => self.amount,
            Some(ceiling) => self.amount.min(self.quantity.at_most(ceiling)?),
        };
        let pre_self_pay = match item.level {
            Level::B => item.self_pay.of(allowed)?,
            Level::A | Level::C => Fen::ZERO,
        };
        Some(Parts {
            own_expense: Fen::ZERO,
            over_limit: self.amount.less(allowed),
            pre_self_pay,
            in_scope: allowed.less(pre_self_pay),
        })
    }
}

impl Quantity {
    /// The same share of the units as `amount` is of `of`, rounded up, so that a price per unit never rises by it.
    pub fn scaled(self, amount: Fen, of: Fen) -> Option<Self> {
        if amount >= of {
            return Some(self);
        }
        let product = i128::from(self.0).checked_mul(amount.get().into())?;
        let of = i128::from(of.get());
        let rounded_up = product.checked_add(of.checked_sub(1)?)?.checked_div(of)?;
        i64::try_from(rounded_up).ok().map(Self)
    }

    /// What so many units may cost: 10⁻⁴ units × 10⁻⁶ yuan = 10⁻⁸ fen.
    fn at_most(self, ceiling: Price) -> Option<Fen> {
        let product = i128::from(self.0).checked_mul(i128::from(ceiling.0))?;
        rounded(product, 100_000_000)
    }
}

/// `numerator / denominator` fen, rounded half up: the only place where the benefit rounds. Both are zero or more; none if
/// the result does not fit.
fn rounded(numerator: i128, denominator: i128) -> Option<Fen> {
    let half = denominator / 2;
    i64::try_from(numerator.checked_add(half)?.checked_div(denominator)?)
        .ok()
        .map(Fen::new)
}

/// A bill as the fund sees it: `total = pooled + burden`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessed {
    /// In the order of the lines.
    pub lines: Vec<Parts>,
    /// Their sum.
    pub whole: Parts,
    /// What of the deductible the bill used up.
    pub deductible: Fen,
    /// What the pooled fund pays.
    pub pooled: Fen,
    /// What of the in-scope sum neither deductible nor fund took.
    pub copay: Fen,
    /// Why the fund paid nothing, or less than ratio and deductible alone would give.
    pub short: Option<Reason>,
}

impl Assessed {
    /// What is left for the patient, by component: what the planner splits.
    pub fn burden(&self) -> Burden {
        Burden {
            deductible: self.deductible,
            copay: self.copay,
            pre_self_pay: self.whole.pre_self_pay,
            over_limit: self.whole.over_limit,
            own_expense: self.whole.own_expense,
        }
    }
}

/// Assesses a bill of these lines for a patient with this entitlement, or with none for that reason: then the fund pays
/// nothing and no deductible is used up. None if a sum does not fit.
///
/// What stays of a bill after lines of it were given back is assessed with the entitlement of the original: then the fund
/// never pays more than it did, and the difference is what it gets back.
pub fn assess(lines: &[Line], entitlement: &Result<Entitlement, Reason>) -> Option<Assessed> {
    let lines: Vec<Parts> = lines.iter().map(Line::parts).collect::<Option<_>>()?;
    let whole = lines
        .iter()
        .copied()
        .try_fold(Parts::default(), Parts::and)?;
    whole.total()?;
    let entitled = match entitlement {
        Err(reason) => {
            return Some(Assessed {
                copay: whole.in_scope,
                deductible: Fen::ZERO,
                pooled: Fen::ZERO,
                short: Some(*reason),
                lines,
                whole,
            });
        }
        Ok(entitled) => entitled,
    };
    let deductible = whole.in_scope.min(entitled.deductible_left);
    let above = whole.in_scope.less(deductible);
    // Ratio and reduced share are applied together, so that there is one rounding.
    let raw = rounded(
        i128::from(above.get())
            .checked_mul(entitled.ratio.basis_points().into())?
            .checked_mul(entitled.share.basis_points().into())?,
        100_000_000,
    )?;
    let pooled = entitled.cap_left.map_or(raw, |left| raw.min(left));
    Some(Assessed {
        copay: above.less(pooled),
        deductible,
        pooled,
        short: if pooled < raw {
            Some(Reason::FundCapReached)
        } else {
            (entitled.share < Percent::WHOLE).then_some(Reason::TreatmentNotFiled)
        },
        lines,
        whole,
    })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
