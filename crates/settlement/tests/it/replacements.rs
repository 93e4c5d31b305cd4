//! A bill takes the place of another: that one is given back whole and this one settled, or neither.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be read back fails its test"
)]

use futures::future::join_all;
use kernel::{PersonId, Reason, Refusal, SettlementId};
use proto::common::v1::PersonKind;
use proto::settlement::v1 as pb;
use settlement::bill::Bill;
use settlement::command::{Answer, Command, Replaces, Reverse, Settle};
use settlement::deferral::Deduct;
use settlement::request::{Operation, RequestKey};
use settlement::store::outcome;

use crate::benefits::{self, CLINIC, visit};
use crate::scene::{Enrolled, Scene, bill, card, id_of, origin, parts, settlement};

/// A bill of this patient that is to take the place of `replaces`.
fn instead(key: RequestKey, patient: Enrolled, bill: Bill, replaces: SettlementId) -> Settle {
    Settle {
        id: SettlementId::generate(),
        key,
        patient: card(patient),
        bill,
        quote: None,
        deduct: Deduct::AtOnce,
        replaces: Some(Replaces {
            settlement: replaces,
            cancellation: SettlementId::generate(),
        }),
    }
}

impl Scene {
    async fn replace(
        &self,
        patient: Enrolled,
        bill: Bill,
        replaces: SettlementId,
    ) -> Result<pb::SettleResponse, Refusal> {
        self.submit(instead(self.key(), patient, bill, replaces))
            .await
    }

    /// The one fact of this kind about a settlement.
    async fn told<E: proto::Event>(&self, of: SettlementId) -> E {
        let bodies: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT body FROM outbox WHERE subject = $1 AND key = $2")
                .bind(E::SUBJECT)
                .bind(of.to_string())
                .fetch_all(&self.db)
                .await
                .unwrap();
        assert_eq!(bodies.len(), 1, "{}", E::SUBJECT);
        E::decode(&*bodies[0]).unwrap()
    }
}

/// Person, kind of leg and change of each account that the two bills moved.
fn nets(charged: &pb::Charged) -> Vec<(PersonId, pb::LegKind, i64)> {
    let nets = &charged.replaced.as_ref().unwrap().nets;
    let mut nets: Vec<_> = nets
        .iter()
        .map(|net| (net.person_id.parse().unwrap(), net.kind(), net.change_fen))
        .collect();
    nets.sort_unstable_by_key(|(_, kind, _)| *kind);
    nets
}

#[tokio::test]
async fn the_new_bill_is_paid_with_what_came_back_and_the_two_name_each_other() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(10_000).await, scene.enrol(35_000).await);
    scene.link(son, mother, Some(35_000)).await;
    let old = id_of(&scene.settle(mother, bill(45_000)).await.unwrap());
    let key = scene.key();
    let command = instead(key.clone(), mother, bill(30_000), old);
    let answer = scene.submit(command.clone()).await.unwrap();
    // Nothing was left of accounts and limit but what came back.
    assert_eq!(parts(&answer), (10_000, 20_000, 0));
    assert_eq!(settlement(&answer).replaces, old.to_string());
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (0, 15_000)
    );
    let new = id_of(&answer);
    let found = outcome::of_settlement(&scene.db, old).await.unwrap();
    assert_eq!(found.unwrap().since.replaced_by, Some(new));

    let charged: pb::Charged = scene.told(new).await;
    assert_eq!(
        nets(&charged),
        [
            (mother.person, pb::LegKind::Own, 0),
            (son.person, pb::LegKind::Aid, 15_000)
        ]
    );
    let cancelled: pb::Cancelled = scene.told(old).await;
    assert_eq!(cancelled.replaced_by, new.to_string());
    assert!(cancelled.net_is_charged);
    assert_eq!(
        charged.replaced.unwrap().cancellation_id,
        cancelled.cancellation_id
    );

    // The same message again is answered the same, and another under its key is told what differs.
    let again = Settle {
        id: SettlementId::generate(),
        replaces: Some(Replaces {
            settlement: old,
            cancellation: SettlementId::generate(),
        }),
        ..command.clone()
    };
    assert_eq!(scene.submit(again).await.unwrap(), answer);
    let plain = Settle {
        replaces: None,
        ..command
    };
    let refused = scene.submit(plain).await.unwrap_err();
    assert_eq!(
        (refused.reason, refused.about.as_deref()),
        (Reason::MsgidReused, Some("replaces"))
    );
    // It may be replaced in its turn, and given back.
    let last = id_of(&scene.replace(mother, bill(1_000), new).await.unwrap());
    scene.refund(last, 400).await.unwrap();
    scene.cancel(scene.key(), last).await.unwrap();
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (10_000, 35_000)
    );
    scene.end().await;
}

