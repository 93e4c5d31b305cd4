//! A withdrawn permission stops paying when `fenced` says so.

use futures::future::join_all;
use kernel::BindingId;
use proto::authorization::v1::{MandateChanged, MandateState, MandateTightening};
use proto::binding::v1::{Bound, Unbinding, Unbound};

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
