//! Money that is set aside for a bill, and bills that were quoted.

use futures::future::join_all;
use jiff::SignedDuration;
use proto::binding::v1::BindingState;
use proto::common::v1::{Relation, Usage};
use proto::settlement::v1::place_hold_response::Outcome;
use proto::settlement::v1::settle_response::Outcome as Settled;
use proto::settlement::v1::{Bill, HoldState, ListAccountsRequest, SettleRequest, SettleResponse};
use tonic::Status;

use crate::harness::{PHARMACY, Person, Purse, Stack, bill_of, code_of, parts, settled, until};

/// A contributor with money, and relatives without.
async fn family(stack: &Stack, fen: i64, children: usize) -> (Person, Vec<Person>) {
    let mut wanted = vec![("110100", Purse::current(fen))];
    wanted.resize(children + 1, ("110100", Purse::EMPTY));
    let mut people = stack.people(&wanted).await;
    let children = people.split_off(1);
    let mother = people.pop().expect("the first was asked for");
    for child in &children {
        stack.bind(&mother, child, Relation::Child).await;
    }
    (mother, children)
}

#[tokio::test]
async fn hold_overcommit_blnk_181() {
    let stack = Stack::start().await;
    let (mother, children) = family(&stack, 10_000, 3).await;
    // Thirty holds at once on an account that can carry three and a third of them.
    let asked = (0..30).map(|turn| stack.hold(&children[turn % 3], 3_000));
    let holds = join_all(asked).await;
    let held: Vec<i64> = holds.iter().map(|hold| hold.held_fen).collect();
    assert_eq!(held.iter().sum::<i64>(), 10_000, "{held:?}");
    assert_eq!(stack.balance(&mother).await, 10_000, "nothing has moved");
    // A bill finds nothing left.
    assert_eq!(parts(&stack.settle(&mother, 500).await), (0, 0, 500));
    let captured = join_all(holds.iter().map(|hold| stack.capture(&hold.hold_id, None))).await;
    for (hold, settlement) in holds.iter().zip(captured) {
        let settlement = settlement.expect("what was held is there");
        assert_eq!(parts(&settlement).1, hold.held_fen);
    }
    assert_eq!(stack.balance(&mother).await, 0);
    stack.until_quiet().await;
    stack.every_charge_is_told_once().await;
    stack.end().await;
}

#[tokio::test]
async fn rejected_hold_not_committable_blnk_182() {
    let stack = Stack::start().await;
    let patient = stack.person("110100", Purse::current(5_000)).await;
    let gym = Bill {
        usage: Usage::Fitness.into(),
        ..bill_of(&patient, 900)
    };
    let answer = stack.try_hold(gym).await.expect("a decline is an answer");
    let Some(Outcome::Declined(reason)) = &answer.outcome else {
        panic!("{answer:?}")
    };
    assert_eq!(reason.code, "USAGE_PROHIBITED");
    let before = stack.fingerprint().await;
    let captured = stack.capture(&answer.hold_id, None).await;
    assert_eq!(code_of(captured), "HOLD_REJECTED");
    let released = stack.release(&answer.hold_id).await;
    assert_eq!(code_of(released), "HOLD_REJECTED");
    let seen = stack.hold_as_seen_by(PHARMACY, &answer.hold_id).await;
    assert_eq!(seen.expect("it is its own").state(), HoldState::Rejected);
    assert_eq!(before, stack.fingerprint().await);
    assert_eq!(stack.balance(&patient).await, 5_000);
    stack.end().await;
}

