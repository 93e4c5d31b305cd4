//! Locks what a batch may touch, then looks at what it is decided on.
//!
//! The lock and the looks are separate statements on purpose: a statement that waited for a lock reads the rest with the
//! snapshot it began with, and would miss the fence that it waited for.

use std::collections::BTreeSet;

use kernel::{AccountId, AllocationId, Clock, PersonId, SettlementId, Timestamp};
use policy::plan::Payer;
use sqlx::PgConnection;

use super::claim::Claimed;
use super::{Job, holds};
use crate::book::Book;
use crate::command::{Command, Presented};
use crate::enforced::Enforced;
use crate::hold::{Hold, command as hold};
use crate::keep::Keep;
use crate::limit::Scope;
use crate::request::{Operation, RequestKey};
use crate::reverse::Original;
use crate::store::{
    self, StoreError, account, correction, deferral, enforced, limit, refund, settlement,
};

/// What the open commands of a batch need, gathered before anything is locked.
#[derive(Debug, Default)]
struct Needs {
    patients: BTreeSet<PersonId>,
    accounts: BTreeSet<AccountId>,
    institutions: BTreeSet<String>,
    fingerprints: BTreeSet<Vec<u8>>,
    /// Of these something is to be given back.
    settlements: BTreeSet<SettlementId>,
    corrections: BTreeSet<AllocationId>,
    /// Accounts that a clearing may take below zero.
    cleared: BTreeSet<AccountId>,
    holds: BTreeSet<kernel::HoldId>,
    deducted: BTreeSet<kernel::SettlementId>,
    /// Their premiums are paid.
    insured: BTreeSet<PersonId>,
}

impl Needs {
    fn of(jobs: &[Job], claimed: &Claimed) -> Self {
        let mut needs = Self::default();
        needs
            .accounts
            .extend(claimed.repeated.iter().map(|(_, account)| *account));
        for &place in &claimed.open {
            match &jobs[place].command {
                Command::Settle(settle) => {
                    needs.bill(&settle.key, &settle.patient);
                    let replaced = settle.replaces.map(|replaces| replaces.settlement);
                    needs.settlements.extend(replaced);
                    if settle.bill.premium.is_some() {
                        needs.insured.insert(settle.patient.person);
                    }
                }
                Command::Hold(command) => {
                    if let hold::Command::Place(place) = command {
                        needs.bill(&place.key, &place.patient);
                    }
                    let institution = command.key().map(|key| key.institution.clone());
                    needs.institutions.extend(institution);
                    needs.holds.extend(command.hold());
                }
                Command::Cancel(cancel) => {
                    needs.institutions.insert(cancel.key.institution.clone());
                    needs.settlements.insert(cancel.settlement);
                }
                Command::Refund(refund) => {
                    needs.institutions.insert(refund.key.institution.clone());
                    needs.settlements.insert(refund.settlement);
                }
                Command::Reverse(reverse) => {
                    needs.institutions.insert(reverse.key.institution.clone());
                    if let Some(Original::Decided {
                        operation: Operation::Settle,
                        outcome,
                    }) = claimed.originals.get(&reverse.id)
                    {
                        needs.settlements.insert(*outcome);
                    }
                }
                Command::Allocate(allocate) => {
                    needs.accounts.insert(allocate.account);
                    if allocate.amount.is_negative() {
                        needs.cleared.insert(allocate.account);
                    }
                }
                Command::Keep(keep) => {
                    needs.accounts.extend(keep.account());
                    if let Keep::Correct { id, .. } = keep {
                        needs.corrections.insert(*id);
                    }
                }
                Command::Deduct(deduct) => {
                    needs.deducted.insert(deduct.settlement);
                }
            }
        }
        needs
    }

    /// What a bill needs.
    fn bill(&mut self, key: &RequestKey, patient: &Presented) {
        self.patients.insert(patient.person);
        self.institutions.insert(key.institution.clone());
        if !patient.fingerprint.is_empty() {
            self.fingerprints.insert(patient.fingerprint.clone());
        }
    }

