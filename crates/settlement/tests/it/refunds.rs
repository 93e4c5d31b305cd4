//! Parts of a bill that go back.

use futures::future::join_all;
use kernel::{Fen, Reason, Refusal, SettlementId};
use proto::binding::v1::{Enrolled as Told, Unbinding};
use proto::common::v1::Standing;
use proto::settlement::v1 as pb;
use settlement::command::{Answer, Command, Refund};
use settlement::refund::What;
use settlement::request::RequestKey;

use crate::scene::{Enrolled, Scene, bill, id_of, origin, parts};

impl Scene {
    pub async fn refund(&self, settlement: SettlementId, fen: i64) -> Result<pb::Refund, Refusal> {
        let what = What::Amount(Fen::new(fen));
        self.refund_under(self.key(), settlement, what).await
    }

    pub async fn refund_under(
        &self,
        key: RequestKey,
        settlement: SettlementId,
        what: What,
    ) -> Result<pb::Refund, Refusal> {
        let refund = Refund {
            id: SettlementId::generate(),
            key,
            settlement,
            person_no: None,
            what,
        };
        let command = Command::Refund(refund);
        match self.writer.submit(command, origin()).await? {
            Answer::Refund(answer) => Ok(answer.refund.expect("it is there")),
            other => panic!("{other:?}"),
        }
    }

    /// Ends somebody's enrolment, and so closes their account.
    pub async fn close(&self, enrolled: Enrolled) {
        self.tell(&Told {
            version: 2,
            standing: Standing::Terminated.into(),
            ..self.enrolment(enrolled)
        })
        .await;
    }
}

#[tokio::test]
async fn a_part_goes_back_to_the_last_payer_first_and_the_limit_gets_it_back() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(10_000).await, scene.enrol(30_000).await);
    scene.link(son, mother, Some(20_000)).await;
    let settled = scene.settle(mother, bill(35_000)).await.unwrap();
    assert_eq!(parts(&settled), (10_000, 20_000, 5_000));
    let back = scene.refund(id_of(&settled), 8_000).await.unwrap();
    assert_eq!(
        (back.cash_fen, back.aid_fen, back.own_fen),
        (5_000, 3_000, 0)
    );
    assert_eq!(back.left_fen, 27_000);
    assert_eq!(scene.balance(son).await, 13_000);
    // What the limit got back may be used again.
    let next = scene.settle(mother, bill(4_000)).await.unwrap();
    assert_eq!(parts(&next), (0, 3_000, 1_000));
    scene.end().await;
}

#[tokio::test]
async fn a_cancel_takes_back_what_refunds_have_left_and_then_nothing_is_left() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(10_000).await, scene.enrol(30_000).await);
    scene.link(son, mother, None).await;
    let settled = id_of(&scene.settle(mother, bill(25_000)).await.unwrap());
    scene.refund(settled, 6_000).await.unwrap();
    let rest = scene.cancel(scene.key(), settled).await.unwrap();
    assert_eq!(
        (rest.total_fen, rest.own_fen, rest.aid_fen),
        (19_000, 10_000, 9_000)
    );
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (10_000, 30_000)
    );
    for refused in [
        scene.refund(settled, 1).await.map(|_| ()),
        scene.cancel(scene.key(), settled).await.map(|_| ()),
    ] {
        assert_eq!(refused.unwrap_err().reason, Reason::SettlementCancelled);
    }
    let whole = id_of(&scene.settle(mother, bill(900)).await.unwrap());
    scene.refund(whole, 900).await.unwrap();
    for refused in [
        scene.refund(whole, 1).await.map(|_| ()),
        scene.cancel(scene.key(), whole).await.map(|_| ()),
    ] {
        assert_eq!(refused.unwrap_err().reason, Reason::SettlementRefunded);
    }
    scene.end().await;
}

#[tokio::test]
async fn a_refund_or_a_cancellation_cannot_be_given_back() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(10_000).await;
    let settled = id_of(&scene.settle(patient, bill(4_000)).await.unwrap());
    let refund = scene.refund(settled, 1_000).await.unwrap().refund_id;
    let cancellation = scene
        .cancel(scene.key(), settled)
        .await
        .unwrap()
        .cancellation_id;
    for id in [refund, cancellation] {
        let id: SettlementId = id.parse().unwrap();
        let refused = scene.refund(id, 1).await.unwrap_err();
        assert_eq!(refused.reason, Reason::RefundOfRefund);
        let refused = scene.cancel(scene.key(), id).await.unwrap_err();
        assert_eq!(refused.reason, Reason::RefundOfRefund);
    }
    let unknown = scene.refund(SettlementId::generate(), 1).await.unwrap_err();
    assert_eq!(unknown.reason, Reason::SettlementUnknown);
    scene.end().await;
}

#[tokio::test]
async fn the_same_refund_message_moves_money_once() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(10_000).await;
    let settled = id_of(&scene.settle(patient, bill(4_000)).await.unwrap());
    let key = scene.key();
    let half = || What::Amount(Fen::new(2_000));
    let twins = (0..8).map(|_| scene.refund_under(key.clone(), settled, half()));
    let answers: Vec<_> = join_all(twins)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(scene.balance(patient).await, 8_000);
    let other = What::Amount(Fen::new(1_999));
    let refused = scene.refund_under(key, settled, other).await.unwrap_err();
    assert_eq!(
        (refused.reason, refused.about.as_deref()),
        (Reason::MsgidReused, Some("amount_fen"))
    );
    scene.end().await;
}

