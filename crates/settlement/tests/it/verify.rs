//! Books that were damaged behind the service's back, each way: found, by the first row that is wrong, in the tables and in an export.

#![expect(
    clippy::unwrap_used,
    reason = "a scene that cannot be set fails its test"
)]

use kernel::Fen;
use proto::common::v1 as common;
use servers::Scratch;
use settlement::refund::What;
use settlement::verify::export::{self, Export};
use settlement::verify::rows::LaneRow;
use settlement::verify::source::{Source, Tables, VerifyError, check};
use settlement::verify::{Report, Wrong};
use sqlx::AssertSqlSafe;

use crate::benefits::{CLINIC, insured, key, settle, town, visit};
use crate::holds::place;
use crate::scene::{Scene, bill, id_of};

/// Two families, three charges with aid, one of them cancelled, a bill that cash paid whole and one of which cash went back, a bill of
/// which the pooled fund paid a part and got some back, money in suspense, a hold, credits, and more than one lane.
async fn busy() -> Scene {
    let scene = town().await;
    let (mother, son) = (scene.enrol(10_000).await, scene.enrol(50).await);
    let daughter = scene.enrol(0).await;
    scene.link(mother, son, Some(5_000)).await;
    scene.link(mother, daughter, None).await;
    scene.settle(son, bill(300)).await.unwrap();
    let cancelled = scene.settle(daughter, bill(400)).await.unwrap();
    scene.cancel(scene.key(), id_of(&cancelled)).await.unwrap();
    scene.settle(daughter, bill(500)).await.unwrap();
    let stranger = scene.enrol(0).await;
    scene.settle(stranger, bill(70)).await.unwrap();
    scene.credit(son, 25).await.unwrap();
    scene.settle(son, bill(100)).await.unwrap();
    let dear = scene.settle(stranger, bill(40)).await.unwrap();
    scene.refund(id_of(&dear), 30).await.unwrap();
    place(&scene, daughter, 60).await;

    let ill = insured(&scene, "231000", common::PersonKind::Working).await;
    let treated = settle(&scene, ill, visit(&[("A", 280_000)])).await;
    let what = What::Amount(Fen::new(80_000));
    let of = id_of(&treated.unwrap());
    scene
        .refund_under(key(&scene, CLINIC), of, what)
        .await
        .unwrap();

    let gone = scene.enrol(500).await;
    let last = scene.settle(gone, bill(200)).await.unwrap();
    scene.close(gone).await;
    scene.cancel(scene.key(), id_of(&last)).await.unwrap();
    scene
}

pub async fn in_the_tables(scene: &Scene, noted: Vec<LaneRow>) -> Result<Report, VerifyError> {
    let mut tx = chassis::db::begin(&scene.db).await.unwrap();
    let tables = Tables::of(&mut tx).await.unwrap();
    check(Source::Tables(tables), noted, &mut |_| {}).await
}

async fn in_an_export(scene: &Scene) -> Result<Report, VerifyError> {
    let scratch = Scratch::new().unwrap();
    let dir = scratch.path().join("books");
    let mut tx = chassis::db::begin(&scene.db).await.unwrap();
    let tables = Tables::of(&mut tx).await.unwrap();
    export::write(Source::Tables(tables), &dir, &mut |_| {})
        .await
        .unwrap();
    check(
        Source::Export(Box::new(Export::open(&dir).unwrap())),
        Vec::new(),
        &mut |_| {},
    )
    .await
}

fn wrong(found: Result<Report, VerifyError>, damage: &str) -> Wrong {
    match found {
        Err(VerifyError::Wrong(wrong)) => *wrong,
        Ok(_) => panic!("{damage}: was not found"),
        Err(error) => panic!("{damage}: {error}"),
    }
}

/// What can be damaged, each after what it refers to.
const TABLES: [&str; 11] = [
    "lane",
    "block",
    "movement",
    "settlement",
    "leg",
    "refund",
    "benefit",
    "benefit_used",
    "account",
    "limit_used",
    "request_key",
];

/// What is said of a block if nothing in it contradicts anything, and still it is not what was sealed.
const ALTERED: &str = "what it holds is not what was sealed; the hash of that";

