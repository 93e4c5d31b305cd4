//! What happens to an account besides bills: advances, clearing, the turn of its year, freezing, closing, corrections.

use kernel::{Fen, PersonId};
use proto::Unreadable;
use proto::convert::{id, required, time};
use proto::settlement::v1::{
    AccountClosed, AccountFrozen, AccountUnfrozen, BalanceCause, BalanceChanged, Overdrawn,
};

use super::legs::sum;
use super::money::about;
use crate::notice::{Amount, Balance, NewNotice, Told, Who};

/// A change of a balance that no bill made. `amount` is what both buckets gained together.
pub(super) fn balance_changed(
    changed: &BalanceChanged,
    cause: BalanceCause,
    amount: Amount,
    balances: Vec<Balance>,
) -> Result<Told, Unreadable> {
    let period = changed.period.clone();
    let before = || -> Result<Amount, Unreadable> {
        let after = sum(
            "current_after_fen + prior_after_fen",
            [changed.current_after_fen, changed.prior_after_fen].map(Fen::new),
        )?;
        let less = amount.0.checked_neg().unwrap_or(Fen::ZERO);
        Ok(sum("the balance before", [after, less])?.into())
    };
    Ok(match cause {
        BalanceCause::PreAllocation => Told::PreAllocationCredited {
            amount,
            period,
            balances,
        },
        BalanceCause::Adjustment => Told::PreAllocationAdjusted {
            amount,
            period,
            before: before()?,
            balances,
        },
        BalanceCause::Clearing => Told::ClearingDelta {
            amount,
            period,
            before: before()?,
            balances,
        },
        // Between the buckets of one account: what the earlier years gained.
        BalanceCause::Rollover => Told::YearRolledOver {
            amount: Fen::new(changed.prior_change_fen).into(),
            period,
            balances,
        },
        BalanceCause::Interest => Told::InterestPosted {
            amount,
            period,
            balances,
        },
        BalanceCause::Exit => Told::AccountPaidOut {
            amount: amount.0.checked_neg().unwrap_or(amount.0).into(),
            balances,
        },
        BalanceCause::Correction => Told::BalanceCorrected {
            amount,
            before: before()?,
            balances,
        },
        _ => return Err(Unreadable::code("cause")),
    })
}

/// An account fell below zero: its owner is told what it owes, and those it paid for only that it does not for now.
pub(super) fn overdrawn(overdrawn: &Overdrawn) -> Result<Vec<NewNotice>, Unreadable> {
    let owner: PersonId = id("person_id", &overdrawn.person_id)?;
    let owed = Fen::new(overdrawn.owed_fen).into();
    let mut told = vec![(owner, Told::BalanceNegative { owed })];
    for beneficiary in &overdrawn.beneficiary_person_ids {
        let contributor = Who(owner);
        told.push((
            id("beneficiary_person_ids", beneficiary)?,
            Told::AidPausedForYou { contributor },
        ));
    }
    Ok(about(&overdrawn.account_id, overdrawn.sandbox, told))
}

/// The account stands differently since then.
fn stands(
    (account, person): (&str, &str),
    sandbox: bool,
    told: Told,
) -> Result<Vec<NewNotice>, Unreadable> {
    Ok(about(
        account,
        sandbox,
        vec![(id("person_id", person)?, told)],
    ))
}

pub(super) fn frozen(fact: &AccountFrozen) -> Result<Vec<NewNotice>, Unreadable> {
    let since = time("at", required("at", fact.at.as_ref())?)?;
    let whose = (fact.account_id.as_str(), fact.person_id.as_str());
    stands(whose, fact.sandbox, Told::AccountFrozen { since })
}

pub(super) fn unfrozen(fact: &AccountUnfrozen) -> Result<Vec<NewNotice>, Unreadable> {
    let since = time("at", required("at", fact.at.as_ref())?)?;
    let whose = (fact.account_id.as_str(), fact.person_id.as_str());
    stands(whose, fact.sandbox, Told::AccountUnfrozen { since })
}

pub(super) fn closed(fact: &AccountClosed) -> Result<Vec<NewNotice>, Unreadable> {
    let since = time("at", required("at", fact.at.as_ref())?)?;
    let whose = (fact.account_id.as_str(), fact.person_id.as_str());
    stands(whose, fact.sandbox, Told::AccountClosed { since })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::Template;
    use crate::tell::money::balance_changed;

    fn person() -> PersonId {
        PersonId::from_uuid(uuid::Uuid::from_u128(2))
    }

    fn moved(cause: BalanceCause, by: [i64; 2], after: [i64; 2]) -> Told {
        let changed = BalanceChanged {
            account_id: kernel::AccountId::from_uuid(uuid::Uuid::from_u128(2)).to_string(),
            person_id: person().to_string(),
            version: 3,
            cause: cause.into(),
            cause_id: "alc_x".into(),
            period: "2026-06".into(),
            current_change_fen: by[0],
            prior_change_fen: by[1],
            current_after_fen: after[0],
            prior_after_fen: after[1],
            ..Default::default()
        };
        let mut notices = balance_changed(&changed).unwrap();
        assert_eq!(notices.len(), 1);
        notices.remove(0).told
    }

    #[test]
    fn a_clearing_tells_what_it_took_and_what_was_there_before() {
        let told = moved(BalanceCause::Clearing, [-60_000, 0], [-30_000, 0]);
        let Told::ClearingDelta { amount, before, .. } = told else {
            panic!("{told:?}")
        };
        assert_eq!(
            (amount, before),
            (Fen::new(-60_000).into(), Fen::new(30_000).into())
        );
    }

    #[test]
    fn a_rollover_tells_what_the_earlier_years_gained() {
        let told = moved(BalanceCause::Rollover, [-700, 700], [0, 900]);
        let Told::YearRolledOver { amount, .. } = told else {
            panic!("{told:?}")
        };
        assert_eq!(amount, Fen::new(700).into());
    }

    #[test]
    fn every_other_cause_has_its_own_notice() {
        for (cause, template) in [
            (BalanceCause::PreAllocation, Template::PreAllocationCredited),
            (BalanceCause::Adjustment, Template::PreAllocationAdjusted),
            (BalanceCause::Interest, Template::InterestPosted),
            (BalanceCause::Correction, Template::BalanceCorrected),
        ] {
            assert_eq!(moved(cause, [5, 0], [5, 0]).template(), template);
        }
        let told = moved(BalanceCause::Exit, [-5, 0], [0, 0]);
        let Told::AccountPaidOut { amount, .. } = told else {
            panic!("{told:?}")
        };
        assert_eq!(amount, Fen::new(5).into());
    }

    #[test]
    fn a_relative_hears_only_that_aid_is_paused() {
        let relative = PersonId::from_uuid(uuid::Uuid::from_u128(3));
        let notices = overdrawn(&Overdrawn {
            account_id: "acc_x".into(),
            person_id: person().to_string(),
            owed_fen: 30_000,
            beneficiary_person_ids: vec![relative.to_string()],
            ..Default::default()
        })
        .unwrap();
        assert_eq!(notices[0].person, person());
        assert_eq!(
            (notices[1].person, &notices[1].told),
            (
                relative,
                &Told::AidPausedForYou {
                    contributor: Who(person())
                }
            )
        );
    }
}