#[tokio::test]
async fn after_the_unbinding_each_part_still_returns_to_whom_it_came_from() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(30_000).await);
    let link = scene.link(son, mother, None).await;
    let settled = id_of(&scene.settle(mother, bill(20_000)).await.unwrap());
    let terms = Some(scene.terms(link, 9));
    scene.tell(&Unbinding { terms }).await;
    let back = scene.refund(settled, 500).await.unwrap();
    assert_eq!((back.aid_fen, back.own_fen), (500, 0));
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (0, 10_500)
    );
    scene.end().await;
}

#[tokio::test]
async fn money_for_a_closed_account_waits_in_suspense_and_touches_nobody() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(30_000).await);
    scene.link(son, mother, None).await;
    let settled = id_of(&scene.settle(mother, bill(20_000)).await.unwrap());
    scene.close(son).await;
    let back = scene.refund(settled, 500).await.unwrap();
    assert_eq!(
        (back.legs.len(), back.unclaimed.len(), back.aid_fen),
        (0, 1, 500)
    );
    let rest = scene.cancel(scene.key(), settled).await.unwrap();
    assert_eq!((rest.unclaimed.len(), rest.aid_fen), (1, 19_500));
    assert_eq!(scene.balance(son).await, 10_000);
    let waiting =
        "SELECT sum(amount_fen)::bigint FROM movement WHERE credit = 'suspense:refund_unclaimed'";
    assert_eq!(scene.number(waiting).await, 20_000);
    scene.end().await;
}

#[tokio::test]
async fn refunds_and_cancels_race_for_one_bill_and_give_it_back_once() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(10_000).await, scene.enrol(90_000).await);
    scene.link(son, mother, None).await;
    let settled = id_of(&scene.settle(mother, bill(60_000)).await.unwrap());
    let attempts = join_all((0..48).map(|number| {
        let scene = &scene;
        async move {
            if number % 12 == 11 {
                let back = scene.cancel(scene.key(), settled).await;
                back.map(|back| back.total_fen)
            } else {
                scene
                    .refund(settled, 7_000)
                    .await
                    .map(|back| back.total_fen)
            }
        }
    }))
    .await;
    let back: i64 = attempts.iter().filter_map(|back| back.as_ref().ok()).sum();
    assert_eq!(back, 60_000);
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (10_000, 90_000)
    );
    scene.end().await;
}

/// Two refunds of 60 out of 100 both succeeded: juspay/hyperswitch#13182.
#[tokio::test]
async fn concurrent_refunds_le_captured_hyperswitch_13182() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(4_000).await, scene.enrol(6_000).await);
    scene.link(son, mother, None).await;
    let settled = id_of(&scene.settle(mother, bill(10_000)).await.unwrap());
    let refunds = join_all((0..2).map(|_| scene.refund(settled, 6_000))).await;
    let refused: Vec<_> = refunds
        .iter()
        .filter_map(|back| back.as_ref().err())
        .collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].reason, Reason::RefundAboveRest);
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (0, 6_000)
    );
    // Not even hand-written SQL gives back more than a leg paid.
    let beyond = sqlx::query("UPDATE leg SET refunded_fen = amount_fen + 1")
        .execute(&scene.db)
        .await;
    let constraint = beyond.unwrap_err().into_database_error().unwrap();
    assert_eq!(constraint.constraint(), Some("leg_refund_is_within"));
    scene.end().await;
}

/// What was decided on and what was applied were two places: LerianStudio/midaz#2429.
#[tokio::test]
async fn decide_apply_race_midaz_2429() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(100_000).await);
    scene.link(son, mother, Some(30_000)).await;
    // Bills use the month's limit up while refunds give it back: at no time is more than the limit out.
    let mut settled = Vec::new();
    for round in 0..6 {
        let bills = (0..8).map(|_| scene.settle(mother, bill(5_000)));
        let open: Vec<SettlementId> = std::mem::take(&mut settled);
        let refunds = open.iter().map(|id| scene.refund(*id, 2_500 + round));
        let (bills, _) = tokio::join!(join_all(bills), join_all(refunds));
        settled.extend(bills.into_iter().map(|answer| id_of(&answer.unwrap())));
        let used =
            "SELECT total_gross_fen - total_refunded_fen FROM limit_used WHERE scope = 'PAIR'";
        let out = "SELECT sum(amount_fen - refunded_fen)::bigint FROM leg";
        let (used, out) = (scene.number(used).await, scene.number(out).await);
        assert_eq!(used, out);
        assert!(used <= 30_000, "{used}");
        assert_eq!(scene.balance(son).await, 100_000 - out);
    }
    scene.end().await;
}

/// Two requests that touched the same accounts in another order deadlocked: formancehq/ledger#565.
#[tokio::test]
async fn concurrent_create_no_deadlock_formance_565() {
    let scene = Scene::begin().await;
    let mut people = Vec::new();
    for _ in 0..4 {
        people.push(scene.enrol(30_000).await);
    }
    for (place, person) in people.iter().enumerate() {
        scene.link(*person, people[(place + 1) % 4], None).await;
        scene.link(*person, people[(place + 3) % 4], None).await;
    }
    let first = join_all((0..24).map(|number| scene.settle(people[number % 4], bill(400)))).await;
    let first: Vec<_> = first
        .into_iter()
        .map(|answer| id_of(&answer.unwrap()))
        .collect();
    let attempts = (0..96).map(|number| {
        let (scene, people, settled) = (&scene, &people, first[number % 24]);
        async move {
            match number % 4 {
                0 => scene.refund(settled, 100).await.map(|_| ()),
                1 => scene.cancel(scene.key(), settled).await.map(|_| ()),
                _ => scene
                    .settle(people[number % 3], bill(300))
                    .await
                    .map(|_| ()),
            }
        }
    });
    for refused in join_all(attempts).await.into_iter().filter_map(Result::err) {
        assert_eq!(refused.reason, Reason::SettlementCancelled);
    }
    scene.end().await;
}
