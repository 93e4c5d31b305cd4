//! Credits to personal accounts, and what corrects them: everything that moves an account besides a bill.
//!
//! A period decides into which year money may come. What is for a year that the account has not been rolled over into is
//! refused, or it would be carried over with the old one; and a year that is closed is cleared no more (`domain.md` 11).

use kernel::clock::business_day;
use kernel::{AccountId, AllocationId, Bucket, Fen, PersonId, Reason, Refusal, Timestamp};
use policy::Packs;

use crate::account::{Account, After, medical_year};
use crate::book::Book;
use crate::command::Allocate;
use crate::decide::Failed;

/// Why an account moves, if not for a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocationKind {
    /// 按月实划
    Monthly,
    /// The balance an account brings along.
    Opening,
    /// 预划: in advance, until the actual amounts are known.
    Pre,
    /// 预划转调整
    Adjustment,
    /// 清算差额
    Clearing,
    /// 年终结转: from the current bucket to the earlier years.
    Rollover,
    /// 年终计息
    Interest,
    /// What a closed account held leaves the books.
    Exit,
    /// Two operators put something right.
    Correction,
}

impl AllocationKind {
    const ALL: [Self; 9] = [
        Self::Monthly,
        Self::Opening,
        Self::Pre,
        Self::Adjustment,
        Self::Clearing,
        Self::Rollover,
        Self::Interest,
        Self::Exit,
        Self::Correction,
    ];

    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Monthly => "MONTHLY",
            Self::Opening => "OPENING",
            Self::Pre => "PRE",
            Self::Adjustment => "ADJUSTMENT",
            Self::Clearing => "CLEARING",
            Self::Rollover => "ROLLOVER",
            Self::Interest => "INTEREST",
            Self::Exit => "EXIT",
            Self::Correction => "CORRECTION",
        }
    }

    /// The kind with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether it says what was allocated too much or too little: signed, and the only way below zero (ruling 26).
    pub const fn is_clearing(self) -> bool {
        matches!(self, Self::Adjustment | Self::Clearing)
    }

    /// Whether it is of a month.
    pub const fn has_month(self) -> bool {
        matches!(self, Self::Monthly | Self::Pre) || self.is_clearing()
    }

    /// The bucket it goes to if none is named; none where one must be.
    pub const fn usual_bucket(self) -> Option<Bucket> {
        match self {
            Self::Monthly | Self::Pre | Self::Adjustment | Self::Clearing => Some(Bucket::Current),
            Self::Rollover | Self::Interest => Some(Bucket::Prior),
            Self::Opening | Self::Exit | Self::Correction => None,
        }
    }

    /// Whether it may go to that bucket.
    pub fn goes_to(self, bucket: Bucket) -> bool {
        match self {
            Self::Monthly | Self::Pre => bucket == Bucket::Current,
            Self::Rollover | Self::Interest => bucket == Bucket::Prior,
            _ => true,
        }
    }
}

/// Something that was posted to an account.
#[derive(Debug, Clone)]
pub struct Allocated {
    pub allocation: Allocate,
    /// Why, where an operator says so.
    pub note: String,
    pub at: Timestamp,
    /// The account after it.
    pub account: Account,
    pub after: After,
    /// Whose aid stops with it, because it took the account below zero.
    pub paused: Option<Vec<PersonId>>,
}

impl Allocated {
    /// What became of `account` by an `allocation` that it has just seen.
    pub fn new(allocation: Allocate, account: &Account, at: Timestamp) -> Self {
        Self {
            allocation,
            note: String::new(),
            at,
            account: account.clone(),
            after: account.after(),
            paused: None,
        }
    }

    /// What each bucket gained: current, prior.
    pub fn changes(&self) -> [Fen; 2] {
        let amount = self.allocation.amount;
        match (self.allocation.kind, self.allocation.bucket) {
            (AllocationKind::Rollover, _) => {
                let gone = amount.checked_neg().expect("an amount in a bucket");
                [gone, amount]
            }
            (_, Bucket::Current) => [amount, Fen::ZERO],
            (_, Bucket::Prior) => [Fen::ZERO, amount],
        }
    }
}

