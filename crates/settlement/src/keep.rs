//! What is kept of an account besides its bills and allocations: freezing, closing, the turn of its year, corrections.
//!
//! None of these has a key. The account, or the proposal, says under its lock whether the thing was done; doing it again
//! changes nothing and is a success, so whoever got no answer may simply ask again.

use kernel::{AccountId, AllocationId, Bucket, Fen, Reason, Refusal, Timestamp};

use crate::account::Account;
use crate::allocation::{Allocated, AllocationKind, of_account, open};
use crate::book::Book;
use crate::command::Allocate;
use crate::correction::Standing;
use crate::decide::Failed;

/// Something to do with one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// Freezes it, or lets it go again. Money still comes in while it is frozen.
    Freeze {
        account: AccountId,
        frozen: bool,
        note: String,
    },
    /// Pays out what it holds and closes it (emigration, death).
    Close { account: AccountId, note: String },
    /// Carries it over from a medical year that its region closes.
    Turn {
        account: AccountId,
        /// The year in which that medical year began.
        year: i16,
        /// What the earlier years' money earns, in basis points.
        interest: u32,
    },
    /// Posts a correction that `operator` approves.
    Correct { id: AllocationId, operator: String },
}

/// What changed besides balances, for those who are told and for the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Frozen,
    Unfrozen,
    Closed,
}

impl Mark {
    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Frozen => "FROZEN",
            Self::Unfrozen => "UNFROZEN",
            Self::Closed => "CLOSED",
        }
    }
}

/// What was done to an account.
#[derive(Debug, Clone)]
pub struct Kept {
    pub at: Timestamp,
    /// The account after it.
    pub account: Account,
    /// None if nothing besides balances changed.
    pub mark: Option<Mark>,
    pub note: String,
    pub posted: Vec<Allocated>,
    /// The correction that was posted.
    pub correction: Option<AllocationId>,
}

impl Kept {
    fn untouched(account: Account, at: Timestamp) -> Self {
        Self {
            at,
            account,
            mark: None,
            note: String::new(),
            posted: Vec::new(),
            correction: None,
        }
    }
}

impl Keep {
    /// The account, if the request names it.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Freeze { account, .. }
            | Self::Close { account, .. }
            | Self::Turn { account, .. } => Some(*account),
            Self::Correct { .. } => None,
        }
    }
}

/// Does it, in `book`.
///
/// # Errors
/// `ACCOUNT_UNKNOWN`, and what each deed is refused with.
pub fn keep(book: &mut Book, command: &Keep, at: Timestamp) -> Result<Kept, Failed> {
    let kept = match command {
        Keep::Freeze {
            account,
            frozen,
            note,
        } => freeze(book, *account, (*frozen, note), at)?,
        Keep::Close { account, note } => close(book, *account, note, at)?,
        Keep::Turn {
            account,
            year,
            interest,
        } => turn(book, *account, (*year, *interest), at)?,
        Keep::Correct { id, operator } => correct(book, *id, operator, at)?,
    };
    book.store_account(kept.account.clone());
    Ok(kept)
}

fn freeze(
    book: &Book,
    id: AccountId,
    (frozen, note): (bool, &str),
    at: Timestamp,
) -> Result<Kept, Refusal> {
    let mut account = open(book, id, Reason::AccountUnknown)?;
    if account.frozen == frozen {
        return Ok(Kept::untouched(account, at));
    }
    account.frozen = frozen;
    let mark = if frozen { Mark::Frozen } else { Mark::Unfrozen };
    Ok(Kept {
        mark: Some(mark),
        note: note.to_owned(),
        ..Kept::untouched(account, at)
    })
}

