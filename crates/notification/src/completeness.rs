//! Whether everybody was told of every change of their balance.
//!
//! The version of an account grows by one with every movement, so a number that nobody was told of shows by itself: a hole in
//! the numbers. What is told is written down in the transaction that stores the notice, from the notice. What has happened is
//! known from two sources: from the events, at once, and from settlement's own books, account by account
//! ([`crate::audit`]). So neither a lost event, nor one that is parked, nor a mapping that forgets somebody goes unnoticed.

use jiff::Timestamp;
use kernel::{AccountId, PersonId};

use crate::notice::Moved;

/// One change of a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whose account it is.
    pub person: PersonId,
    /// The change.
    pub moved: Moved,
    /// Whether they were told of it.
    pub told: bool,
}

/// An account as settlement's books have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booked {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    pub person: PersonId,
    /// The number of its movements, which is its version.
    pub version: i64,
}

/// An account of which something was not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    pub person: PersonId,
    /// Its newest change.
    pub known: i64,
    /// How many changes were not told.
    pub changes: i64,
    /// Which: first and last of each row of numbers, in order; at most a hundred rows.
    pub missing: Vec<(i64, i64)>,
    /// Since when the first of them is missing.
    pub since: Timestamp,
}

/// How it stands now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Changes that were not told in time.
    pub untold: i64,
    /// The accounts they are of.
    pub accounts: i64,
    /// Since when the oldest of them is missing.
    pub oldest: Option<Timestamp>,
    /// When the books were last compared as a whole.
    pub compared_at: Option<Timestamp>,
}

/// What the comparisons of a business day found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day, in Shanghai.
    pub day: kernel::Date,
    /// How often the books were compared as a whole.
    pub rounds: i64,
    /// Accounts with movements, in the last comparison.
    pub accounts: i64,
    /// Their changes since the beginning.
    pub changes: i64,
    /// Changes not told in time, at the end of the last comparison.
    pub untold: i64,
    /// The same, at the end of whichever found the most.
    pub most_untold: i64,
    /// When the last comparison ended.
    pub checked_at: Timestamp,
}
