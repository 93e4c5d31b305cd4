//! What the pooled fund pays of a patient's bill, and what each person has used of it.
//!
//! What is used is personal and of one medical year: it is found by account and year and by nothing else, and it is guarded by
//! the patient's own account lock. A relative's bill cannot reach it, and no year begins with a rest of another.

use std::collections::{BTreeMap, BTreeSet};

use kernel::clock::business_day;
use kernel::{AccountId, Fen, MovementId, Reason, Refusal, Region, SettlementId, Timestamp};
use policy::benefit::{
    Assessed, BenefitRules, Entitlement, Line, Parts, Used, Visit, Window, assess,
};
use policy::{PackVersion, Packs};

use crate::account::Account;
use crate::bill::{Bill, FeeLine};
use crate::catalogue::Items;
use crate::institution::Institution;
use crate::settlement::PaidLine;

/// A bill as the fund of its patient's place sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Benefited {
    /// The patient's account: what is used is counted on it.
    pub account: AccountId,
    /// The bill's lines as the catalogue has them.
    pub lines: Vec<Seen>,
    pub assessed: Assessed,
    /// The terms, kept so that what stays after a partial return is assessed by the very same; or why there are none.
    pub entitlement: Result<Entitlement, Reason>,
    pub window: Window,
    /// Whose fund pays.
    pub pool: Region,
    pub versions: Vec<PackVersion>,
    pub warnings: Vec<Refusal>,
    /// The FUND_PAY, if there is anything to pay.
    pub movement: MovementId,
}

/// A fee line as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub line_no: String,
    pub item_code: String,
    pub line: Line,
}

/// A settled bill's benefit as it is stored, as far as giving back needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub account: AccountId,
    pub window: Window,
    pub pool: Region,
    pub entitlement: Result<Entitlement, Reason>,
    pub lines: Vec<KeptLine>,
    pub deductible: Fen,
    pub pooled: Fen,
    pub movement: Option<MovementId>,
    /// Own expense, and what is over the price ceiling: outside the insurance's lists.
    pub not_insured: Fen,
    /// What went back so far.
    pub returned: Returned,
}

/// What went back of a settled bill's benefit so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Returned {
    /// Of deductible and pooled fund.
    pub used: Used,
    /// Of what is outside the insurance's lists.
    pub not_insured: Fen,
}

/// A line as the catalogue had it when its bill was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLine {
    pub no: String,
    pub line: Line,
}

/// What goes back to the fund, and the movement that paid it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundReturn {
    pub pooled: Fen,
    pub pool: Region,
    pub pays: MovementId,
}

/// What goes back of a settlement's benefit, worked out over the book and not yet noted in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returning {
    settlement: SettlementId,
    counter: (AccountId, Window),
    counted: Used,
    returned: Returned,
    pub fund: Option<FundReturn>,
    /// By part of the bill.
    pub back: Back,
}

/// What goes back of each part of a bill: `parts.total = pooled + deductible + copay + the parts out of scope`. Where a bill was
/// given back by amounts and its lines shrank in proportion, a part may be a fen below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Back {
    pub parts: Parts,
    pub deductible: Fen,
    pub copay: Fen,
    pub pooled: Fen,
}

/// What a batch knows of benefits, as it stands under the locks.
#[derive(Debug, Clone, Default)]
pub struct Benefits {
    pub items: Items,
    pub used: BTreeMap<(AccountId, Window), Used>,
    /// Of settlements that something is given back of.
    pub kept: BTreeMap<SettlementId, Kept>,
    moved: BTreeSet<(AccountId, Window)>,
    given_back: BTreeSet<SettlementId>,
}

impl Benefits {
    /// What a person has used: of the window's deductible, and of the fund in the window's medical year.
    pub fn used_in(&self, account: AccountId, window: Window) -> Option<Used> {
        let of_year = self
            .used
            .iter()
            .filter(|((of, at), _)| *of == account && at.year == window.year)
            .map(|(_, used)| used.fund);
        Some(Used {
            deductible: self
                .used
                .get(&(account, window))
                .map_or(Fen::ZERO, |used| used.deductible),
            fund: Fen::checked_sum(of_year)?,
        })
    }

    /// Counts a settled bill; none if a sum does not fit.
    pub fn count(&mut self, bill: &Benefited) -> Option<()> {
        let counted = self.at(bill.account, bill.window);
        *counted = Used {
            deductible: counted.deductible.checked_add(bill.assessed.deductible)?,
            fund: counted.fund.checked_add(bill.assessed.pooled)?,
        };
        Some(())
    }

