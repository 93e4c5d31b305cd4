//! Services that end without warning. They run as processes of their own here, and are killed.

use proto::common::v1::Relation;
use tonic::Code;

use crate::harness::{Person, Purse, Stack, bill_of, parts, settled, until};

async fn a_family(stack: &Stack) -> (Person, Person) {
    let wanted = [
        ("110100", Purse::current(1_000_000)),
        ("110100", Purse::EMPTY),
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
async fn a_crash_between_commit_and_publish_loses_nothing() {
    let mut stack = Stack::of_processes().await;
    let (mother, son) = a_family(&stack).await;
    stack.until_quiet().await;
    // Nothing can be published now, so what is committed is only in the database when the process ends.
    stack.kill_broker();
    let mut bills = Vec::new();
    for _ in 0..10 {
        bills.push(stack.settle(&son, 600).await);
    }
    let unpublished = stack.count("SELECT count(*) FROM outbox_pending").await;
    assert!(
        unpublished >= 20,
        "a charge and a balance each: {unpublished}"
    );
    stack.kill_process("settlement");
    stack.restart_broker().await;
    stack.start_process("settlement").await;

    stack.until_every_charge_is_told().await;
    stack.until_quiet().await;
    stack.every_charge_is_told_once().await;
    stack.every_change_is_told().await;
    assert!(bills.iter().all(|bill| parts(bill) == (0, 600, 0)));
    assert_eq!(stack.balance(&mother).await, 1_000_000 - 6_000);
    stack.end().await;
}

#[tokio::test]
async fn a_settlement_killed_while_it_works_answers_every_retry_and_charges_once() {
    let mut stack = Stack::of_processes().await;
    let (mother, son) = a_family(&stack).await;
    let msgids: Vec<_> = (0..120).map(|_| stack.msgid()).collect();
    let bill = bill_of(&son, 50);
    {
        // Each bill is sent once; the process is killed when some are answered, so that others are under way.
        let sending = msgids
            .iter()
            .map(|msgid| stack.try_settle(msgid, bill.clone()));
        let sending = futures::future::join_all(sending);
        let some = until("some are decided", async || {
            stack.count("SELECT count(*) FROM settlement").await > 0
        });
        tokio::select! { _ = sending => {}, () = some => {} }
    }
    stack.kill_process("settlement");
    stack.start_process("settlement").await;

    // The pharmacy's system sends everything again under the same msgids.
    for msgid in &msgids {
        until("the bill is answered", async || {
            match stack.try_settle(msgid, bill.clone()).await {
                Ok(answer) => parts(&settled(answer)) == (0, 50, 0),
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                    false
                }
            }
        })
        .await;
    }
    assert_eq!(stack.count("SELECT count(*) FROM settlement").await, 120);
    assert_eq!(stack.balance(&mother).await, 1_000_000 - 120 * 50);
    stack.until_every_charge_is_told().await;
    stack.every_charge_is_told_once().await;
    stack.every_change_is_told().await;
    stack.end().await;
}

#[tokio::test]
async fn a_crash_between_commit_and_ack_repeats_nothing() {
    let mut stack = Stack::of_processes().await;
    let (_, son) = a_family(&stack).await;
    for round in 1..=3 {
        for _ in 0..10 {
            stack.settle(&son, 50).await;
        }
        // Somewhere in the middle of telling them.
        until("some notices of this round are stored", async || {
            stack.notices_stored().await > 10 * (round - 1)
        })
        .await;
        stack.kill_process("notification");
        stack.start_process("notification").await;
    }
    stack.until_every_charge_is_told().await;
    stack.until_quiet().await;
    stack.every_charge_is_told_once().await;
    stack.every_change_is_told().await;
    stack.end().await;
}
