//! What open holds set aside on the accounts of a batch: money that no plan may count on.

use kernel::{AccountId, BindingId, Bucket, Fen, HoldId};

use crate::limit::Scope;

/// One part: so much of one bucket, for one hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub hold: HoldId,
    pub account: AccountId,
    /// Where the money is now.
    pub bucket: Bucket,
    pub amount: Fen,
    /// Under which binding, for aid.
    pub binding: Option<BindingId>,
}

/// All of them. Few at any time: a hold lives for minutes.
#[derive(Debug, Clone, Default)]
pub struct Aside(Vec<Part>);

impl Aside {
    /// Adds parts of open holds.
    pub fn add(&mut self, parts: impl IntoIterator<Item = Part>) {
        self.0.extend(parts);
    }

    /// Forgets a hold that has ended.
    pub fn remove(&mut self, hold: HoldId) {
        self.0.retain(|part| part.hold != hold);
    }

    /// What is set aside of a bucket.
    pub fn of(&self, account: AccountId, bucket: Bucket) -> Fen {
        self.sum(|part| part.account == account && part.bucket == bucket)
    }

    /// What of aid is set aside under a binding, or of an account under all of its bindings.
    pub fn under(&self, scope: Scope) -> Fen {
        self.sum(|part| match scope {
            Scope::Pair(binding) => part.binding == Some(binding),
            Scope::Contributor(account) => part.account == account && part.binding.is_some(),
        })
    }

    /// A sum that does not fit stays at the largest amount: it only ever makes less available.
    fn sum(&self, counts: impl Fn(&Part) -> bool) -> Fen {
        let parts = self.0.iter().filter(|part| counts(part));
        Fen::checked_sum(parts.map(|part| part.amount)).unwrap_or(Fen::new(i64::MAX))
    }
}
