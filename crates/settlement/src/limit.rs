//! Counters of what limits have used up: one per binding and one per contributor's account, each with the day, the month
//! and the year it stands in, and with everything ever.
//!
//! A counter holds one window of each kind, the latest in which something was charged: what was used in a window that is over
//! limits nothing any more. So a charge costs two rows however many windows there are. A window never moves back: a charge
//! that a replica with a slower clock decides just after midnight counts in the day that has begun already.
//!
//! What goes back counts in the window of its charge, and only while that window is still the counter's (`domain.md` section
//! 9, rule 7); charged and given back are kept apart, because some regions count what was charged and others what of it remains.
//! Counters are guarded by the contributor's account.

use std::collections::BTreeMap;

use kernel::{AccountId, BindingId, Date, Fen};
use policy::plan::limits::{Tally, Used, Windows};

use crate::book::Book;

/// For whom a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// What one beneficiary took, under one binding.
    Pair(BindingId),
    /// What all beneficiaries took out of one account.
    Contributor(AccountId),
}

/// What was charged and given back in the windows that a counter stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    pub windows: Windows,
    pub day: Tally,
    pub month: Tally,
    pub year: Tally,
    pub total: Tally,
}

impl Counter {
    /// A counter with nothing in it.
    pub fn new(windows: Windows) -> Self {
        let none = Tally::default();
        Self {
            windows,
            day: none,
            month: none,
            year: none,
            total: none,
        }
    }

    /// What counts against limits for a bill in these windows.
    pub fn used(self, windows: Windows) -> Used {
        let here = self.moved_to(windows);
        Used {
            day: here.day,
            month: here.month,
            year: here.year,
            total: here.total,
            held: Fen::ZERO,
        }
    }

    /// This counter once the clock shows `windows`: what has begun since is empty.
    fn moved_to(mut self, windows: Windows) -> Self {
        let now = Windows {
            day: self.windows.day.max(windows.day),
            year: self.windows.year.max(windows.year),
        };
        for (tally, then, now) in [
            (&mut self.day, self.windows.day, now.day),
            (&mut self.month, self.windows.month(), now.month()),
            (&mut self.year, self.windows.year, now.year),
        ] {
            if then < now {
                *tally = Tally::default();
            }
        }
        self.windows = now;
        self
    }

    /// Counts a charge; none if a sum does not fit.
    fn charged(self, windows: Windows, amount: Fen) -> Option<Self> {
        let mut counter = self.moved_to(windows);
        for tally in counter.tallies() {
            tally.gross = tally.gross.checked_add(amount)?;
        }
        Some(counter)
    }

    /// Counts what goes back of a charge that counted in these windows; none if more goes back than was charged.
    fn given_back(mut self, counted_in: Windows, amount: Fen) -> Option<Self> {
        let same = [
            self.windows.day == counted_in.day,
            self.windows.month() == counted_in.month(),
            self.windows.year == counted_in.year,
            true,
        ];
        for (tally, same) in self.tallies().into_iter().zip(same) {
            if same {
                tally.refunded = tally.refunded.checked_add(amount)?;
                (tally.refunded <= tally.gross).then_some(())?;
            }
        }
        Some(self)
    }

    fn tallies(&mut self) -> [&mut Tally; 4] {
        [
            &mut self.day,
            &mut self.month,
            &mut self.year,
            &mut self.total,
        ]
    }
}

/// Counters as a command changes them, beside the book until all of the command fits.
#[derive(Debug)]
pub struct Counting<'a> {
    book: &'a Book,
    changed: BTreeMap<Scope, Counter>,
}

impl<'a> Counting<'a> {
    /// Nothing changed yet.
    pub fn over(book: &'a Book) -> Self {
        Self {
            book,
            changed: BTreeMap::new(),
        }
    }

    /// Counts a charge for its binding and its account. Answers the windows in which it counts, which its leg remembers;
    /// none if a sum does not fit.
    pub fn charge(
        &mut self,
        (binding, account): (BindingId, AccountId),
        windows: Windows,
        amount: Fen,
    ) -> Option<Windows> {
        // Every charge of a binding is one of its account, so the account's counter is never behind.
        let of_account = Scope::Contributor(account);
        let counter = self.counter(of_account, windows).charged(windows, amount)?;
        self.changed.insert(of_account, counter);
        let windows = counter.windows;
        let of_pair = Scope::Pair(binding);
        let counter = self.counter(of_pair, windows).charged(windows, amount)?;
        self.changed.insert(of_pair, counter);
        Some(windows)
    }

    /// Counts what goes back of a leg that counted in these windows; none if more goes back than was charged.
    pub fn give_back(
        &mut self,
        (binding, account): (BindingId, AccountId),
        counted_in: Windows,
        amount: Fen,
    ) -> Option<()> {
        for scope in [Scope::Contributor(account), Scope::Pair(binding)] {
            let counter = self
                .counter(scope, counted_in)
                .given_back(counted_in, amount)?;
            self.changed.insert(scope, counter);
        }
        Some(())
    }

