//! Limits in their windows, under bills that race for what is left of them.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails its test")]

use futures::future::join_all;
use jiff::Timestamp;
use proto::authorization::v1 as authorization;
use proto::settlement::v1 as pb;

use crate::scene::{Enrolled, Link, Scene, bill, id_of, parts, settlement};

/// What relatives pay of eight bills over 10.00 yuan that arrive at once.
async fn race(scene: &Scene, patient: Enrolled) -> i64 {
    let answers = join_all((0..8).map(|_| scene.settle(patient, bill(1_000)))).await;
    let aid = |answer: Result<pb::SettleResponse, _>| parts(&answer.expect("it is settled")).1;
    answers.into_iter().map(aid).sum()
}

async fn go_to(scene: &Scene, at: &str) {
    scene.clock.advance_to(at.parse::<Timestamp>().unwrap());
    settlement::maintain(&scene.db, &scene.clock, 1)
        .await
        .unwrap();
}

async fn set(scene: &Scene, link: Link, change: impl FnOnce(&mut authorization::MandateTerms)) {
    let mut mandate = Scene::mandate(link, 2, authorization::MandateState::InForce, None);
    change(mandate.terms.as_mut().unwrap());
    scene
        .tell(&authorization::MandateChanged {
            mandate: Some(mandate),
            with_binding: false,
        })
        .await;
}

#[tokio::test]
async fn every_window_of_a_mandate_holds_under_racing_bills_and_opens_again_on_its_day() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(1_000_000).await);
    let link = scene.link(son, mother, None).await;
    set(&scene, link, |terms| {
        terms.per_day_fen = Some(3_500);
        terms.per_month_fen = Some(5_000);
        terms.per_year_fen = Some(6_000);
        terms.total_fen = Some(8_500);
    })
    .await;
    assert_eq!(race(&scene, mother).await, 3_500, "the day");
    go_to(&scene, "2026-03-05T16:00:00Z").await; // midnight of the 6th in Shanghai
    assert_eq!(race(&scene, mother).await, 1_500, "the month");
    go_to(&scene, "2026-03-31T16:00:00Z").await;
    assert_eq!(race(&scene, mother).await, 1_000, "the year");
    go_to(&scene, "2026-12-31T16:00:00Z").await;
    assert_eq!(race(&scene, mother).await, 2_500, "all there is");
    go_to(&scene, "2027-12-31T16:00:00Z").await;
    assert_eq!(race(&scene, mother).await, 0);
    scene.end().await;
}

#[tokio::test]
async fn a_regions_limit_for_all_beneficiaries_together_holds_when_two_of_them_pay_at_once() {
    let scene = Scene::with_rules(
        r#"
        rules.limit_scope = { value = "CONTRIBUTOR", source = "test", grade = "INF" }
        rules.limit_per_year = { value = "75.00", source = "test", grade = "INF" }
        "#,
    )
    .await;
    let (mother, father) = (scene.enrol(0).await, scene.enrol(0).await);
    let daughter = scene.enrol(1_000_000).await;
    scene.link(daughter, mother, None).await;
    scene.link(daughter, father, None).await;
    let (one, other) = tokio::join!(race(&scene, mother), race(&scene, father));
    assert_eq!(one + other, 7_500);
    let short = scene.settle(father, bill(1_000)).await.unwrap();
    let split = settlement(&short).split.as_ref().unwrap();
    let line = split.considered.last().unwrap();
    assert_eq!(line.reason.as_ref().unwrap().code, "LIMIT_PER_YEAR");
    assert!(line.rule.ends_with("limit_per_year"), "{}", line.rule);
    // Nobody can raise it; it begins anew.
    let [remedy] = line.remedies.as_slice() else {
        panic!("{line:?}")
    };
    assert_eq!(remedy.kind(), pb::RemedyKind::WaitUntil);
    assert_eq!(remedy.day, "2027-01-01");
    scene.end().await;
}

#[tokio::test]
async fn what_is_cancelled_counts_back_in_the_windows_of_its_charge() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(1_000_000).await);
    let link = scene.link(son, mother, None).await;
    set(&scene, link, |terms| {
        terms.per_day_fen = Some(5_000);
        terms.per_month_fen = Some(6_000);
    })
    .await;
    let first = scene.settle(mother, bill(5_000)).await.unwrap();
    go_to(&scene, "2026-03-05T16:00:00Z").await;
    let second = scene.settle(mother, bill(5_000)).await.unwrap();
    assert_eq!(parts(&second), (0, 1_000, 4_000), "the month");
    scene.cancel(scene.key(), id_of(&first)).await.unwrap();
    let third = scene.settle(mother, bill(6_000)).await.unwrap();
    assert_eq!(
        parts(&third),
        (0, 4_000, 2_000),
        "the month has it back, the day has not"
    );
    scene.end().await;
}

#[tokio::test]
async fn where_limits_count_what_was_charged_a_cancellation_gives_nothing_back() {
    let scene = Scene::with_rules(
        r#"rules.limit_count = { value = "GROSS", source = "test", grade = "INF" }"#,
    )
    .await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(1_000_000).await);
    scene.link(son, mother, Some(5_000)).await;
    let first = scene.settle(mother, bill(5_000)).await.unwrap();
    scene.cancel(scene.key(), id_of(&first)).await.unwrap();
    let second = scene.settle(mother, bill(1_000)).await.unwrap();
    assert_eq!(parts(&second), (0, 0, 1_000));
    scene.end().await;
}