/// Does what triggers forbid.
async fn damage(scene: &Scene, statements: &[String]) {
    let mut tx = chassis::db::begin(&scene.db).await.unwrap();
    let switched =
        |how: &'static str| TABLES.map(|table| format!("ALTER TABLE {table} {how} TRIGGER USER"));
    let [off, on] = [switched("DISABLE"), switched("ENABLE")];
    for statement in off.iter().chain(statements).chain(&on) {
        let done = sqlx::query(AssertSqlSafe(statement.clone()))
            .execute(&mut *tx)
            .await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    tx.commit().await.unwrap();
}

async fn keep(scene: &Scene) {
    damage(
        scene,
        &TABLES.map(|table| format!("CREATE TABLE kept_{table} AS TABLE {table}")),
    )
    .await;
}

async fn restore(scene: &Scene) {
    let mut statements: Vec<String> = TABLES
        .iter()
        .rev()
        .map(|table| format!("DELETE FROM {table}"))
        .collect();
    statements.extend(TABLES.map(|table| format!("INSERT INTO {table} TABLE kept_{table}")));
    damage(scene, &statements).await;
}

async fn text(scene: &Scene, sql: &str) -> String {
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::query_scalar(sql).fetch_one(&scene.db).await.unwrap()
}

#[tokio::test]
async fn sound_books_are_found_sound_in_the_tables_and_in_an_export() {
    let scene = busy().await;
    let online = in_the_tables(&scene, Vec::new()).await.unwrap();
    let offline = in_an_export(&scene).await.unwrap();
    assert_eq!(online.counts, offline.counts);
    assert_eq!(online.heads, offline.heads);
    assert_eq!(online.ledger, offline.ledger);
    assert_eq!(online.counts.settlements, 8);
    assert_eq!(online.counts.refunds, 4);
    assert_eq!(online.ledger["suspense:refund_unclaimed"], 200);
    assert!(online.counts.lanes >= 2, "credits have a lane of their own");
    assert_eq!(online.ledger.values().sum::<i128>(), 0);

    // What goes on afterwards still goes through the heads that were noted.
    let patient = scene.enrol(10).await;
    scene.settle(patient, bill(20)).await.unwrap();
    in_the_tables(&scene, online.heads).await.unwrap();
    scene.end().await;
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "it is a table: one entry for each way to damage the books"
)]
async fn whatever_is_damaged_the_first_wrong_row_is_named() {
    let scene = busy().await;
    // The first charge of the mother: of a bill that took the son's own money before it.
    let charge = "(SELECT movement_id FROM movement WHERE kind = 'CHARGE_AID' ORDER BY posted_at, movement_id LIMIT 1)";
    let movement = text(&scene, &format!("SELECT {charge}::text")).await;
    let of_movement =
        |column: &str| format!("SELECT {column} FROM movement WHERE movement_id = {charge}");
    let place = text(
        &scene,
        &of_movement("'lane ' || lane || ', height ' || height"),
    )
    .await;
    let position = text(&scene, &of_movement("position::text")).await;
    let account = text(&scene, &of_movement("account_id::text")).await;
    let leg = text(
        &scene,
        &format!("SELECT settlement_id || ' ' || leg_no FROM leg WHERE movement_id = {charge}"),
    )
    .await;
    let counter = text(&scene, "SELECT min(scope_id::text) FROM limit_used").await;
    let last = text(&scene, "SELECT 'lane ' || lane || ', height ' || height FROM lane ORDER BY height DESC, lane LIMIT 1")
        .await;
    let before_last = "SELECT 'lane ' || lane || ', height ' || height - 1 FROM lane ORDER BY height DESC, lane LIMIT 1";
    let before_last = text(&scene, before_last).await;
    let cash = "(SELECT settlement_id FROM settlement WHERE cash_fen = 70)";
    let cash_at = text(&scene, &format!("SELECT 'lane ' || lane || ', height ' || height FROM settlement WHERE settlement_id = {cash}"))
        .await;
    let dear = text(
        &scene,
        "SELECT settlement_id::text FROM settlement WHERE cash_fen = 40",
    )
    .await;
    let of_dear = format!(
        "SELECT 'lane ' || lane || ', height ' || height FROM refund WHERE settlement_id = '{dear}'"
    );
    let dear_at = text(&scene, &of_dear).await;
    let treated = text(&scene, "SELECT settlement_id::text FROM benefit").await;
    let fund_back = "SELECT refund_id::text FROM movement WHERE kind = 'REFUND_FUND'";
    let fund_back = text(&scene, fund_back).await;
    let used = "SELECT account_id || ' ' || medical_year || ' ' || period_start FROM benefit_used";
    let used = text(&scene, used).await;
    let holding = text(
        &scene,
        "SELECT account_id::text FROM account WHERE held_fen > 0",
    )
    .await;
    let of_charge = format!("WHERE movement_id = {charge}");
    let same_block = format!("(lane, height) = (SELECT lane, height FROM movement {of_charge})");
    let first = |table: &'static str, key: &str, what: &'static str| (table, key.to_owned(), what);
    let missing = format!("{place}, position {position}");
    keep(&scene).await;
    for (sql, (table, key, what)) in [
        (
            format!("UPDATE movement SET amount_fen = amount_fen + 1 {of_charge}"),
            first("movement", &movement, "the current bucket after it"),
        ),
        (
            format!("UPDATE movement SET current_after_fen = current_after_fen + 1 {of_charge}"),
            first("movement", &movement, "the current bucket after it"),
        ),
        (
            format!("UPDATE movement SET reason = 'another' {of_charge}"),
            first("block", &place, ALTERED),
        ),
        (
            format!("UPDATE movement SET account_version = account_version + 90 {of_charge}"),
            first("movement", &movement, "the account's version"),
        ),
        (
            format!("UPDATE account SET current_fen = current_fen + 1 WHERE account_id = '{account}'"),
            first("account", &account, "the current bucket"),
        ),
        (
            format!("UPDATE account SET version = version + 1 WHERE account_id = '{account}'"),
            first("account", &account, "its version"),
        ),
        (
            format!("UPDATE leg SET amount_fen = amount_fen + 1 {of_charge}"),
            first("leg", &leg, "its amount"),
        ),
        (
            format!("UPDATE leg SET refunded_fen = 1 {of_charge}"),
            first("leg", &leg, "what was given back of it"),
        ),
        (
            format!("UPDATE leg SET medical_year = medical_year - 1 {of_charge}"),
            first("block", &place, ALTERED),
        ),
        (
            "UPDATE limit_used SET total_gross_fen = total_gross_fen + 1 WHERE scope_id = (SELECT min(scope_id::text)::uuid FROM limit_used)".to_owned(),
            first("limit_used", &counter, "what was ever charged"),
        ),
        (
            format!("UPDATE settlement SET cash_fen = 80, total_fen = 80 WHERE settlement_id = {cash}"),
            first("block", &cash_at, ALTERED),
        ),
        (
            "UPDATE limit_used SET day = day + 1 WHERE scope_id = (SELECT min(scope_id::text)::uuid FROM limit_used)".to_owned(),
            first("limit_used", &counter, "the day it stands in"),
        ),
        (
            format!("UPDATE settlement SET cash_back_fen = 29 WHERE settlement_id = '{dear}'"),
            first("settlement", &dear, "what cash went back"),
        ),
        (
            format!("UPDATE settlement SET cash_back_fen = 0 WHERE settlement_id = '{dear}'"),
            first("settlement", &dear, "what cash went back"),
        ),
        (
            format!("UPDATE refund SET cash_fen = 31, total_fen = 31 WHERE settlement_id = '{dear}'"),
            first("block", &dear_at, ALTERED),
        ),
        (
            format!("DELETE FROM refund WHERE settlement_id = '{dear}'"),
            first("block", &dear_at, "how many refunds it holds"),
        ),
        (
            "UPDATE movement SET amount_fen = amount_fen + 1 WHERE kind = 'FUND_PAY'".to_owned(),
            first("benefit", &treated, "its amount"),
        ),
        (
            "UPDATE movement SET amount_fen = amount_fen - 1 WHERE kind = 'REFUND_FUND'".to_owned(),
            first("refund", &fund_back, "the fund's part"),
        ),
        (
            "UPDATE benefit SET pooled_returned_fen = pooled_returned_fen - 1".to_owned(),
            first("benefit", &treated, "what the fund got back"),
        ),
        (
            "UPDATE benefit_used SET fund_fen = fund_fen + 1".to_owned(),
            first("benefit_used", &used, "what the fund paid"),
        ),
        (
            "UPDATE account SET held_fen = held_fen + 1 WHERE held_fen > 0".to_owned(),
            first("account", &holding, "what holds set aside on it"),
        ),
        (
            format!("UPDATE block SET hash = sha256(hash) WHERE {same_block}"),
            first("block", &place, "its hash"),
        ),
        (
            format!("UPDATE movement SET position = 3 - position WHERE {same_block} AND position < 3"),
            first("block", &place, ALTERED),
        ),
        (
            format!("UPDATE movement SET position = position + 1 WHERE {same_block}"),
            first("movement", &format!("{place}, position 1"), "it is missing"),
        ),
        (
            "UPDATE block SET entries = other.entries, hash = other.hash
             FROM block other, (SELECT lane, height FROM lane ORDER BY height DESC, lane LIMIT 1) AS top
             WHERE block.lane = top.lane AND other.lane = top.lane AND block.height >= top.height - 1
               AND other.height = 2 * top.height - 1 - block.height"
                .to_owned(),
            first("block", &before_last, ALTERED),
        ),
        (
            format!("DELETE FROM movement {of_charge}"),
            first("movement", &missing, "it is missing"),
        ),
        (
            format!("DELETE FROM block WHERE {same_block}"),
            first("block", &place, "it is missing"),
        ),
        (
            "DELETE FROM block WHERE (lane, height) = (SELECT lane, height FROM lane ORDER BY height DESC, lane LIMIT 1)".to_owned(),
            first("block", &last, "the chain ends before its lane does"),
        ),
        (
            format!("DELETE FROM request_key WHERE outcome_id = {cash}"),
            first("settlement", &text(&scene, &format!("SELECT {cash}::text")).await, "its request key"),
        ),
    ] {
        damage(&scene, std::slice::from_ref(&sql)).await;
        let found = wrong(in_the_tables(&scene, Vec::new()).await, &sql);
        assert_eq!((found.table, &*found.key, &*found.what), (table, &*key, what), "{sql}: {found}");
        let offline = wrong(in_an_export(&scene).await, &sql);
        assert_eq!(offline, found, "{sql}");
        restore(&scene).await;
    }
    scene.end().await;
}
