//! The same message again.

use futures::future::join_all;
use proto::common::v1::Relation;
use proto::settlement::v1::GetOutcomeRequest;
use proto::settlement::v1::get_outcome_response::Outcome;
use serde_json::json;

use crate::harness::{
    PHARMACY, Purse, Stack, bill_of, drug_input, error_code, message_of, settled,
};

#[tokio::test]
async fn the_same_msgid_twice_gives_the_same_answer_and_one_charge() {
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
    stack.bind(&mother, &son, Relation::Child).await;

    let message = stack.drug_message(&son, "5.00");
    let first = stack.done(&message).await;
    // An honest retry restamps its time; the money has moved since, and the answer is still the first one.
    stack.settle(&son, 1_000).await;
    let mut again = message.clone();
    again["inf_time"] = json!("2026-01-05 10:07:00");
    let second = stack.done(&again).await;
    assert_eq!(first["output"], second["output"]);

    let msgid = stack.msgid();
    let bill = bill_of(&son, 700);
    let attempts = join_all((0..32).map(|_| stack.try_settle(&msgid, bill.clone()))).await;
    let mut answers = attempts
        .into_iter()
        .map(|answer| settled(answer.expect("it is an honest retry")));
    let one = answers.next().expect("there were attempts");
    assert!(answers.all(|answer| answer == one));

    assert_eq!(stack.balance(&mother).await, 10_000 - 400 - 1_000 - 700);
    let outcome = stack
        .callers
        .institution(PHARMACY)
        .settlement()
        .get_outcome(GetOutcomeRequest { msgid })
        .await;
    assert_eq!(
        outcome.expect("it was decided").into_inner().outcome,
        Some(Outcome::Settlement(one))
    );
    stack.end().await;
}

#[tokio::test]
async fn the_same_msgid_with_another_body_is_refused_and_told_what_differs() {
    let stack = Stack::start().await;
    let patient = stack.person("110100", Purse::current(10_000)).await;
    let msgid = stack.msgid();
    let first = stack.try_settle(&msgid, bill_of(&patient, 700)).await;
    settled(first.expect("nothing is wrong with the bill"));
    stack.until_quiet().await;
    let before = stack.fingerprint().await;

    let status = stack
        .try_settle(&msgid, bill_of(&patient, 800))
        .await
        .expect_err("it is another bill");
    let seen = chassis::grpc::refusal_of(&status).expect("it is one of our refusals");
    assert_eq!(seen.code, "MSGID_REUSED");
    let about = seen.about.expect("it names what differs");
    assert!(
        about.contains("total_fen") && about.contains("lines"),
        "{about}"
    );
    assert!(!about.contains("patient"), "{about}");

    let message = message_of("2102", &msgid, &drug_input(&patient, "8.00"));
    let answer = stack.send(&message).await;
    assert_eq!(error_code(&answer), "MSGID_REUSED");
    assert!(
        answer["err_msg"]
            .as_str()
            .is_some_and(|text| text.contains("total_fen")),
        "{answer}"
    );
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}

#[tokio::test]
async fn what_became_of_a_lost_answer_can_be_asked() {
    let stack = Stack::start().await;
    let patient = stack.person("110100", Purse::current(10_000)).await;
    let msgid = stack.msgid();
    let ask = message_of(
        "5203",
        &stack.msgid(),
        &json!({ "data": { "medins_setl_id": msgid } }),
    );
    assert_eq!(error_code(&stack.send(&ask).await), "NEVER_DECIDED");

    let message = message_of("2102", &msgid, &drug_input(&patient, "8.00"));
    let answer = stack.done(&message).await;
    let found = stack.done(&ask).await;
    assert_eq!(
        found["output"]["setlinfo"]["setl_id"],
        answer["output"]["setlinfo"]["setl_id"]
    );
    stack.end().await;
}
