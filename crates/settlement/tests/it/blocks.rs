//! The chain of blocks: each batch is sealed, no chain forks, and nothing that was posted can be changed by a statement.

use sqlx::AssertSqlSafe;

use crate::scene::{Scene, bill, id_of};

#[tokio::test]
async fn every_batch_is_a_block_of_its_lane() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(1_000).await;
    for _ in 0..3 {
        scene.settle(patient, bill(100)).await.unwrap();
    }
    // Cash that is handed back moves no account, and is sealed all the same.
    let stranger = scene.enrol(0).await;
    let paid = scene.settle(stranger, bill(70)).await.unwrap();
    scene.cancel(scene.key(), id_of(&paid)).await.unwrap();
    let of_cash = "SELECT count(*) FROM block WHERE refunds = 1 AND movements + settlements = 0";
    assert_eq!(scene.number(of_cash).await, 1);
    let sealed = scene
        .number("SELECT sum(movements + settlements + refunds)::bigint FROM block")
        .await;
    let posted = scene
        .number("SELECT (SELECT count(*) FROM movement) + (SELECT count(*) FROM settlement) + (SELECT count(*) FROM refund)")
        .await;
    assert_eq!(sealed, posted);
    let loose = "SELECT count(*) FROM block b WHERE previous <> coalesce(
        (SELECT hash FROM block before WHERE before.lane = b.lane AND before.height = b.height - 1),
        decode(repeat('00', 32), 'hex'))";
    assert_eq!(scene.number(loose).await, 0);
    let heads = "SELECT count(*) FROM lane WHERE height > 0 AND hash <> (
        SELECT hash FROM block WHERE block.lane = lane.lane AND block.height = lane.height)";
    assert_eq!(scene.number(heads).await, 0);
}

#[tokio::test]
async fn no_statement_changes_what_was_posted() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(1_000).await;
    scene.settle(patient, bill(100)).await.unwrap();
    let back = scene.settle(patient, bill(50)).await.unwrap();
    scene.cancel(scene.key(), id_of(&back)).await.unwrap();
    for sql in [
        "UPDATE movement SET amount_fen = amount_fen + 1",
        "UPDATE movement SET reason = 'another'",
        "DELETE FROM movement",
        "DELETE FROM movement_2026_03",
        "TRUNCATE movement",
        "TRUNCATE movement_2026_03",
        "TRUNCATE movement_default",
        "UPDATE block SET posted_at = posted_at + interval '1 second'",
        "DELETE FROM block",
        "TRUNCATE block",
        "UPDATE settlement SET cash_fen = cash_fen + 1, total_fen = total_fen + 1",
        "DELETE FROM settlement",
        "UPDATE leg SET medical_year = medical_year - 1",
        "DELETE FROM leg",
        "UPDATE refund SET cash_fen = cash_fen + 1, total_fen = total_fen + 1",
        "DELETE FROM refund",
        "UPDATE leg SET refunded_fen = amount_fen + 1",
        "UPDATE lane SET height = height - 1 WHERE height > 0",
        "UPDATE lane SET height = height + 2 WHERE height > 0",
        "DELETE FROM lane",
        "UPDATE account SET current_fen = -1",
        "INSERT INTO block SELECT lane, height, previous, hash, entries, movements, settlements, refunds, posted_at FROM block",
        "INSERT INTO block SELECT lane, height + 100, previous, hash, entries, movements, settlements, refunds, posted_at FROM block",
    ] {
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&scene.db).await;
        let error = done.expect_err(sql);
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .unwrap_or_default();
        assert!(code.starts_with("23"), "{sql}: {error}");
    }
    scene.books_balance().await;
}

#[tokio::test]
async fn a_lane_that_was_overtaken_takes_one_anew_and_no_chain_forks() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(1_000).await;
    scene.settle(patient, bill(100)).await.unwrap();
    // Somebody else goes on with every lane, as after a hold that was lost unnoticed.
    let mut tx = chassis::db::begin(&scene.db).await.unwrap();
    for sql in [
        "INSERT INTO block SELECT lane, height + 1, hash, sha256(hash), entries, movements, settlements, refunds, posted_at
         FROM block b WHERE height = (SELECT max(height) FROM block WHERE lane = b.lane)",
        "UPDATE lane SET height = height + 1, hash = sha256(hash) WHERE height > 0",
    ] {
        sqlx::query(sql).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();

    scene.settle(patient, bill(100)).await.unwrap();
    scene.credit(patient, 100).await.unwrap();
    assert_eq!(scene.balance(patient).await, 900);
    let forked = "SELECT count(*) FROM (SELECT FROM block GROUP BY lane, previous HAVING count(*) > 1) twice";
    assert_eq!(scene.number(forked).await, 0);
}
