//! What a batch knows: everything its commands may touch, as it stands under the locks.
//!
//! Commands are decided over this one after the other, so that two bills of one batch see each other's effects.
//! What moved is written back in one go.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{AccountId, AllocationId, BindingId, Date, Fen, PersonId, SettlementId};

use crate::account::Account;
use crate::correction::Proposal;
use crate::enforced::Enforced;
use crate::institution::Institution;
use crate::request::RequestKey;
use crate::settlement::Stored;

/// A limit's window: which binding, and the first day of the month.
pub type Window = (BindingId, Date);

/// The state that commands are decided over.
#[derive(Debug, Default)]
pub struct Book {
    pub institutions: BTreeMap<String, Institution>,
    /// Those that are locked; a contributor whose account is not here is not asked.
    pub accounts: BTreeMap<AccountId, Account>,
    /// By the person who may be aided.
    pub enforced: BTreeMap<PersonId, Vec<Enforced>>,
    pub used: BTreeMap<Window, Fen>,
    /// Which request a credential already paid for.
    pub credentials: BTreeMap<Vec<u8>, RequestKey>,
    /// Settlements that commands of the batch cancel.
    pub settlements: BTreeMap<SettlementId, Stored>,
    /// Corrections that are to be decided.
    pub corrections: BTreeMap<AllocationId, Proposal>,
    /// Whom an account may pay for, where a clearing may take it below zero.
    pub aided: BTreeMap<AccountId, Vec<PersonId>>,
    moved_accounts: BTreeSet<AccountId>,
    /// Whether more than balances changed.
    reshaped: bool,
    moved_windows: BTreeSet<Window>,
}

impl Book {
    /// All accounts of a person.
    pub fn accounts_of(&self, person: PersonId) -> Vec<&Account> {
        self.accounts
            .values()
            .filter(|account| account.person == person)
            .collect()
    }

    /// What of a limit is used.
    pub fn used(&self, window: Window) -> Fen {
        self.used.get(&window).copied().unwrap_or(Fen::ZERO)
    }

    /// Replaces an account by its state after some movements.
    pub fn store_account(&mut self, account: Account) {
        self.reshaped |= self
            .accounts
            .get(&account.id)
            .is_none_or(|before| account.is_reshaped(before));
        self.moved_accounts.insert(account.id);
        self.accounts.insert(account.id, account);
    }

    /// Replaces what of a limit is used.
    pub fn store_used(&mut self, window: Window, used: Fen) {
        self.moved_windows.insert(window);
        self.used.insert(window, used);
    }

    /// The accounts that moved, as they stand now, by id.
    pub fn moved_accounts(&self) -> Vec<&Account> {
        self.moved_accounts
            .iter()
            .filter_map(|id| self.accounts.get(id))
            .collect()
    }

    /// Whether of some account more than the balances changed: its floors, its year, whether it is frozen or closed.
    pub fn is_reshaped(&self) -> bool {
        self.reshaped
    }

    /// The limit windows that changed, with what is used now.
    pub fn moved_windows(&self) -> Vec<(Window, Fen)> {
        self.moved_windows
            .iter()
            .map(|window| (*window, self.used(*window)))
            .collect()
    }
}