    /// Whether everything that is locked is an account for a bill.
    fn only_bills(&self) -> bool {
        self.accounts.is_empty()
            && self.settlements.is_empty()
            && self.holds.is_empty()
            && self.corrections.is_empty()
            && self.deducted.is_empty()
    }

    /// What the end of a hold needs: all of its accounts, and the limits that its payers set.
    fn hold(&mut self, hold: &Hold) {
        self.patients.insert(hold.patient);
        self.accounts.insert(hold.patient_account);
        self.accounts
            .extend(hold.legs.iter().map(|leg| leg.account));
    }

    /// What a deduction needs is told by the bill: its patient and institution.
    fn of_deferrals(&mut self, book: &Book) {
        for deferral in book.deferrals.values() {
            if self.deducted.contains(&deferral.settlement) && deferral.is_open() {
                self.patients.insert(deferral.patient);
                self.institutions.insert(deferral.institution.clone());
            }
        }
    }
}

/// What to do about accounts that another batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Wait for them.
    Wait,
    /// Leave the bills that want them to a later batch, if there is nothing but bills. Then lanes work side by side: one account
    /// in common does not make two batches wait for each other.
    LeaveOut,
}

/// What a batch is decided on.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) book: Book,
    pub(super) at: Timestamp,
    /// Patients of whose accounts, or whose contributors' accounts, another batch holds one: nothing may be decided on them.
    pub(super) busy: BTreeSet<PersonId>,
}

/// Settlements first, then accounts, each sorted; then everything else. The time of the batch is the moment at which its
/// locks were held.
pub(super) async fn look(
    conn: &mut PgConnection,
    jobs: &[Job],
    claimed: &Claimed,
    (clock, held): (&Clock, Held),
) -> Result<Seen, StoreError> {
    let mut needs = Needs::of(jobs, claimed);
    let mut book = Book::default();
    let mut scopes: BTreeSet<Scope> = BTreeSet::new();

    // ---- lock
    if !needs.settlements.is_empty() {
        lock_settlements(conn, &mut book, &mut needs, &mut scopes).await?;
    }
    let deferrals: BTreeSet<_> = needs.settlements.union(&needs.deducted).copied().collect();
    if !deferrals.is_empty() {
        book.deferrals = deferral::lock(conn, &list(&deferrals)).await?;
        needs.of_deferrals(&book);
    }
    if !needs.corrections.is_empty() {
        book.corrections = correction::lock(conn, &list(&needs.corrections)).await?;
        let accounts = book.corrections.values().map(|proposal| proposal.account);
        needs.accounts.extend(accounts);
    }
    let wanted = list(&needs.holds);
    if !wanted.is_empty() {
        for hold in holds::guards(conn, &wanted).await? {
            needs.hold(&hold);
        }
    }
    let held = if needs.only_bills() { held } else { Held::Wait };
    let busy = lock_accounts(conn, &mut book, &needs, held).await?;
    let patients: Vec<_> = needs.patients.difference(&busy).copied().collect();
    let at = clock.now();

    // ---- look
    scopes.extend(holds::look(conn, &wanted, &mut book, at).await?);
    if !patients.is_empty() {
        for enforced in enforced::look(conn, &patients).await? {
            scopes.extend(scopes_of(&enforced));
            book.enforced
                .entry(enforced.parties.beneficiary)
                .or_default()
                .push(enforced);
        }
    }
    if !scopes.is_empty() {
        book.counters = limit::look(conn, &list(&scopes)).await?;
    }
    if !needs.institutions.is_empty() {
        book.institutions =
            store::institution::find(&mut *conn, &list(&needs.institutions)).await?;
    }
    if !needs.fingerprints.is_empty() {
        book.credentials =
            settlement::look_at_credentials(conn, &list(&needs.fingerprints)).await?;
    }
    if !needs.insured.is_empty() {
        book.premiums = store::premium::look(conn, &list(&needs.insured)).await?;
    }
    if !needs.cleared.is_empty() {
        book.aided = enforced::aided(conn, &list(&needs.cleared)).await?;
    }
    Ok(Seen { book, at, busy })
}

