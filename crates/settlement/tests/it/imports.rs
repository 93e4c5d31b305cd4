//! Imports of many allocations at once.

use kernel::Role;
use proto::common::v1 as common;
use proto::settlement::v1 as pb;
use settlement::command::Origin;
use settlement::import::Importer;
use settlement::writer::Settings;

use crate::scene::{Enrolled, Scene, bill, parts};

fn importer(scene: &Scene) -> Importer {
    Importer {
        office: scene.office.clone(),
        writer: scene.writer.clone(),
        origin: Origin {
            role: Role::Operator,
            caller: "op-1".to_owned(),
            trace_parent: None,
        },
    }
}

fn row(row_no: i64, to: Enrolled, fen: i64) -> pb::AllocationRow {
    pb::AllocationRow {
        batch_id: "2026-03 Nantong".to_owned(),
        row_no,
        account_id: to.account.to_string(),
        kind: pb::AllocationKind::Monthly.into(),
        amount_fen: fen,
        period: "2026-03".to_owned(),
        ..Default::default()
    }
}

/// The rows that were refused, with their reasons.
fn refused(answer: &pb::ImportAllocationsResponse) -> Vec<(i32, String)> {
    let code = |row: &pb::RefusedAllocation| row.reason.as_ref().map(|reason| reason.code.clone());
    answer
        .refused
        .iter()
        .map(|row| (row.index, code(row).unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn bad_rows_are_named_and_the_others_are_in_once_however_often_the_file_is_sent() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(0).await;
    let stranger = Enrolled {
        account: kernel::AccountId::generate(),
        ..worker
    };
    let rows = vec![
        row(1, worker, 100),
        row(2, worker, 0),
        row(3, stranger, 5),
        row(1, worker, 101),
        pb::AllocationRow {
            period: "2027-01".to_owned(),
            ..row(5, worker, 5)
        },
        row(6, worker, 20),
        row(6, worker, 20),
    ];
    let expected = [
        (1, "AMOUNT_ZERO"),
        (2, "SYNC_PENDING"),
        (3, "ALLOCATION_CONTRADICTS"),
        (4, "MEDICAL_YEAR_NOT_OPEN"),
    ]
    .map(|(index, code)| (index, code.to_owned()));
    for _ in 0..2 {
        let answer = importer(&scene).post(&rows).await.unwrap();
        assert_eq!(refused(&answer), expected);
        assert_eq!(answer.posted, 3);
        assert_eq!(scene.balance(worker).await, 120);
    }
    scene.end().await;
}

#[tokio::test]
async fn a_row_may_name_a_person_number_and_a_wage_instead_of_an_account_and_an_amount() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(0).await;
    let number: String = sqlx::query_scalar("SELECT person_no FROM account")
        .fetch_one(&scene.db)
        .await
        .unwrap();
    let named = |row_no, region: &str| pb::AllocationRow {
        account_id: String::new(),
        person_no: number.clone(),
        region: region.to_owned(),
        amount_fen: 0,
        bases: Some(pb::AllocationBases {
            wage_base_fen: 812_345,
            city_average_fen: 0,
            age: 40,
        }),
        ..row(row_no, worker, 0)
    };
    let kin = pb::AllocationRow {
        bucket: common::Bucket::Prior.into(),
        ..named(3, "320600")
    };
    let rows = [named(1, "320600"), named(2, "320500"), kin];
    let answer = importer(&scene).post(&rows).await.unwrap();
    assert_eq!(
        refused(&answer),
        [
            (1, "ACCOUNT_UNKNOWN".to_owned()),
            (2, "MALFORMED_REQUEST".to_owned())
        ]
    );
    // 2 % of 8 123.45 yuan.
    assert_eq!(scene.balance(worker).await, 16_247);
    scene.end().await;
}

/// What was sent is posted though nobody waits for the answer any more; sent again from the start, nothing is posted twice.
#[tokio::test]
async fn an_import_that_breaks_off_is_sent_again_and_posts_nothing_twice() {
    let scene = Scene::begin().await;
    let mut people = Vec::new();
    for _ in 0..10 {
        people.push(scene.enrol(0).await);
    }
    let rows: Vec<_> = (1_i64..=400)
        .zip(people.iter().cycle())
        .map(|(no, person)| row(no, *person, no))
        .collect();
    let importer = importer(&scene);
    let first = importer.post(&rows[..150]);
    let cut_short = tokio::time::timeout(std::time::Duration::from_millis(5), first).await;
    drop(cut_short);
    let answer = importer.post(&rows).await.unwrap();
    assert_eq!((answer.posted, answer.refused.len()), (400, 0));
    let total = "SELECT sum(amount_fen)::bigint FROM movement";
    assert_eq!(scene.number(total).await, 400 * 401 / 2);
    assert_eq!(scene.number("SELECT count(*) FROM allocation").await, 400);
    scene.end().await;
}

#[tokio::test]
async fn an_import_larger_than_the_queue_waits_its_turn_and_counters_do_not() {
    let small = Settings {
        lanes: 1,
        batch: 16,
        queue: 16,
        import_batch: 4,
        import_queue: 8,
    };
    let scene = Scene::with(small).await;
    let (worker, other) = (scene.enrol(0).await, scene.enrol(1_000).await);
    let rows: Vec<_> = (1..=200).map(|no| row(no, worker, 1)).collect();
    let importer = importer(&scene);
    let (imported, paid) = tokio::join!(importer.post(&rows), scene.settle(other, bill(600)));
    assert_eq!(imported.unwrap().posted, 200);
    assert_eq!(parts(&paid.unwrap()), (600, 0, 0));
    assert_eq!(scene.balance(worker).await, 200);
    scene.end().await;
}
