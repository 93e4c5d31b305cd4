//! A permission that was withdrawn stops paying when its contributor is told so.

use proto::authorization::v1::{MandateState, ResumeMandateRequest, RevokeMandateRequest};
use proto::binding::v1::BindingState;
use proto::common::v1::Relation;

use crate::harness::{Purse, Stack, parts, until};

#[tokio::test]
async fn pausing_stops_paying_until_it_is_resumed_and_revoking_for_good() {
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
    assert_eq!(parts(&stack.settle(&son, 500).await), (100, 400, 0));

    let paused = stack.pause(&mother, binding).await;
    assert_eq!(paused.state(), MandateState::Paused);
    let refused = stack.settle(&son, 500).await;
    assert_eq!(parts(&refused), (0, 0, 500));
    let considered = refused.split.expect("it has a split").considered;
    let why = considered
        .last()
        .and_then(|payer| payer.reason.clone())
        .unwrap_or_default();
    assert_eq!(why.code, "MANDATE_PAUSED");

    let binding_id = binding.to_string();
    let mut mothers = stack.callers.citizen(mother.id).authorization();
    let resumed = mothers
        .resume_mandate(ResumeMandateRequest {
            binding_id: binding_id.clone(),
        })
        .await;
    resumed.expect("the contributor may");
    until("the resumed mandate pays", async || {
        parts(&stack.settle(&son, 1).await).1 == 1
    })
    .await;

    let revoked = mothers
        .revoke_mandate(RevokeMandateRequest { binding_id })
        .await;
    let revoked = revoked
        .expect("the contributor may")
        .into_inner()
        .mandate
        .expect("it is in the answer");
    assert_eq!(revoked.state(), MandateState::Revoked);
    assert_eq!(parts(&stack.settle(&son, 500).await), (0, 0, 500));
    stack.end().await;
}

#[tokio::test]
async fn an_ended_binding_pays_nothing_and_the_same_two_can_bind_anew() {
    let stack = Stack::start().await;
    let wanted = [("110100", Purse::current(10_000)), ("110100", Purse::EMPTY)];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    let first = stack.bind(&mother, &son, Relation::Child).await;
    assert_eq!(stack.unbind(&mother, first).await, BindingState::Ended);
    assert_eq!(parts(&stack.settle(&son, 500).await), (0, 0, 500));

    let second = stack.bind(&mother, &son, Relation::Child).await;
    assert_ne!(first, second);
    assert_eq!(parts(&stack.settle(&son, 500).await), (0, 500, 0));

    stack.until_quiet().await;
    assert_eq!(
        stack.told(&son, &first.to_string()).await,
        ["BOUND", "UNBOUND"]
    );
    assert_eq!(stack.told(&son, &second.to_string()).await, ["BOUND"]);
    stack.end().await;
}

#[tokio::test]
async fn a_request_withdrawn_before_it_was_agreed_is_over_at_once_and_no_end_of_payments_is_told() {
    let stack = Stack::start().await;
    // In Jiangsu both sides must agree.
    let wanted = [
        ("320600", Purse::current(10_000)),
        ("320600", Purse::current(100)),
    ];
    let [wife, husband] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    let asked = stack.ask_to_bind(&wife, &husband, Relation::Spouse).await;
    let asked = asked.expect("the rules let them");
    assert_eq!(asked.state(), BindingState::PendingConfirm);

    let binding = asked.binding_id.parse().expect("an answer has ids");
    assert_eq!(stack.unbind(&wife, binding).await, BindingState::Ended);
    stack.until_quiet().await;

    assert_eq!(stack.told(&wife, &asked.binding_id).await, [""; 0]);
    assert_eq!(
        stack.told(&husband, &asked.binding_id).await,
        ["BIND_REQUESTED"]
    );
    assert_eq!(parts(&stack.settle(&husband, 500).await), (100, 0, 400));
    stack.end().await;
}