    /// What goes back of a settlement's benefit: of the fund `pooled`, and of the deductible what the bill that remains does not
    /// use. `Some(None)` for a bill without benefit; none if a sum does not fit.
    pub fn returning(
        &self,
        settlement: SettlementId,
        (before, after): (&Assessed, &Assessed),
        pooled: Fen,
    ) -> Option<Option<Returning>> {
        let Some(kept) = self.kept.get(&settlement) else {
            return Some(None);
        };
        let deductible = kept.deductible.less(kept.returned.used.deductible);
        let deductible = deductible.less(after.deductible);
        let counter = (kept.account, kept.window);
        let used = self.used.get(&counter).copied().unwrap_or_default();
        let counted = Used {
            deductible: used.deductible.checked_sub(deductible)?,
            fund: used.fund.checked_sub(pooled)?,
        };
        let outside = after
            .whole
            .own_expense
            .checked_add(after.whole.over_limit)?;
        let returned = Returned {
            used: Used {
                deductible: kept.returned.used.deductible.checked_add(deductible)?,
                fund: kept.returned.used.fund.checked_add(pooled)?,
            },
            not_insured: kept.not_insured.less(outside),
        };
        let fund = match kept.movement {
            Some(pays) if pooled.is_positive() => Some(FundReturn {
                pooled,
                pool: kept.pool,
                pays,
            }),
            _ => None,
        };
        let parts = before.whole.without(after.whole)?;
        let copay = parts.in_scope.checked_sub(deductible)?;
        Some(Some(Returning {
            settlement,
            counter,
            counted,
            returned,
            fund,
            back: Back {
                parts,
                deductible,
                copay: copay.checked_sub(pooled)?,
                pooled,
            },
        }))
    }

    /// Notes that it went back.
    pub fn give_back(&mut self, returning: &Returning) {
        let (account, window) = returning.counter;
        *self.at(account, window) = returning.counted;
        if let Some(kept) = self.kept.get_mut(&returning.settlement) {
            kept.returned = returning.returned;
        }
        self.given_back.insert(returning.settlement);
    }

    fn at(&mut self, account: AccountId, window: Window) -> &mut Used {
        self.moved.insert((account, window));
        self.used.entry((account, window)).or_default()
    }

    /// The counters that changed, as they stand now.
    pub fn moved(&self) -> Vec<((AccountId, Window), Used)> {
        self.moved
            .iter()
            .filter_map(|key| Some((*key, *self.used.get(key)?)))
            .collect()
    }

    /// The settlements of which something went back, with all that did so far.
    pub fn given_back(&self) -> Vec<(SettlementId, Returned)> {
        self.given_back
            .iter()
            .filter_map(|id| Some((*id, self.kept.get(id)?.returned)))
            .collect()
    }
}

impl Kept {
    /// How the fund sees what remains of the bill, by the terms of the original (ruling 29 of the design). `back` says what
    /// came back of lines; what came back as a mere amount shrinks all lines in proportion, until `remaining` is their sum.
    /// None if a sum does not fit.
    pub fn assess(&self, back: &[PaidLine], remaining: Fen) -> Option<Assessed> {
        let left: Vec<(Fen, &Line)> = self
            .lines
            .iter()
            .map(|kept| {
                let back = back.iter().find(|line| line.no == kept.no);
                let back = back.map_or(Fen::ZERO, |line| line.refunded);
                (kept.line.amount.less(back), &kept.line)
            })
            .collect();
        assess(&shrunk(&left, remaining)?, &self.entitlement)
    }
}

/// Lines of which so much is left, brought down in proportion to what `remaining` says, to the fen: the sums up to each line are
/// rounded, and each line is the difference of two. Quantities follow the amounts, so that ceilings do, too.
fn shrunk(left: &[(Fen, &Line)], remaining: Fen) -> Option<Vec<Line>> {
    let whole = Fen::checked_sum(left.iter().map(|(amount, _)| *amount))?;
    let (mut passed, mut placed) = (Fen::ZERO, Fen::ZERO);
    let mut lines = Vec::with_capacity(left.len());
    for (amount, line) in left {
        passed = passed.checked_add(*amount)?;
        let until = if remaining < whole {
            proportion(remaining, passed, whole)?
        } else {
            passed
        };
        let amount = until.checked_sub(placed)?;
        placed = until;
        lines.push(Line {
            item: line.item,
            amount,
            quantity: line.quantity.scaled(amount, line.amount)?,
        });
    }
    Some(lines)
}

