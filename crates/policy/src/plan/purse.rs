//! What an account can give: which buckets count, and in which order they pay.

use kernel::{Bucket, Fen};

use super::Leg;
use super::input::Purse;
use crate::values::{BucketOrder, Source};

impl Purse {
    /// Both buckets together. A sum that does not fit stays at the largest amount, or at nothing: it only ever bounds a bill.
    pub(super) fn total(&self) -> Fen {
        match self.current.checked_add(self.prior) {
            Some(total) => total,
            None if self.current.is_positive() => Fen::new(i64::MAX),
            None => Fen::ZERO,
        }
    }

    /// What may be used, zero or more. A bucket in debt takes from the other one: while the account as a whole
    /// owes, it gives nothing (`domain.md` 8.2, example 7).
    pub(super) fn usable(&self, source: Source) -> Fen {
        self.counted(source).max(Fen::ZERO)
    }

    /// The same before it is cut off at zero: how far an account in debt is from having something to use.
    pub(super) fn counted(&self, source: Source) -> Fen {
        match source {
            Source::All => self.total(),
            Source::PriorYearOnly => self.prior.min(self.total()),
        }
    }

    /// Splits a taking over the buckets. `amount` is at most what [`Purse::usable`] says of `source`.
    pub(super) fn buckets(
        &self,
        amount: Fen,
        source: Source,
        order: BucketOrder,
    ) -> [(Bucket, Fen); 2] {
        let current = match source {
            Source::All => (Bucket::Current, self.current),
            Source::PriorYearOnly => (Bucket::Current, Fen::ZERO),
        };
        let prior = (Bucket::Prior, self.prior);
        let [first, second] = match order {
            BucketOrder::CurrentThenPrior => [current, prior],
            BucketOrder::PriorThenCurrent => [prior, current],
        };
        let from_first = amount.min(first.1.max(Fen::ZERO));
        [(first.0, from_first), (second.0, amount.less(from_first))]
    }

    /// This account after the takings so far: the same account can stand behind two candidates, and pays each fen once.
    pub(super) fn after(mut self, legs: &[Leg]) -> Self {
        for leg in legs.iter().filter(|leg| leg.account == self.account) {
            let bucket = match leg.bucket {
                Bucket::Current => &mut self.current,
                Bucket::Prior => &mut self.prior,
            };
            *bucket = bucket.less(leg.amount);
        }
        self
    }
}
