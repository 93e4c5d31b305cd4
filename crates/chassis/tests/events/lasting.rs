//! What is kept, for how long, and on which databases at all.

use std::time::Duration;

use chassis::db::{self, OpenError, SchemaError};
use chassis::lease::Lease;
use chassis::outbox;
use jiff::SignedDuration;
use kernel::Clock;
use sqlx::PgPool;
use sqlx::migrate::Migrator;

use crate::world::{Ledger, TABLES, World, database, open, until};

const TTL: SignedDuration = SignedDuration::from_millis(300);

#[tokio::test]
async fn a_lease_is_had_by_one_and_taken_over_only_from_the_silent() {
    let world = World::start().await;
    let acquire = |holder: &'static str| Lease::acquire(&world.teller, "lane", holder, TTL);
    let mut first = acquire("first").await.unwrap().expect("nobody has it");
    let (renewing, refused) = tokio::join!(
        async {
            for _ in 0..8 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                assert!(first.renew().await.unwrap());
            }
        },
        acquire("second")
    );
    assert_eq!(
        (renewing, refused.unwrap().is_none()),
        ((), true),
        "its holder has shown itself"
    );

    let second = acquire("second")
        .await
        .unwrap()
        .expect("its holder is silent");
    assert_eq!((first.token(), second.token()), (1, 2));
    assert!(!first.renew().await.unwrap());
    let mut conn = world.teller.acquire().await.unwrap();
    assert!(!first.is_held(&mut conn).await.unwrap());
    assert!(second.is_held(&mut conn).await.unwrap());
    first.release().await.unwrap();
    assert!(
        second.is_held(&mut conn).await.unwrap(),
        "only the holder can release"
    );
    second.release().await.unwrap();
    assert_eq!(
        acquire("third")
            .await
            .unwrap()
            .expect("it was released")
            .token(),
        3
    );
}

#[tokio::test]
async fn a_database_without_tables_or_with_those_of_another_build_is_refused() {
    let config = database("empty").await;
    let missing = db::open(&config, &TABLES).await.unwrap_err();
    assert!(
        matches!(
            missing,
            OpenError::Schema(SchemaError::Behind {
                set: "chassis",
                found: 0,
                ..
            })
        ),
        "{missing}"
    );
    open(&config).await;
    let unknown = db::open(&config, &NONE).await.unwrap_err();
    assert!(
        matches!(
            unknown,
            OpenError::Schema(SchemaError::Unknown {
                set: "service",
                found: 1
            })
        ),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_database_that_may_lose_commits_is_refused_unless_it_is_a_throw_away() {
    let mut config = database("careless").await;
    let pool = open(&config).await;
    sqlx::query("ALTER DATABASE careless SET synchronous_commit = off")
        .execute(&pool)
        .await
        .unwrap();
    let refused = db::open(&config, &TABLES).await.unwrap_err();
    assert!(
        refused.to_string().contains("synchronous_commit = off"),
        "{refused}"
    );
    config.allow_unsafe_durability = true;
    db::open(&config, &TABLES).await.unwrap();
}

static NONE: Migrator = Migrator::DEFAULT;

async fn rows(db: &PgPool, table: &'static str) -> i64 {
    let count = match table {
        "outbox" => "SELECT count(*) FROM outbox",
        _ => "SELECT count(*) FROM inbox",
    };
    sqlx::query_scalar(count).fetch_one(db).await.unwrap()
}

#[tokio::test]
async fn confirmed_events_are_forgotten_after_their_time_and_unconfirmed_ones_are_not() {
    let mut world = World::start().await;
    let clock = Clock::manual("2026-01-05T02:00:00Z".parse().unwrap());
    world.clock = clock.clone();
    let relay = world.relay().await;
    let listener = world.listen(&Ledger::default()).await;
    for version in 1..=5 {
        world.tell("heard", version).await;
    }
    world.until_effects(5).await;
    until("it is known that they are confirmed", async || {
        let floor: Option<i64> = sqlx::query_scalar("SELECT min(floor) FROM outbox_follower")
            .fetch_one(&world.teller)
            .await
            .unwrap();
        floor == Some(5)
    })
    .await;
    listener.shut_down().await.unwrap();
    world.tell("unheard", 1).await;
    world.until_told().await;
    relay.shut_down().await.unwrap();
    assert_eq!(rows(&world.teller, "outbox").await, 6);

    clock.advance(SignedDuration::from_hours(4 * 24));
    let _relay = world.relay().await;
    until("the confirmed ones are gone", async || {
        rows(&world.teller, "outbox").await == 1
    })
    .await;
    assert!(
        outbox::forget_follower(&world.teller, "notification")
            .await
            .unwrap()
    );
    assert!(
        !outbox::forget_follower(&world.teller, "nobody")
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn the_inbox_forgets_what_can_no_longer_come() {
    let mut world = World::start().await;
    let clock = Clock::manual("2026-01-05T02:00:00Z".parse().unwrap());
    world.clock = clock.clone();
    let _relay = world.relay().await;
    let listener = world.listen(&Ledger::default()).await;
    world.tell("a", 1).await;
    world.until_effects(1).await;
    listener.shut_down().await.unwrap();
    assert_eq!(rows(&world.listener, "inbox").await, 1);
    clock.advance(SignedDuration::from_hours(31 * 24));
    let _listener = world.listen(&Ledger::default()).await;
    until("it is forgotten", async || {
        rows(&world.listener, "inbox").await == 0
    })
    .await;
}
