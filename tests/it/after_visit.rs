//! Bills that are deducted after the visit, over the whole stack: asked for and looked at in JSON, driven by events.

use kernel::Role;
use proto::common::v1::Relation;
use proto::settlement::v1::{
    Bill, Deduct, GetSettlementResponse, SettleRequest, SettleResponse, Settlement, SettlementState,
};

use crate::harness::{PHARMACY, Person, Purse, Stack, bill_of, code_of, settled, until};

fn to_accept(stack: &Stack, bill: Bill) -> SettleRequest {
    SettleRequest {
        msgid: stack.msgid(),
        bill: Some(bill),
        deduct: Deduct::AfterVisit.into(),
        ..SettleRequest::default()
    }
}

/// Has a bill accepted over gRPC.
async fn accept(stack: &Stack, patient: &Person, fen: i64) -> Settlement {
    let mut counter = stack.callers.institution(PHARMACY).settlement();
    let request = to_accept(stack, bill_of(patient, fen));
    let answer = counter.settle(request).await;
    settled(answer.expect("nothing is wrong with the bill").into_inner())
}

/// The bill as the pharmacy sees it now, over HTTP.
async fn look(stack: &Stack, bill: &Settlement) -> Settlement {
    let path = format!("/api/v1/settlements/{}", bill.settlement_id);
    let answer = stack
        .http
        .get(format!("{}{path}", stack.layout.url("gateway")))
        .bearer_auth(stack.pharmacy_token())
        .send()
        .await
        .expect("the gateway answers");
    let body = answer.bytes().await.expect("the answer has a body");
    let shown: GetSettlementResponse = serde_json::from_slice(&body).expect("it is a message");
    shown.settlement.expect("the pharmacy sees its own")
}

async fn until_it_is(stack: &Stack, bill: &Settlement, state: SettlementState) -> [i64; 4] {
    until("the bill is there", async || {
        look(stack, bill).await.state() == state
    })
    .await;
    let split = look(stack, bill).await.split.expect("a bill has a split");
    [split.own_fen, split.aid_fen, split.cash_fen, split.open_fen]
}

async fn a_poor_family(stack: &Stack) -> (Person, Person) {
    let wanted = [("110100", Purse::EMPTY), ("110100", Purse::EMPTY)];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    stack.bind(&mother, &son, Relation::Child).await;
    (mother, son)
}

#[tokio::test]
async fn a_bill_that_is_asked_for_in_json_is_deducted_as_money_comes_and_each_time_told_once() {
    let stack = Stack::start().await;
    let (mother, son) = a_poor_family(&stack).await;
    let request = to_accept(&stack, bill_of(&son, 5_000));
    let sent = stack
        .http
        .post(format!(
            "{}/api/v1/settlements",
            stack.layout.url("gateway")
        ))
        .bearer_auth(stack.callers.token(Role::Institution, PHARMACY, "gateway"))
        .body(serde_json::to_string(&request).expect("a message is JSON"))
        .send()
        .await;
    let body = sent.expect("the gateway answers").bytes().await;
    let body = body.expect("the answer has a body");
    let answer: SettleResponse = serde_json::from_slice(&body).expect("it is a message");
    let bill = settled(answer);
    assert_eq!(bill.state(), SettlementState::Accepted);

    for (wanted, state, expected) in [
        (2_000, SettlementState::PartlyDeducted, [0, 2_000, 0, 3_000]),
        (4_000, SettlementState::Settled, [0, 5_000, 0, 0]),
    ] {
        stack.credit(&mother, Purse::current(wanted)).await;
        assert_eq!(until_it_is(&stack, &bill, state).await, expected);
    }
    stack.until_every_charge_is_told().await;
    stack.until_quiet().await;
    stack.every_charge_is_told_once().await;
    assert_eq!(stack.balance(&mother).await, 1_000);
    assert_eq!(
        stack.told(&son, &bill.settlement_id).await,
        ["AID_USED_FOR_YOU", "AID_USED_FOR_YOU", "DEDUCTION_ACCEPTED"]
    );
    assert_eq!(
        stack.told(&mother, &bill.settlement_id).await,
        ["CHARGED_AID", "CHARGED_AID"]
    );
    assert_eq!(
        look(&stack, &bill)
            .await
            .after_visit
            .map(|visit| visit.deductions.len()),
        Some(2)
    );
    stack.end().await;
}

