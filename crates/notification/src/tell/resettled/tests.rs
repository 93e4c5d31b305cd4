use proto::convert::wire_time;
use proto::settlement::v1::Leg;

use super::super::money::tests::{PATIENT, heard, leg, person};
use super::*;
use crate::notice::{Amount, Template};

fn net(number: u128, change_fen: i64, after: i64) -> NetChange {
    let charged = leg(number, 1, 9, (after, 0));
    let leg = charged.leg.unwrap();
    NetChange {
        kind: leg.kind,
        account_id: leg.account_id,
        person_id: leg.person_id,
        change_fen,
        account_version: 9,
        current_after_fen: after,
        ..Default::default()
    }
}

/// The bill of example 4 of the domain reference: Li and Zhang paid for the patient, and a part of the goods came back.
fn resettled() -> Charged {
    Charged {
        settlement_id: "stl_new".into(),
        patient_person_id: person(PATIENT).to_string(),
        total_fen: 60_000,
        own_fen: 12_000,
        aid_fen: 48_000,
        legs: vec![
            leg(PATIENT, 12_000, 9, (0, 0)),
            leg(3, 48_000, 9, (7_000, 0)),
        ],
        replaced: Some(Replaced {
            settlement_id: "stl_old".into(),
            settled_at: Some(wire_time("2026-01-02T02:05:00Z".parse().unwrap())),
            total_fen: 90_000,
            own_fen: 12_000,
            aid_fen: 78_000,
            nets: vec![
                net(PATIENT, 0, 0),
                net(2, 23_000, 30_000),
                net(3, 7_000, 7_000),
            ],
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[test]
fn who_paid_for_both_bills_hears_the_net_once_and_the_patient_how_the_bill_stands() {
    let notices = charged(&resettled()).unwrap();
    assert_eq!(
        heard(&notices),
        [
            (person(2), Template::ResettledAid),
            (person(3), Template::ResettledAid),
            (person(PATIENT), Template::ResettledAid),
        ]
    );
    let told = |notice: &NewNotice| match notice.told {
        Told::ResettledAid { amount, more, .. } => (amount, more),
        _ => panic!("{notice:?}"),
    };
    assert_eq!(told(&notices[0]), (Amount(Fen::new(23_000)), false));
    assert_eq!(told(&notices[1]), (Amount(Fen::new(7_000)), false));
    let Told::ResettledForYou { before, total, .. } = notices[2].told else {
        panic!("{notices:?}");
    };
    let amounts = (Amount(Fen::new(90_000)), Amount(Fen::new(60_000)));
    assert_eq!((before, total), amounts);
}

#[test]
fn who_pays_more_than_came_back_hears_of_the_difference_and_of_a_limit_that_it_used_up() {
    let mut bill = resettled();
    bill.legs[1].per_month_left_fen = Some(0);
    let replaced = bill.replaced.as_mut().unwrap();
    replaced.nets = vec![net(PATIENT, -500, 0), net(3, -1_000, 7_000)];
    let notices = charged(&bill).unwrap();
    assert_eq!(
        heard(&notices),
        [
            (person(PATIENT), Template::ResettledOwn),
            (person(3), Template::ResettledAid),
            (person(PATIENT), Template::ResettledAid),
            (person(3), Template::LimitReached),
        ]
    );
    let Told::ResettledOwn { amount, more, .. } = notices[0].told else {
        panic!("{notices:?}");
    };
    assert_eq!((amount, more), (Amount(Fen::new(500)), true));
}

#[test]
fn money_that_waits_for_an_operator_is_told_to_whose_it_is() {
    let mut bill = resettled();
    let replaced = bill.replaced.as_mut().unwrap();
    replaced.nets = vec![net(3, 7_000, 7_000)];
    replaced.unclaimed = vec![Leg {
        amount_fen: 30_000,
        ..leg(2, 1, 1, (0, 0)).leg.unwrap()
    }];
    let notices = charged(&bill).unwrap();
    assert_eq!(
        heard(&notices),
        [
            (person(3), Template::ResettledAid),
            (person(PATIENT), Template::ResettledAid),
            (person(2), Template::RefundUnclaimed),
        ]
    );
    let Told::ResettledForYou { waiting, .. } = notices[1].told else {
        panic!("{notices:?}");
    };
    assert_eq!(waiting, Amount(Fen::new(30_000)));
}