fn close(book: &Book, id: AccountId, note: &str, at: Timestamp) -> Result<Kept, Failed> {
    let known = book.accounts.get(&id);
    let known = known.ok_or_else(|| Refusal::about(Reason::AccountUnknown, id.to_string()))?;
    let mut account = known.clone();
    if account.closed_at.is_some() {
        return Ok(Kept::untouched(account, at));
    }
    if account.balance().is_none_or(Fen::is_negative) {
        return Err(Reason::AccountOwes.into());
    }
    // Paid out, it could not honour what it promised a counter.
    if book.is_held(id) {
        return Err(Reason::AccountHeld.into());
    }
    let mut posted = Vec::new();
    for (bucket, held) in [
        (Bucket::Current, account.current),
        (Bucket::Prior, account.prior),
    ] {
        let out = held.checked_neg().ok_or(Reason::AmountTooLarge)?;
        if out.is_zero() {
            continue;
        }
        account.clear(bucket, out).ok_or(Reason::AmountTooLarge)?;
        let exit = of_account(&account, AllocationKind::Exit, (bucket, out), String::new());
        posted.push(Allocated {
            note: note.to_owned(),
            ..Allocated::new(exit, &account, at)
        });
    }
    account.closed_at = Some(at);
    Ok(Kept {
        mark: Some(Mark::Closed),
        note: note.to_owned(),
        posted,
        ..Kept::untouched(account, at)
    })
}

/// First what is left of the year joins the earlier years, then those earn their interest. A debt earns none (`domain.md` Q15).
fn turn(
    book: &Book,
    id: AccountId,
    (year, interest): (i16, u32),
    at: Timestamp,
) -> Result<Kept, Failed> {
    let known = book.accounts.get(&id);
    let known = known.ok_or_else(|| Refusal::about(Reason::AccountUnknown, id.to_string()))?;
    let mut account = known.clone();
    if account.medical_year > year {
        return Ok(Kept::untouched(account, at));
    }
    if !account.closing {
        return Err(Refusal::about(Reason::YearEndUnknown, account.region.to_string()).into());
    }
    let next = year.checked_add(1).ok_or(Reason::MedicalYearNotOver)?;
    let period = format!("{year:04}");
    let mut posted = Vec::new();
    let left = account.current;
    if left.is_zero() {
        account.begin_year(next);
    } else {
        account.turn(next).ok_or(Reason::AmountTooLarge)?;
        let to_prior = (Bucket::Prior, left);
        let rollover = of_account(&account, AllocationKind::Rollover, to_prior, period.clone());
        posted.push(Allocated::new(rollover, &account, at));
    }
    let earned = account
        .prior
        .share(interest)
        .ok_or(Reason::AmountTooLarge)?;
    if earned.is_positive() {
        account
            .put(Bucket::Prior, earned)
            .ok_or(Reason::AmountTooLarge)?;
        let to_prior = (Bucket::Prior, earned);
        let earned = of_account(&account, AllocationKind::Interest, to_prior, period);
        posted.push(Allocated::new(earned, &account, at));
    }
    Ok(Kept {
        posted,
        ..Kept::untouched(account, at)
    })
}

