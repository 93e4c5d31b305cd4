//! A withdrawn permission stops paying when `fenced` says so.

use futures::future::join_all;
use kernel::BindingId;
use proto::authorization::v1::{MandateChanged, MandateState, MandateTightening};
use proto::binding::v1::{Bound, Unbinding, Unbound};

use settlement::hold::COUNTER;

use crate::holds;
use crate::scene::{Link, Scene, bill, parts};

const FENCED: &str = "SELECT count(*) FROM outbox WHERE subject = 'gongji.v1.settlement.fenced'";

#[tokio::test]
async fn bills_that_race_with_an_unbinding_take_nothing_after_the_fence() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(1_000_000).await);
    let link = scene.link(son, mother, None).await;
    let racing = join_all((0..60).map(|_| scene.settle(mother, bill(1_000))));
    let (before, after) = tokio::join!(racing, async {
        scene
            .tell(&Unbinding {
                terms: Some(scene.terms(link, 3)),
            })
            .await;
        // The fence is committed: what is sent from here on finds no aid.
        let left = scene.balance(son).await;
        let late = join_all((0..20).map(|_| scene.settle(mother, bill(1_000)))).await;
        (left, late)
    });
    let (left, late) = after;
    assert!(
        late.into_iter()
            .all(|answer| parts(&answer.unwrap()) == (0, 0, 1_000))
    );
    let paid: i64 = before
        .into_iter()
        .map(|answer| parts(&answer.unwrap()).1)
        .sum();
    assert_eq!((scene.balance(son).await, 1_000_000 - paid), (left, left));
    assert_eq!(scene.number(FENCED).await, 1);
    scene.end().await;
}

#[tokio::test]
async fn an_ended_binding_stays_ended_whatever_arrives_late() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(5_000).await);
    let link = scene.link(son, mother, None).await;
    scene
        .tell(&Unbinding {
            terms: Some(scene.terms(link, 3)),
        })
        .await;
    scene
        .tell(&Unbound {
            terms: Some(scene.terms(link, 4)),
            ended_at: None,
        })
        .await;
    scene
        .tell(&Bound {
            terms: Some(scene.terms(link, 9)),
        })
        .await;
    let mandate = Scene::mandate(link, 9, MandateState::InForce, None);
    scene
        .tell(&MandateChanged {
            mandate: Some(mandate),
            ..Default::default()
        })
        .await;
    let answer = scene.settle(mother, bill(1_000)).await.unwrap();
    assert_eq!(parts(&answer), (0, 0, 1_000));
    scene.end().await;
}

#[tokio::test]
async fn a_fence_for_a_binding_that_was_never_heard_of_is_kept() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(5_000).await);
    let link = Link {
        id: BindingId::generate(),
        contributor: son,
        beneficiary: mother,
    };
    scene
        .tell(&Unbinding {
            terms: Some(scene.terms(link, 3)),
        })
        .await;
    scene
        .tell(&Bound {
            terms: Some(scene.terms(link, 2)),
        })
        .await;
    let mandate = Scene::mandate(link, 1, MandateState::InForce, None);
    scene
        .tell(&MandateChanged {
            mandate: Some(mandate),
            ..Default::default()
        })
        .await;
    let answer = scene.settle(mother, bill(1_000)).await.unwrap();
    assert_eq!(parts(&answer), (0, 0, 1_000));
    assert_eq!(scene.number(FENCED).await, 1);
    scene.end().await;
}

#[tokio::test]
async fn a_pause_holds_at_once_and_newer_terms_lift_it() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(5_000).await);
    let link = scene.link(son, mother, None).await;
    let pausing = Scene::mandate(link, 2, MandateState::Pausing, None);
    scene
        .tell(&MandateTightening {
            mandate: Some(pausing),
        })
        .await;
    assert_eq!(scene.number(FENCED).await, 1);
    assert_eq!(
        parts(&scene.settle(mother, bill(1_000)).await.unwrap()),
        (0, 0, 1_000)
    );
    let resumed = Scene::mandate(link, 4, MandateState::InForce, None);
    scene
        .tell(&MandateChanged {
            mandate: Some(resumed),
            ..Default::default()
        })
        .await;
    assert_eq!(
        parts(&scene.settle(mother, bill(1_000)).await.unwrap()),
        (0, 1_000, 0)
    );
    scene.end().await;
}

