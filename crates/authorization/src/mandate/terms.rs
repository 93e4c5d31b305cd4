//! The terms of a mandate, and which change of them is a tightening.

use kernel::{Fen, Reason, Refusal, Usage};
use policy::Usages;

/// What a contributor allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// When this contributor is asked, among several of one beneficiary.
    pub rank: Rank,
    /// The most that one bill may take; none is no limit.
    pub per_transaction: Option<Limit>,
    /// The most that the bills of one calendar month of Asia/Shanghai may take; none is no limit.
    pub per_month: Option<Limit>,
    /// What the money may be spent on.
    pub uses: Uses,
}

/// A place in the order of contributors: 1 is asked first. Not unique; ties are broken by binding id (ruling 48 of the design).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(i32);

/// An amount above zero that payments may not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit(Fen);

/// What a mandate lets money be spent on, within what the region's rules allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uses {
    /// Whatever the rules allow, now and later.
    Any,
    /// These only; never empty.
    Only(Usages),
}

impl Rank {
    /// Asked first.
    pub const FIRST: Self = Self(1);

    /// # Errors
    /// `RANK_INVALID` below 1.
    pub fn new(rank: i32) -> Result<Self, Refusal> {
        if rank >= Self::FIRST.0 {
            Ok(Self(rank))
        } else {
            Err(Refusal::about(
                Reason::RankInvalid,
                format!("rank = {rank}"),
            ))
        }
    }

    /// The number.
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl Limit {
    /// # Errors
    /// `LIMIT_INVALID` at or below zero, `AMOUNT_TOO_LARGE` above the largest bill, naming `field`.
    pub fn new(field: &str, amount: Fen) -> Result<Self, Refusal> {
        let about = || format!("{field} = {amount}");
        if !amount.is_positive() {
            return Err(Refusal::about(Reason::LimitInvalid, about()));
        }
        if amount > Fen::LARGEST_BILL {
            return Err(Refusal::about(Reason::AmountTooLarge, about()));
        }
        Ok(Self(amount))
    }

    /// The amount.
    pub const fn amount(self) -> Fen {
        self.0
    }
}

impl Uses {
    /// A list as written: empty is any.
    ///
    /// # Errors
    /// `USAGE_PROHIBITED`, naming a use that no personal account may pay for (ruling 41 of the design).
    pub fn of(list: impl IntoIterator<Item = Usage>) -> Result<Self, Refusal> {
        let list: Vec<_> = list.into_iter().collect();
        if let Some(usage) = list.iter().find(|usage| usage.is_prohibited()) {
            return Err(Refusal::about(Reason::UsageProhibited, usage.code()));
        }
        if list.is_empty() {
            return Ok(Self::Any);
        }
        Ok(Self::Only(list.into_iter().collect()))
    }

    /// The list as it is written: empty for any.
    pub fn list(self) -> Vec<Usage> {
        match self {
            Self::Any => Vec::new(),
            Self::Only(usages) => usages.iter().collect(),
        }
    }

    fn allows(self, usage: Usage) -> bool {
        match self {
            Self::Any => !usage.is_prohibited(),
            Self::Only(usages) => usages.contains(usage),
        }
    }
}

impl Terms {
    /// Whether `next` allows less than these terms in any respect, however much more it allows in others:
    /// a limit lowered or added, or a use taken away. Rank moves nobody's money further than it may go.
    ///
    /// A tightening must be fenced by settlement before anyone is told that it holds (promise P2 of the design).
    pub fn are_tightened_by(&self, next: &Self) -> bool {
        lower(self.per_transaction, next.per_transaction)
            || lower(self.per_month, next.per_month)
            || Usage::ALL
                .iter()
                .any(|usage| self.uses.allows(*usage) && !next.uses.allows(*usage))
    }

    /// Whether nothing but the rank differs.
    pub fn are_but_for_rank(&self, other: &Self) -> bool {
        Self {
            rank: other.rank,
            ..*self
        } == *other
    }
}

fn lower(now: Option<Limit>, next: Option<Limit>) -> bool {
    match (now, next) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(now), Some(next)) => next < now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Terms = Terms {
        rank: Rank::FIRST,
        per_transaction: None,
        per_month: None,
        uses: Uses::Any,
    };

