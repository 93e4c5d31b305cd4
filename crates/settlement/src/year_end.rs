//! The turn of a medical year in one region (`domain.md` 11): charges stop, differences are cleared, every account is
//! rolled over and earns its interest, charges go on.
//!
//! The window is a row that the look at an account reads along, so a charge answers that the year is being closed, and
//! not that there is no money. Each account's year stands on the account and turns under its lock, so rolling over may
//! stop anywhere, be done twice, or by two at once: what has turned is left alone.

use futures::future::join_all;
use kernel::clock::business_day;
use kernel::{AccountId, Reason, Refusal, Region, Timestamp};
use policy::values::MonthDay;

use crate::account::medical_year;
use crate::command::{Command, Origin};
use crate::keep::Keep;
use crate::store::{StoreError, year_end as store};
use crate::writer::{Office, Writer};

/// The most that money of earlier years can earn: all of it again.
const MOST_INTEREST: u32 = 10_000;

/// Which region, and the year in which the medical year that ends began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Which {
    pub region: Region,
    pub year: i16,
}

/// How far the turn of a year has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearEnd {
    pub which: Which,
    /// What the codes of all places inside the region begin with, as a pattern.
    pub prefix: String,
    /// Basis points.
    pub interest: u32,
    pub accounts: i64,
    pub rolled: i64,
    /// The last account that was rolled over.
    pub last_account: Option<AccountId>,
    pub begun: (String, Timestamp),
    /// None while it is closing.
    pub finished: Option<(String, Timestamp)>,
}

/// Why a year end has no answer.
#[derive(Debug, thiserror::Error)]
pub enum YearEndError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Reason> for YearEndError {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}

impl From<sqlx::Error> for YearEndError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl YearEnd {
    /// Whether one of both lies inside the other.
    fn overlaps(&self, region: Region) -> bool {
        region.lineage().any(|wider| wider == self.which.region)
            || self.which.region.lineage().any(|wider| wider == region)
    }

    /// What an earlier year end means for beginning this one: it is the same, or it stands in the way.
    fn meets(&self, which: Which, interest: u32) -> Result<bool, Refusal> {
        let contradicts =
            || Refusal::about(Reason::YearEndContradicts, self.which.region.to_string());
        match (self.which == which, &self.finished) {
            (true, Some(_)) => Err(Reason::YearEndFinished.into()),
            (true, None) if self.interest == interest => Ok(true),
            (true, None) => Err(contradicts()),
            (false, None) if self.overlaps(which.region) => Err(contradicts()),
            (false, _) => Ok(false),
        }
    }
}

/// Stops charges in the region. Asked again, it answers with what was begun.
///
/// # Errors
/// `MEDICAL_YEAR_NOT_OVER`, `MEDICAL_YEAR_DIFFERS` if a place inside begins its year on another day, `YEAR_END_FINISHED`,
/// `YEAR_END_CONTRADICTS`, `INTEREST_RATE_INVALID`, `REGION_UNKNOWN`.
pub async fn begin(
    office: &Office,
    which: Which,
    interest: u32,
    operator: &str,
) -> Result<YearEnd, YearEndError> {
    if interest > MOST_INTEREST {
        return Err(Reason::InterestRateInvalid.into());
    }
    if which.region == Region::NATION {
        let region = which.region.to_string();
        return Err(Refusal::about(Reason::RegionUnknown, region).into());
    }
    let now = office.clock.now();
    let day = business_day(now);
    let start = office.packs.rules(which.region, day)?.medical_year_start;
    if medical_year(day, start) <= which.year {
        return Err(Reason::MedicalYearNotOver.into());
    }
    let mut tx = chassis::db::begin(&office.db).await?;
    store::lock(&mut tx).await?;
    for known in store::open_or_same(&mut tx, which).await? {
        if known.meets(which, interest)? {
            return Ok(known);
        }
    }
    let places = store::insert(&mut tx, which, interest, (operator, now)).await?;
    same_start(office, &places, start, now)?;
    let begun = store::find(&mut *tx, which).await?;
    let begun = begun.ok_or(Reason::YearEndUnknown)?;
    tx.commit().await?;
    tracing::info!(region = %which.region, year = which.year, accounts = begun.accounts, "a year end has begun");
    Ok(begun)
}

/// A year cannot be closed for a place in the middle of its own.
fn same_start(
    office: &Office,
    places: &[Region],
    start: MonthDay,
    now: Timestamp,
) -> Result<(), Refusal> {
    for place in places {
        let rules = office.packs.rules(*place, business_day(now))?;
        if rules.medical_year_start != start {
            return Err(Refusal::about(
                Reason::MedicalYearDiffers,
                place.to_string(),
            ));
        }
    }
    Ok(())
}