/// Posts an allocation in `book`.
///
/// # Errors
/// `SYNC_PENDING` if the account has not arrived yet, `ACCOUNT_CLOSED`, `MEDICAL_YEAR_NOT_OPEN` or `PERIOD_CLOSED` if the
/// account is in another year than the allocation, `AMOUNT_TOO_LARGE` if no account can hold the sum.
pub fn allocate(
    book: &mut Book,
    command: &Allocate,
    packs: &Packs,
    at: Timestamp,
) -> Result<Allocated, Failed> {
    let mut account = open(book, command.account, Reason::SyncPending)?;
    check_period(&account, command, packs, at)?;
    let before = account.balance();
    if command.kind.is_clearing() {
        account.clear(command.bucket, command.amount)
    } else {
        account.put(command.bucket, command.amount)
    }
    .ok_or_else(|| Refusal::from(Reason::AmountTooLarge))?;
    let mut allocated = Allocated::new(command.clone(), &account, at);
    let owes = |balance: Option<Fen>| balance.is_some_and(Fen::is_negative);
    if owes(account.balance()) && !owes(before) {
        allocated.paused = Some(book.aided.get(&account.id).cloned().unwrap_or_default());
    }
    book.store_account(account);
    Ok(allocated)
}

/// An account into which money may come.
pub fn open(book: &Book, id: AccountId, unknown: Reason) -> Result<Account, Refusal> {
    let account = book
        .accounts
        .get(&id)
        .ok_or_else(|| Refusal::about(unknown, id.to_string()))?;
    if account.closed_at.is_some() {
        return Err(Refusal::about(Reason::AccountClosed, id.to_string()));
    }
    Ok(account.clone())
}

fn check_period(
    account: &Account,
    command: &Allocate,
    packs: &Packs,
    at: Timestamp,
) -> Result<(), Refusal> {
    let Some(month) = command.month() else {
        return Ok(());
    };
    let rules = packs.rules(account.region, business_day(at))?;
    let year = medical_year(month, rules.medical_year_start);
    if year > account.medical_year {
        return Err(Refusal::about(Reason::MedicalYearNotOpen, &command.period));
    }
    if year < account.medical_year && command.kind.is_clearing() {
        return Err(Refusal::about(Reason::PeriodClosed, &command.period));
    }
    Ok(())
}

/// The allocation that something else of an account becomes.
pub(crate) fn of_account(
    account: &Account,
    kind: AllocationKind,
    (bucket, amount): (Bucket, Fen),
    period: String,
) -> Allocate {
    Allocate {
        id: AllocationId::generate(),
        account: account.id,
        kind,
        bucket,
        amount,
        period,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tests::account;

    fn at() -> Timestamp {
        "2026-03-05T02:00:00Z".parse().unwrap()
    }

    fn posted(
        book: &mut Book,
        account: &Account,
        (kind, fen): (AllocationKind, i64),
        period: &str,
    ) -> Result<Allocated, Reason> {
        let bucket = (Bucket::Current, Fen::new(fen));
        let command = of_account(account, kind, bucket, period.to_owned());
        match allocate(book, &command, &Packs::shipped(), at()) {
            Ok(allocated) => Ok(allocated),
            Err(Failed::Refused(refusal)) => Err(refusal.reason),
            Err(Failed::Unfit(unfit)) => panic!("{unfit}"),
        }
    }

    /// Example 7 of `domain.md` 8.2.
    #[test]
    fn a_clearing_difference_takes_what_was_spent_below_zero_and_later_credits_repay_it() {
        let person = account(30_000, 0);
        let mut book = Book::default();
        let relative = PersonId::generate();
        book.accounts.insert(person.id, person.clone());
        book.aided.insert(person.id, vec![relative]);
        let cleared = posted(
            &mut book,
            &person,
            (AllocationKind::Clearing, -60_000),
            "2026-03",
        )
        .unwrap();
        assert_eq!(cleared.after.current, Fen::new(-30_000));
        assert_eq!(cleared.paused, Some(vec![relative]));
        let again = posted(
            &mut book,
            &person,
            (AllocationKind::Clearing, -1),
            "2026-03",
        );
        assert_eq!(again.unwrap().paused, None, "it was below zero before");
        let credit = posted(
            &mut book,
            &person,
            (AllocationKind::Monthly, 40_001),
            "2026-03",
        );
        assert_eq!(credit.unwrap().after.current, Fen::new(10_000));
        assert_eq!(book.accounts[&person.id].current_floor, Fen::ZERO);
    }

    #[test]
    fn a_period_belongs_to_the_year_the_account_is_in() {
        let person = account(0, 0);
        let mut book = Book::default();
        book.accounts.insert(person.id, person.clone());
        let mut refused = |kind, period| posted(&mut book, &person, (kind, 5), period).unwrap_err();
        assert_eq!(
            refused(AllocationKind::Monthly, "2027-01"),
            Reason::MedicalYearNotOpen
        );
        assert_eq!(
            refused(AllocationKind::Clearing, "2027-01"),
            Reason::MedicalYearNotOpen
        );
        assert_eq!(
            refused(AllocationKind::Adjustment, "2025-12"),
            Reason::PeriodClosed
        );
        assert!(
            posted(&mut book, &person, (AllocationKind::Monthly, 5), "2025-12").is_ok(),
            "a contribution that arrives late is this year's money"
        );
    }
}