#[tokio::test]
async fn a_hold_that_is_over_refuses_with_how_it_ended_and_another_pharmacys_is_not_yours() {
    let stack = Stack::start().await;
    let patient = stack.person("110100", Purse::current(5_000)).await;
    let hold = stack.hold(&patient, 2_000).await;
    let mut owner = stack.callers.citizen(patient.id).settlement();
    let list = ListAccountsRequest {
        person_id: patient.id.to_string(),
    };
    let accounts = owner.list_accounts(list).await.expect("it is their own");
    let account = &accounts.into_inner().accounts[0];
    assert_eq!((account.current_fen, account.held_fen), (5_000, 2_000));

    let above = stack.capture(&hold.hold_id, Some(2_001)).await;
    assert_eq!(code_of(above), "CAPTURE_ABOVE_HOLD");
    let elsewhere = stack.hold_as_seen_by("P00000000009", &hold.hold_id).await;
    assert_eq!(code_of(elsewhere), "HOLD_NOT_YOURS");
    let mistyped = stack.capture("hld_00000000000000000000000000", None).await;
    assert_eq!(code_of(mistyped), "HOLD_UNKNOWN");
    let captured = stack.capture(&hold.hold_id, Some(1_500)).await;
    assert_eq!(parts(&captured.expect("it is held")), (1_500, 0, 0));
    for again in [
        code_of(stack.capture(&hold.hold_id, None).await),
        code_of(stack.release(&hold.hold_id).await),
    ] {
        assert_eq!(again, "HOLD_CAPTURED");
    }
    let late = stack.hold(&patient, 3_000).await;
    stack.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(
        code_of(stack.capture(&late.hold_id, None).await),
        "HOLD_EXPIRED"
    );
    let seen = stack.hold_as_seen_by(PHARMACY, &late.hold_id).await;
    assert_eq!(seen.expect("it is its own").state(), HoldState::Expired);
    assert_eq!(stack.balance(&patient).await, 3_500);
    stack.until_quiet().await;
    stack.end().await;
}

#[tokio::test]
async fn unbinding_waits_for_the_hold_of_a_counter_and_then_takes_nothing_more() {
    let stack = Stack::start().await;
    let [mother, son] = stack
        .people(&[("110100", Purse::current(9_000)), ("110100", Purse::EMPTY)])
        .await
        .try_into()
        .expect("two were asked for");
    let binding = stack.bind(&mother, &son, Relation::Child).await;
    let hold = stack.hold(&son, 4_000).await;
    assert_eq!(stack.unbind(&mother, binding).await, BindingState::Ending);
    assert_eq!(stack.hold(&son, 1_000).await.held_fen, 0);
    let captured = stack.capture(&hold.hold_id, None).await;
    assert_eq!(parts(&captured.expect("it is let finish")), (0, 4_000, 0));
    until("the binding has ended", async || {
        stack.unbind(&mother, binding).await == BindingState::Ended
    })
    .await;
    assert_eq!(parts(&stack.settle(&son, 100).await), (0, 0, 100));
    assert_eq!(stack.balance(&mother).await, 5_000);
    stack.until_quiet().await;
    stack.end().await;
}

/// Settles a bill on a quote.
async fn settle_on(stack: &Stack, bill: Bill, quote_id: &str) -> Result<SettleResponse, Status> {
    let request = SettleRequest {
        msgid: stack.msgid(),
        bill: Some(bill),
        quote_id: quote_id.to_owned(),
        deduct: 0,
        replaces: String::new(),
    };
    let mut counter = stack.callers.institution(PHARMACY).settlement();
    Ok(counter.settle(request).await?.into_inner())
}

#[tokio::test]
async fn a_quote_is_the_most_that_is_taken_for_five_minutes() {
    let stack = Stack::start().await;
    let (mother, children) = family(&stack, 6_000, 2).await;
    let quoted = stack.quote(bill_of(&children[0], 5_000)).await;
    let agreed = settle_on(&stack, bill_of(&children[0], 5_000), &quoted.quote_id).await;
    let agreed = settled(agreed.expect("the money is still there"));
    assert_eq!(parts(&agreed), (0, 5_000, 0));

    let quoted = stack.quote(bill_of(&children[0], 1_000)).await;
    // A sister is quicker.
    stack.settle(&children[1], 400).await;
    let stale = settle_on(&stack, bill_of(&children[0], 1_000), &quoted.quote_id).await;
    match stale.expect("it is answered").outcome {
        Some(Settled::Stale(stale)) => {
            let split = stale.split.expect("the new plan");
            assert_eq!((split.aid_fen, split.cash_fen), (600, 400));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stack.balance(&mother).await, 600);
    let other = settle_on(&stack, bill_of(&children[1], 1_000), &quoted.quote_id).await;
    assert_eq!(code_of(other), "QUOTE_OTHER_BILL");
    stack.clock.advance(SignedDuration::from_mins(5));
    let late = settle_on(&stack, bill_of(&children[0], 1_000), &quoted.quote_id).await;
    assert_eq!(code_of(late), "QUOTE_EXPIRED");
    let mistyped = "quo_00000000000000000000000000";
    let unknown = settle_on(&stack, bill_of(&children[0], 1_000), mistyped).await;
    assert_eq!(code_of(unknown), "QUOTE_UNKNOWN");
    stack.until_quiet().await;
    stack.end().await;
}