#[tokio::test]
async fn a_bill_that_cannot_be_replaced_is_named_and_nothing_moves() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(90_000).await, scene.enrol(5_000).await);
    let mut bills = Vec::new();
    for _ in 0..4 {
        bills.push(id_of(&scene.settle(mother, bill(4_000)).await.unwrap()));
    }
    let refund = scene.refund(bills[0], 100).await.unwrap().refund_id;
    scene.cancel(scene.key(), bills[1]).await.unwrap();
    scene.refund(bills[2], 4_000).await.unwrap();
    let before = scene.balance(mother).await;
    let refund: SettlementId = refund.parse().unwrap();
    for (patient, replaces, reason) in [
        (mother, bills[0], Reason::ReplacedPartlyRefunded),
        (mother, bills[1], Reason::SettlementCancelled),
        (mother, bills[2], Reason::SettlementRefunded),
        (mother, refund, Reason::RefundOfRefund),
        (mother, SettlementId::generate(), Reason::SettlementUnknown),
        (son, bills[3], Reason::ReplacedOtherPatient),
    ] {
        let refused = scene.replace(patient, bill(1_000), replaces).await;
        assert_eq!(refused.unwrap_err().reason, reason);
    }
    assert_eq!(scene.balance(mother).await, before);
    assert_eq!(scene.balance(son).await, 5_000);
    // Another institution's bill.
    let town = benefits::town().await;
    let patient = town.enrol(9_000).await;
    let old = id_of(&town.settle(patient, bill(4_000)).await.unwrap());
    let elsewhere = benefits::key(&town, CLINIC);
    let refused = town
        .submit(instead(elsewhere, patient, bill(100), old))
        .await;
    assert_eq!(refused.unwrap_err().reason, Reason::SettlementNotYours);
    town.end().await;
    scene.end().await;
}

#[tokio::test]
async fn a_bill_that_is_declined_or_refused_leaves_the_old_one_standing() {
    let scene = Scene::begin().await;
    let mother = scene.enrol(9_000).await;
    let old = id_of(&scene.settle(mother, bill(4_000)).await.unwrap());
    let prohibited = Bill {
        usage: kernel::Usage::Fitness,
        ..bill(1_000)
    };
    let declined = scene.replace(mother, prohibited, old).await.unwrap();
    assert!(matches!(
        declined.outcome,
        Some(pb::settle_response::Outcome::Declined(_))
    ));
    let unknown = Bill {
        person_no: Some("nobody".to_owned()),
        ..bill(1_000)
    };
    scene.replace(mother, unknown, old).await.unwrap_err();
    assert_eq!(scene.balance(mother).await, 5_000);
    let found = outcome::of_settlement(&scene.db, old).await.unwrap();
    let since = found.unwrap().since;
    assert_eq!((since.cancellation, since.replaced_by), (None, None));
    scene.end().await;
}

#[tokio::test]
async fn of_all_that_would_take_one_bill_back_at_once_one_does() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(2_000).await, scene.enrol(90_000).await);
    scene.link(son, mother, None).await;
    for _ in 0..4 {
        let old = id_of(&scene.settle(mother, bill(30_000)).await.unwrap());
        let replacing = join_all((0..6).map(|_| scene.replace(mother, bill(20_000), old)));
        let cancelling = scene.cancel(scene.key(), old);
        let (replaced, cancelled) = tokio::join!(replacing, cancelling);
        let won: Vec<_> = replaced
            .iter()
            .filter_map(|one| one.as_ref().ok())
            .collect();
        assert_eq!(won.len() + usize::from(cancelled.is_ok()), 1);
        for refused in replaced.iter().filter_map(|one| one.as_ref().err()) {
            assert_eq!(refused.reason, Reason::SettlementCancelled);
        }
        if let Some(new) = won.first() {
            assert_eq!(parts(new), (2_000, 18_000, 0));
            scene.cancel(scene.key(), id_of(new)).await.unwrap();
        }
        assert_eq!(
            (scene.balance(mother).await, scene.balance(son).await),
            (2_000, 90_000)
        );
    }
    scene.end().await;
}

