//! What people are shown of the past, out of the ledger and what stands of bills.

#![expect(
    clippy::unwrap_used,
    reason = "a story ends where it meets what it did not expect"
)]

use jiff::SignedDuration;
use jiff::civil::date;
use kernel::{Fen, Role, Timestamp};
use settlement::command::{AllocationKind, Origin};
use settlement::statement::{BalanceAt, Days, title};
use settlement::store::statement as store;
use settlement::year_end::{self, Which};

use crate::scene::{Enrolled, Scene, bill, id_of};

impl Scene {
    pub fn pass(&self, minutes: i64) -> Timestamp {
        assert!(self.clock.advance(SignedDuration::from_mins(minutes)));
        self.clock.now()
    }

    pub async fn until_year(&self, day: &str) {
        assert!(self.clock.advance_to(day.parse().unwrap()));
        settlement::maintain(&self.db, &self.clock, 1)
            .await
            .unwrap();
    }

    async fn as_of(&self, of: Enrolled, at: Timestamp) -> BalanceAt {
        store::balance_at(&self.db, of.account, at).await.unwrap()
    }

    /// Both buckets as the sums of what had been posted, computed without any "balance after".
    async fn summed(&self, of: Enrolled, at: Timestamp) -> (i64, i64) {
        let bucket = |bucket: &str| {
            format!(
                "SELECT sum(CASE WHEN credit = 'pa:{id}:{bucket}' THEN amount_fen
                            WHEN debit = 'pa:{id}:{bucket}' THEN -amount_fen ELSE 0 END)::bigint
                 FROM movement WHERE account_id = '{uuid}' AND posted_at <= '{at}'",
                id = of.account,
                uuid = of.account.uuid(),
            )
        };
        (
            self.number(&bucket("current")).await,
            self.number(&bucket("prior")).await,
        )
    }

    pub fn days(&self, first: (i16, i8, i8), last: (i16, i8, i8)) -> Days {
        let day = |(year, month, day)| date(year, month, day);
        Days::between(day(first), day(last), self.clock.now()).unwrap()
    }

    /// Closes 2026 for everybody in Jiangsu.
    async fn close_2026(&self) {
        let which = Which {
            region: "320000".parse().unwrap(),
            year: 2026,
        };
        let operator = Origin {
            role: Role::Operator,
            caller: "op-1".to_owned(),
            trace_parent: None,
        };
        let begun = year_end::begin(&self.office, which, 35, "op-1").await;
        begun.unwrap();
        let round = async || {
            let rolled =
                year_end::roll_over(&self.office, &self.writer, (which, 100), &operator).await;
            rolled.unwrap().1
        };
        while !round().await {}
        let finished = year_end::finish(&self.office, which, "op-1").await;
        finished.unwrap();
    }
}

#[tokio::test]
async fn a_balance_as_of_any_instant_is_the_sum_of_what_had_moved_by_then() {
    let scene = Scene::begin().await;
    let (worker, child) = (scene.enrol(0).await, scene.enrol(0).await);
    scene.link(worker, child, None).await;
    let mut instants = vec![scene.clock.now()];
    scene.credit(worker, 90_000).await.unwrap();
    instants.push(scene.pass(7));
    // Several movements at one instant.
    let paid = scene.settle(child, bill(20_000)).await.unwrap();
    scene.settle(worker, bill(1)).await.unwrap();
    scene.settle(worker, bill(4_999)).await.unwrap();
    instants.push(scene.pass(60 * 24 * 40));
    settlement::maintain(&scene.db, &scene.clock, 1)
        .await
        .unwrap();
    scene.cancel(scene.key(), id_of(&paid)).await.unwrap();
    instants.push(scene.pass(1));
    scene
        .allocate(worker, AllocationKind::Clearing, (-100_000, "2026-03"))
        .await
        .unwrap();
    scene.until_year("2027-01-02T02:00:00Z").await;
    instants.push(scene.clock.now());
    scene.close_2026().await;
    instants.push(scene.pass(3));
    scene
        .allocate(worker, AllocationKind::Monthly, (30_000, "2027-01"))
        .await
        .unwrap();

    let mut version = 0;
    for instant in instants {
        for beside in [-1, 0, 1] {
            let at = instant + SignedDuration::from_micros(beside);
            let stood = scene.as_of(worker, at).await;
            let summed = scene.summed(worker, at).await;
            assert_eq!((stood.current.get(), stood.prior.get()), summed, "{at}");
            assert!(stood.version >= version, "{at}");
            version = stood.version;
        }
    }
    assert_eq!(version, 8, "everything was looked at");
    let ever = scene.as_of(worker, Timestamp::UNIX_EPOCH).await;
    assert_eq!((ever.version, ever.current), (0, Fen::ZERO));
    scene.end().await;
}