/// Rolls over the next `most` accounts of the region; also says whether none is left.
///
/// # Errors
/// `YEAR_END_UNKNOWN`, and whatever the first account that was not rolled over was refused with.
pub async fn roll_over(
    office: &Office,
    writer: &Writer,
    (which, most): (Which, i64),
    origin: &Origin,
) -> Result<(YearEnd, bool), YearEndError> {
    let known = store::find(&office.db, which).await?;
    let known = known.ok_or(Reason::YearEndUnknown)?;
    if known.finished.is_some() {
        return Ok((known, true));
    }
    let mut next = store::next_accounts(&office.db, &known, most).await?;
    if next.is_empty() && known.last_account.is_some() {
        // Something that was passed by: an account that came while the others were rolled over.
        let from_the_start = YearEnd {
            last_account: None,
            ..known.clone()
        };
        next = store::next_accounts(&office.db, &from_the_start, most).await?;
    }
    if next.is_empty() {
        return Ok((known, true));
    }
    let turned = join_all(next.iter().map(|account| {
        let turn = Keep::Turn {
            account: *account,
            year: which.year,
            interest: known.interest,
        };
        writer.submit_in_turn(Command::Keep(turn), origin.clone())
    }));
    let answers = turned.await;
    let done = answers.iter().take_while(|answer| answer.is_ok()).count();
    if let Some(last) = done.checked_sub(1).and_then(|last| next.get(last)) {
        store::advance(&office.db, &known, *last, i64::try_from(done).unwrap_or(0)).await?;
    }
    for answer in answers {
        answer?;
    }
    let now = store::find(&office.db, which).await?;
    Ok((now.ok_or(Reason::YearEndUnknown)?, false))
}

/// Lets charges go on. Asked again, it answers with what was finished.
///
/// # Errors
/// `YEAR_END_UNKNOWN`; `YEAR_END_UNFINISHED` while an account is left.
pub async fn finish(
    office: &Office,
    which: Which,
    operator: &str,
) -> Result<YearEnd, YearEndError> {
    let mut tx = chassis::db::begin(&office.db).await?;
    store::lock(&mut tx).await?;
    let known = store::find(&mut *tx, which).await?;
    let known = known.ok_or(Reason::YearEndUnknown)?;
    if known.finished.is_some() {
        return Ok(known);
    }
    let from_the_start = YearEnd {
        last_account: None,
        ..known
    };
    if !store::next_accounts(&mut *tx, &from_the_start, 1)
        .await?
        .is_empty()
    {
        return Err(Reason::YearEndUnfinished.into());
    }
    store::finish(&mut tx, which, (operator, office.clock.now())).await?;
    let finished = store::find(&mut *tx, which).await?;
    tx.commit().await?;
    Ok(finished.ok_or(Reason::YearEndUnknown)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(region: &str, year: i16) -> YearEnd {
        YearEnd {
            which: Which {
                region: region.parse().unwrap(),
                year,
            },
            prefix: String::new(),
            interest: 35,
            accounts: 0,
            rolled: 0,
            last_account: None,
            begun: ("op-1".to_owned(), Timestamp::UNIX_EPOCH),
            finished: None,
        }
    }

    #[test]
    fn a_region_closes_one_year_at_a_time_and_so_does_everything_inside_it() {
        let city = closing("320600", 2026);
        let meets = |region: &str, year, interest| {
            let region = region.parse().unwrap();
            city.meets(Which { region, year }, interest)
                .map_err(|refusal| refusal.reason)
        };
        assert_eq!(meets("320600", 2026, 35), Ok(true));
        assert_eq!(meets("320600", 2026, 36), Err(Reason::YearEndContradicts));
        assert_eq!(meets("320600", 2025, 35), Err(Reason::YearEndContradicts));
        assert_eq!(meets("320000", 2026, 35), Err(Reason::YearEndContradicts));
        assert_eq!(meets("320601", 2026, 35), Err(Reason::YearEndContradicts));
        assert_eq!(meets("320500", 2026, 35), Ok(false));
        let finished = YearEnd {
            finished: Some(("op-1".to_owned(), Timestamp::UNIX_EPOCH)),
            ..city.clone()
        };
        let again = finished.meets(finished.which, 35).unwrap_err();
        assert_eq!(again.reason, Reason::YearEndFinished);
    }
}
