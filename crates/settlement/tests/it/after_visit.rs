//! Bills that are deducted after the visit: accepted at once, deducted as events say that money or permission came.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails its test")]

use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::SignedDuration;
use kernel::{Reason, SettlementId};
use prost::Message as _;
use proto::authorization::v1::{MandateChanged, MandateState, MandateTightening};
use proto::binding::v1::Unbinding;
use proto::settlement::v1 as pb;
use settlement::bill::Bill;
use settlement::store::outcome;

use crate::ear::Ear;
use crate::scene::{Enrolled, Scene, bill, id_of, parts, settlement};

async fn accepted(scene: &Scene, patient: Enrolled, total: i64) -> SettlementId {
    let answer = scene.accept(scene.key(), patient, bill(total)).await;
    let answer = answer.unwrap();
    assert_eq!(settlement(&answer).state(), pb::SettlementState::Accepted);
    id_of(&answer)
}

/// The bill as it is shown now: its state, and own, aid, cash, open.
async fn shown(scene: &Scene, id: SettlementId) -> (pb::SettlementState, [i64; 4]) {
    let found = outcome::of_settlement(&scene.db, id)
        .await
        .unwrap()
        .unwrap();
    let answer = pb::SettleResponse::decode(&*found.answer).unwrap();
    let settlement = settlement(&answer);
    let split = settlement.split.as_ref().unwrap();
    assert_eq!(
        split.total_fen,
        split.own_fen + split.aid_fen + split.cash_fen + split.open_fen
    );
    let parts = [split.own_fen, split.aid_fen, split.cash_fen, split.open_fen];
    (settlement.state(), parts)
}

async fn charges_told(scene: &Scene, id: SettlementId) -> i64 {
    scene
        .number(&format!(
            "SELECT count(*) FROM outbox WHERE subject = 'gongji.v1.settlement.charged' AND key = '{id}'"
        ))
        .await
}

const GIVEN_UP: &str =
    "SELECT count(*) FROM outbox WHERE subject = 'gongji.v1.settlement.given_up'";

use pb::SettlementState::{Accepted, GivenUp, PartlyDeducted, Settled};

#[tokio::test]
async fn an_accepted_bill_takes_nothing_until_it_is_deducted_and_then_what_there_is() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let (mother, son) = (scene.enrol(1_000).await, scene.enrol(4_000).await);
    scene.link(son, mother, None).await;
    let key = scene.key();
    let first = scene
        .accept(key.clone(), mother, bill(6_000))
        .await
        .unwrap();
    assert_eq!(parts(&first), (0, 0, 0));
    let split = settlement(&first).split.clone().unwrap();
    assert_eq!((split.open_fen, split.legs.len()), (6_000, 0));
    assert_eq!(scene.balance(mother).await, 1_000);

    ear.listen(&scene).await;
    let id = id_of(&first);
    assert_eq!(
        shown(&scene, id).await,
        (PartlyDeducted, [1_000, 4_000, 0, 1_000])
    );
    assert_eq!(charges_told(&scene, id).await, 1);
    // The same request again gets the first answer, and another one under its key is refused.
    assert_eq!(
        scene.accept(key.clone(), mother, bill(6_000)).await,
        Ok(first)
    );
    let at_once = scene
        .settle_under(key, crate::scene::card(mother), bill(6_000))
        .await;
    let refused = at_once.unwrap_err();
    assert_eq!(
        (refused.reason, refused.about.as_deref()),
        (Reason::MsgidReused, Some("deduct"))
    );
    scene.end().await;
}

