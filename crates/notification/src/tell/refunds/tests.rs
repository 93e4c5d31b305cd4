use proto::convert::wire_time;

use super::super::money::tests::{PATIENT, heard, leg, person};
use super::*;
use crate::notice::{Amount, Template};

fn refund(legs: Vec<ChargedLeg>, aid: i64) -> Refunded {
    Refunded {
        settlement_id: "stl_x".into(),
        patient_person_id: person(PATIENT).to_string(),
        settled_at: Some(wire_time("2026-01-02T02:05:00Z".parse().unwrap())),
        legs,
        total_fen: 6_000,
        aid_fen: aid,
        left_fen: 4_000,
        ..Default::default()
    }
}

#[test]
fn a_cancelled_bill_is_told_to_each_payer_and_to_the_patient() {
    let notices = cancelled(&Cancelled {
        settlement_id: "stl_x".into(),
        patient_person_id: person(PATIENT).to_string(),
        settled_at: Some(wire_time("2026-01-02T02:05:00Z".parse().unwrap())),
        legs: vec![leg(PATIENT, 5_000, 5, (5_000, 0)), leg(2, 300, 10, (0, 1))],
        aid_fen: 300,
        ..Default::default()
    })
    .unwrap();
    assert_eq!(
        heard(&notices),
        [
            (person(PATIENT), Template::RefundedOwn),
            (person(2), Template::RefundedAid),
            (person(PATIENT), Template::RefundedAid),
        ]
    );
}

#[test]
fn a_part_that_came_back_is_told_with_what_is_left() {
    let notices = refunded(&refund(vec![leg(2, 300, 10, (0, 1))], 300)).unwrap();
    assert_eq!(
        heard(&notices),
        [
            (person(2), Template::RefundedAid),
            (person(PATIENT), Template::RefundedAid),
        ]
    );
    let Told::AidRefundedForYou { total, stands, .. } = notices[1].told else {
        panic!("{notices:?}");
    };
    assert_eq!(
        (total, stands),
        (Amount(Fen::new(6_000)), Amount(Fen::new(4_000)))
    );
}

#[test]
fn money_that_found_no_account_is_told_to_whom_it_belongs_and_to_the_patient() {
    let unclaimed = leg(2, 300, 10, (0, 1)).leg.unwrap();
    let notices = refunded(&Refunded {
        unclaimed: vec![unclaimed.clone(), unclaimed],
        ..refund(Vec::new(), 600)
    })
    .unwrap();
    assert_eq!(
        heard(&notices),
        [
            (person(2), Template::RefundUnclaimed),
            (person(PATIENT), Template::RefundedAid),
        ]
    );
    let Told::AidRefundedForYou { waiting, .. } = notices[1].told else {
        panic!("{notices:?}");
    };
    assert_eq!(waiting, Amount(Fen::new(600)));
}

#[test]
fn cash_that_went_back_moves_no_balance_and_is_not_told() {
    assert_eq!(refunded(&refund(Vec::new(), 0)), Ok(Vec::new()));
}
