//! What was told is applied once, in order, or parked.

use chassis::outbox::{self, Entry};
use chassis::parked::{self, Reason};
use jiff::SignedDuration;
use kernel::Clock;

use crate::telling::assert_in_order;
use crate::world::{Ledger, Mood, World, fenced, until};

#[tokio::test]
async fn a_redelivered_event_has_one_effect() {
    let world = World::start().await;
    let (_relay, listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    for version in 1..=10 {
        world.tell("a", version).await;
    }
    world.until_effects(10).await;
    drop(listener);
    // The broker forgets that anybody ever heard anything, and tells everything from the beginning.
    let stream = world
        .jetstream()
        .await
        .get_stream("GONGJI_SETTLEMENT")
        .await
        .unwrap();
    stream.delete_consumer("notification").await.unwrap();
    let _listener = world.listen(&Ledger::default()).await;
    world.tell("a", 11).await;
    world.until_effects(11).await;
    assert_in_order(&world.effects().await);
    assert_eq!(world.effects().await.len(), 11);
}

#[tokio::test]
async fn a_crash_between_commit_and_ack_repeats_nothing_and_waits_for_nothing() {
    let world = World::start().await;
    let (_relay, listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    for version in 1..=200 {
        world.tell("a", version).await;
    }
    world.until_effects(20).await;
    // Dropped wherever it is: before, in or after a transaction, with deliveries it never answered.
    drop(listener);
    let _listener = world.listen(&Ledger::default()).await;
    world.until_effects(200).await;
    assert_in_order(&world.effects().await);
    assert_eq!(world.effects().await.len(), 200);
}

#[tokio::test]
async fn an_event_that_will_never_make_sense_is_parked_and_can_be_replayed() {
    let world = World::start().await;
    let ledger = Ledger::default();
    ledger.mood("a", 2, Mood::Refuses);
    let (_relay, _listener) = (world.relay().await, world.listen(&ledger).await);
    let ids = [
        world.tell("a", 1).await,
        world.tell("a", 2).await,
        world.tell("a", 3).await,
    ];
    world.until_effects(2).await;
    assert_eq!(
        world.effects().await,
        [("a".to_owned(), 1), ("a".to_owned(), 3)]
    );
    until("it is parked", async || {
        parked::count(&world.listener).await.unwrap() == 1
    })
    .await;
    let parked = parked::list(&world.listener, 10).await.unwrap().remove(0);
    assert_eq!(
        (parked.delivery.event_id, parked.reason),
        (ids[1], Reason::Refused)
    );
    assert_eq!(parked.error_chain, ["never"]);
    assert_eq!(parked.headers["ce-source"][0], "/gongji/settlement");

    // A replay before the cause is gone fails and says so; after that it has its effect, once.
    assert!(
        parked::replay(&world.listener, "notification", ids[1], world.clock.now())
            .await
            .unwrap()
    );
    until("the replay failed", async || {
        parked::list(&world.listener, 10).await.unwrap()[0]
            .replay_requested_at
            .is_none()
    })
    .await;
    ledger.cheer_up();
    assert_eq!(
        parked::replay_all(&world.listener, "notification", world.clock.now())
            .await
            .unwrap(),
        1
    );
    world.until_effects(3).await;
    until("nothing is parked", async || {
        parked::count(&world.listener).await.unwrap() == 0
    })
    .await;
    assert!(
        !parked::replay(&world.listener, "notification", ids[1], world.clock.now())
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn what_cannot_be_decoded_is_parked_with_its_bytes() {
    let world = World::start().await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    world.tell("a", 1).await;
    world.until_effects(1).await;
    // Somebody else writes to the stream: once without an envelope, once with a body that is none.
    let jetstream = world.jetstream().await;
    jetstream
        .publish("gongji.v1.settlement.fenced", "?".into())
        .await
        .unwrap()
        .await
        .unwrap();
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in [
        ("ce-id", kernel::EventId::generate().to_string()),
        ("ce-time", world.clock.now().to_string()),
        ("ce-type", "gongji.v1.settlement.fenced".to_owned()),
        ("ce-subject", "a".to_owned()),
    ] {
        headers.insert(name, value);
    }
    let sent =
        jetstream.publish_with_headers("gongji.v1.settlement.fenced", headers, "\u{1f}".into());
    sent.await.unwrap().await.unwrap();
    world.tell("a", 2).await;
    world.until_effects(2).await;
    until("both are parked", async || {
        parked::count(&world.listener).await.unwrap() == 2
    })
    .await;
    let parked = parked::list(&world.listener, 10).await.unwrap();
    assert_eq!(
        parked.iter().map(|one| one.reason).collect::<Vec<_>>(),
        [Reason::Unreadable, Reason::Refused]
    );
    assert_eq!(parked[0].delivery.payload, "?");
    assert!(
        parked[1].error_chain[0].contains("cannot be decoded"),
        "{:?}",
        parked[1].error_chain
    );
}

#[tokio::test]
async fn an_event_that_comes_again_later_keeps_its_key_waiting_and_no_other() {
    let world = World::start().await;
    let ledger = Ledger::default();
    ledger.mood("a", 1, Mood::NotYet(4));
    ledger.mood("a", 3, Mood::NotYet(2));
    let (_relay, _listener) = (world.relay().await, world.listen(&ledger).await);
    for version in 1..=4 {
        world.tell("a", version).await;
        world.tell("b", version).await;
    }
    world.until_effects(8).await;
    let effects = world.effects().await;
    assert_in_order(&effects);
    assert_eq!(effects.len(), 8);
    assert_eq!(effects[0].0, "b", "{effects:?}");
}

#[tokio::test]
async fn an_event_that_kills_its_handler_is_parked_in_the_end_and_takes_no_neighbour_with_it() {
    let world = World::start().await;
    let ledger = Ledger::default();
    ledger.mood("a", 1, Mood::Panics);
    let (_relay, listener) = (world.relay().await, world.listen(&ledger).await);
    let id = world.tell("a", 1).await;
    world.tell("b", 1).await;
    world.until_effects(1).await;
    until("a death was counted", async || {
        lives(&world).await == Some((id.uuid(), 1))
    })
    .await;
    drop(listener);

    // Eight more lives ended while it was handled.
    sqlx::query("UPDATE inbox_attempt SET lives = 9")
        .execute(&world.listener)
        .await
        .unwrap();
    let _listener = world.listen(&ledger).await;
    world.tell("b", 2).await;
    until("it is parked", async || {
        parked::count(&world.listener).await.unwrap() == 1
    })
    .await;
    let parked = parked::list(&world.listener, 10).await.unwrap().remove(0);
    assert_eq!(
        (parked.delivery.event_id, parked.reason),
        (id, Reason::HandlerDied)
    );
    world.until_effects(2).await;
    assert_eq!(
        world.effects().await,
        [("b".to_owned(), 1), ("b".to_owned(), 2)]
    );
    assert_eq!(lives(&world).await, None);
}

async fn lives(world: &World) -> Option<(sqlx::types::Uuid, i32)> {
    sqlx::query_as("SELECT event_id, lives FROM inbox_attempt")
        .fetch_optional(&world.listener)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_event_older_than_the_inbox_remembers_is_parked_and_never_applied() {
    let mut world = World::start().await;
    let clock = Clock::manual("2026-01-05T02:00:00Z".parse().unwrap());
    world.clock = clock.clone();
    let _relay = world.relay().await;
    world.tell("old", 1).await;
    world.until_told().await;
    clock.advance(SignedDuration::from_hours(31 * 24));
    world.tell("new", 1).await;
    let _listener = world.listen(&Ledger::default()).await;
    world.until_effects(1).await;
    assert_eq!(world.effects().await, [("new".to_owned(), 1)]);
    let parked = parked::list(&world.listener, 10).await.unwrap();
    assert_eq!(
        parked.iter().map(|one| one.reason).collect::<Vec<_>>(),
        [Reason::TooOld]
    );
}

#[tokio::test]
async fn a_database_that_is_away_costs_no_event_and_parks_none() {
    let world = World::start().await;
    let (_relay, _listener) = (world.relay().await, world.listen(&Ledger::default()).await);
    world.tell("a", 1).await;
    world.until_effects(1).await;
    world.shut_out_listener().await;
    for version in 2..=30 {
        world.tell("a", version).await;
    }
    world.until_told().await;
    world.let_listener_in().await;
    world.until_effects(30).await;
    assert_in_order(&world.effects().await);
    assert_eq!(world.effects().await.len(), 30);
    assert_eq!(parked::count(&world.listener).await.unwrap(), 0);
}

#[tokio::test]
async fn the_trace_of_an_event_arrives_with_it() {
    let world = World::start().await;
    let ledger = Ledger::default();
    ledger.mood("a", 1, Mood::Refuses);
    let (_relay, _listener) = (world.relay().await, world.listen(&ledger).await);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let entry = Entry::new(&fenced("a", 1), world.clock.now()).in_trace(Some(trace.to_owned()));
    let mut tx = chassis::db::begin(&world.teller).await.unwrap();
    outbox::record_all(&mut tx, std::slice::from_ref(&entry))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    until("it is parked", async || {
        parked::count(&world.listener).await.unwrap() == 1
    })
    .await;
    let parked = parked::list(&world.listener, 1).await.unwrap().remove(0);
    assert_eq!(parked.delivery.event_id, entry.id());
    assert_eq!(parked.delivery.trace_parent.as_deref(), Some(trace));
    assert_eq!(parked.delivery.key, "a");
}