#[tokio::test]
async fn money_that_arrives_is_deducted_and_each_deduction_is_told_once() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let (mother, son) = (scene.enrol(0).await, scene.enrol(0).await);
    scene.link(son, mother, None).await;
    let id = accepted(&scene, mother, 5_000).await;
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, id).await, (Accepted, [0, 0, 0, 5_000]));

    scene.credit(son, 2_000).await.unwrap();
    ear.listen(&scene).await;
    assert_eq!(
        shown(&scene, id).await,
        (PartlyDeducted, [0, 2_000, 0, 3_000])
    );
    scene.credit(mother, 1_000).await.unwrap();
    ear.listen(&scene).await;
    scene.credit(son, 9_000).await.unwrap();
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, id).await, (Settled, [1_000, 4_000, 0, 0]));
    assert_eq!(
        (scene.balance(son).await, scene.balance(mother).await),
        (7_000, 0)
    );
    assert_eq!(charges_told(&scene, id).await, 3);

    // Everything that was ever told comes again: nothing more is taken, and nothing told.
    let again = ear.told(&scene, &BTreeSet::new()).await.into_iter();
    let again: Vec<_> = again.map(|(_, delivery)| delivery).collect();
    for delivery in &again {
        ear.handle(&scene, std::slice::from_ref(delivery)).await;
    }
    ear.handle(&scene, &again).await;
    assert_eq!(scene.balance(son).await, 7_000);
    assert_eq!(charges_told(&scene, id).await, 3);
    scene.end().await;
}

#[tokio::test]
async fn money_for_which_nobody_waits_tells_nothing_more_than_before() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let (mother, stranger) = (scene.enrol(0).await, scene.enrol(0).await);
    accepted(&scene, mother, 5_000).await;
    ear.listen(&scene).await;
    scene.credit(stranger, 9_000).await.unwrap();
    assert_eq!(ear.listen(&scene).await, 0);
    scene.end().await;
}

#[tokio::test]
async fn a_relative_who_is_bound_later_pays_what_is_open() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let (mother, son) = (scene.enrol(500).await, scene.enrol(9_000).await);
    let id = accepted(&scene, mother, 5_000).await;
    ear.listen(&scene).await;
    assert_eq!(
        shown(&scene, id).await,
        (PartlyDeducted, [500, 0, 0, 4_500])
    );
    scene.link(son, mother, None).await;
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, id).await, (Settled, [500, 4_500, 0, 0]));
    scene.end().await;
}

#[tokio::test]
async fn a_mandate_that_is_raised_or_resumed_pays_what_is_open() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let (mother, son) = (scene.enrol(0).await, scene.enrol(9_000).await);
    let link = scene.link(son, mother, Some(1_000)).await;
    let id = accepted(&scene, mother, 5_000).await;
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, id).await.1, [0, 1_000, 0, 4_000]);

    let raised = Scene::mandate(link, 2, MandateState::InForce, Some(3_000));
    let raised = MandateChanged {
        mandate: Some(raised),
        ..Default::default()
    };
    scene.tell(&raised).await;
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, id).await.1, [0, 3_000, 0, 2_000]);

    let pausing = Scene::mandate(link, 3, MandateState::Pausing, None);
    scene
        .tell(&MandateTightening {
            mandate: Some(pausing),
        })
        .await;
    scene.credit(son, 1).await.unwrap();
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, id).await.1, [0, 3_000, 0, 2_000]);

    let resumed = Scene::mandate(link, 5, MandateState::InForce, None);
    scene
        .tell(&MandateChanged {
            mandate: Some(resumed),
            ..Default::default()
        })
        .await;
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, id).await, (Settled, [0, 5_000, 0, 0]));
    scene.end().await;
}

#[tokio::test]
async fn a_deduction_counts_in_the_month_in_which_it_is_made() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let (mother, son) = (scene.enrol(0).await, scene.enrol(9_000).await);
    scene.link(son, mother, Some(2_000)).await;
    scene
        .clock
        .advance_to("2026-03-31T12:00:00Z".parse().unwrap());
    let id = accepted(&scene, mother, 5_000).await;
    ear.listen(&scene).await;
    assert_eq!(ear.sweep(&scene).await, 0);
    // Nobody tells that April began: the sweep sees to it.
    scene
        .clock
        .advance_to("2026-03-31T16:00:01Z".parse().unwrap());
    settlement::maintain(&scene.db, &scene.clock, 1)
        .await
        .unwrap();
    assert_eq!(ear.sweep(&scene).await, 1);
    assert_eq!(
        shown(&scene, id).await,
        (PartlyDeducted, [0, 4_000, 0, 1_000])
    );
    let counted =
        "SELECT count(*) FROM limit_used WHERE month_gross_fen = 2000 AND total_gross_fen = 4000";
    assert_eq!(scene.number(counted).await, 2);
    assert_eq!(ear.sweep(&scene).await, 0);
    scene.end().await;
}

