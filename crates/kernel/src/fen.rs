//! Money: whole fen (1/100 yuan) in an `i64`, with checked arithmetic only.
//!
//! An overflow in a ledger is a decision, not a panic, so there are no operators: every sum names what
//! happens when it does not fit. Yuan text exists only at the edges and never passes through a float.

use std::fmt;
use std::str::FromStr;

/// An amount in fen. May be negative: a clearing difference or a refund line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fen(i64);

/// Why a text is not an amount of yuan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedAmount {
    /// Not an optional sign, digits, and at most one point with digits behind it.
    #[error("{0:?} is not a decimal amount of yuan")]
    NotDecimal(String),
    /// More than two digits behind the point; the national interface transports (16,2).
    #[error("{0:?} has more than two decimals")]
    TooPrecise(String),
    /// Does not fit into an `i64` of fen.
    #[error("{0:?} is larger than any account can hold")]
    TooLarge(String),
}

impl Fen {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The largest bill that is accepted: 2^53 fen, so that a JavaScript client can read every answer exactly.
    pub const LARGEST_BILL: Self = Self(1 << 53);

    /// An amount of whole fen.
    pub const fn new(fen: i64) -> Self {
        Self(fen)
    }

    /// The number of fen.
    pub const fn get(self) -> i64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The sum, unless it does not fit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(fen) => Some(Self(fen)),
            None => None,
        }
    }

    /// The difference, unless it does not fit.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(fen) => Some(Self(fen)),
            None => None,
        }
    }

    /// The opposite amount, unless it does not fit (only `i64::MIN` does not).
    pub const fn checked_neg(self) -> Option<Self> {
        match self.0.checked_neg() {
            Some(fen) => Some(Self(fen)),
            None => None,
        }
    }

    /// This amount less `other`, and never below zero: "what is still available".
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }

    /// The sum of many amounts, unless it does not fit.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// A share of this amount in basis points (1/10 000), rounded half away from zero to the fen.
    ///
    /// The rounding of the national platform is not published (`domain.md` 7.2); half-up is the documented default.
    pub fn share(self, basis_points: u32) -> Option<Self> {
        let product = i128::from(self.0).checked_mul(i128::from(basis_points))?;
        let half = if product < 0 { -5_000 } else { 5_000 };
        i64::try_from(product.checked_add(half)? / 10_000)
            .ok()
            .map(Self)
    }
}

/// Yuan with two decimals, as the national interface writes it: `-12.30`.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        f.pad(&format!("{sign}{}.{:02}", fen / 100, fen % 100))
    }
}

/// Parses decimal yuan text: `12`, `12.3`, `12.30`, `-0.05`.
impl FromStr for Fen {
    type Err = MalformedAmount;

    fn from_str(text: &str) -> Result<Self, MalformedAmount> {
        let not_decimal = || MalformedAmount::NotDecimal(text.to_owned());
        let too_large = || MalformedAmount::TooLarge(text.to_owned());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (yuan, decimals) = match digits.split_once('.') {
            Some((_, "")) => return Err(not_decimal()),
            Some((yuan, decimals)) => (yuan, decimals),
            None => (digits, ""),
        };
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if yuan.is_empty() || !is_digits(yuan) || !is_digits(decimals) {
            return Err(not_decimal());
        }
        if decimals.len() > 2 {
            return Err(MalformedAmount::TooPrecise(text.to_owned()));
        }
        // `yuan` and `decimals` are ASCII digits, so the only way this fails is by size.
        let fen: i64 = format!("{yuan}{decimals:0<2}").parse().map_err(
            |source: std::num::ParseIntError| {
                debug_assert!(matches!(source.kind(), std::num::IntErrorKind::PosOverflow));
                too_large()
            },
        )?;
        Ok(Self(if negative { -fen } else { fen }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn yuan_text_is_read_to_the_fen() {
        assert_eq!("600.00".parse(), Ok(Fen(60_000)));
        assert_eq!("0.5".parse(), Ok(Fen(50)));
        assert_eq!("-1.05".parse(), Ok(Fen(-105)));
        assert_eq!("7".parse(), Ok(Fen(700)));
    }

    #[test]
    fn what_is_not_yuan_is_refused_by_kind() {
        for text in ["", "-", ".5", "1.", "1e3", "１２", "+1", "1 ", "NaN", "--1"] {
            assert_eq!(
                text.parse::<Fen>(),
                Err(MalformedAmount::NotDecimal(text.to_owned()))
            );
        }
        assert_eq!(
            "1.234".parse::<Fen>(),
            Err(MalformedAmount::TooPrecise("1.234".to_owned()))
        );
        let huge = "99999999999999999999.00";
        assert_eq!(
            huge.parse::<Fen>(),
            Err(MalformedAmount::TooLarge(huge.to_owned()))
        );
    }

    #[test]
    fn arithmetic_that_does_not_fit_says_so() {
        assert_eq!(Fen(i64::MAX).checked_add(Fen(1)), None);
        assert_eq!(Fen(i64::MIN).checked_neg(), None);
        assert_eq!(Fen(5).less(Fen(9)), Fen::ZERO);
        assert_eq!(Fen::checked_sum([Fen(i64::MAX), Fen(1), Fen(-1)]), None);
    }

    #[test]
    fn a_share_rounds_half_away_from_zero() {
        assert_eq!(Fen(70_000).share(6_500), Some(Fen(45_500)));
        assert_eq!(Fen(1).share(5_000), Some(Fen(1)));
        assert_eq!(Fen(-1).share(5_000), Some(Fen(-1)));
        assert_eq!(Fen(1).share(4_999), Some(Fen(0)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(fen in any::<i64>().prop_filter("negatable", |fen| *fen != i64::MIN)) {
            prop_assert_eq!(Fen(fen).to_string().parse(), Ok(Fen(fen)));
        }

        #[test]
        fn no_text_panics(text in ".{0,24}") {
            let _ = text.parse::<Fen>();
        }
    }
}
