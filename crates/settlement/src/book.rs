//! What a batch knows: everything its commands may touch, as it stands under the locks.
//!
//! Commands are decided over this one after the other, so that two bills of one batch see each other's effects.
//! What moved is written back in one go.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{AccountId, AllocationId, Bucket, Fen, HoldId, PersonId, SettlementId};
use policy::plan::limits::{Used, Windows};
use policy::plan::{Payer, Purse};

use crate::account::Account;
use crate::benefit::Benefits;
use crate::correction::Proposal;
use crate::deferral::Deferral;
use crate::enforced::Enforced;
use crate::hold::aside::{Aside, Part};
use crate::hold::{HeldLeg, Hold};
use crate::institution::Institution;
use crate::limit::{Counter, Scope};
use crate::premium::{Paid, Premium};
use crate::request::RequestKey;
use crate::reverse::Original;
use crate::settlement::{Settled, Stored};

/// The state that commands are decided over.
#[derive(Debug, Clone, Default)]
pub struct Book {
    pub institutions: BTreeMap<String, Institution>,
    /// Those that are locked; a contributor whose account is not here is not asked.
    pub accounts: BTreeMap<AccountId, Account>,
    /// By the person who may be aided.
    pub enforced: BTreeMap<PersonId, Vec<Enforced>>,
    /// What of limits is used; none where nothing ever was.
    pub counters: BTreeMap<Scope, Counter>,
    /// Which request a credential already paid for.
    pub credentials: BTreeMap<Vec<u8>, RequestKey>,
    /// Settlements that commands of the batch give back.
    pub settlements: BTreeMap<SettlementId, Stored>,
    /// Corrections that are to be decided.
    pub corrections: BTreeMap<AllocationId, Proposal>,
    /// Whom an account may pay for, where a clearing may take it below zero.
    pub aided: BTreeMap<AccountId, Vec<PersonId>>,
    /// Holds that commands of the batch end.
    pub holds: BTreeMap<HoldId, Hold>,
    /// What open holds set aside on the accounts above.
    aside: Aside,
    /// Ids that commands took for settlements, and that are refunds.
    pub refunds: BTreeSet<SettlementId>,
    /// What became of the messages that commands undo, by reversal.
    pub originals: BTreeMap<SettlementId, Original>,
    moved_settlements: BTreeSet<SettlementId>,
    /// What the pooled fund goes by, and what it paid.
    pub benefits: Benefits,
    /// Bills of the batch that are deducted after the visit: to be deducted from, or taken back.
    pub deferrals: BTreeMap<SettlementId, Deferral>,
    moved_deferrals: BTreeSet<SettlementId>,
    /// The years of patients whose premium is paid, looked at where a command pays one.
    pub premiums: BTreeMap<(PersonId, i16), SettlementId>,
    paid_premiums: Vec<Paid>,
    moved_accounts: BTreeSet<AccountId>,
    /// Whether more than balances changed.
    reshaped: bool,
    moved_held: BTreeSet<AccountId>,
    moved_counters: BTreeSet<Scope>,
}

impl Book {
    /// All accounts of a person.
    pub fn accounts_of(&self, person: PersonId) -> Vec<&Account> {
        self.accounts
            .values()
            .filter(|account| account.person == person)
            .collect()
    }

    /// What of limits is used in these windows, and what open holds set aside: that counts in every window, since it may be
    /// captured in any.
    pub fn used(&self, scope: Scope, windows: Windows) -> Used {
        let counter = self.counters.get(&scope);
        Used {
            held: self.aside.under(scope),
            ..counter.map_or_else(Used::default, |counter| counter.used(windows))
        }
    }

    /// What a plan may count on of an account: not what open holds set aside.
    pub fn purse(&self, account: &Account) -> Purse {
        let without = |balance: Fen, bucket| {
            let aside = self.aside.of(account.id, bucket);
            balance.checked_sub(aside).unwrap_or(Fen::new(i64::MIN))
        };
        Purse {
            current: without(account.current, Bucket::Current),
            prior: without(account.prior, Bucket::Prior),
            ..account.purse()
        }
    }

    /// Takes in what was found to be set aside on locked accounts.
    pub fn know_aside(&mut self, legs: &[(HoldId, HeldLeg)]) {
        let parts: Vec<Part> = legs
            .iter()
            .filter_map(|(hold, leg)| self.part(*hold, leg))
            .collect();
        self.aside.add(parts);
    }