/// Locks the accounts, and says of which patients one is left out.
async fn lock_accounts(
    conn: &mut PgConnection,
    book: &mut Book,
    needs: &Needs,
    held: Held,
) -> Result<BTreeSet<PersonId>, StoreError> {
    let mut wanted = Vec::new();
    if !needs.patients.is_empty() {
        wanted = account::wanted(conn, &list(&needs.patients)).await?;
    }
    let mut accounts = needs.accounts.clone();
    accounts.extend(wanted.iter().map(|(_, account)| *account));
    let locked = match held {
        Held::Wait => account::lock(conn, &list(&accounts)).await?,
        Held::LeaveOut => account::lock_free(conn, &list(&accounts)).await?,
    };
    book.accounts = locked
        .into_iter()
        .map(|account| (account.id, account))
        .collect();
    if held == Held::Wait {
        // What is not there then does not exist: an account that has not arrived yet.
        return Ok(BTreeSet::new());
    }
    let missing: Vec<AccountId> = wanted
        .iter()
        .map(|(_, account)| *account)
        .filter(|account| !book.accounts.contains_key(account))
        .collect();
    if missing.is_empty() {
        return Ok(BTreeSet::new());
    }
    // One that has not arrived yet is held by nobody.
    let held = account::known(conn, &missing).await?;
    let busy = wanted.iter().filter(|(_, account)| held.contains(account));
    Ok(busy.map(|(patient, _)| *patient).collect())
}

/// Locks the settlements of which something is to be given back. Whoever paid for them gets money, and whether their bindings
/// still stand decides where it goes.
async fn lock_settlements(
    conn: &mut PgConnection,
    book: &mut Book,
    needs: &mut Needs,
    scopes: &mut BTreeSet<Scope>,
) -> Result<(), StoreError> {
    let wanted = list(&needs.settlements);
    book.settlements = refund::lock(conn, &wanted).await?;
    if book.settlements.len() < wanted.len() {
        book.refunds = refund::are_refunds(conn, &wanted).await?;
    }
    for stored in book.settlements.values() {
        needs.patients.insert(stored.patient);
        needs.accounts.insert(stored.patient_account);
        for leg in &stored.legs {
            needs.accounts.insert(leg.account);
            if let Payer::Aid { binding, .. } = leg.payer {
                scopes.extend([Scope::Pair(binding), Scope::Contributor(leg.account)]);
            }
        }
    }
    for (id, line) in refund::look_at_lines(conn, &wanted).await? {
        if let Some(stored) = book.settlements.get_mut(&id) {
            stored.lines.push(line);
        }
    }
    Ok(())
}

/// What a quote is made of: the same, read without locks.
pub(crate) async fn glance(
    conn: &mut PgConnection,
    institution: &str,
    patient: &Presented,
    at: Timestamp,
) -> Result<Book, StoreError> {
    let accounts = account::look(conn, patient.person).await?;
    let mut book = Book::default();
    book.accounts = accounts
        .into_iter()
        .map(|account| (account.id, account))
        .collect();
    holds::look_at_open(conn, &mut book, at).await?;
    book.institutions = store::institution::find(&mut *conn, &[institution.to_owned()]).await?;
    let enforced = enforced::look(conn, &[patient.person]).await?;
    let scopes: Vec<_> = enforced.iter().flat_map(scopes_of).collect();
    if !scopes.is_empty() {
        book.counters = limit::look(conn, &scopes).await?;
    }
    book.enforced.insert(patient.person, enforced);
    if !patient.fingerprint.is_empty() {
        book.credentials =
            settlement::look_at_credentials(conn, std::slice::from_ref(&patient.fingerprint))
                .await?;
    }
    Ok(book)
}

/// The counters that bound what may flow over a binding.
fn scopes_of(enforced: &Enforced) -> [Scope; 2] {
    let account = enforced.parties.contributor_account;
    [Scope::Pair(enforced.id), Scope::Contributor(account)]
}

fn list<T: Clone>(set: &BTreeSet<T>) -> Vec<T> {
    set.iter().cloned().collect()
}
