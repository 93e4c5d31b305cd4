//! A personal account: two buckets of money, and the enrolment they belong to.
//!
//! The account row is the lock of everything that concerns its money. Its version grows by one with every movement,
//! so that whoever follows it can tell an old balance from a new one.

use kernel::{
    AccountId, Bucket, Date, Fen, PersonId, PersonKind, Reason, Refusal, Region, Scheme, Standing,
    Timestamp,
};
use policy::plan::Purse;
use policy::values::MonthDay;

/// One account as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub person: PersonId,
    pub person_no: String,
    pub region: Region,
    pub scheme: Scheme,
    pub kind: PersonKind,
    pub standing: Standing,
    pub frozen: bool,
    /// When it was paid out and closed; it holds nothing then, and nothing comes in.
    pub closed_at: Option<Timestamp>,
    /// Its place is closing its year: no charge may touch it until that is over.
    pub closing: bool,
    pub sandbox: bool,
    pub current: Fen,
    pub prior: Fen,
    /// How far below zero the current bucket may be: as far as clearing left it, and credits repay that first.
    pub current_floor: Fen,
    pub prior_floor: Fen,
    /// What holds that were not ended yet set aside of both buckets; those that have expired count until they are swept.
    pub held: Fen,
    pub version: i64,
    /// The year in which the medical year of the current bucket began.
    pub medical_year: i16,
}

/// An enrolment as the binding service tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    pub account: AccountId,
    pub person: PersonId,
    pub version: i64,
    pub person_no: String,
    pub region: Region,
    pub scheme: Scheme,
    pub kind: PersonKind,
    pub standing: Standing,
    pub sandbox: bool,
}

/// How an account stood right after one movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    pub version: i64,
    pub current: Fen,
    pub prior: Fen,
}

impl Account {
    /// What a plan needs to know of it.
    pub fn purse(&self) -> Purse {
        Purse {
            account: self.id,
            region: self.region,
            current: self.current,
            prior: self.prior,
            barred: self.barred(),
        }
    }

    /// Why no charge may touch it, if none may.
    pub fn barred(&self) -> Option<Reason> {
        if self.closed_at.is_some() {
            Some(Reason::AccountClosed)
        } else if self.frozen {
            Some(Reason::AccountFrozen)
        } else {
            self.closing.then_some(Reason::RegionYearEndInProgress)
        }
    }

    /// Both buckets together, unless the sum does not fit.
    pub fn balance(&self) -> Option<Fen> {
        self.current.checked_add(self.prior)
    }

    /// How it stands.
    pub fn after(&self) -> After {
        After {
            version: self.version,
            current: self.current,
            prior: self.prior,
        }
    }

    /// Takes `amount` out of `bucket`; none if the difference does not fit. How low a bucket may go is the planner's
    /// to respect and the database's to enforce.
    pub fn take(&mut self, bucket: Bucket, amount: Fen) -> Option<After> {
        self.change(bucket, amount.checked_neg()?)
    }

    /// Puts `amount` into `bucket`; none if the sum does not fit.
    pub fn put(&mut self, bucket: Bucket, amount: Fen) -> Option<After> {
        self.change(bucket, amount)
    }

    /// Changes `bucket` by a clearing difference, below zero if it must be: what was spent and turned out not to be there.
    pub fn clear(&mut self, bucket: Bucket, by: Fen) -> Option<After> {
        let after = self.change(bucket, by)?;
        self.refloor();
        Some(after)
    }

    /// Turns the medical year: what is left of the current bucket, a debt too, joins the earlier years.
    pub fn turn(&mut self, year: i16) -> Option<After> {
        self.prior = self.prior.checked_add(self.current)?;
        self.current = Fen::ZERO;
        self.version = self.version.checked_add(1)?;
        self.refloor();
        self.begin_year(year);
        Some(self.after())
    }

    /// Begins a medical year where nothing is left to be carried over.
    pub fn begin_year(&mut self, year: i16) {
        self.medical_year = year;
    }

