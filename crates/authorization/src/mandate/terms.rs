//! The terms of a mandate, and which change of them is a tightening.

use kernel::{Fen, Reason, Refusal, Usage};
use policy::Usages;
use policy::values::Share;

use super::places::{Places, Validity};

/// What a contributor allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// When this contributor is asked, among several of one beneficiary.
    pub rank: Rank,
    pub limits: Limits,
    /// What the money may be spent on.
    pub uses: Uses,
    /// Where it may be spent.
    pub places: Places,
    /// When it may be spent.
    pub validity: Validity,
}

/// How much may be taken; none is no limit. Days and months are those of Asia/Shanghai.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The most that one bill may take.
    pub per_transaction: Option<Limit>,
    /// The most that the bills of one business day may take.
    pub per_day: Option<Limit>,
    /// The most that the bills of one calendar month may take.
    pub per_month: Option<Limit>,
    /// The most that the bills of one year may take: of the calendar or of the medical year, as the contributor's region says.
    pub per_year: Option<Limit>,
    /// The most that all bills together may take, for ever.
    pub total: Option<Limit>,
    /// The largest share of the usable balance that one bill may take.
    pub share_of_balance: Option<Share>,
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
    /// a limit lowered or added, a use or a place taken away, a day fewer. Rank moves nobody's money further than it may go.
    ///
    /// A tightening must be fenced by settlement before anyone is told that it holds (promise P2 of the design).
    pub fn are_tightened_by(&self, next: &Self) -> bool {
        self.limits.are_lowered_by(&next.limits)
            || self.places.are_narrowed_by(&next.places)
            || self.validity.is_shortened_by(next.validity)
            || Usage::ALL
                .iter()
                .any(|usage| self.uses.allows(*usage) && !next.uses.allows(*usage))
    }

    /// Whether nothing but the rank differs.
    pub fn are_but_for_rank(&self, other: &Self) -> bool {
        Self {
            rank: other.rank,
            ..self.clone()
        } == *other
    }
}

impl Limits {
    fn amounts(&self) -> [Option<Limit>; 5] {
        [
            self.per_transaction,
            self.per_day,
            self.per_month,
            self.per_year,
            self.total,
        ]
    }

    /// Whether any limit is lower in `next`, or there and not here.
    fn are_lowered_by(&self, next: &Self) -> bool {
        let amounts = self.amounts().into_iter().zip(next.amounts());
        amounts.into_iter().any(|(now, next)| lower(now, next))
            || lower(self.share_of_balance, next.share_of_balance)
    }
}

/// A share of the balance as it is written.
///
/// # Errors
/// `LIMIT_INVALID` at or below zero and above the whole, naming `field`.
pub fn share(field: &str, basis_points: i32) -> Result<Share, Refusal> {
    u16::try_from(basis_points)
        .ok()
        .and_then(Share::new)
        .ok_or_else(|| Refusal::about(Reason::LimitInvalid, format!("{field} = {basis_points}")))
}

fn lower<T: Ord>(now: Option<T>, next: Option<T>) -> bool {
    match (now, next) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(now), Some(next)) => next < now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free() -> Terms {
        Terms {
            rank: Rank::FIRST,
            limits: FREE_LIMITS,
            uses: Uses::Any,
            places: Places::default(),
            validity: Validity::default(),
        }
    }

    const FREE_LIMITS: Limits = Limits {
        per_transaction: None,
        per_day: None,
        per_month: None,
        per_year: None,
        total: None,
        share_of_balance: None,
    };

    type Set = fn(Option<Limit>) -> Limits;

    /// Each limit that is an amount, alone.
    const EACH: [Set; 5] = [
        |per_transaction| Limits {
            per_transaction,
            ..FREE_LIMITS
        },
        |per_day| Limits {
            per_day,
            ..FREE_LIMITS
        },
        |per_month| Limits {
            per_month,
            ..FREE_LIMITS
        },
        |per_year| Limits {
            per_year,
            ..FREE_LIMITS
        },
        |total| Limits {
            total,
            ..FREE_LIMITS
        },
    ];

    fn limited(limits: Limits) -> Terms {
        Terms { limits, ..free() }
    }

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
            for set in EACH {
                let (before, after) = (limited(set(now)), limited(set(next)));
                assert_eq!(
                    before.are_tightened_by(&after),
                    tightens,
                    "{now:?} {next:?}"
                );
            }
            let share = |limit: Option<Limit>| {
                limited(Limits {
                    share_of_balance: limit.and_then(|fen| {
                        share("share", i32::try_from(fen.amount().get()).unwrap()).ok()
                    }),
                    ..FREE_LIMITS
                })
            };
            assert_eq!(
                share(now).are_tightened_by(&share(next)),
                tightens,
                "{now:?} {next:?}"
            );
        }
    }

    #[test]
    fn taking_a_use_away_tightens_even_when_another_is_added() {
        use Usage::{HospitalOutpatient, PharmacyDrug, ResidentPremium};
        let terms = |uses| Terms { uses, ..free() };
        let drugs = terms(only(&[PharmacyDrug]));
        assert!(free().are_tightened_by(&drugs));
        assert!(!drugs.are_tightened_by(&free()));
        assert!(!drugs.are_tightened_by(&terms(only(&[PharmacyDrug, ResidentPremium]))));
        assert!(drugs.are_tightened_by(&terms(only(&[HospitalOutpatient, ResidentPremium]))));
    }

    #[test]
    fn a_place_or_a_day_taken_away_tightens() {
        let here = Terms {
            places: Places::of([], ["P1".to_owned()]).unwrap(),
            ..free()
        };
        let today = Terms {
            validity: Validity::new(None, Some(jiff::civil::date(2026, 3, 1))).unwrap(),
            ..free()
        };
        for narrow in [here, today] {
            assert!(free().are_tightened_by(&narrow) && !narrow.are_tightened_by(&free()));
            assert!(!free().are_but_for_rank(&narrow));
        }
    }

    #[test]
    fn naming_every_use_there_is_takes_nothing_away() {
        let every = Terms {
            uses: Uses::Only(Usages::allowed_anywhere()),
            ..free()
        };
        assert!(!free().are_tightened_by(&every));
    }

    #[test]
    fn raising_one_limit_while_lowering_another_tightens() {
        let of = |per_transaction, per_year| {
            limited(Limits {
                per_transaction: Some(limit(per_transaction)),
                per_year: Some(limit(per_year)),
                ..FREE_LIMITS
            })
        };
        let (now, next) = (of(100, 1_000), of(200, 900));
        assert!(now.are_tightened_by(&next));
    }

    #[test]
    fn a_rank_alone_never_tightens() {
        let third = Terms {
            rank: Rank::new(3).unwrap(),
            ..free()
        };
        assert!(!free().are_tightened_by(&third) && free().are_but_for_rank(&third));
        for set in EACH {
            assert!(!free().are_but_for_rank(&limited(set(Some(limit(1))))));
        }
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
        for points in [-1, 0, 10_001, 65_537] {
            assert_eq!(
                refused(share("share_of_balance", points).unwrap_err()),
                (Reason::LimitInvalid, format!("share_of_balance = {points}"))
            );
        }
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
