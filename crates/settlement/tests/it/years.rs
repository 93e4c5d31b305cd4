//! The turn of a year.

#![expect(
    clippy::unwrap_used,
    reason = "a story ends where it meets what it did not expect"
)]

use kernel::{AccountId, PersonId, Reason, Role};
use settlement::command::{AllocationKind, Origin};
use settlement::keep::Keep;
use settlement::year_end::{self, Which, YearEnd, YearEndError};

use crate::scene::{Enrolled, Scene, bill, id_of, parts, settlement};

fn which(region: &str, year: i16) -> Which {
    Which {
        region: region.parse().unwrap(),
        year,
    }
}

fn operator() -> Origin {
    Origin {
        role: Role::Operator,
        caller: "op-1".to_owned(),
        trace_parent: None,
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, YearEndError>) -> Reason {
    match answer.unwrap_err() {
        YearEndError::Refused(refusal) => refusal.reason,
        YearEndError::Store(error) => panic!("{error}"),
    }
}

impl Scene {
    async fn begin_year_end(&self, which: Which, interest: u32) -> Result<YearEnd, YearEndError> {
        year_end::begin(&self.office, which, interest, "op-1").await
    }

    async fn roll_over(&self, which: Which, most: i64) -> Result<(YearEnd, bool), YearEndError> {
        year_end::roll_over(&self.office, &self.writer, (which, most), &operator()).await
    }

    async fn finish_year_end(&self, which: Which) -> Result<YearEnd, YearEndError> {
        year_end::finish(&self.office, which, "op-2").await
    }

    /// Closes a year from beginning to end.
    async fn close_year(&self, which: Which, interest: u32) {
        self.begin_year_end(which, interest).await.unwrap();
        while !self.roll_over(which, 100).await.unwrap().1 {}
        self.finish_year_end(which).await.unwrap();
    }

    async fn until(&self, at: &str) {
        assert!(self.clock.advance_to(at.parse().unwrap()));
        settlement::maintain(&self.db, &self.clock, 1)
            .await
            .unwrap();
    }

    async fn buckets(&self, of: Enrolled) -> (i64, i64) {
        let column = |column: &str| {
            format!(
                "SELECT {column} FROM account WHERE account_id = '{}'",
                of.account.uuid()
            )
        };
        (
            self.number(&column("current_fen")).await,
            self.number(&column("prior_fen")).await,
        )
    }
}

#[tokio::test]
async fn a_calendar_year_turns_with_its_interest_and_its_notices() {
    let scene = Scene::begin().await;
    let (worker, empty) = (scene.enrol(10_000).await, scene.enrol(0).await);
    let year = which("320000", 2026);
    let early = scene.begin_year_end(year, 35).await;
    assert_eq!(refused(early), Reason::MedicalYearNotOver);
    scene.until("2027-01-02T02:00:00Z").await;
    let too_soon = scene
        .allocate(worker, AllocationKind::Monthly, (5, "2027-01"))
        .await;
    assert_eq!(too_soon.unwrap_err().reason, Reason::MedicalYearNotOpen);

    let begun = scene.begin_year_end(year, 35).await.unwrap();
    assert_eq!((begun.accounts, begun.rolled), (2, 0));
    assert_eq!(scene.begin_year_end(year, 35).await.unwrap(), begun);
    let other = scene.begin_year_end(year, 36).await;
    assert_eq!(refused(other), Reason::YearEndContradicts);
    scene
        .allocate(worker, AllocationKind::Clearing, (-1_000, "2026-12"))
        .await
        .unwrap();
    let unfinished = scene.finish_year_end(year).await;
    assert_eq!(refused(unfinished), Reason::YearEndUnfinished);

    let (progress, done) = scene.roll_over(year, 1).await.unwrap();
    assert_eq!((progress.rolled, done), (1, false));
    while !scene.roll_over(year, 1).await.unwrap().1 {}
    let finished = scene.finish_year_end(year).await.unwrap();
    assert_eq!(finished.rolled, 2);
    let again = scene.begin_year_end(year, 35).await;
    assert_eq!(refused(again), Reason::YearEndFinished);

    // 9 000 fen at 35 basis points are 31.5.
    assert_eq!(scene.buckets(worker).await, (0, 9_032));
    assert_eq!(scene.buckets(empty).await, (0, 0));
    assert_eq!(scene.facts(worker).await, ["balance_changed"; 4]);
    assert!(scene.facts(empty).await.is_empty(), "nothing moved");
    scene
        .allocate(worker, AllocationKind::Monthly, (5, "2027-01"))
        .await
        .unwrap();
    assert_eq!(scene.buckets(worker).await, (5, 9_032));
    let closed = scene
        .allocate(worker, AllocationKind::Clearing, (-1, "2026-12"))
        .await;
    assert_eq!(closed.unwrap_err().reason, Reason::PeriodClosed);
    scene.end().await;
}

#[tokio::test]
async fn a_year_that_begins_in_july_turns_in_july() {
    let scene = Scene::begin().await;
    let worker = Enrolled {
        person: PersonId::generate(),
        account: AccountId::generate(),
    };
    scene
        .tell(&proto::binding::v1::Enrolled {
            region: "310100".to_owned(),
            ..scene.enrolment(worker)
        })
        .await;
    // 2026-03 lies in the medical year that began in July 2025.
    scene.credit(worker, 700).await.unwrap();
    let year = which("310000", 2025);
    scene.until("2026-06-30T15:59:59Z").await;
    assert_eq!(
        refused(scene.begin_year_end(year, 0).await),
        Reason::MedicalYearNotOver
    );
    scene.until("2026-06-30T16:00:00Z").await;
    scene.close_year(year, 0).await;
    assert_eq!(scene.buckets(worker).await, (0, 700));
    scene
        .allocate(worker, AllocationKind::Monthly, (9, "2026-07"))
        .await
        .unwrap();
    assert_eq!(scene.buckets(worker).await, (9, 700));
    scene.end().await;
}

#[tokio::test]
async fn while_a_region_closes_its_year_a_bill_is_told_so_and_its_key_stays_free() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(5_000).await, scene.enrol(1_000).await);
    scene.until("2027-01-02T02:00:00Z").await;
    let link = scene.link(mother, son, None).await;
    let year = which("320600", 2026);
    scene.begin_year_end(year, 0).await.unwrap();

    let key = scene.key();
    let patient = crate::scene::card(son);
    let stopped = scene
        .settle_under(key.clone(), patient.clone(), bill(3_000))
        .await;
    assert_eq!(stopped.unwrap_err().reason, Reason::RegionYearEndInProgress);
    while !scene.roll_over(year, 100).await.unwrap().1 {}
    let stopped = scene
        .settle_under(key.clone(), patient.clone(), bill(3_000))
        .await;
    assert_eq!(stopped.unwrap_err().reason, Reason::RegionYearEndInProgress);
    scene.finish_year_end(year).await.unwrap();
    let paid = scene.settle_under(key, patient, bill(3_000)).await.unwrap();
    assert_eq!(parts(&paid), (1_000, 2_000, 0));
    assert_eq!(scene.buckets(link.contributor).await, (0, 3_000));
    scene.end().await;
}