#[tokio::test]
async fn a_relative_who_is_bound_after_the_visit_pays_for_it() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(9_000)),
        ("110100", Purse::current(100)),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    let bill = accept(&stack, &son, 5_000).await;
    let partly = until_it_is(&stack, &bill, SettlementState::PartlyDeducted).await;
    assert_eq!(partly, [100, 0, 0, 4_900]);
    stack.bind(&mother, &son, Relation::Child).await;
    let paid = until_it_is(&stack, &bill, SettlementState::Settled).await;
    assert_eq!(paid, [100, 4_900, 0, 0]);
    stack.end().await;
}

#[tokio::test]
async fn what_nobody_paid_in_time_is_given_up_to_cash_and_the_patient_is_told() {
    let stack = Stack::start().await;
    let (_, son) = a_poor_family(&stack).await;
    let bill = accept(&stack, &son, 5_000).await;
    stack.until_quiet().await;
    stack
        .clock
        .advance(jiff::SignedDuration::from_hours(31 * 24));
    let given_up = until_it_is(&stack, &bill, SettlementState::GivenUp).await;
    assert_eq!(given_up, [0, 0, 5_000, 0]);
    stack.until_quiet().await;
    assert_eq!(
        stack.told(&son, &bill.settlement_id).await,
        ["DEDUCTION_ACCEPTED", "DEDUCTION_GIVEN_UP"]
    );
    stack.end().await;
}

#[tokio::test]
async fn a_crash_after_a_bill_was_accepted_deducts_it_once() {
    let mut stack = Stack::of_processes().await;
    let (mother, son) = a_poor_family(&stack).await;
    stack.until_quiet().await;
    // Nothing can be published: that it was accepted and that money came is known to the database only.
    stack.kill_broker();
    let mut bills = Vec::new();
    for _ in 0..5 {
        bills.push(accept(&stack, &son, 600).await);
    }
    stack.credit(&mother, Purse::current(2_500)).await;
    stack.kill_process("settlement");
    stack.restart_broker().await;
    stack.start_process("settlement").await;
    until("the money is used", async || {
        stack.balance(&mother).await == 0
    })
    .await;
    // And once more in the middle of it.
    stack.credit(&mother, Purse::current(10_000)).await;
    stack.kill_process("settlement");
    stack.start_process("settlement").await;
    for bill in &bills {
        until_it_is(&stack, bill, SettlementState::Settled).await;
    }
    assert_eq!(stack.balance(&mother).await, 12_500 - 5 * 600);
    stack.until_every_charge_is_told().await;
    stack.until_quiet().await;
    stack.every_charge_is_told_once().await;
    stack.end().await;
}

#[tokio::test]
async fn a_way_to_deduct_that_nobody_knows_and_a_bill_without_accounts_change_nothing() {
    let stack = Stack::start().await;
    let (_, son) = a_poor_family(&stack).await;
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    let mut counter = stack.callers.institution(PHARMACY).settlement();
    let unknown = SettleRequest {
        deduct: 7,
        ..to_accept(&stack, bill_of(&son, 500))
    };
    assert_eq!(code_of(counter.settle(unknown).await), "UNKNOWN_CODE");
    let without = Bill {
        without_account: true,
        ..bill_of(&son, 500)
    };
    let refused = counter.settle(to_accept(&stack, without)).await;
    assert_eq!(code_of(refused), "MALFORMED_REQUEST");
    let nothing = to_accept(&stack, bill_of(&son, 0));
    assert_eq!(code_of(counter.settle(nothing).await), "AMOUNT_ZERO");
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}
