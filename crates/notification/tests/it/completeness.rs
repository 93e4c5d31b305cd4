//! Whether everybody was told of every change of their balance.

use std::time::Duration;

use chassis::health::Health;
use chassis::inbox::Failure;
use chassis::tasks::Tasks;
use jiff::SignedDuration;
use kernel::{AccountId, Clock, PersonId};
use notification::audit;
use notification::completeness::{Seen, Standing};
use notification::notice::Moved;
use notification::store::completeness::{self as store, list_days, list_untold};
use proto::settlement::v1::BalanceCause;

use crate::facts::{charged, delivery, moved, noon};
use crate::office::Office;
use crate::receiver::Answer;
use crate::stage::Stage;

/// How long a change may take until it is told.
const GRACE: SignedDuration = SignedDuration::from_mins(1);

/// Long enough for a busy machine; nothing waits this long unless it fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// How it stands when so much time has passed since everything arrived.
async fn standing(stage: &Stage, passed: SignedDuration) -> Standing {
    let clock = Clock::manual(noon());
    assert!(clock.advance(passed));
    audit::standing(&stage.db, GRACE, &clock)
        .await
        .expect("the table is there")
}

/// The changes that were not told, when they count.
async fn untold(stage: &Stage) -> i64 {
    standing(stage, GRACE).await.untold
}

fn account_of(person: PersonId) -> AccountId {
    AccountId::from_uuid(person.uuid())
}

/// What settlement's books say of an account.
async fn booked(stage: &Stage, person: PersonId, version: i64) {
    let account = account_of(person);
    let moved = Moved { account, version };
    let seen = Seen {
        person,
        moved,
        told: false,
    };
    let mut tx = chassis::db::begin(&stage.db)
        .await
        .expect("the database is there");
    store::record(&mut tx, &[seen], noon())
        .await
        .expect("the table is there");
    tx.commit().await.expect("it commits");
}

#[tokio::test]
async fn a_change_counts_as_told_once_its_notice_is_stored_in_whatever_order_events_come() {
    let stage = Stage::open().await;
    let (patient, contributor) = (PersonId::generate(), PersonId::generate());
    let change = delivery(&moved(contributor, BalanceCause::Charge, 1));
    stage.tell(&[change]).await.expect("it can be told");
    assert_eq!(
        standing(&stage, SignedDuration::from_secs(59)).await.untold,
        0
    );
    assert_eq!(untold(&stage).await, 1);

    let charge = delivery(&charged(patient, contributor));
    stage.tell(&[charge]).await.expect("it can be told");
    assert_eq!(untold(&stage).await, 0);
    let own = delivery(&moved(patient, BalanceCause::Charge, 1));
    stage.tell(&[own]).await.expect("it can be told");
    assert_eq!(standing(&stage, GRACE).await, Standing::default());
}

/// An event that a reader's cursor skips leaves a gap: GaloyMoney/obix 0.2.23. Versions have none, so a gap is seen.
#[tokio::test]
async fn event_gap_obix_0_2_23() {
    let stage = Stage::open().await;
    let owner = PersonId::generate();
    let month = |version| delivery(&moved(owner, BalanceCause::Allocation, version));
    stage
        .tell(&[month(1), month(2), month(5)])
        .await
        .expect("it can be told");
    assert_eq!(untold(&stage).await, 2);
    let found = list_untold(&stage.db, None, 10)
        .await
        .expect("the table is there");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].account, account_of(owner));
    assert_eq!((found[0].known, found[0].changes), (5, 2));
    assert_eq!(found[0].missing, [(3, 4)]);

    // What was skipped comes late, out of order and twice: each is told once, and nothing is missing.
    let late = [month(4), month(3)];
    for _ in 0..2 {
        stage.tell(&late).await.expect("it can be told");
    }
    assert_eq!(untold(&stage).await, 0);
    assert_eq!(stage.told(owner).await.len(), 5);
}

#[tokio::test]
async fn what_no_event_ever_said_is_found_in_the_books() {
    let stage = Stage::open().await;
    let owner = PersonId::generate();
    let first = delivery(&moved(owner, BalanceCause::Allocation, 1));
    stage.tell(&[first]).await.expect("it can be told");
    assert_eq!(untold(&stage).await, 0);
    // The last events of an account were lost: no later version shows the gap, and only the books know.
    booked(&stage, owner, 3).await;
    booked(&stage, PersonId::generate(), 2).await;
    assert_eq!(untold(&stage).await, 4);
    let standing = standing(&stage, GRACE).await;
    assert_eq!((standing.accounts, standing.oldest), (2, Some(noon())));
    let page = list_untold(&stage.db, None, 1)
        .await
        .expect("the table is there");
    let after = Some((page[0].since, page[0].account));
    let rest = list_untold(&stage.db, after, 10)
        .await
        .expect("the table is there");
    assert_eq!((page.len(), rest.len()), (1, 1));
    assert_ne!(page[0].account, rest[0].account);
}

