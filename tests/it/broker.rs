//! What the broker does to events, and what that does to money and notices: nothing.

use proto::common::v1::Relation;

use crate::harness::{Person, Purse, Stack, until};

async fn a_family(stack: &Stack) -> (Person, Person) {
    let wanted = [
        ("110100", Purse::current(1_000_000)),
        ("110100", Purse::current(5_000)),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    stack.bind(&mother, &son, Relation::Child).await;
    (mother, son)
}

#[tokio::test]
async fn a_redelivered_event_has_one_effect() {
    let stack = Stack::start().await;
    let (mother, son) = a_family(&stack).await;
    let bill = stack.settle(&son, 7_000).await;
    stack.cancel(&bill).await;
    stack.settle(&son, 300).await;
    stack.until_quiet().await;
    let ledger = "SELECT count(*) FROM movement";
    let before = (
        stack.count(ledger).await,
        stack.notices(&mother).await,
        stack.notices(&son).await,
    );
    assert!(!before.1.is_empty() && !before.2.is_empty());

    assert!(stack.repeat_every_event().await > 5);
    stack.until_quiet().await;
    assert_eq!(
        before,
        (
            stack.count(ledger).await,
            stack.notices(&mother).await,
            stack.notices(&son).await
        )
    );

    // Again with followers that start from the beginning, and with news on top: it comes after all that is old.
    stack.forget_every_confirmation().await;
    let news = stack.settle(&son, 400).await;
    until("the news arrives", async || {
        !stack.told(&son, &news.settlement_id).await.is_empty()
    })
    .await;
    stack.until_quiet().await;
    assert_eq!(stack.notices(&son).await.len(), before.2.len() + 1);
    stack.every_charge_is_told_once().await;
    stack.every_change_is_told().await;
    stack.end().await;
}

#[tokio::test]
async fn the_broker_is_killed_and_wiped_while_charges_run_and_every_charge_has_its_notices_once() {
    let mut stack = Stack::start().await;
    let (mother, son) = a_family(&stack).await;
    for round in 0..3 {
        for _ in 0..15 {
            stack.settle(&son, 600).await;
        }
        stack.kill_broker();
        stack.wipe_broker();
        // The counter does not notice.
        for _ in 0..10 {
            stack.settle(&son, 600).await;
        }
        stack.restart_broker().await;
        assert_eq!(
            stack.count("SELECT count(*) FROM settlement").await,
            25 * (round + 1)
        );
    }
    stack.until_every_charge_is_told().await;
    stack.until_quiet().await;
    stack.every_charge_is_told_once().await;
    stack.every_change_is_told().await;
    assert_eq!(
        stack.balance(&mother).await + stack.balance(&son).await,
        1_005_000 - 75 * 600
    );
    stack.end().await;
}

/// JetStream can lose a whole stream that it had acknowledged: nats-io/nats-server#7556.
#[tokio::test]
async fn lost_stream_nats_7556() {
    let stack = Stack::start().await;
    let (_, son) = a_family(&stack).await;
    for _ in 0..5 {
        stack.settle(&son, 600).await;
    }
    let jetstream = stack.jetstream().await;
    for service in ["SETTLEMENT", "BINDING", "AUTHORIZATION"] {
        jetstream
            .delete_stream(format!("GONGJI_{service}"))
            .await
            .expect("it was there");
    }
    for _ in 0..5 {
        stack.settle(&son, 600).await;
    }
    stack.until_every_charge_is_told().await;
    stack.until_quiet().await;
    stack.every_charge_is_told_once().await;
    stack.every_change_is_told().await;
    // A binding made on the new streams is known everywhere.
    let wanted = [("110100", Purse::current(900)), ("110100", Purse::EMPTY)];
    let [aunt, nephew] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    stack.bind(&aunt, &nephew, Relation::Sibling).await;
    stack.settle(&nephew, 900).await;
    assert_eq!(stack.balance(&aunt).await, 0);
    stack.end().await;
}
