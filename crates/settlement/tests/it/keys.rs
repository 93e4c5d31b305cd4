//! The same request again, and what only looks like it.

use futures::future::join_all;
use jiff::SignedDuration;
use kernel::{PersonId, Reason};
use settlement::command::Presented;

use crate::scene::{Enrolled, Scene, bill, card, parts};

#[tokio::test]
async fn the_same_message_gets_the_same_answer_and_moves_money_once() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(10_000).await;
    let key = scene.key();
    let first = scene
        .settle_under(key.clone(), card(patient), bill(3_000))
        .await
        .unwrap();
    scene.clock.advance(SignedDuration::from_hours(1));
    let again = scene
        .settle_under(key.clone(), card(patient), bill(3_000))
        .await
        .unwrap();
    assert_eq!(first, again);
    let other = scene
        .settle_under(key, card(patient), bill(3_001))
        .await
        .unwrap_err();
    assert_eq!(
        (other.reason, other.about.as_deref()),
        (Reason::MsgidReused, Some("total_fen"))
    );
    assert_eq!(scene.balance(patient).await, 7_000);
    scene.end().await;
}

#[tokio::test]
async fn twins_of_one_moment_are_one_settlement() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(100_000).await;
    let keys: Vec<_> = (0..8).map(|_| scene.key()).collect();
    let twins = (0..64)
        .map(|number| scene.settle_under(keys[number % 8].clone(), card(patient), bill(1_000)));
    let answers: Vec<_> = join_all(twins)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer, &answers[number % 8]);
    }
    assert_eq!(scene.balance(patient).await, 92_000);
    scene.end().await;
}

#[tokio::test]
async fn a_cancel_under_the_key_of_a_bill_is_another_request() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(10_000).await;
    let key = scene.key();
    let settled = scene
        .settle_under(key.clone(), card(patient), bill(3_000))
        .await
        .unwrap();
    let refused = scene
        .cancel(key, crate::scene::id_of(&settled))
        .await
        .unwrap_err();
    assert_eq!(
        (refused.reason, refused.about.as_deref()),
        (Reason::MsgidReused, Some("operation"))
    );
    scene.end().await;
}

#[tokio::test]
async fn a_refused_message_leaves_its_key_free() {
    let scene = Scene::begin().await;
    let newcomer = Enrolled {
        person: PersonId::generate(),
        account: kernel::AccountId::generate(),
    };
    let key = scene.key();
    let early = scene
        .settle_under(key.clone(), card(newcomer), bill(500))
        .await
        .unwrap_err();
    assert_eq!(early.reason, Reason::SyncPending);
    assert_eq!(scene.number("SELECT count(*) FROM request_key").await, 0);
    scene.tell(&scene.enrolment(newcomer)).await;
    let answer = scene
        .settle_under(key, card(newcomer), bill(500))
        .await
        .unwrap();
    assert_eq!(parts(&answer), (0, 0, 500));
    scene.end().await;
}

#[tokio::test]
async fn of_many_bills_on_one_token_one_is_settled_and_its_retry_still_succeeds() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(100_000).await;
    let expires_at = Some(scene.clock.now() + SignedDuration::from_mins(10));
    let token = Presented {
        expires_at,
        fingerprint: vec![9; 32],
        ..card(patient)
    };
    let keys: Vec<_> = (0..24).map(|_| scene.key()).collect();
    let bills = keys
        .iter()
        .map(|key| scene.settle_under(key.clone(), token.clone(), bill(1_000)));
    let answers = join_all(bills).await;
    let settled: Vec<_> = answers
        .iter()
        .zip(&keys)
        .filter(|(answer, _)| answer.is_ok())
        .collect();
    assert_eq!(settled.len(), 1);
    for refusal in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(refusal.reason, Reason::CredentialUsed);
    }
    // Long after it expired, too.
    scene.clock.advance(SignedDuration::from_hours(24));
    let retry = scene
        .settle_under(settled[0].1.clone(), token, bill(1_000))
        .await
        .unwrap();
    assert_eq!(&retry, settled[0].0.as_ref().unwrap());
    assert_eq!(scene.balance(patient).await, 99_000);
    scene.end().await;
}