#[tokio::test]
async fn a_round_through_the_books_is_a_line_of_its_day_and_replicas_count_it_once() {
    let stage = Stage::open().await;
    let walk = store::find_walk(&stage.db).await.expect("there is one row");
    let day = noon().to_zoned(kernel::clock::shanghai()).date();
    let mut ended = 0;
    for _ in 0..2 {
        let mut tx = chassis::db::begin(&stage.db)
            .await
            .expect("the database is there");
        if store::finish(&mut tx, &walk, (day, 3), noon())
            .await
            .expect("the table is there")
        {
            ended += 1;
        }
        tx.commit().await.expect("it commits");
    }
    assert_eq!(ended, 1);
    let next = store::find_walk(&stage.db).await.expect("there is one row");
    assert_eq!((next.round, next.after), (walk.round + 1, None));
    let mut tx = chassis::db::begin(&stage.db)
        .await
        .expect("the database is there");
    assert!(
        store::finish(&mut tx, &next, (day, 0), noon())
            .await
            .expect("the table is there")
    );
    tx.commit().await.expect("it commits");
    let days = list_days(&stage.db, None, 10)
        .await
        .expect("the table is there");
    assert_eq!(days.len(), 1);
    assert_eq!(
        (days[0].rounds, days[0].untold, days[0].most_untold),
        (2, 0, 3)
    );
}

/// What cannot be handled vanished after some deliveries: nats-io/nats-server#7817. Here it stays, and somebody is called.
#[tokio::test]
async fn poison_not_dropped_nats_7817() {
    let stage = Stage::open().await;
    let (patient, contributor) = (PersonId::generate(), PersonId::generate());
    let mut poison = charged(patient, contributor);
    poison.legs[1].leg = None;
    let poison = delivery(&poison);
    let change = delivery(&moved(contributor, BalanceCause::Charge, 1));
    // However often it comes, it is refused by its type: the inbox parks it with its payload, and never gives it up.
    for _ in 0..20 {
        let refused = stage.tell(std::slice::from_ref(&poison)).await;
        assert!(matches!(refused, Err(Failure::Park(_))), "{refused:?}");
    }
    stage.tell(&[change]).await.expect("it can be told");
    // That nobody was told counts until somebody has mended it.
    assert_eq!(untold(&stage).await, 1);
    assert_eq!(stage.told(contributor).await, []);
    let mended = delivery(&charged(patient, contributor));
    stage.tell(&[mended]).await.expect("it can be told");
    assert_eq!(untold(&stage).await, 0);
}

/// Waits for a condition.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}"));
}

/// A worker that is alive and does nothing is not well: svix/svix-webhooks#1511.
#[tokio::test]
async fn stalled_worker_svix_1511() {
    let mut office = Office::open().await;
    let receiver = office.receiver(Answer::Status(200, "")).await;
    office.subscribe(&receiver.url()).await;
    let (health, mut tasks) = (Health::new(), Tasks::new());
    let progress = health.background("webhooks", SignedDuration::from_secs(2));
    let courier = office.courier();
    let stop = tasks.stop();
    tasks.add(
        "courier",
        courier.run(Duration::from_millis(10), progress, stop),
    );
    office.tell(1).await;
    until("the first message arrives", async || {
        !receiver.received().is_empty()
    })
    .await;

    // Somebody holds the table: the worker runs, its task is there, and nothing moves.
    let mut held = chassis::db::begin(&office.stage.db)
        .await
        .expect("the database is there");
    sqlx::query("LOCK TABLE webhook_endpoint IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .expect("it is ours");
    until("the worker is found to be stuck", async || {
        !health.is_well()
    })
    .await;
    let report = health.report();
    assert_eq!((report[0].name, report[0].healthy), ("webhooks", false));

    held.rollback().await.expect("it is ours");
    office.tell(1).await;
    until("the second message arrives", async || {
        receiver.received().len() == 2
    })
    .await;
    until("the worker is well again", async || health.is_well()).await;
    tasks.shut_down().await.expect("it stops cleanly");
}