    fn change(&mut self, bucket: Bucket, by: Fen) -> Option<After> {
        let (part, floor) = match bucket {
            Bucket::Current => (&mut self.current, &mut self.current_floor),
            Bucket::Prior => (&mut self.prior, &mut self.prior_floor),
        };
        *part = part.checked_add(by)?;
        // What is repaid is not owed again.
        *floor = (*part).min(Fen::ZERO).max(*floor);
        self.version = self.version.checked_add(1)?;
        self.balance()?;
        Some(self.after())
    }

    /// The floors are where the balances are, or at zero.
    fn refloor(&mut self) {
        self.current_floor = self.current.min(Fen::ZERO);
        self.prior_floor = self.prior.min(Fen::ZERO);
    }

    /// Whether something besides its balances differs from `before`.
    pub fn is_reshaped(&self, before: &Self) -> bool {
        let shape = |account: &Self| {
            (
                account.current_floor,
                account.prior_floor,
                account.medical_year,
                account.frozen,
                account.closed_at,
            )
        };
        shape(self) != shape(before)
    }

    /// The bucket to which money returns that `bucket` paid in the medical year `paid_in`: what was this year's money
    /// then is prior-year money once the year has turned (ruling 28 of the design).
    pub fn home_of(&self, bucket: Bucket, paid_in: i16) -> Bucket {
        if self.medical_year > paid_in {
            Bucket::Prior
        } else {
            bucket
        }
    }
}

/// Which of a patient's accounts a bill is for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// `psn_no`, which differs per region for the same human.
    pub person_no: Option<&'a str>,
    pub scheme: Option<Scheme>,
}

/// The account a bill is settled on, out of all accounts of the patient: what the bill names, then normal standing before
/// any other, then employees before residents; never by the order in which they are listed.
///
/// # Errors
/// `SYNC_PENDING` if no account has arrived yet, `CREDENTIAL_NOT_THE_PATIENTS` if the person number is nobody's here,
/// `ENROLMENT_UNKNOWN` if the patient is not in that scheme.
pub fn choose<'a>(accounts: &[&'a Account], wanted: Wanted<'_>) -> Result<&'a Account, Refusal> {
    if accounts.is_empty() {
        return Err(Reason::SyncPending.into());
    }
    let named = |account: &&&Account| {
        wanted
            .person_no
            .is_none_or(|number| account.person_no == number)
    };
    let named: Vec<&Account> = accounts.iter().filter(named).copied().collect();
    if named.is_empty() {
        return Err(Refusal::about(
            Reason::CredentialNotThePatients,
            "person_no",
        ));
    }
    named
        .into_iter()
        .filter(|account| wanted.scheme.is_none_or(|scheme| account.scheme == scheme))
        .min_by_key(|account| {
            (
                account.standing != Standing::Normal,
                account.scheme != Scheme::Employee,
                account.id,
            )
        })
        .ok_or_else(|| Refusal::about(Reason::EnrolmentUnknown, "scheme"))
}

