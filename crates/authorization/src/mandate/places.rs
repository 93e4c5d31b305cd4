//! Where and when a mandate may be used.
//!
//! Both only ever take something away from what the binding and the region's rules allow, and both are judged by the charge:
//! nothing has to happen on the day a mandate begins or ends.

use std::collections::BTreeSet;

use kernel::{Date, Reason, Refusal};

/// What kind of place a bill comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Hospital,
    Pharmacy,
    /// Collects premiums, and treats nobody.
    Agency,
}

/// Where money may be spent. Both lists narrow: a bill must come from a place of these kinds *and* among those named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// Empty is every kind.
    kinds: BTreeSet<Kind>,
    /// By `fixmedins_code`; empty is all.
    named: BTreeSet<String>,
}

/// The business days on which money may be spent, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    /// None is from the beginning of the binding.
    from: Option<Date>,
    /// None is as long as the binding.
    until: Option<Date>,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Hospital, Self::Pharmacy, Self::Agency];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hospital => "HOSPITAL",
            Self::Pharmacy => "PHARMACY",
            Self::Agency => "AGENCY",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl Places {
    /// The most institutions that one mandate names.
    pub const MOST_NAMED: usize = 50;

    /// Places as they are written; empty lists are no bound.
    ///
    /// # Errors
    /// `INSTITUTION_CODE_INVALID`, naming the code; `PAGE_TOO_LARGE` above [`Self::MOST_NAMED`] names.
    pub fn of(
        kinds: impl IntoIterator<Item = Kind>,
        named: impl IntoIterator<Item = String>,
    ) -> Result<Self, Refusal> {
        let named: BTreeSet<String> = named.into_iter().collect();
        if named.len() > Self::MOST_NAMED {
            let about = format!("{} institutions, at most {}", named.len(), Self::MOST_NAMED);
            return Err(Refusal::about(Reason::PageTooLarge, about));
        }
        let wrong = |code: &&String| {
            !(1..=12).contains(&code.len())
                || !code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if let Some(code) = named.iter().find(wrong) {
            let shown: String = code.chars().take(12).collect();
            return Err(Refusal::about(Reason::InstitutionCodeInvalid, shown));
        }
        Ok(Self {
            kinds: kinds.into_iter().collect(),
            named,
        })
    }

    /// The kinds as they are written: empty for any.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        self.kinds.iter().copied()
    }

    /// The institutions as they are written: empty for all.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(String::as_str)
    }

    /// Whether some place that is allowed here is not in `next`.
    pub(super) fn are_narrowed_by(&self, next: &Self) -> bool {
        let kind_lost = Kind::ALL
            .iter()
            .any(|kind| self.allow_kind(*kind) && !next.allow_kind(*kind));
        let name_lost = match (self.named.is_empty(), next.named.is_empty()) {
            (_, true) => false,
            (true, false) => true,
            (false, false) => !self.named.is_subset(&next.named),
        };
        kind_lost || name_lost
    }

    fn allow_kind(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

impl Validity {
    /// The days from `from` to `until`, both included.
    ///
    /// # Errors
    /// `VALIDITY_INVALID` if it would end before it begins.
    pub fn new(from: Option<Date>, until: Option<Date>) -> Result<Self, Refusal> {
        match (from, until) {
            (Some(from), Some(until)) if until < from => Err(Refusal::about(
                Reason::ValidityInvalid,
                format!("{from} – {until}"),
            )),
            _ => Ok(Self { from, until }),
        }
    }

    /// The first day; none is from the beginning of the binding.
    pub const fn from(self) -> Option<Date> {
        self.from
    }

    /// The last day; none is as long as the binding.
    pub const fn until(self) -> Option<Date> {
        self.until
    }

    /// Whether some day that is allowed here is not in `next`.
    pub(super) fn is_shortened_by(self, next: Self) -> bool {
        let later = match (self.from, next.from) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(now), Some(next)) => next > now,
        };
        let earlier = match (self.until, next.until) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(now), Some(next)) => next < now,
        };
        later || earlier
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn places(kinds: &[Kind], named: &[&str]) -> Places {
        let named = named.iter().map(|code| (*code).to_owned());
        Places::of(kinds.iter().copied(), named).unwrap()
    }

    #[test]
    fn a_place_taken_away_narrows_and_one_added_does_not() {
        use Kind::{Agency, Hospital, Pharmacy};
        for (now, next, narrows) in [
            (places(&[], &[]), places(&[Hospital], &[]), true),
            (
                places(&[], &[]),
                places(&[Hospital, Pharmacy, Agency], &[]),
                false,
            ),
            (places(&[], &[]), places(&[Hospital, Pharmacy], &[]), true),
            (places(&[Hospital], &[]), places(&[], &[]), false),
            (places(&[Hospital], &[]), places(&[Pharmacy], &[]), true),
            (places(&[], &[]), places(&[], &["P1"]), true),
            (places(&[], &["P1"]), places(&[], &["P1", "P2"]), false),
            (places(&[], &["P1"]), places(&[], &["P2"]), true),
            (places(&[], &["P1"]), places(&[], &[]), false),
            (places(&[Hospital], &["P1"]), places(&[], &["P2"]), true),
        ] {
            assert_eq!(now.are_narrowed_by(&next), narrows, "{now:?} {next:?}");
        }
    }

    #[test]
    fn a_shorter_time_is_shorter_at_either_end() {
        let (march, may) = (Some(date(2026, 3, 1)), Some(date(2026, 5, 31)));
        let of = |from, until| Validity::new(from, until).unwrap();
        for (now, next, shortens) in [
            (of(None, None), of(march, None), true),
            (of(None, None), of(None, may), true),
            (of(march, may), of(None, None), false),
            (of(march, may), of(march, may), false),
            (of(march, may), of(may, may), true),
            (of(march, may), of(march, march), true),
            (of(may, may), of(march, may), false),
        ] {
            assert_eq!(now.is_shortened_by(next), shortens, "{now:?} {next:?}");
        }
    }

    #[test]
    fn codes_and_days_that_make_no_sense_are_refused_by_name() {
        for code in ["", "P-1", "P000000000001", "药店"] {
            let refused = Places::of([], [code.to_owned()]).unwrap_err();
            assert_eq!(refused.reason, Reason::InstitutionCodeInvalid, "{code}");
        }
        let many = (0..51).map(|number| format!("P{number}"));
        assert_eq!(
            Places::of([], many).unwrap_err().reason,
            Reason::PageTooLarge
        );
        let backwards = Validity::new(Some(date(2026, 3, 2)), Some(date(2026, 3, 1)));
        assert_eq!(backwards.unwrap_err().reason, Reason::ValidityInvalid);
    }
}