    /// The counters that changed, to be put into the book.
    pub fn changed(self) -> BTreeMap<Scope, Counter> {
        self.changed
    }

    fn counter(&self, scope: Scope, windows: Windows) -> Counter {
        self.changed
            .get(&scope)
            .or_else(|| self.book.counters.get(&scope))
            .copied()
            .unwrap_or_else(|| Counter::new(windows))
    }
}

/// The windows of a charge on `day` against an account insured in `region`. Where the place has no rules, years are the
/// calendar's.
pub fn windows_of(packs: &policy::Packs, region: kernel::Region, day: Date) -> Windows {
    match packs.rules(region, day) {
        Ok(rules) => Windows::of(day, rules),
        Err(_) => Windows {
            day,
            year: day.first_of_year(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn windows(month: i8, day: i8) -> Windows {
        Windows {
            day: date(2026, month, day),
            year: date(2026, 1, 1),
        }
    }

    fn gross(counter: Counter, at: Windows) -> [i64; 4] {
        let used = counter.used(at);
        [used.day, used.month, used.year, used.total].map(|tally| tally.gross.get())
    }

    fn back(counter: Counter) -> [i64; 4] {
        let tallies = [counter.day, counter.month, counter.year, counter.total];
        tallies.map(|tally| tally.refunded.get())
    }

    #[test]
    fn each_window_begins_anew_on_its_own_day() {
        let counter = Counter::new(windows(1, 30));
        let counter = counter.charged(windows(1, 30), Fen::new(5)).unwrap();
        let counter = counter.charged(windows(1, 31), Fen::new(7)).unwrap();
        assert_eq!(gross(counter, windows(1, 31)), [7, 12, 12, 12]);
        assert_eq!(gross(counter, windows(2, 1)), [0, 0, 12, 12]);
        let next_year = Windows {
            day: date(2027, 1, 1),
            year: date(2027, 1, 1),
        };
        assert_eq!(gross(counter, next_year), [0, 0, 0, 12]);
    }

    #[test]
    fn a_slower_clock_counts_in_the_day_that_has_begun() {
        let counter = Counter::new(windows(2, 1));
        let counter = counter.charged(windows(2, 1), Fen::new(5)).unwrap();
        let counter = counter.charged(windows(1, 31), Fen::new(7)).unwrap();
        assert_eq!(counter.windows, windows(2, 1));
        assert_eq!(gross(counter, windows(1, 31)), [12, 12, 12, 12]);
    }

    #[test]
    fn what_goes_back_counts_in_the_windows_of_its_charge() {
        let counter = Counter::new(windows(1, 30));
        let counter = counter.charged(windows(1, 30), Fen::new(5)).unwrap();
        let same_day = counter.given_back(windows(1, 30), Fen::new(2)).unwrap();
        assert_eq!(back(same_day), [2, 2, 2, 2]);
        let next_day = counter.charged(windows(1, 31), Fen::new(7)).unwrap();
        let next_day = next_day.given_back(windows(1, 30), Fen::new(5)).unwrap();
        assert_eq!(back(next_day), [0, 5, 5, 5]);
        let next_month = counter.charged(windows(2, 1), Fen::new(7)).unwrap();
        let next_month = next_month.given_back(windows(1, 30), Fen::new(5)).unwrap();
        assert_eq!(back(next_month), [0, 0, 5, 5]);
    }

    #[test]
    fn more_never_goes_back_than_was_charged() {
        let counter = Counter::new(windows(1, 30));
        let counter = counter.charged(windows(1, 30), Fen::new(5)).unwrap();
        assert_eq!(counter.given_back(windows(1, 30), Fen::new(6)), None);
    }

    #[test]
    fn a_charge_counts_for_its_binding_and_for_its_account() {
        let book = Book::default();
        let (one, other) = (BindingId::generate(), BindingId::generate());
        let account = AccountId::generate();
        let mut counting = Counting::over(&book);
        let at = windows(1, 30);
        assert_eq!(counting.charge((one, account), at, Fen::new(5)), Some(at));
        assert_eq!(counting.charge((other, account), at, Fen::new(7)), Some(at));
        counting.give_back((one, account), at, Fen::new(5)).unwrap();
        let changed = counting.changed();
        assert_eq!(gross(changed[&Scope::Pair(one)], at), [5; 4]);
        assert_eq!(gross(changed[&Scope::Pair(other)], at), [7; 4]);
        let all = changed[&Scope::Contributor(account)];
        assert_eq!((gross(all, at), back(all)), ([12; 4], [5; 4]));
    }
}