/// The year in which the medical year of `day` began.
pub fn medical_year(day: Date, start: MonthDay) -> i16 {
    if (day.month(), day.day()) >= (start.month, start.day) {
        day.year()
    } else {
        day.year().saturating_sub(1)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use jiff::civil::date;

    pub(crate) fn account(current: i64, prior: i64) -> Account {
        Account {
            id: AccountId::generate(),
            person: PersonId::generate(),
            person_no: "3206000001".to_owned(),
            region: "320600".parse().unwrap(),
            scheme: Scheme::Employee,
            kind: PersonKind::Working,
            standing: Standing::Normal,
            frozen: false,
            closed_at: None,
            closing: false,
            sandbox: false,
            current: Fen::new(current),
            prior: Fen::new(prior),
            current_floor: Fen::ZERO,
            prior_floor: Fen::ZERO,
            held: Fen::ZERO,
            version: 0,
            medical_year: 2026,
        }
    }

    #[test]
    fn normal_standing_goes_before_scheme_and_scheme_before_age() {
        let resident = Account {
            scheme: Scheme::Resident,
            ..account(0, 0)
        };
        let paused = Account {
            standing: Standing::Paused,
            ..account(0, 0)
        };
        let employee = account(0, 0);
        let any = Wanted {
            person_no: None,
            scheme: None,
        };
        assert_eq!(choose(&[&paused, &resident], any).unwrap().id, resident.id);
        assert_eq!(
            choose(&[&resident, &paused, &employee], any).unwrap().id,
            employee.id
        );
    }

    #[test]
    fn what_a_bill_names_must_be_the_patients() {
        let employee = account(0, 0);
        let refused = |person_no, scheme| {
            choose(&[&employee], Wanted { person_no, scheme })
                .unwrap_err()
                .reason
        };
        assert_eq!(
            refused(Some("elsewhere"), None),
            Reason::CredentialNotThePatients
        );
        assert_eq!(
            refused(None, Some(Scheme::Resident)),
            Reason::EnrolmentUnknown
        );
        let nobody = choose(
            &[],
            Wanted {
                person_no: None,
                scheme: None,
            },
        );
        assert_eq!(nobody.unwrap_err().reason, Reason::SyncPending);
    }

    #[test]
    fn every_movement_is_a_version() {
        let mut account = account(500, 100);
        let after = account.take(Bucket::Current, Fen::new(300)).unwrap();
        assert_eq!(
            after,
            After {
                version: 1,
                current: Fen::new(200),
                prior: Fen::new(100)
            }
        );
        assert_eq!(account.put(Bucket::Prior, Fen::new(1)).unwrap().version, 2);
        assert_eq!(account.put(Bucket::Prior, Fen::new(i64::MAX)), None);
    }

    #[test]
    fn only_clearing_goes_below_zero_and_credits_repay_it_for_good() {
        let mut owing = account(30_000, 0);
        owing.clear(Bucket::Current, Fen::new(-60_000)).unwrap();
        assert_eq!(
            (owing.current, owing.current_floor),
            (Fen::new(-30_000), Fen::new(-30_000))
        );
        owing.put(Bucket::Current, Fen::new(10_000)).unwrap();
        assert_eq!(owing.current_floor, Fen::new(-20_000));
        owing.put(Bucket::Current, Fen::new(50_000)).unwrap();
        assert_eq!(
            (owing.current, owing.current_floor),
            (Fen::new(30_000), Fen::ZERO)
        );
    }

    #[test]
    fn a_year_that_turns_carries_debts_too() {
        let mut owing = account(10_000, 500);
        owing.clear(Bucket::Current, Fen::new(-15_000)).unwrap();
        let before = owing.clone();
        assert_eq!(
            owing.turn(2027).unwrap(),
            After {
                version: 2,
                current: Fen::ZERO,
                prior: Fen::new(-4_500)
            }
        );
        assert_eq!(
            (owing.current_floor, owing.prior_floor, owing.medical_year),
            (Fen::ZERO, Fen::new(-4_500), 2027)
        );
        assert!(owing.is_reshaped(&before));
    }

    #[test]
    fn money_of_a_past_year_returns_to_the_prior_bucket() {
        let mut account = account(0, 0);
        assert_eq!(account.home_of(Bucket::Current, 2026), Bucket::Current);
        account.medical_year = 2027;
        assert_eq!(account.home_of(Bucket::Current, 2026), Bucket::Prior);
        assert_eq!(account.home_of(Bucket::Prior, 2027), Bucket::Prior);
    }

    #[test]
    fn a_medical_year_begins_on_its_day() {
        let july = MonthDay { month: 7, day: 1 };
        assert_eq!(medical_year(date(2026, 6, 30), july), 2025);
        assert_eq!(medical_year(date(2026, 7, 1), july), 2026);
    }
}
