//! Credits to personal accounts.

use kernel::{Reason, Refusal, Timestamp};

use crate::account::{Account, After};
use crate::book::Book;
use crate::command::Allocate;
use crate::decide::Failed;

/// A credit that was posted.
#[derive(Debug, Clone)]
pub struct Allocated {
    pub allocation: Allocate,
    pub at: Timestamp,
    /// The account after it.
    pub account: Account,
    pub after: After,
}

/// Posts a credit in `book`.
///
/// # Errors
/// `SYNC_PENDING` if the account has not arrived yet, `AMOUNT_TOO_LARGE` if no account can hold the sum.
pub fn allocate(book: &mut Book, command: &Allocate, at: Timestamp) -> Result<Allocated, Failed> {
    let mut account = book
        .accounts
        .get(&command.account)
        .cloned()
        .ok_or_else(|| Refusal::about(Reason::SyncPending, command.account.to_string()))?;
    let after = account
        .put(command.bucket, command.amount)
        .ok_or_else(|| Refusal::from(Reason::AmountTooLarge))?;
    book.store_account(account.clone());
    Ok(Allocated {
        allocation: command.clone(),
        at,
        account,
        after,
    })
}