/// Two replicas may not agree on the time. The version decides then, and no balance holds a movement without those before it.
#[tokio::test]
async fn a_replica_whose_clock_is_behind_takes_no_balance_out_of_order() {
    let scene = Scene::begin().await;
    scene.forge().await;
    let worker = scene.enrol(1_000).await;
    let first = scene.clock.now();
    let second = scene.pass(10);
    scene.credit(worker, 200).await.unwrap();
    scene.pass(10);
    scene.credit(worker, 30).await.unwrap();
    // The third was posted by a clock that was a quarter of an hour behind.
    scene
        .run("UPDATE movement SET posted_at = posted_at - interval '15 minutes' WHERE account_version = 3")
        .await;
    let third = first + SignedDuration::from_mins(5);
    for (at, current, version) in [
        (first, 1_000, 1),
        (third, 1_000, 1),
        (second - SignedDuration::from_micros(1), 1_000, 1),
        (second, 1_230, 3),
    ] {
        let stood = scene.as_of(worker, at).await;
        assert_eq!(
            (stood.current.get(), stood.version),
            (current, version),
            "{at}"
        );
    }
    scene.end_forged().await;
}

#[tokio::test]
async fn a_balance_is_read_after_the_batch_that_is_moving_the_account() {
    let scene = Scene::begin().await;
    scene.forge().await;
    let worker = scene.enrol(1_000).await;
    let mut moving = chassis::db::begin(&scene.db).await.unwrap();
    let held = "SELECT 1::bigint FROM account FOR UPDATE";
    sqlx::query(held).execute(&mut *moving).await.unwrap();
    let read = async {
        store::settle_down(&scene.db, worker.account).await.unwrap();
        scene.as_of(worker, scene.clock.now()).await
    };
    let post = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE query LIKE '%wait_for_account%' AND wait_event_type = 'Lock' AND datname = current_database()";
        while scene.number(waiting).await == 0 {
            tokio::task::yield_now().await;
        }
        let posted = "UPDATE movement SET current_after_fen = 777";
        sqlx::query(posted).execute(&mut *moving).await.unwrap();
        let undone = "UPDATE movement SET current_after_fen = 1000";
        moving.commit().await.unwrap();
        undone
    };
    let (stood, undone) = tokio::join!(read, post);
    assert_eq!(stood.current, Fen::new(777), "what the batch wrote is seen");
    scene.run(undone).await;
    scene.end().await;
}

#[tokio::test]
async fn the_lines_of_a_statement_lead_from_its_opening_to_its_closing() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(10_000).await;
    scene.pass(60 * 24);
    for fen in [100, 20, 3] {
        scene.settle(worker, bill(fen)).await.unwrap();
    }
    scene.pass(60 * 24);
    scene.settle(worker, bill(5_000)).await.unwrap();

    let day = scene.days((2026, 3, 6), (2026, 3, 6));
    let opening = scene.as_of(worker, day.opening()).await;
    let closing = scene.as_of(worker, day.closing(scene.clock.now())).await;
    assert_eq!((opening.current, opening.version), (Fen::new(10_000), 1));
    assert_eq!((closing.current, closing.version), (Fen::new(9_877), 4));
    let range = (opening.version, closing.version);
    let lines = store::lines(&scene.db, worker.account, range, 500).await;
    let lines = lines.unwrap();
    let amounts: Vec<_> = lines.iter().map(|line| line.amount_fen).collect();
    assert_eq!(amounts, [100, 20, 3]);
    assert_eq!(lines.last().unwrap().current_after_fen, 9_877);
    assert!(lines.iter().all(|line| !line.is_money_in));
    let rest = store::lines(&scene.db, worker.account, (3, closing.version), 500).await;
    assert_eq!(rest.unwrap().len(), 1);
    scene.end().await;
}

#[tokio::test]
async fn everything_that_may_move_an_account_has_a_name_for_people() {
    let scene = Scene::begin().await;
    let definition: String = sqlx::query_scalar(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint
         WHERE conname = 'movement_kind_check' AND conrelid = 'movement'::regclass",
    )
    .fetch_one(&scene.db)
    .await
    .unwrap();
    let kinds: Vec<_> = definition.split('\'').skip(1).step_by(2).collect();
    assert!(kinds.contains(&"CHARGE_AID"), "{definition}");
    // What the pooled fund pays moves no account.
    for kind in kinds
        .into_iter()
        .filter(|kind| !(kind.starts_with("FUND_") || kind.ends_with("_FUND")))
    {
        assert!(title(kind).is_some(), "{kind}");
    }
    scene.end().await;
}
