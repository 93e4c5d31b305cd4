//! Bills, many at once.

use futures::future::join_all;
use kernel::Reason;
use settlement::writer::Settings;

use crate::scene::{Scene, bill, id_of, parts};

#[tokio::test]
async fn a_bill_takes_own_money_then_a_relatives_then_cash() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(10_000).await, scene.enrol(30_000).await);
    scene.link(son, mother, None).await;
    let answer = scene.settle(mother, bill(60_000)).await.unwrap();
    assert_eq!(parts(&answer), (10_000, 30_000, 20_000));
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (0, 0)
    );
    let facts = "SELECT count(*) FROM outbox WHERE subject = 'gongji.v1.settlement.charged'";
    assert_eq!(scene.number(facts).await, 1);
    scene.end().await;
}

#[tokio::test]
async fn many_bills_race_for_one_contributors_last_money_and_it_is_spent_once() {
    let scene = Scene::begin().await;
    let father = scene.enrol(50_000).await;
    let mut children = Vec::new();
    for _ in 0..8 {
        let child = scene.enrol(0).await;
        scene.link(father, child, None).await;
        children.push(child);
    }
    let bills = (0..64).map(|number| scene.settle(children[number % 8], bill(4_000)));
    let answers: Vec<_> = join_all(bills)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let paid: i64 = answers.iter().map(|answer| parts(answer).1).sum();
    assert_eq!((paid, scene.balance(father).await), (50_000, 0));
    scene.end().await;
}

#[tokio::test]
async fn two_clinics_race_for_one_monthly_limit_and_it_holds() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(1_000_000).await);
    scene.link(son, mother, Some(25_000)).await;
    let answers = join_all((0..32).map(|_| scene.settle(mother, bill(2_000)))).await;
    let paid: i64 = answers
        .into_iter()
        .map(|answer| parts(&answer.unwrap()).1)
        .sum();
    assert_eq!(paid, 25_000);
    scene.end().await;
}

#[tokio::test]
async fn families_that_pay_for_each_other_in_rings_do_not_deadlock() {
    let scene = Scene::begin().await;
    let mut people = Vec::new();
    for _ in 0..6 {
        people.push(scene.enrol(10_000).await);
    }
    for (place, person) in people.iter().enumerate() {
        scene.link(*person, people[(place + 1) % 6], None).await;
        scene.link(*person, people[(place + 2) % 6], None).await;
    }
    let bills = (0..120).map(|number| scene.settle(people[number % 6], bill(900)));
    for answer in join_all(bills).await {
        answer.unwrap();
    }
    let left = join_all(people.iter().map(|person| scene.balance(*person))).await;
    assert_eq!(left.into_iter().sum::<i64>(), 0);
    scene.end().await;
}

#[tokio::test]
async fn a_cancel_returns_every_leg_and_only_once() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(10_000).await, scene.enrol(30_000).await);
    scene.link(son, mother, Some(100_000)).await;
    let settled = id_of(&scene.settle(mother, bill(25_000)).await.unwrap());
    let key = scene.key();
    let cancelled = scene.cancel(key.clone(), settled).await.unwrap();
    assert_eq!(
        (
            cancelled.own_fen,
            cancelled.aid_fen,
            cancelled.own_balance_fen
        ),
        (10_000, 15_000, 10_000)
    );
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (10_000, 30_000)
    );
    // The same message again is the same cancellation; another one is a second one.
    assert_eq!(scene.cancel(key, settled).await.unwrap(), cancelled);
    let again = scene.cancel(scene.key(), settled).await.unwrap_err();
    assert_eq!(again.reason, Reason::SettlementCancelled);
    scene.end().await;
}

#[tokio::test]
async fn of_many_cancels_at_once_one_moves_money() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(10_000).await;
    let settled = id_of(&scene.settle(patient, bill(4_000)).await.unwrap());
    let cancels = join_all((0..16).map(|_| scene.cancel(scene.key(), settled))).await;
    assert_eq!(cancels.iter().filter(|cancel| cancel.is_ok()).count(), 1);
    assert_eq!(scene.balance(patient).await, 10_000);
    scene.end().await;
}

#[tokio::test]
async fn a_command_that_cannot_be_written_fails_alone() {
    let scene = Scene::begin().await;
    scene
        .run("ALTER TABLE settlement ADD CONSTRAINT a_bug CHECK (total_fen <> 666)")
        .await;
    let patient = scene.enrol(100_000).await;
    let bills =
        (0..40).map(|number| scene.settle(patient, bill(if number % 13 == 5 { 666 } else { 100 })));
    let answers = join_all(bills).await;
    for (number, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(answer) => assert_eq!(parts(&answer), (100, 0, 0)),
            Err(refusal) => assert_eq!((number % 13, refusal.reason), (5, Reason::Internal)),
        }
    }
    assert_eq!(scene.balance(patient).await, 100_000 - 37 * 100);
    scene.end().await;
}

#[tokio::test]
async fn whoever_finds_the_queue_full_is_refused_at_once() {
    let scene = Scene::with(Settings {
        lanes: 1,
        batch: 1,
        queue: 2,
        import_batch: 1,
        import_queue: 2,
    })
    .await;
    let patient = scene.enrol(1_000).await;
    let mut lock = chassis::db::begin(&scene.db).await.unwrap();
    sqlx::query("SELECT FROM account FOR UPDATE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let bills = join_all((0..20).map(|_| scene.settle(patient, bill(10))));
    let (answers, ()) = tokio::join!(bills, async {
        // The first poll of all bills comes before this; what did not fit is refused by then.
        lock.rollback().await.unwrap();
    });
    let overloaded = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(
        overloaded
            .clone()
            .all(|refusal| refusal.reason == Reason::Overloaded)
    );
    assert!(overloaded.count() >= 10);
    scene.end().await;
}
