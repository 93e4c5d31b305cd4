//! The broker loses what it had accepted, and nobody notices but the log.

use std::fs;
use std::path::Path;

use chassis::outbox;

use crate::telling::assert_in_order;
use crate::world::{Ledger, World, until};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn assert_all_once(world: &World, events: usize) {
    world.until_effects(events).await;
    until("everything is published", async || {
        outbox::pending(&world.teller).await.unwrap() == 0
    })
    .await;
    let effects = world.effects().await;
    let once: std::collections::BTreeSet<_> = effects.iter().collect();
    assert_eq!(
        (effects.len(), once.len()),
        (events, events),
        "an effect was lost or repeated"
    );
}

#[tokio::test]
async fn a_wiped_broker_loses_nothing_and_repeats_nothing() {
    let mut world = World::start().await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    let mut events = 0;
    for round in 1..=90 {
        let broken = round % 30 == 0;
        if broken {
            world.nats.kill().unwrap();
            world.nats.wipe().unwrap();
        }
        for key in ["a", "b", "c", "d"] {
            events += 1;
            world.tell(key, events).await;
        }
        if broken {
            world.nats.restart().await.unwrap();
        }
    }
    assert_all_once(&world, 360).await;
    assert_in_order(&world.effects().await);
}

#[tokio::test]
async fn what_nobody_had_heard_when_the_broker_was_wiped_is_told_again() {
    let mut world = World::start().await;
    let _relay = world.relay().await;
    for version in 1..=50 {
        world.tell("a", version).await;
    }
    world.until_told().await;
    world.nats.kill().unwrap();
    world.nats.wipe().unwrap();
    world.nats.restart().await.unwrap();
    let _listener = world.listen(&Ledger::default()).await;
    assert_all_once(&world, 50).await;
    assert_in_order(&world.effects().await);
}

#[tokio::test]
async fn what_everybody_had_confirmed_is_not_told_again() {
    let mut world = World::start().await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    for version in 1..=50 {
        world.tell("a", version).await;
    }
    world.until_effects(50).await;
    until("the relay knows that it is confirmed", async || {
        let followers = outbox::status(&world.teller).await.unwrap().followers;
        followers
            .iter()
            .any(|one| one.durable == "notification" && one.floor == Some(50))
    })
    .await;
    world.nats.kill().unwrap();
    world.nats.wipe().unwrap();
    world.nats.restart().await.unwrap();
    world.tell("a", 51).await;
    assert_all_once(&world, 51).await;
    assert_eq!(world.messages().await, 1);
}

#[tokio::test]
async fn a_stream_that_lost_its_end_is_filled_again_and_its_followers_start_again() {
    let mut world = World::start().await;
    let relay = world.relay().await;
    let listener = world.listen(&Ledger::default()).await;
    for version in 1..=10 {
        world.tell("a", version).await;
    }
    world.until_effects(10).await;
    drop(relay);
    drop(listener);
    world.nats.kill().unwrap();
    let earlier = world.store().with_extension("earlier");
    copy(&world.store(), &earlier);
    world.nats.restart().await.unwrap();

    // Later messages, some of them heard, some not, are all lost: the disk had never seen them.
    let relay = world.relay().await;
    let listener = world.listen(&Ledger::default()).await;
    for version in 11..=20 {
        world.tell("a", version).await;
    }
    world.until_effects(20).await;
    drop(listener);
    for version in 21..=30 {
        world.tell("a", version).await;
    }
    world.until_told().await;
    drop(relay);
    world.nats.kill().unwrap();
    world.nats.wipe().unwrap();
    copy(&earlier, &world.store());
    world.nats.restart().await.unwrap();

    // The numbers of what was lost are given to other events now.
    world.tell("b", 1).await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    assert_all_once(&world, 31).await;
    assert_in_order(&world.effects().await);
    let generation: i64 = sqlx::query_scalar("SELECT generation FROM outbox_stream WHERE current")
        .fetch_one(&world.teller)
        .await
        .unwrap();
    assert_eq!(generation, 2);
}

#[tokio::test]
async fn the_end_of_a_stream_is_missed_by_those_who_were_connected_all_the_time() {
    let mut world = World::start().await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    world.tell("a", 1).await;
    world.until_effects(1).await;
    world.nats.kill().unwrap();
    let earlier = world.store().with_extension("earlier");
    copy(&world.store(), &earlier);
    world.nats.restart().await.unwrap();
    for version in 2..=40 {
        world.tell("a", version).await;
    }
    world.until_effects(40).await;
    world.nats.kill().unwrap();
    world.nats.wipe().unwrap();
    copy(&earlier, &world.store());
    world.nats.restart().await.unwrap();
    for version in 41..=50 {
        world.tell("a", version).await;
    }
    assert_all_once(&world, 50).await;
    assert_in_order(&world.effects().await);
}

#[tokio::test]
async fn a_hole_in_the_stream_is_found_and_filled() {
    let world = World::start().await;
    let _relay = world.relay().await;
    for version in 1..=10 {
        world.tell(&format!("key{version}"), version).await;
    }
    world.until_told().await;
    let stream = world
        .jetstream()
        .await
        .get_stream("GONGJI_SETTLEMENT")
        .await
        .unwrap();
    for sequence in [1, 4, 5, 10] {
        stream.delete_message(sequence).await.unwrap();
    }
    let _listener = world.listen(&Ledger::default()).await;
    assert_all_once(&world, 10).await;
}

#[tokio::test]
async fn a_stream_that_somebody_deleted_is_made_anew() {
    let world = World::start().await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    world.tell("a", 1).await;
    world.until_effects(1).await;
    world
        .jetstream()
        .await
        .delete_stream("GONGJI_SETTLEMENT")
        .await
        .unwrap();
    for version in 2..=20 {
        world.tell("a", version).await;
    }
    assert_all_once(&world, 20).await;
    assert_in_order(&world.effects().await);
}
