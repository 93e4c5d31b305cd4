//! What is forgotten, and what never is.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails its test")]

use jiff::SignedDuration;
use kernel::{Fen, QuoteId, Reason};
use settlement::Retention;
use settlement::quote::{LIFETIME, Quote};
use settlement::request::Asked;
use settlement::store;

use crate::scene::{Enrolled, SHOP, Scene, bill, card, parts};

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn quoted(scene: &Scene, patient: Enrolled) -> QuoteId {
    let quote = Quote {
        id: QuoteId::generate(),
        institution: SHOP.to_owned(),
        asked: Asked::settle(patient.person, &bill(100)),
        own: Fen::new(100),
        cash: Fen::ZERO,
        expires_at: scene.clock.now() + LIFETIME,
    };
    store::quote::insert(&scene.db, &quote, scene.clock.now())
        .await
        .unwrap();
    quote.id
}

async fn is_kept(scene: &Scene, id: QuoteId) -> bool {
    store::quote::find(&scene.db, id).await.unwrap().is_some()
}

#[tokio::test]
async fn quotes_are_forgotten_when_their_retention_is_over_and_not_before() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(1_000).await;
    let retention = Retention { quotes: DAY };
    let old = quoted(&scene, patient).await;
    scene.clock.advance(DAY);
    let young = quoted(&scene, patient).await;
    let forget = async || {
        settlement::forget(&scene.db, &scene.clock, retention)
            .await
            .unwrap()
    };
    assert_eq!(forget().await, 0);
    scene.clock.advance(LIFETIME + SignedDuration::from_secs(1));
    assert_eq!(forget().await, 1);
    assert!(!is_kept(&scene, old).await);
    assert!(is_kept(&scene, young).await, "it has just expired");
    // A span below zero is none: it never takes what is still good.
    let good = quoted(&scene, patient).await;
    let none = Retention { quotes: -DAY };
    settlement::forget(&scene.db, &scene.clock, none)
        .await
        .unwrap();
    assert!(!is_kept(&scene, young).await);
    assert!(is_kept(&scene, good).await);
    scene.end().await;
}

#[tokio::test]
async fn a_key_that_is_repeated_half_a_year_and_six_partitions_later_gets_the_first_answer() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(10_000).await;
    let key = scene.key();
    let first = scene.settle_under(key.clone(), card(patient), bill(3_000));
    let first = first.await.unwrap();
    for _ in 0..6 {
        scene.clock.advance(DAY * 30);
        settlement::maintain(&scene.db, &scene.clock, 1)
            .await
            .unwrap();
        let retention = Retention { quotes: DAY };
        settlement::forget(&scene.db, &scene.clock, retention)
            .await
            .unwrap();
        let other = scene.settle(patient, bill(100)).await.unwrap();
        assert_eq!(parts(&other), (100, 0, 0));
    }
    let again = scene.settle_under(key.clone(), card(patient), bill(3_000));
    assert_eq!(again.await.unwrap(), first);
    let other = scene.settle_under(key, card(patient), bill(3_001));
    assert_eq!(other.await.unwrap_err().reason, Reason::MsgidReused);
    assert_eq!(scene.balance(patient).await, 6_400);
    let partitions = "SELECT count(DISTINCT tableoid) FROM movement";
    assert!(scene.number(partitions).await >= 6);
    scene.end().await;
}
