//! A bill is taken back.

use proto::binding::v1::BindingState;
use proto::common::v1::Relation;

use crate::harness::{Purse, Stack, parts};

#[tokio::test]
async fn a_cancel_after_the_unbinding_returns_the_money_to_the_contributor() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(10_000)),
        ("110100", Purse::current(100)),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    let binding = stack.bind(&mother, &son, Relation::Child).await;
    let bill = stack.settle(&son, 2_000).await;
    assert_eq!(parts(&bill), (100, 1_900, 0));
    assert_eq!(stack.unbind(&mother, binding).await, BindingState::Ended);

    let back = stack.cancel(&bill).await;

    assert_eq!((back.own_fen, back.aid_fen, back.cash_fen), (100, 1_900, 0));
    assert_eq!(stack.purse(&mother).await, Purse::current(10_000));
    assert_eq!(stack.purse(&son).await, Purse::current(100));
    stack.until_quiet().await;
    assert_eq!(
        stack.told(&mother, &bill.settlement_id).await,
        ["CHARGED_AID", "REFUNDED_AID"]
    );
    stack.end().await;
}

/// A cancellation restored another balance than there had been: LerianStudio/midaz#2317.
#[tokio::test]
async fn cancel_restores_exact_midaz_2317() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::of(1_111, 2_222)),
        ("110100", Purse::of(333, 4_444)),
        ("110100", Purse::of(55, 66)),
    ];
    let people = stack.people(&wanted).await;
    let patient = &people[2];
    for contributor in &people[..2] {
        stack.bind(contributor, patient, Relation::Parent).await;
    }
    for fen in [1, 55, 56, 121, 122, 1_232, 3_454, 3_455, 8_231, 20_000] {
        let bill = stack.settle(patient, fen).await;
        let (own, aid, cash) = parts(&bill);
        assert_eq!(own + aid + cash, fen);
        let back = stack.cancel(&bill).await;
        assert_eq!(
            (back.own_fen, back.aid_fen, back.cash_fen),
            (own, aid, cash)
        );
        for (person, (_, purse)) in people.iter().zip(&wanted) {
            assert_eq!(
                stack.purse(person).await,
                *purse,
                "after a bill of {fen} fen"
            );
        }
    }
    stack.end().await;
}