/// `whole × part / of`, rounded half up.
fn proportion(whole: Fen, part: Fen, of: Fen) -> Option<Fen> {
    let product = i128::from(whole.get()).checked_mul(i128::from(part.get()))?;
    let of = i128::from(of.get());
    let rounded = product.checked_mul(2)?.checked_add(of)?;
    i64::try_from(rounded.checked_div(of.checked_mul(2)?)?)
        .ok()
        .map(Fen::new)
}

/// Who asks for a benefit, where, and by which rules.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub account: &'a Account,
    pub institution: &'a Institution,
    pub bill: &'a Bill,
    pub packs: &'a Packs,
    /// The moment of the visit: its rules, its medical year.
    pub visit: Timestamp,
}

/// How the fund sees a bill; `Ok(None)` where no pack gives a benefit.
///
/// # Errors
/// `AMOUNT_TOO_LARGE` if a sum does not fit, `REGION_UNKNOWN` for a place without rules.
pub fn look_at(benefits: &Benefits, asked: Asked<'_>) -> Result<Option<Box<Benefited>>, Refusal> {
    let (account, bill) = (asked.account, asked.bill);
    let day = business_day(asked.visit);
    let Some(rules) = asked.packs.benefit(account.region, account.scheme, day) else {
        return Ok(None);
    };
    let start = asked.packs.rules(account.region, day)?.medical_year_start;
    let window = rules.window(day, start);
    let too_large = || Refusal::from(Reason::AmountTooLarge);
    let used = benefits.used_in(account.id, window).ok_or_else(too_large)?;
    let entitlement = rules.entitle(&visit(asked), used);
    let lines = seen(benefits, asked);
    let plain: Vec<Line> = lines.iter().map(|seen| seen.line).collect();
    let assessed = assess(&plain, &entitlement).ok_or_else(too_large)?;
    Ok(Some(Box::new(Benefited {
        account: account.id,
        warnings: warnings(bill, &lines, &assessed),
        lines,
        assessed,
        entitlement,
        window,
        pool: rules.pool(account.region),
        versions: rules.versions().to_vec(),
        movement: MovementId::generate(),
    })))
}

/// What the catalogue codes are that a bill of this patient needs; none where no pack gives a benefit.
pub fn codes_of<'a>(
    account: &Account,
    bill: &'a Bill,
    packs: &Packs,
    visit: Timestamp,
) -> impl Iterator<Item = &'a str> {
    let rules: Option<&std::sync::Arc<BenefitRules>> =
        packs.benefit(account.region, account.scheme, business_day(visit));
    let lines = rules.map_or(&[][..], |_| &bill.lines);
    lines.iter().map(|line| line.item_code.as_str())
}

fn visit(asked: Asked<'_>) -> Visit {
    Visit {
        kind: asked.account.kind,
        standing: asked.account.standing,
        // Nobody tells settlement yet: the lowest cap holds, and treatments elsewhere count as not filed.
        grade: None,
        filed: false,
        insured_in: asked.account.region,
        treated_in: asked.institution.region,
        tier: asked.institution.benefit_tier(),
        usage: asked.bill.usage,
    }
}

/// The lines as the catalogue has them. A bill without lines is one line that is in no catalogue.
fn seen(benefits: &Benefits, asked: Asked<'_>) -> Vec<Seen> {
    let day = business_day(asked.visit);
    let see = |line: &FeeLine| Seen {
        line_no: line.line_no.clone(),
        item_code: line.item_code.clone(),
        line: Line {
            item: benefits
                .items
                .find(&line.item_code, asked.account.region, day),
            amount: line.amount,
            quantity: line.quantity,
        },
    };
    if asked.bill.lines.is_empty() {
        let whole = FeeLine {
            line_no: String::new(),
            item_code: String::new(),
            amount: asked.bill.total,
            quantity: policy::benefit::Quantity::ONE,
        };
        return vec![see(&whole)];
    }
    asked.bill.lines.iter().map(see).collect()
}

/// The most warnings that name an item; whoever sends more unknown items is told of the first.
const MOST_WARNINGS: usize = 20;

fn warnings(bill: &Bill, lines: &[Seen], assessed: &Assessed) -> Vec<Refusal> {
    let mut warnings: Vec<Refusal> = assessed.short.map(Refusal::from).into_iter().collect();
    if bill.lines.is_empty() {
        warnings.push(Reason::LinesMissing.into());
        return warnings;
    }
    let unknown: BTreeSet<&str> = lines
        .iter()
        .filter(|seen| seen.line.item.is_none())
        .map(|seen| seen.item_code.as_str())
        .collect();
    warnings.extend(
        unknown
            .into_iter()
            .take(MOST_WARNINGS)
            .map(|code| Refusal::about(Reason::ItemNotInCatalogue, code)),
    );
    warnings
}

#[cfg(test)]
mod tests;