    /// Sets aside what a hold holds; none if its accounts are not all here, or a sum does not fit.
    pub fn set_aside(&mut self, hold: &Hold) -> Option<()> {
        let parts: Option<Vec<Part>> = hold
            .legs
            .iter()
            .map(|leg| self.part(hold.id, leg))
            .collect();
        let parts = parts?;
        self.change_held(hold, Fen::checked_add)?;
        self.aside.add(parts);
        Some(())
    }

    /// Whether open holds set anything aside on an account.
    pub fn is_held(&self, account: AccountId) -> bool {
        [Bucket::Current, Bucket::Prior]
            .into_iter()
            .any(|bucket| self.aside.of(account, bucket).is_positive())
    }

    /// Frees what a hold that has ended held; none if it was not there.
    pub fn end_hold(&mut self, ended: &Hold) -> Option<()> {
        self.change_held(ended, |held, amount| {
            held.checked_sub(amount).filter(|left| !left.is_negative())
        })?;
        self.aside.remove(ended.id);
        self.holds.insert(ended.id, ended.clone());
        Some(())
    }

    /// Takes back an end that came to nothing.
    pub fn reopen_hold(&mut self, hold: &Hold) {
        self.holds.insert(hold.id, hold.clone());
        self.set_aside(hold)
            .expect("it was just taken from these accounts");
    }

    /// Where the money of a held leg is now.
    fn part(&self, hold: HoldId, leg: &HeldLeg) -> Option<Part> {
        let account = self.accounts.get(&leg.account)?;
        Some(Part {
            hold,
            account: leg.account,
            bucket: account.home_of(leg.bucket, leg.medical_year),
            amount: leg.amount,
            binding: match leg.payer {
                Payer::Own => None,
                Payer::Aid { binding, .. } => Some(binding),
            },
        })
    }

    /// Changes what is held on every account of a hold, or on none.
    fn change_held(&mut self, hold: &Hold, change: impl Fn(Fen, Fen) -> Option<Fen>) -> Option<()> {
        let mut held = BTreeMap::new();
        for leg in &hold.legs {
            let before = self.accounts.get(&leg.account)?.held;
            let now = held.entry(leg.account).or_insert(before);
            *now = change(*now, leg.amount)?;
        }
        for (id, held) in held {
            self.accounts.get_mut(&id)?.held = held;
            self.moved_held.insert(id);
        }
        Some(())
    }

    /// The accounts on which more or less is set aside than before, by id.
    pub fn moved_held(&self) -> Vec<&Account> {
        let moved = self.moved_held.iter();
        moved.filter_map(|id| self.accounts.get(id)).collect()
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

    /// Replaces counters by their state after some charges or refunds.
    pub fn store_counters(&mut self, changed: BTreeMap<Scope, Counter>) {
        self.moved_counters.extend(changed.keys());
        self.counters.extend(changed);
    }

    /// Replaces a settlement by its state after something was given back.
    pub fn store_settlement(&mut self, settlement: Stored) {
        self.moved_settlements.insert(settlement.id);
        self.settlements.insert(settlement.id, settlement);
    }

    /// The settlements of which something was given back, as they stand now, by id.
    pub fn moved_settlements(&self) -> Vec<&Stored> {
        self.moved_settlements
            .iter()
            .filter_map(|id| self.settlements.get(id))
            .collect()
    }

    /// What paid a person's premium of a year; none if nothing did.
    pub fn premium_of(&self, person: PersonId, year: i16) -> Option<SettlementId> {
        self.premiums.get(&(person, year)).copied()
    }

    /// Notes that a settlement paid a premium.
    pub fn pay_premium(&mut self, settled: &Settled, premium: &Premium) {
        let person = settled.patient.person;
        self.premiums.insert((person, premium.year), settled.id);
        self.paid_premiums.push(Paid {
            settlement: settled.id,
            person,
            premium: premium.clone(),
        });
    }

    /// The premiums that commands of the batch paid.
    pub fn paid_premiums(&self) -> &[Paid] {
        &self.paid_premiums
    }

    /// Replaces a deferral by its state after a deduction.
    pub fn store_deferral(&mut self, deferral: Deferral) {
        self.moved_deferrals.insert(deferral.settlement);
        self.deferrals.insert(deferral.settlement, deferral);
    }

    /// The deferrals that changed, as they stand now, by id.
    pub fn moved_deferrals(&self) -> Vec<&Deferral> {
        self.moved_deferrals
            .iter()
            .filter_map(|id| self.deferrals.get(id))
            .collect()
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

    /// The counters that changed, as they stand now, by scope.
    pub fn moved_counters(&self) -> Vec<(Scope, Counter)> {
        self.moved_counters
            .iter()
            .filter_map(|scope| Some((*scope, *self.counters.get(scope)?)))
            .collect()
    }
}
