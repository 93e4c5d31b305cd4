//! What was committed is told, and nothing else.

use chassis::outbox::{self, Entry};

use crate::world::{Ledger, World, fenced, until};

#[tokio::test]
async fn a_committed_event_reaches_its_follower_and_a_rolled_back_one_does_not() {
    let world = World::start().await;
    let ledger = Ledger::default();
    let (_relay, _listener) = (world.relay().await, world.listen(&ledger).await);
    let mut tx = chassis::db::begin(&world.teller).await.unwrap();
    outbox::record(&mut tx, &fenced("dreamt", 1), world.clock.now())
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    world.tell("real", 1).await;
    world.until_effects(1).await;
    assert_eq!(world.effects().await, [("real".to_owned(), 1)]);
}

#[tokio::test]
async fn a_crash_between_commit_and_publish_loses_nothing() {
    let world = World::start().await;
    for version in 1..=3 {
        world.tell("a", version).await;
    }
    assert_eq!(outbox::pending(&world.teller).await.unwrap(), 3);
    // The process that committed is gone; another one starts.
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    world.until_effects(3).await;
    assert_eq!(outbox::pending(&world.teller).await.unwrap(), 0);
}

#[tokio::test]
async fn a_crash_between_publish_and_mark_repeats_nothing() {
    let world = World::start().await;
    let relay = world.relay().await;
    for version in 1..=20 {
        world.tell("a", version).await;
    }
    world.until_told().await;
    drop(relay);
    // As if the mark of these had never been written.
    sqlx::query(
        "WITH gone AS (DELETE FROM outbox_published WHERE sequence > 5 RETURNING position)
         INSERT INTO outbox_pending (position, key) SELECT position, 'a' FROM gone",
    )
    .execute(&world.teller)
    .await
    .unwrap();
    world.tell("a", 21).await;

    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    world.until_told().await;
    world.until_effects(21).await;
    assert_eq!(
        world.messages().await,
        21,
        "the broker recognised what it had"
    );
    let versions: Vec<i64> = world
        .effects()
        .await
        .into_iter()
        .map(|(_, version)| version)
        .collect();
    assert_eq!(versions, (1..=21).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_event_that_commits_after_a_later_one_is_told_too() {
    let world = World::start().await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    let mut slow = chassis::db::begin(&world.teller).await.unwrap();
    outbox::record(&mut slow, &fenced("slow", 1), world.clock.now())
        .await
        .unwrap();
    world.tell("fast", 1).await;
    world.until_effects(1).await;
    slow.commit().await.unwrap();
    world.until_effects(2).await;
    assert_eq!(
        world.effects().await,
        [("fast".to_owned(), 1), ("slow".to_owned(), 1)]
    );
}

#[tokio::test]
async fn thousands_of_events_keep_the_order_of_their_keys() {
    let world = World::start().await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    for batch in 0..10_i64 {
        let entries: Vec<Entry> = (0..300_i64)
            .map(|nth| {
                Entry::new(
                    &fenced(&format!("key{}", nth % 7), batch * 300 + nth),
                    world.clock.now(),
                )
            })
            .collect();
        let mut tx = chassis::db::begin(&world.teller).await.unwrap();
        outbox::record_all(&mut tx, &entries).await.unwrap();
        tx.commit().await.unwrap();
    }
    world.until_effects(3000).await;
    assert_in_order(&world.effects().await);
    assert_eq!(world.effects().await.len(), 3000);
}

/// Every key's versions grow.
pub fn assert_in_order(effects: &[(String, i64)]) {
    let mut last = std::collections::HashMap::new();
    for (key, version) in effects {
        let before = last.insert(key, version);
        assert!(
            before.is_none_or(|before| before < version),
            "{key}: {version} came after {before:?}"
        );
    }
}

#[tokio::test]
async fn an_event_that_the_broker_refuses_holds_up_its_key_and_no_other() {
    let world = World::start().await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    // The key is a header: with a line break in it, no message can be made.
    world.tell("broken\nkey", 1).await;
    world.tell("broken\nkey", 2).await;
    for version in 1..=5 {
        world.tell("sound", version).await;
    }
    world.until_effects(5).await;
    until("only the broken key waits", async || {
        outbox::pending(&world.teller).await.unwrap() == 2
    })
    .await;
    assert!(world.effects().await.iter().all(|(key, _)| key == "sound"));
}

#[tokio::test]
async fn the_relay_goes_on_after_the_broker_was_away() {
    let mut world = World::start().await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    world.tell("a", 1).await;
    world.until_effects(1).await;
    world.nats.kill().unwrap();
    world.tell("a", 2).await;
    world.nats.restart().await.unwrap();
    world.tell("a", 3).await;
    world.until_effects(3).await;
    assert_eq!(world.effects().await.len(), 3);
}

#[tokio::test]
async fn a_second_relay_waits_until_the_first_is_gone_and_then_takes_over() {
    let world = World::start().await;
    let _listener = world.listen(&Ledger::default()).await;
    let (first, second) = (world.relay().await, world.relay().await);
    world.tell("a", 1).await;
    world.until_effects(1).await;
    drop(first);
    world.tell("a", 2).await;
    world.until_effects(2).await;
    second.shut_down().await.unwrap();
    // Who leaves in good order leaves nobody waiting.
    let released: bool = sqlx::query_scalar("SELECT released FROM lease WHERE name = 'relay'")
        .fetch_one(&world.teller)
        .await
        .unwrap();
    assert!(released);
}
