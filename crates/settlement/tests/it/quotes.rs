//! What was quoted is the most that is taken.

use kernel::{Fen, QuoteId, Reason, Refusal, SettlementId};
use proto::settlement::v1::SettleResponse;
use proto::settlement::v1::settle_response::Outcome;
use settlement::bill::Bill;
use settlement::command::Settle;
use settlement::quote::{LIFETIME, Named, Quote};
use settlement::request::{Asked, RequestKey};
use settlement::store;

use crate::scene::{Enrolled, SHOP, Scene, bill, card, parts};

/// A stored quote on this bill: so much own money, so much cash.
async fn quoted(scene: &Scene, patient: Enrolled, bill: &Bill, own: i64, cash: i64) -> QuoteId {
    let quote = Quote {
        id: QuoteId::generate(),
        institution: SHOP.to_owned(),
        asked: Asked::settle(patient.person, bill),
        own: Fen::new(own),
        cash: Fen::new(cash),
        expires_at: scene.clock.now() + LIFETIME,
    };
    store::quote::insert(&scene.db, &quote, scene.clock.now())
        .await
        .expect("it is a new quote");
    quote.id
}

async fn settle_on(
    scene: &Scene,
    key: RequestKey,
    (patient, bill): (Enrolled, Bill),
    id: QuoteId,
) -> Result<SettleResponse, Refusal> {
    let found = store::quote::find(&scene.db, id)
        .await
        .expect("a quote is read back");
    let settle = Settle {
        id: SettlementId::generate(),
        key,
        patient: card(patient),
        bill,
        quote: Some(Named { id, found }),
        deduct: settlement::deferral::Deduct::AtOnce,
        replaces: None,
    };
    scene.submit(settle).await
}

#[tokio::test]
async fn a_bill_is_settled_on_its_quote_and_again_after_the_quote_is_gone() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(5_000).await;
    let quote = quoted(&scene, patient, &bill(8_000), 5_000, 3_000).await;
    let key = scene.key();
    let answer = settle_on(&scene, key.clone(), (patient, bill(8_000)), quote)
        .await
        .unwrap();
    assert_eq!(parts(&answer), (5_000, 0, 3_000));
    scene.clock.advance(LIFETIME);
    store::quote::sweep(&scene.db, scene.clock.now() + LIFETIME)
        .await
        .unwrap();
    let again = settle_on(&scene, key.clone(), (patient, bill(8_000)), quote)
        .await
        .unwrap();
    assert_eq!(again, answer);
    // Without the quote it is another request.
    let other = scene
        .settle_under(key, card(patient), bill(8_000))
        .await
        .unwrap_err();
    assert_eq!(other, Refusal::about(Reason::MsgidReused, "quote_id"));
    scene.end().await;
}

#[tokio::test]
async fn a_quote_that_became_dearer_is_stale_moves_nothing_and_leaves_its_key_free() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(1_000).await, scene.enrol(4_000).await);
    scene.link(son, mother, None).await;
    let quote = quoted(&scene, mother, &bill(6_000), 1_000, 1_000).await;
    // The son spends half of what was counted on.
    scene.settle(son, bill(2_000)).await.unwrap();
    let key = scene.key();
    let answer = settle_on(&scene, key.clone(), (mother, bill(6_000)), quote)
        .await
        .unwrap();
    let Some(Outcome::Stale(stale)) = answer.outcome else {
        panic!("{answer:?}")
    };
    let split = stale.split.unwrap();
    assert_eq!(
        (split.own_fen, split.aid_fen, split.cash_fen),
        (1_000, 2_000, 3_000)
    );
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (1_000, 2_000)
    );
    // The patient agrees to the new price: the same message, on a new quote.
    let quote = quoted(&scene, mother, &bill(6_000), 1_000, 3_000).await;
    let answer = settle_on(&scene, key, (mother, bill(6_000)), quote)
        .await
        .unwrap();
    assert_eq!(parts(&answer), (1_000, 2_000, 3_000));
    scene.end().await;
}

#[tokio::test]
async fn money_that_came_in_between_makes_a_quote_cheaper_and_not_stale() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(1_000).await;
    let quote = quoted(&scene, patient, &bill(6_000), 1_000, 5_000).await;
    scene.credit(patient, 4_500).await.unwrap();
    let answer = settle_on(&scene, scene.key(), (patient, bill(6_000)), quote)
        .await
        .unwrap();
    assert_eq!(parts(&answer), (5_500, 0, 500));
    scene.end().await;
}

#[tokio::test]
async fn an_expired_an_unknown_and_another_bills_quote_each_have_their_reason() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(1_000).await;
    let quote = quoted(&scene, patient, &bill(600), 600, 0).await;
    let reason = async |bill: Bill, id| {
        settle_on(&scene, scene.key(), (patient, bill), id)
            .await
            .unwrap_err()
            .reason
    };
    assert_eq!(reason(bill(601), quote).await, Reason::QuoteOtherBill);
    assert_eq!(
        reason(bill(600), QuoteId::generate()).await,
        Reason::QuoteUnknown
    );
    scene.clock.advance(LIFETIME);
    assert_eq!(reason(bill(600), quote).await, Reason::QuoteExpired);
    assert_eq!(scene.number("SELECT count(*) FROM request_key").await, 0);
    assert_eq!(scene.balance(patient).await, 1_000);
    scene.end().await;
}