#[tokio::test]
async fn a_lowered_limit_holds_at_once_and_counts_what_was_used_before() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(50_000).await);
    let link = scene.link(son, mother, None).await;
    scene.settle(mother, bill(3_000)).await.unwrap();
    let lowered = Scene::mandate(link, 2, MandateState::Changing, Some(5_000));
    scene
        .tell(&MandateTightening {
            mandate: Some(lowered),
        })
        .await;
    assert_eq!(
        parts(&scene.settle(mother, bill(3_000)).await.unwrap()),
        (0, 2_000, 1_000)
    );
    scene.end().await;
}

#[tokio::test]
async fn a_fence_is_told_when_the_last_counter_hold_under_its_binding_has_ended() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(50_000).await);
    let link = scene.link(son, mother, None).await;
    let captured = holds::place(&scene, mother, 1_000).await;
    let released = holds::place(&scene, mother, 2_000).await;
    let forgotten = holds::place(&scene, mother, 3_000).await;
    scene
        .tell(&Unbinding {
            terms: Some(scene.terms(link, 3)),
        })
        .await;
    // It holds already: nothing new is paid or set aside.
    assert_eq!(holds::place(&scene, mother, 400).await.held_fen, 0);
    assert_eq!(
        parts(&scene.settle(mother, bill(400)).await.unwrap()),
        (0, 0, 400)
    );
    // What was set aside before is let finish.
    let answer = holds::capture(&scene, &captured, None).await.unwrap();
    assert_eq!(parts(&answer), (0, 1_000, 0));
    holds::release(&scene, &released).await.unwrap();
    assert_eq!(scene.number(FENCED).await, 0);
    assert_eq!(holds::sweep(&scene).await, 0, "a fence waits for a counter");
    scene.clock.advance(COUNTER);
    assert_eq!(scene.number(FENCED).await, 0);
    holds::sweep(&scene).await;
    assert_eq!(scene.number(FENCED).await, 1);
    let late = holds::capture(&scene, &forgotten, None).await.unwrap_err();
    assert_eq!(late.reason, kernel::Reason::HoldExpired);
    assert_eq!(scene.balance(son).await, 49_000);
    scene.end().await;
}

#[tokio::test]
async fn a_long_hold_is_ended_by_a_fence_and_not_waited_for() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(700).await, scene.enrol(50_000).await);
    let link = scene.link(son, mother, None).await;
    let order = holds::lasting(&scene, mother, 2_000, COUNTER * 6).await;
    let pausing = Scene::mandate(link, 2, MandateState::Pausing, None);
    scene
        .tell(&MandateTightening {
            mandate: Some(pausing),
        })
        .await;
    assert_eq!(scene.number(FENCED).await, 0);
    assert_eq!(holds::sweep(&scene).await, 1);
    assert_eq!(scene.number(FENCED).await, 1);
    let late = holds::capture(&scene, &order, None).await.unwrap_err();
    assert_eq!(late.reason, kernel::Reason::HoldReleased);
    scene.end().await;
}

#[tokio::test]
async fn captures_that_race_with_an_unbinding_are_all_before_the_fence() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(50_000).await);
    let link = scene.link(son, mother, None).await;
    let held = join_all((0..20).map(|_| holds::place(&scene, mother, 1_000))).await;
    let captures = join_all(held.iter().map(|hold| holds::capture(&scene, hold, None)));
    let unbinding = Unbinding {
        terms: Some(scene.terms(link, 3)),
    };
    let (captured, ()) = tokio::join!(captures, scene.tell(&unbinding));
    assert!(captured.iter().all(Result::is_ok));
    assert_eq!(scene.number(FENCED).await, 1);
    let after = "SELECT count(*) FROM outbox WHERE subject = 'gongji.v1.settlement.charged'
        AND position > (SELECT position FROM outbox WHERE subject = 'gongji.v1.settlement.fenced')";
    assert_eq!(scene.number(after).await, 0);
    scene.end().await;
}