#[tokio::test]
async fn the_message_of_a_replacement_is_not_undone_by_half() {
    let scene = Scene::begin().await;
    let mother = scene.enrol(9_000).await;
    let old = id_of(&scene.settle(mother, bill(4_000)).await.unwrap());
    let key = scene.key();
    let command = instead(key.clone(), mother, bill(1_000), old);
    scene.submit(command).await.unwrap();
    let reverse = Reverse {
        id: SettlementId::generate(),
        key: scene.key(),
        original: key,
        was: Operation::Settle,
        person_no: None,
    };
    let undone = scene.writer.submit(Command::Reverse(reverse), origin());
    assert_eq!(undone.await.unwrap_err().reason, Reason::RefundStands);
    assert_eq!(scene.balance(mother).await, 8_000);

    // Before it arrives it is undone as a whole: the old bill stands.
    let old = id_of(&scene.settle(mother, bill(2_000)).await.unwrap());
    let key = scene.key();
    let reverse = Reverse {
        id: SettlementId::generate(),
        key: scene.key(),
        original: key.clone(),
        was: Operation::Settle,
        person_no: None,
    };
    let undone = scene.writer.submit(Command::Reverse(reverse), origin());
    assert!(matches!(undone.await, Ok(Answer::Reverse(_))));
    let late = scene.submit(instead(key, mother, bill(1_000), old)).await;
    assert_eq!(late.unwrap_err().reason, Reason::MessageReversed);
    assert_eq!(scene.balance(mother).await, 6_000);
    scene.end().await;
}

#[tokio::test]
async fn what_came_back_at_once_may_be_deducted_later_and_is_told_by_itself() {
    let scene = Scene::begin().await;
    let mother = scene.enrol(9_000).await;
    let old = id_of(&scene.settle(mother, bill(4_000)).await.unwrap());
    let command = Settle {
        deduct: Deduct::AfterVisit,
        ..instead(scene.key(), mother, bill(1_000), old)
    };
    let answer = scene.submit(command).await.unwrap();
    let state = settlement(&answer).state();
    assert_eq!(state, pb::SettlementState::Accepted);
    assert_eq!(scene.balance(mother).await, 9_000);
    let cancelled: pb::Cancelled = scene.told(old).await;
    assert!(!cancelled.net_is_charged);
    // An accepted bill is replaced as well, and no longer deducted.
    let accepted = id_of(&answer);
    let now = scene.replace(mother, bill(700), accepted).await.unwrap();
    assert_eq!(parts(&now), (700, 0, 0));
    assert_eq!(scene.balance(mother).await, 8_300);
    scene.end().await;
}

#[tokio::test]
async fn deductible_and_fund_of_the_old_bill_are_there_for_the_new_one() {
    let scene = benefits::town().await;
    let patient = benefits::insured(&scene, "231000", PersonKind::Working).await;
    scene.credit(patient, 50_000).await.unwrap();
    let first = benefits::settle(&scene, patient, visit(&[("A", 100_000)]));
    let old = first.await.unwrap();
    let alone = benefits::settle(&scene, patient, visit(&[("A", 100_000)]));
    let alone = alone.await.unwrap();
    let key = benefits::key(&scene, CLINIC);
    scene.cancel(key, id_of(&alone)).await.unwrap();
    let key = benefits::key(&scene, CLINIC);
    let same = instead(key, patient, visit(&[("A", 100_000)]), id_of(&old));
    let again = scene.submit(same).await.unwrap();
    let split = |answer: &pb::SettleResponse| {
        let split = settlement(answer).split.as_ref().unwrap();
        let parts = split.benefit.as_ref().unwrap().parts.unwrap();
        (split.pooled_fen, split.own_fen, parts.deductible_fen)
    };
    assert_eq!(split(&again), split(&old));
    assert_ne!(split(&alone), split(&old));
    scene.end().await;
}

#[tokio::test]
async fn hand_written_sql_cannot_link_what_was_not_taken_back() {
    let scene = Scene::begin().await;
    let mother = scene.enrol(9_000).await;
    let one = id_of(&scene.settle(mother, bill(1_000)).await.unwrap());
    let other = id_of(&scene.settle(mother, bill(1_000)).await.unwrap());
    let gone = scene.cancel(scene.key(), other).await.unwrap();
    let gone: SettlementId = gone.cancellation_id.parse().unwrap();
    for (standing, replaces, constraint) in [
        (one, one, "replacement_is_of_another"),
        (other, one, "replacement_takes_back_what_it_replaces"),
    ] {
        let insert = "INSERT INTO replacement VALUES ($1, $2, $3)";
        let linked = sqlx::query(insert)
            .bind(standing.uuid())
            .bind(replaces.uuid())
            .bind(gone.uuid())
            .execute(&scene.db)
            .await;
        let error = linked.unwrap_err().into_database_error().unwrap();
        assert_eq!(error.constraint(), Some(constraint));
    }
    // And the verifier finds a link that no message made.
    sqlx::query("INSERT INTO replacement VALUES ($1, $2, $3)")
        .bind(one.uuid())
        .bind(other.uuid())
        .bind(gone.uuid())
        .execute(&scene.db)
        .await
        .unwrap();
    let found = crate::verify::in_the_tables(&scene, Vec::new()).await;
    let wrong = found.unwrap_err().to_string();
    assert!(wrong.contains("the bill it took the place of"), "{wrong}");
    scene.end_forged().await;
}
