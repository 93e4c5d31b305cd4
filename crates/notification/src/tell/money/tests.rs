use std::collections::{BTreeMap, BTreeSet};

use kernel::AccountId;
use proptest::prelude::*;
use proto::event::Fact;
use proto::settlement::v1::{ChargedLeg, Leg, LegKind};

use super::*;
use crate::notice::{Balance, LimitWindow, Template};
use crate::tell::{changes_of, notices_of};

pub(in crate::tell) const PATIENT: u128 = 1;

pub(in crate::tell) fn person(number: u128) -> PersonId {
    PersonId::from_uuid(uuid::Uuid::from_u128(number))
}

/// A leg of the person with this number, who has one account with the same number.
pub(in crate::tell) fn leg(
    number: u128,
    amount_fen: i64,
    version: i64,
    after: (i64, i64),
) -> ChargedLeg {
    let kind = if number == PATIENT {
        LegKind::Own
    } else {
        LegKind::Aid
    };
    ChargedLeg {
        leg: Some(Leg {
            kind: kind.into(),
            account_id: AccountId::from_uuid(uuid::Uuid::from_u128(number)).to_string(),
            person_id: person(number).to_string(),
            amount_fen,
            ..Default::default()
        }),
        account_version: version,
        current_after_fen: after.0,
        prior_after_fen: after.1,
        per_month_left_fen: None,
        per_day_left_fen: None,
        per_year_left_fen: None,
        total_left_fen: None,
    }
}

fn bill(legs: Vec<ChargedLeg>) -> Charged {
    Charged {
        settlement_id: "stl_x".into(),
        patient_person_id: person(PATIENT).to_string(),
        institution_kind: InstitutionKind::Pharmacy.into(),
        legs,
        ..Default::default()
    }
}

pub(in crate::tell) fn heard(notices: &[NewNotice]) -> Vec<(PersonId, Template)> {
    notices
        .iter()
        .map(|notice| (notice.person, notice.told.template()))
        .collect()
}

#[test]
fn every_payer_and_the_patient_hear_of_a_charge_with_aid() {
    let notices = charged(&bill(vec![
        leg(PATIENT, 5_000, 4, (0, 0)),
        leg(2, 30_000, 9, (10, 20)),
    ]))
    .unwrap();
    assert_eq!(
        heard(&notices),
        [
            (person(PATIENT), Template::ChargedOwn),
            (person(2), Template::ChargedAid),
            (person(PATIENT), Template::AidUsedForYou),
        ]
    );
}

#[test]
fn legs_out_of_both_buckets_are_one_notice_with_the_newest_balance() {
    let notices = charged(&bill(vec![
        leg(2, 100, 8, (0, 700)),
        leg(2, 250, 9, (0, 450)),
    ]))
    .unwrap();
    let Told::ChargedAid {
        amount, balances, ..
    } = &notices[0].told
    else {
        panic!("{notices:?}");
    };
    assert_eq!(*amount, Fen::new(350).into());
    assert_eq!(*balances, [balance(0, 450, 9).unwrap()]);
}

#[test]
fn a_month_that_is_used_up_is_told_to_the_contributor() {
    let mut last = leg(2, 100, 8, (5, 5));
    last.per_month_left_fen = Some(0);
    let mut first = leg(2, 100, 7, (5, 5));
    first.per_month_left_fen = Some(100);
    let heard = heard(&charged(&bill(vec![first, last])).unwrap());
    assert!(
        heard.contains(&(person(2), Template::LimitReached)),
        "{heard:?}"
    );
}

#[test]
fn of_several_limits_that_are_used_up_the_longest_is_told() {
    let mut leg = leg(2, 100, 8, (5, 5));
    leg.per_day_left_fen = Some(0);
    leg.per_year_left_fen = Some(0);
    leg.total_left_fen = Some(1);
    let notices = charged(&bill(vec![leg])).unwrap();
    let reached: Vec<_> = notices
        .iter()
        .filter_map(|notice| match notice.told {
            Told::LimitReached { window, .. } => Some(window),
            _ => None,
        })
        .collect();
    assert_eq!(reached, [LimitWindow::Year]);
}

#[test]
fn short_aid_is_told_with_its_reason_and_only_a_limit_concerns_the_contributor() {
    let mut short = bill(vec![leg(2, 100, 8, (5, 5)), leg(3, 100, 8, (5, 5))]);
    short.aid_short_reason = Reason::LimitPerTransaction.code().to_owned();
    let told = heard(&charged(&short).unwrap());
    assert!(told.contains(&(person(PATIENT), Template::AidShort)));
    assert!(told.contains(&(person(3), Template::AidShort)));
    assert!(!told.contains(&(person(2), Template::AidShort)));

    short.aid_short_reason = Reason::BelowFloor.code().to_owned();
    let told = heard(&charged(&short).unwrap());
    assert!(!told.contains(&(person(3), Template::AidShort)));

    short.aid_short_reason = Reason::AidDeclined.code().to_owned();
    let told = heard(&charged(&short).unwrap());
    assert!(!told.contains(&(person(PATIENT), Template::AidShort)));
}