    fn limit(fen: i64) -> Limit {
        Limit::new("limit", Fen::new(fen)).unwrap()
    }

    fn only(usages: &[Usage]) -> Uses {
        Uses::of(usages.iter().copied()).unwrap()
    }

    #[test]
    fn a_lowered_or_added_limit_tightens_and_a_raised_or_dropped_one_does_not() {
        for (now, next, tightens) in [
            (None, None, false),
            (None, Some(limit(100)), true),
            (Some(limit(100)), None, false),
            (Some(limit(100)), Some(limit(99)), true),
            (Some(limit(100)), Some(limit(100)), false),
            (Some(limit(100)), Some(limit(101)), false),
        ] {
            let by_bill = |per_transaction| Terms {
                per_transaction,
                ..FREE
            };
            let by_month = |per_month| Terms { per_month, ..FREE };
            assert_eq!(
                by_bill(now).are_tightened_by(&by_bill(next)),
                tightens,
                "{now:?} {next:?}"
            );
            assert_eq!(
                by_month(now).are_tightened_by(&by_month(next)),
                tightens,
                "{now:?} {next:?}"
            );
        }
    }

    #[test]
    fn taking_a_use_away_tightens_even_when_another_is_added() {
        use Usage::{HospitalOutpatient, PharmacyDrug, ResidentPremium};
        let terms = |uses| Terms { uses, ..FREE };
        let drugs = terms(only(&[PharmacyDrug]));
        assert!(FREE.are_tightened_by(&drugs));
        assert!(!drugs.are_tightened_by(&FREE));
        assert!(!drugs.are_tightened_by(&terms(only(&[PharmacyDrug, ResidentPremium]))));
        assert!(drugs.are_tightened_by(&terms(only(&[HospitalOutpatient, ResidentPremium]))));
    }

    #[test]
    fn naming_every_use_there_is_takes_nothing_away() {
        let every = Terms {
            uses: Uses::Only(Usages::allowed_anywhere()),
            ..FREE
        };
        assert!(!FREE.are_tightened_by(&every));
    }

    #[test]
    fn raising_one_limit_while_lowering_another_tightens() {
        let now = Terms {
            per_transaction: Some(limit(100)),
            per_month: Some(limit(1_000)),
            ..FREE
        };
        let next = Terms {
            per_transaction: Some(limit(200)),
            per_month: Some(limit(900)),
            ..FREE
        };
        assert!(now.are_tightened_by(&next));
    }

    #[test]
    fn a_rank_alone_never_tightens() {
        let third = Terms {
            rank: Rank::new(3).unwrap(),
            ..FREE
        };
        assert!(!FREE.are_tightened_by(&third) && FREE.are_but_for_rank(&third));
        assert!(!FREE.are_but_for_rank(&Terms {
            per_month: Some(limit(1)),
            ..FREE
        }));
    }

    #[test]
    fn limits_ranks_and_uses_that_make_no_sense_are_refused_by_name() {
        let refused = |refusal: Refusal| (refusal.reason, refusal.about.unwrap());
        assert_eq!(
            refused(Limit::new("per_month_fen", Fen::ZERO).unwrap_err()),
            (Reason::LimitInvalid, "per_month_fen = 0.00".to_owned())
        );
        assert_eq!(
            refused(Limit::new("per_month_fen", Fen::new((1 << 53) + 1)).unwrap_err()).0,
            Reason::AmountTooLarge
        );
        assert_eq!(refused(Rank::new(0).unwrap_err()).0, Reason::RankInvalid);
        assert_eq!(
            refused(Uses::of([Usage::PharmacyDrug, Usage::Fitness]).unwrap_err()),
            (Reason::UsageProhibited, "FITNESS".to_owned())
        );
    }

    #[test]
    fn an_empty_list_of_uses_means_any() {
        assert_eq!(Uses::of([]).unwrap(), Uses::Any);
        assert_eq!(Uses::Any.list(), []);
        assert_eq!(only(&[Usage::PharmacyDrug]).list(), [Usage::PharmacyDrug]);
    }
}
