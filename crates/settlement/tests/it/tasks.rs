//! Money that waits in suspense is somebody's task until they say what became of it.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be read back fails its test"
)]

use kernel::{MovementId, Reason};
use settlement::close_task::{CloseTaskError, close_task};
use settlement::refund::Waiting;
use settlement::store::task;
use settlement::task::Task;
use sqlx::postgres::PgPoolOptions;

use crate::scene::{Scene, bill, id_of};

async fn open(scene: &Scene) -> Vec<Task> {
    task::page(&scene.db, None, true, 500).await.unwrap()
}

/// Closes a task; its reason if that is refused.
async fn close(scene: &Scene, id: MovementId, said: (&str, &str)) -> Result<Task, Reason> {
    let closed = close_task(&scene.db, id, said, scene.clock.now()).await;
    closed.map_err(|error| match error {
        CloseTaskError::Refused(refusal) => refusal.reason,
        CloseTaskError::Store(error) => panic!("{error}"),
    })
}

#[tokio::test]
async fn what_waits_is_listed_page_by_page_until_an_operator_closes_it() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(30_000).await);
    scene.link(son, mother, None).await;
    let settled = id_of(&scene.settle(mother, bill(20_000)).await.unwrap());
    scene.close(son).await;
    for fen in [100, 200, 300] {
        scene.refund(settled, fen).await.unwrap();
    }
    let all = open(&scene).await;
    let amounts: Vec<i64> = all.iter().map(|task| task.amount.get()).collect();
    assert_eq!(amounts, [100, 200, 300]);
    assert!(all.iter().all(|task| task.person == Some(son.person)
        && task.why == Waiting::AccountClosed
        && task.settlement == settled));
    let first = task::page(&scene.db, None, true, 2).await.unwrap();
    assert_eq!(first, all[..2]);
    let rest = task::page(&scene.db, Some(first[1].id), true, 2).await;
    assert_eq!(rest.unwrap(), all[2..]);

    let said = ("op1", "paid out to the heirs");
    let closed = close(&scene, all[0].id, said).await.unwrap();
    assert_eq!(closed.closed.as_ref().unwrap().by, "op1");
    assert_eq!(close(&scene, all[0].id, said).await, Ok(closed.clone()));
    for other in [("op2", said.1), ("op1", "something else")] {
        let refused = close(&scene, all[0].id, other).await;
        assert_eq!(refused, Err(Reason::TaskClosed));
    }
    let unknown = close(&scene, MovementId::generate(), said).await;
    assert_eq!(unknown, Err(Reason::TaskUnknown));
    assert_eq!(open(&scene).await, all[1..]);
    let seen = task::page(&scene.db, None, false, 1).await.unwrap();
    assert_eq!(seen, [closed]);
    // Nothing moved, and not even hand-written SQL reopens it or changes what waited.
    for sql in [
        "UPDATE refund_task SET closed_at = NULL, closed_by = NULL, note = NULL WHERE closed_at IS NOT NULL",
        "UPDATE refund_task SET amount_fen = 1 WHERE closed_at IS NULL",
        "DELETE FROM refund_task",
    ] {
        let forged = sqlx::query(sql).execute(&scene.db).await;
        let error = forged.unwrap_err().into_database_error().unwrap();
        assert_eq!(error.constraint(), Some("refund_task_is_closed_once"));
    }
    scene.end().await;
}

#[tokio::test]
async fn an_operator_who_waits_too_long_for_another_may_come_again() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(30_000).await);
    scene.link(son, mother, None).await;
    let settled = id_of(&scene.settle(mother, bill(20_000)).await.unwrap());
    scene.close(son).await;
    scene.refund(settled, 100).await.unwrap();
    let id = open(&scene).await[0].id;

    let mut another = chassis::db::begin(&scene.db).await.unwrap();
    sqlx::query("SELECT FROM refund_task FOR UPDATE")
        .execute(&mut *another)
        .await
        .unwrap();
    let options = scene.db.connect_options().as_ref().clone();
    let hurried = PgPoolOptions::new()
        .connect_with(options.options([("lock_timeout", "50ms")]))
        .await
        .unwrap();
    let said = ("op1", "paid out to the heirs");
    let waited = close_task(&hurried, id, said, scene.clock.now()).await;
    match waited.unwrap_err() {
        CloseTaskError::Store(error) => assert!(error.may_pass(), "{error:?}"),
        CloseTaskError::Refused(refusal) => panic!("{refusal}"),
    }
    hurried.close().await;
    another.rollback().await.unwrap();
    close(&scene, id, said).await.unwrap();
    scene.end().await;
}