#[test]
fn a_bill_paid_in_cash_alone_moves_no_balance_and_is_not_told() {
    assert_eq!(charged(&bill(Vec::new())), Ok(Vec::new()));
}

/// The account of the person with this number.
fn account(number: u128) -> String {
    AccountId::from_uuid(uuid::Uuid::from_u128(number)).to_string()
}

#[test]
fn what_a_bill_tells_of_is_every_movement_of_its_payers_and_what_nobody_tells_is_known_nevertheless()
 {
    let bill = bill(vec![
        leg(PATIENT, 100, 3, (0, 0)),
        leg(2, 100, 8, (0, 700)),
        leg(2, 250, 9, (0, 450)),
    ]);
    let fact = Fact::Charged(bill);
    let told: Vec<_> = changes_of(&fact, &notices_of(&fact).unwrap())
        .unwrap()
        .iter()
        .map(|seen| (seen.person, seen.moved.version, seen.told))
        .collect();
    assert_eq!(
        told,
        [
            (person(PATIENT), 3, true),
            (person(2), 8, true),
            (person(2), 9, true)
        ]
    );
    for (cause, told) in [
        (BalanceCause::Charge, false),
        (BalanceCause::Allocation, true),
    ] {
        let fact = Fact::BalanceChanged(moved(cause));
        let changes = changes_of(&fact, &notices_of(&fact).unwrap()).unwrap();
        assert_eq!((changes.len(), changes[0].told), (1, told), "{cause:?}");
    }
}

fn moved(cause: BalanceCause) -> BalanceChanged {
    BalanceChanged {
        account_id: account(2),
        person_id: person(2).to_string(),
        version: 3,
        cause: cause.into(),
        cause_id: "alc_x".into(),
        current_change_fen: 12_000,
        current_after_fen: 20_000,
        prior_after_fen: 1,
        ..Default::default()
    }
}

#[test]
fn a_balance_change_is_told_unless_the_charge_tells_it() {
    let allocated = balance_changed(&moved(BalanceCause::Allocation)).unwrap();
    assert_eq!(
        heard(&allocated),
        [(person(2), Template::AllocationCredited)]
    );
    let opened = balance_changed(&moved(BalanceCause::Opening)).unwrap();
    assert_eq!(heard(&opened), [(person(2), Template::BalanceOpened)]);
    for cause in [
        BalanceCause::Charge,
        BalanceCause::Cancel,
        BalanceCause::Refund,
    ] {
        assert_eq!(balance_changed(&moved(cause)), Ok(Vec::new()));
    }
}

#[test]
fn an_account_that_opens_empty_is_not_told_of_a_change() {
    let mut opened = moved(BalanceCause::Opening);
    opened.current_change_fen = 0;
    assert_eq!(balance_changed(&opened), Ok(Vec::new()));
}

#[test]
fn a_cause_or_leg_of_a_later_build_cannot_be_told() {
    let mut changed = moved(BalanceCause::Allocation);
    changed.cause = 99;
    assert_eq!(balance_changed(&changed), Err(Unreadable::code("cause")));
    let mut unknown = leg(2, 100, 8, (5, 5));
    unknown.leg.as_mut().unwrap().kind = 99;
    let refused = charged(&bill(vec![unknown]));
    assert_eq!(refused, Err(Unreadable::code("legs.leg.kind")));
}

#[test]
fn sums_that_no_account_could_hold_are_refused() {
    let legs = vec![leg(2, i64::MAX, 8, (0, 0)), leg(2, 1, 9, (0, 0))];
    assert!(charged(&bill(legs)).is_err());
    assert!(charged(&bill(vec![leg(2, 1, 9, (i64::MAX, 1))])).is_err());
}

fn balances_in(told: &Told) -> &[Balance] {
    match told {
        Told::ChargedOwn { balances, .. } | Told::ChargedAid { balances, .. } => balances,
        _ => &[],
    }
}

proptest! {
    /// Whatever the legs: one notice per person and template, and the last version of every account told exactly once, to its owner.
    #[test]
    fn every_account_that_moved_is_told_once(legs in prop::collection::vec((1_u128..6, 1_i64..1_000, 0_i64..1_000), 0..12)) {
        let mut newest = BTreeMap::new();
        let legs: Vec<_> = legs.iter().zip(1_i64..).map(|(&(number, amount, after), version)| {
            newest.insert(person(number), version);
            leg(number, amount, version, (after, 0))
        }).collect();
        let notices = charged(&bill(legs)).unwrap();
        let keys: BTreeSet<_> = heard(&notices).into_iter().collect();
        prop_assert_eq!(keys.len(), notices.len());
        let told: Vec<_> = notices.iter()
            .flat_map(|notice| balances_in(&notice.told).iter().map(|balance| (notice.person, balance.version)))
            .collect();
        let mut sorted = told.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, newest.into_iter().collect::<Vec<_>>());
    }
}
