//! Messages whose fate their sender does not know are undone.

use futures::future::join_all;
use kernel::{Reason, Refusal, SettlementId};
use proto::settlement::v1 as pb;
use proto::settlement::v1::ReversalEffect as Effect;
use settlement::command::{Answer, Command, Reverse};
use settlement::request::{Operation, RequestKey};

use crate::scene::{SHOP, Scene, bill, card, id_of, origin, parts};

impl Scene {
    async fn reverse(&self, original: &RequestKey) -> Result<Effect, Refusal> {
        self.reverse_under(self.key(), original, Operation::Settle)
            .await
            .map(|reversal| reversal.effect())
    }

    async fn reverse_under(
        &self,
        key: RequestKey,
        original: &RequestKey,
        was: Operation,
    ) -> Result<pb::Reversal, Refusal> {
        let reverse = Reverse {
            id: SettlementId::generate(),
            key,
            original: original.clone(),
            was,
            person_no: None,
        };
        let command = Command::Reverse(reverse);
        match self.writer.submit(command, origin()).await? {
            Answer::Reverse(answer) => Ok(answer.reversal.expect("it is there")),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_settled_message_is_undone_and_undoing_it_again_does_nothing() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(10_000).await, scene.enrol(30_000).await);
    scene.link(son, mother, Some(100_000)).await;
    let original = scene.key();
    let settled = scene
        .settle_under(original.clone(), card(mother), bill(25_000))
        .await
        .unwrap();
    scene.refund(id_of(&settled), 1_000).await.unwrap();
    let key = scene.key();
    let reversal = scene
        .reverse_under(key.clone(), &original, Operation::Settle)
        .await
        .unwrap();
    assert_eq!(reversal.effect(), Effect::Undone);
    assert_eq!(
        (reversal.total_fen, reversal.own_fen, reversal.aid_fen),
        (24_000, 10_000, 14_000)
    );
    let again = scene.reverse_under(key, &original, Operation::Settle).await;
    assert_eq!(again.unwrap(), reversal);
    assert_eq!(scene.reverse(&original).await.unwrap(), Effect::Nothing);
    // For the institution that reconciles, neither the bill nor its refund ever was.
    let records = "SELECT count(*) FROM reconciliation_record";
    assert_eq!(scene.number(records).await, 0);
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (10_000, 30_000)
    );
    let refused = scene
        .cancel(scene.key(), id_of(&settled))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::SettlementCancelled);
    scene.end().await;
}

#[tokio::test]
async fn a_message_that_is_reversed_before_it_arrives_is_refused_when_it_does() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(10_000).await;
    let original = scene.key();
    for _ in 0..2 {
        assert_eq!(
            scene.reverse(&original).await.unwrap(),
            Effect::NeverArrives
        );
    }
    let late = scene
        .settle_under(original.clone(), card(patient), bill(500))
        .await;
    assert_eq!(late.unwrap_err().reason, Reason::MessageReversed);
    assert_eq!(scene.balance(patient).await, 10_000);
    scene.end().await;
}

#[tokio::test]
async fn a_reversal_and_its_original_that_race_leave_no_money_out() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(1_000).await, scene.enrol(90_000).await);
    scene.link(son, mother, None).await;
    for round in 0..8 {
        let keys: Vec<_> = (0..6).map(|_| scene.key()).collect();
        let attempts = join_all(keys.iter().enumerate().map(|(number, key)| {
            let scene = &scene;
            async move {
                let settle = scene.settle_under(key.clone(), card(mother), bill(3_000));
                let reverse = scene.reverse(key);
                if (number + round) % 2 == 0 {
                    tokio::join!(settle, reverse)
                } else {
                    let (reverse, settle) = tokio::join!(reverse, settle);
                    (settle, reverse)
                }
            }
        }));
        for (settled, reversed) in attempts.await {
            match (settled, reversed.unwrap()) {
                (Ok(_), Effect::Undone) => {}
                (Err(refused), Effect::NeverArrives) => {
                    assert_eq!(refused.reason, Reason::MessageReversed);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(
            (scene.balance(mother).await, scene.balance(son).await),
            (1_000, 90_000)
        );
    }
    scene.end().await;
}

#[tokio::test]
async fn a_refund_a_cancel_and_a_reversal_race_and_the_bill_comes_back_once() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(2_000).await, scene.enrol(90_000).await);
    scene.link(son, mother, None).await;
    for _ in 0..6 {
        let original = scene.key();
        let settled = scene
            .settle_under(original.clone(), card(mother), bill(30_000))
            .await
            .unwrap();
        let id = id_of(&settled);
        let (refund, cancel, reversal) = tokio::join!(
            scene.refund(id, 5_000),
            scene.cancel(scene.key(), id),
            scene.reverse(&original),
        );
        let part = refund.map_or(0, |refund| refund.total_fen);
        let undone = reversal.unwrap();
        assert_eq!(cancel.is_ok(), undone == Effect::Nothing, "{part}");
        assert_eq!(
            (scene.balance(mother).await, scene.balance(son).await),
            (2_000, 90_000)
        );
    }
    scene.end().await;
}

#[tokio::test]
async fn what_gave_money_back_stands_and_what_is_no_such_message_is_refused() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(10_000).await;
    let (original, cancel) = (scene.key(), scene.key());
    let settled = scene
        .settle_under(original.clone(), card(patient), bill(4_000))
        .await
        .unwrap();
    assert_eq!(parts(&settled), (4_000, 0, 0));
    scene.cancel(cancel.clone(), id_of(&settled)).await.unwrap();
    let reversal = scene.key();
    scene
        .reverse_under(reversal.clone(), &original, Operation::Settle)
        .await
        .unwrap();
    let before = scene.number("SELECT count(*) FROM request_key").await;
    for (message, was, reason) in [
        (&cancel, Operation::Cancel, Reason::RefundStands),
        (&cancel, Operation::Settle, Reason::MessageNotReversible),
        (&original, Operation::Cancel, Reason::MessageNotReversible),
        (&reversal, Operation::Settle, Reason::MessageNotReversible),
    ] {
        let refused = scene.reverse_under(scene.key(), message, was).await;
        assert_eq!(refused.unwrap_err().reason, reason, "{message}");
    }
    assert_eq!(
        scene.number("SELECT count(*) FROM request_key").await,
        before
    );
    assert_eq!(scene.balance(patient).await, 10_000);
    let request = pb::ReverseRequest {
        original_msgid: "P00020000000001".to_owned(),
        original_operation: pb::ReversibleOperation::Settle.into(),
        ..Default::default()
    };
    let refused = Reverse::read(RequestKey::new(SHOP, "P000100001").unwrap(), &request);
    assert_eq!(refused.unwrap_err().reason, Reason::MessageNotYours);
    scene.end().await;
}