#[tokio::test]
async fn a_contributor_whose_region_closes_its_year_is_passed_over_with_that_reason() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(5_000).await, scene.enrol(0).await);
    scene
        .tell(&proto::binding::v1::Enrolled {
            version: 2,
            region: "320500".to_owned(),
            ..scene.enrolment(mother)
        })
        .await;
    scene.until("2027-01-02T02:00:00Z").await;
    scene.link(mother, son, None).await;
    scene
        .begin_year_end(which("320500", 2026), 0)
        .await
        .unwrap();
    let unpaid = scene.settle(son, bill(800)).await.unwrap();
    assert_eq!(parts(&unpaid), (0, 0, 800));
    let split = settlement(&unpaid).split.as_ref().unwrap();
    let reason = split.considered.last().unwrap().reason.as_ref().unwrap();
    assert_eq!(reason.code, "REGION_YEAR_END_IN_PROGRESS");
    scene.close_year(which("320500", 2026), 0).await;
    let paid = scene.settle(son, bill(800)).await.unwrap();
    assert_eq!(parts(&paid), (0, 800, 0));
    scene.end().await;
}

/// Money that was charged out of a year returns to the earlier years once that year has been closed, also if it was charged
/// in the days between the turn of the year and the rollover.
#[tokio::test]
async fn a_refund_after_the_rollover_goes_to_the_earlier_years() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(10_000).await;
    let before = scene.settle(worker, bill(1_000)).await.unwrap();
    scene.until("2027-01-02T02:00:00Z").await;
    let between = scene.settle(worker, bill(2_000)).await.unwrap();
    let year = which("320600", 2026);
    scene.close_year(year, 0).await;
    assert_eq!(scene.buckets(worker).await, (0, 7_000));
    scene
        .allocate(worker, AllocationKind::Monthly, (500, "2027-01"))
        .await
        .unwrap();
    let after = scene.settle(worker, bill(300)).await.unwrap();
    assert_eq!(scene.buckets(worker).await, (200, 7_000));

    for paid in [&before, &between, &after] {
        scene.cancel(scene.key(), id_of(paid)).await.unwrap();
    }
    assert_eq!(scene.buckets(worker).await, (500, 10_000));
    scene.end().await;
}