#[tokio::test]
async fn what_is_open_when_the_time_is_over_is_owed_in_cash() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let (mother, son) = (scene.enrol(0).await, scene.enrol(1_000).await);
    scene.link(son, mother, None).await;
    let id = accepted(&scene, mother, 5_000).await;
    ear.listen(&scene).await;
    // Thirty days, the last of them whole.
    scene
        .clock
        .advance_to("2026-04-04T15:59:59Z".parse().unwrap());
    settlement::maintain(&scene.db, &scene.clock, 1)
        .await
        .unwrap();
    ear.sweep(&scene).await;
    assert_eq!(
        shown(&scene, id).await,
        (PartlyDeducted, [0, 1_000, 0, 4_000])
    );
    scene
        .clock
        .advance_to("2026-04-04T16:00:00Z".parse().unwrap());
    assert_eq!(
        join_all([ear.sweep(&scene), ear.sweep(&scene)]).await.len(),
        2
    );
    assert_eq!(shown(&scene, id).await, (GivenUp, [0, 1_000, 4_000, 0]));
    assert_eq!(scene.number(GIVEN_UP).await, 1);
    // It stays given up, whatever comes.
    scene.credit(son, 9_000).await.unwrap();
    ear.listen(&scene).await;
    assert_eq!(scene.balance(son).await, 9_000);
    scene.end().await;
}

#[tokio::test]
async fn a_bill_taken_back_while_it_is_open_gives_back_what_was_taken_and_takes_no_more() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let (mother, son) = (scene.enrol(200).await, scene.enrol(1_000).await);
    scene.link(son, mother, None).await;
    let (partly, untouched) = (
        accepted(&scene, mother, 5_000).await,
        accepted(&scene, mother, 700).await,
    );
    ear.listen(&scene).await;
    let taken_back = scene.cancel(scene.key(), partly).await.unwrap();
    assert_eq!(
        (taken_back.own_fen, taken_back.aid_fen, taken_back.open_fen),
        (200, 1_000, 3_800)
    );
    assert_eq!(scene.balance(son).await, 1_000);
    // What went back is money that came: the other bill waited for it.
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, untouched).await, (Settled, [200, 500, 0, 0]));
    scene.credit(son, 9_000).await.unwrap();
    ear.listen(&scene).await;
    assert_eq!(scene.balance(son).await, 9_500);
    let twice = scene.cancel(scene.key(), partly).await.unwrap_err();
    assert_eq!(twice.reason, Reason::SettlementCancelled);
    scene.end().await;
}

#[tokio::test]
async fn a_partial_refund_lowers_what_is_open_before_it_gives_anybody_money_back() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let (mother, son) = (scene.enrol(1_000).await, scene.enrol(1_000).await);
    scene.link(son, mother, None).await;
    let id = accepted(&scene, mother, 5_000).await;
    ear.listen(&scene).await;
    let back = scene.refund(id, 2_000).await.unwrap();
    assert_eq!((back.total_fen, back.open_fen), (2_000, 2_000));
    assert_eq!((back.left_fen, back.legs.len()), (3_000, 0));
    assert_eq!(shown(&scene, id).await.0, PartlyDeducted);
    // Only what nobody gave back is still deducted.
    scene.credit(son, 9_000).await.unwrap();
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, id).await, (Settled, [1_000, 2_000, 0, 2_000]));
    assert_eq!(scene.balance(son).await, 8_000);
    let back = scene.refund(id, 2_500).await.unwrap();
    assert_eq!(
        (back.open_fen, back.cash_fen, back.aid_fen, back.own_fen),
        (0, 0, 2_000, 500)
    );
    let rest = scene.cancel(scene.key(), id).await.unwrap();
    assert_eq!((rest.total_fen, rest.own_fen), (500, 500));

    // A bill of which all is given back before anybody paid has nothing left to deduct.
    let other = scene.enrol(0).await;
    let id = accepted(&scene, other, 700).await;
    scene.refund(id, 700).await.unwrap();
    scene.credit(other, 700).await.unwrap();
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, id).await, (Settled, [0, 0, 0, 700]));
    assert_eq!(scene.balance(other).await, 700);
    scene.end().await;
}