fn correct(
    book: &mut Book,
    id: AllocationId,
    operator: &str,
    at: Timestamp,
) -> Result<Kept, Failed> {
    let proposal = book
        .corrections
        .get_mut(&id)
        .ok_or_else(|| Refusal::about(Reason::CorrectionUnknown, id.to_string()))?;
    let is_open = proposal.may_be_approved_by(operator)?;
    let known = book.accounts.get(&proposal.account);
    let known = known.ok_or_else(|| Refusal::from(Reason::AccountUnknown))?;
    let mut account = known.clone();
    if !is_open {
        return Ok(Kept::untouched(account, at));
    }
    if account.closed_at.is_some() {
        return Err(Reason::AccountClosed.into());
    }
    let after = account
        .put(proposal.bucket, proposal.amount)
        .ok_or(Reason::AmountTooLarge)?;
    let left = match proposal.bucket {
        Bucket::Current => after.current,
        Bucket::Prior => after.prior,
    };
    if proposal.amount.is_negative() && left.is_negative() {
        return Err(Reason::BalanceTooLow.into());
    }
    proposal.standing = Standing::Approved;
    let correction = Allocate {
        id,
        account: account.id,
        kind: AllocationKind::Correction,
        bucket: proposal.bucket,
        amount: proposal.amount,
        period: String::new(),
    };
    let posted = Allocated {
        note: proposal.note.clone(),
        ..Allocated::new(correction, &account, at)
    };
    Ok(Kept {
        posted: vec![posted],
        correction: Some(id),
        ..Kept::untouched(account, at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tests::account;

    fn at() -> Timestamp {
        "2027-01-05T02:00:00Z".parse().unwrap()
    }

    fn book(account: &Account) -> Book {
        let mut book = Book::default();
        book.accounts.insert(account.id, account.clone());
        book
    }

    fn done(book: &mut Book, command: &Keep) -> Result<Kept, Reason> {
        match keep(book, command, at()) {
            Ok(kept) => Ok(kept),
            Err(Failed::Refused(refusal)) => Err(refusal.reason),
            Err(Failed::Unfit(unfit)) => panic!("{unfit}"),
        }
    }

    fn turning(current: i64, prior: i64) -> Account {
        Account {
            closing: true,
            ..account(current, prior)
        }
    }

    #[test]
    fn a_year_turns_once_and_interest_is_earned_on_everything_there_is() {
        let person = turning(10_000, 90_050);
        let mut book = book(&person);
        let turn = Keep::Turn {
            account: person.id,
            year: 2026,
            interest: 35,
        };
        let kept = done(&mut book, &turn).unwrap();
        let kinds: Vec<_> = kept
            .posted
            .iter()
            .map(|posted| (posted.allocation.kind, posted.allocation.amount.get()))
            .collect();
        // 100 050 fen at 35 basis points are 350.175.
        assert_eq!(
            kinds,
            [
                (AllocationKind::Rollover, 10_000),
                (AllocationKind::Interest, 350)
            ]
        );
        let after = &book.accounts[&person.id];
        assert_eq!(
            (after.current, after.prior, after.medical_year),
            (Fen::ZERO, Fen::new(100_400), 2027)
        );
        assert!(done(&mut book, &turn).unwrap().posted.is_empty());
    }

    #[test]
    fn a_debt_is_carried_over_and_earns_nothing() {
        let mut person = turning(0, 100);
        person.clear(Bucket::Current, Fen::new(-500)).unwrap();
        let mut book = book(&person);
        let turn = Keep::Turn {
            account: person.id,
            year: 2026,
            interest: 10_000,
        };
        let kept = done(&mut book, &turn).unwrap();
        assert_eq!(kept.posted[0].changes(), [Fen::new(500), Fen::new(-500)]);
        assert_eq!(kept.posted.len(), 1);
        assert_eq!(kept.account.prior_floor, Fen::new(-400));
    }

    #[test]
    fn no_account_turns_while_its_region_is_open() {
        let person = account(1, 1);
        let turn = Keep::Turn {
            account: person.id,
            year: 2026,
            interest: 0,
        };
        let refused = done(&mut book(&person), &turn).unwrap_err();
        assert_eq!(refused, Reason::YearEndUnknown);
    }

    #[test]
    fn a_closed_account_is_paid_out_bucket_by_bucket_and_takes_nothing_more() {
        let person = account(700, 50);
        let mut book = book(&person);
        let close = Keep::Close {
            account: person.id,
            note: "emigrated".to_owned(),
        };
        let kept = done(&mut book, &close).unwrap();
        assert_eq!(kept.posted.len(), 2);
        assert_eq!(kept.account.balance(), Some(Fen::ZERO));
        assert_eq!(kept.account.barred(), Some(Reason::AccountClosed));
        assert!(done(&mut book, &close).unwrap().posted.is_empty());
        let frozen = Keep::Freeze {
            account: person.id,
            frozen: true,
            note: String::new(),
        };
        assert_eq!(done(&mut book, &frozen).unwrap_err(), Reason::AccountClosed);

        let mut owing = account(0, 0);
        owing.clear(Bucket::Current, Fen::new(-1)).unwrap();
        let close = Keep::Close {
            account: owing.id,
            note: String::new(),
        };
        let mut book = self::book(&owing);
        assert_eq!(done(&mut book, &close).unwrap_err(), Reason::AccountOwes);
    }
}