#[tokio::test]
async fn rolling_over_may_stop_anywhere_and_be_done_by_two_at_once() {
    let scene = Scene::begin().await;
    let mut people = Vec::new();
    for fen in 1..=7 {
        people.push(scene.enrol(fen * 100).await);
    }
    scene.until("2027-01-02T02:00:00Z").await;
    let year = which("320600", 2026);
    let outside = Keep::Turn {
        account: people[0].account,
        year: 2026,
        interest: 0,
    };
    let outside = scene.keep(outside, "op-1").await.unwrap_err();
    assert_eq!(outside.reason, Reason::YearEndUnknown);

    scene.begin_year_end(year, 100).await.unwrap();
    let (one, other) = tokio::join!(scene.roll_over(year, 3), scene.roll_over(year, 4));
    one.unwrap();
    other.unwrap();
    while !scene.roll_over(year, 2).await.unwrap().1 {}
    let finished = scene.finish_year_end(year).await.unwrap();
    assert_eq!(finished, scene.finish_year_end(year).await.unwrap());
    for (person, fen) in people.iter().zip(1..) {
        assert_eq!(scene.buckets(*person).await, (0, fen * 101));
    }
    let rolled = "SELECT count(*) FROM movement WHERE kind = 'YEAR_ROLLOVER' AND bucket = 'PRIOR'";
    assert_eq!(scene.number(rolled).await, 7);
    scene.end().await;
}

#[tokio::test]
async fn a_debt_is_carried_over_and_repaid_in_the_new_year() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(0).await;
    scene
        .allocate(worker, AllocationKind::Clearing, (-400, "2026-12"))
        .await
        .unwrap();
    scene.until("2027-01-02T02:00:00Z").await;
    scene.close_year(which("320600", 2026), 10_000).await;
    assert_eq!(scene.buckets(worker).await, (0, -400));
    scene
        .allocate(worker, AllocationKind::Monthly, (900, "2027-01"))
        .await
        .unwrap();
    let paid = scene.settle(worker, bill(700)).await.unwrap();
    assert_eq!(parts(&paid), (500, 0, 200), "the debt is not spent again");
    scene.end().await;
}

#[tokio::test]
async fn a_province_is_not_closed_over_a_city_that_is_in_the_middle_of_its_year() {
    let scene = Scene::begin().await;
    scene.enrol(5).await;
    scene.until("2027-01-02T02:00:00Z").await;
    scene
        .begin_year_end(which("320600", 2026), 0)
        .await
        .unwrap();
    let province = scene.begin_year_end(which("320000", 2026), 0).await;
    assert_eq!(refused(province), Reason::YearEndContradicts);
    let nation = scene.begin_year_end(which("000000", 2026), 0).await;
    assert_eq!(refused(nation), Reason::RegionUnknown);
    let usury = scene.begin_year_end(which("320500", 2026), 10_001).await;
    assert_eq!(refused(usury), Reason::InterestRateInvalid);
    let unknown = scene.roll_over(which("320500", 2026), 1).await;
    assert_eq!(refused(unknown), Reason::YearEndUnknown);
    scene.end().await;
}