#[tokio::test]
async fn what_was_given_back_of_an_open_bill_is_not_owed_in_cash_when_its_time_is_over() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let mother = scene.enrol(0).await;
    let id = accepted(&scene, mother, 5_000).await;
    scene.refund(id, 2_000).await.unwrap();
    scene
        .clock
        .advance_to("2026-04-04T16:00:00Z".parse().unwrap());
    settlement::maintain(&scene.db, &scene.clock, 1)
        .await
        .unwrap();
    ear.sweep(&scene).await;
    assert_eq!(shown(&scene, id).await, (GivenUp, [0, 0, 3_000, 2_000]));
    let back = scene.refund(id, 1_000).await.unwrap();
    assert_eq!((back.open_fen, back.cash_fen), (0, 1_000));
    scene.end().await;
}

#[tokio::test]
async fn the_bill_that_was_accepted_first_is_paid_first() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let mother = scene.enrol(0).await;
    let first = accepted(&scene, mother, 1_000).await;
    scene.clock.advance(SignedDuration::from_secs(1));
    let second = accepted(&scene, mother, 1_000).await;
    ear.listen(&scene).await;
    scene.credit(mother, 1_500).await.unwrap();
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, first).await.0, Settled);
    assert_eq!(
        shown(&scene, second).await,
        (PartlyDeducted, [500, 0, 0, 500])
    );
    scene.end().await;
}

#[tokio::test]
async fn a_deduction_after_an_unbinding_takes_no_aid() {
    let scene = Scene::begin().await;
    let ear = Ear::of(&scene);
    let (mother, son) = (scene.enrol(0).await, scene.enrol(9_000).await);
    let link = scene.link(son, mother, None).await;
    let id = accepted(&scene, mother, 5_000).await;
    scene
        .tell(&Unbinding {
            terms: Some(scene.terms(link, 3)),
        })
        .await;
    ear.listen(&scene).await;
    assert_eq!(shown(&scene, id).await, (Accepted, [0, 0, 0, 5_000]));
    scene.end().await;
}

#[tokio::test]
async fn no_wake_up_is_lost_between_too_little_and_the_money_that_came() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(0).await);
    scene.link(son, mother, None).await;
    let ears = [Ear::of(&scene), Ear::of(&scene)];
    for _ in 0..30 {
        // Accepting, crediting both payers and two replicas' listening all at once, in whatever order they meet.
        let (id, ..) = tokio::join!(
            accepted(&scene, mother, 1_000),
            async { scene.credit(son, 700).await.unwrap() },
            async { scene.credit(mother, 300).await.unwrap() },
            ears[0].listen(&scene),
            ears[1].listen(&scene),
        );
        // Each fact is heard once more at most, and no sweep helps.
        ears[0].listen(&scene).await;
        assert_eq!(shown(&scene, id).await.0, Settled);
    }
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (0, 0)
    );
    scene.end().await;
}

#[tokio::test]
async fn two_triggers_and_a_cancellation_that_race_leave_one_outcome() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(400).await, scene.enrol(1_000).await);
    scene.link(son, mother, None).await;
    let ears = [Ear::of(&scene), Ear::of(&scene)];
    for _ in 0..10 {
        let id = accepted(&scene, mother, 900).await;
        let (_, _, cancelled) = tokio::join!(
            ears[0].listen(&scene),
            ears[1].listen(&scene),
            scene.cancel(scene.key(), id),
        );
        cancelled.unwrap();
        for ear in &ears {
            ear.listen(&scene).await;
        }
        assert_eq!(
            (scene.balance(mother).await, scene.balance(son).await),
            (400, 1_000)
        );
    }
    scene.end().await;
}

#[tokio::test]
async fn a_bill_that_no_account_may_pay_is_not_accepted_for_later() {
    let scene = Scene::begin().await;
    let mother = scene.enrol(1_000).await;
    let none = Bill {
        without_account: true,
        ..bill(500)
    };
    let refused = scene.accept(scene.key(), mother, none).await.unwrap_err();
    assert_eq!(refused.reason, Reason::MalformedRequest);
    let prohibited = Bill {
        usage: kernel::Usage::Fitness,
        ..bill(500)
    };
    let declined = scene.accept(scene.key(), mother, prohibited).await.unwrap();
    assert!(matches!(
        declined.outcome,
        Some(pb::settle_response::Outcome::Declined(_))
    ));
    assert_eq!(scene.number("SELECT count(*) FROM deferral").await, 0);
    scene.end().await;
}
