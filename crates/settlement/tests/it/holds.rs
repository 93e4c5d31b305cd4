//! Money set aside is nobody else's until it is captured, released or expires.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be asked of a hold fails its test"
)]

use futures::future::join_all;
use jiff::SignedDuration;
use kernel::{Fen, HoldId, Reason, Refusal, SettlementId};
use proto::settlement::v1 as pb;
use settlement::bill::Bill;
use settlement::command::{Answer, Command};
use settlement::hold::COUNTER;
use settlement::hold::command::{Capture, Command as OfHold, Place, Release};
use settlement::request::RequestKey;
use settlement::sweep;

use crate::scene::{Enrolled, Scene, bill, card, origin, parts, settlement};

async fn place_under(
    scene: &Scene,
    key: RequestKey,
    (patient, bill): (Enrolled, Bill),
    lasts: SignedDuration,
) -> Result<pb::PlaceHoldResponse, Refusal> {
    let place = OfHold::Place(Box::new(Place {
        id: HoldId::generate(),
        key,
        patient: card(patient),
        bill,
        lasts,
    }));
    match scene.writer.submit(Command::Hold(place), origin()).await? {
        Answer::Place(answer) => Ok(*answer),
        other => panic!("{other:?}"),
    }
}

pub async fn place(scene: &Scene, patient: Enrolled, fen: i64) -> pb::Hold {
    lasting(scene, patient, fen, COUNTER).await
}

pub async fn lasting(
    scene: &Scene,
    patient: Enrolled,
    fen: i64,
    lasts: SignedDuration,
) -> pb::Hold {
    let answer = place_under(scene, scene.key(), (patient, bill(fen)), lasts)
        .await
        .unwrap();
    match answer.outcome {
        Some(pb::place_hold_response::Outcome::Hold(hold)) => hold,
        other => panic!("not held: {other:?}"),
    }
}

async fn capture_under(
    scene: &Scene,
    key: RequestKey,
    hold: &pb::Hold,
    total: Option<i64>,
) -> Result<pb::SettleResponse, Refusal> {
    let capture = OfHold::Capture(Capture {
        id: SettlementId::generate(),
        key,
        hold: hold.hold_id.parse().unwrap(),
        total: total.map(Fen::new),
    });
    match scene
        .writer
        .submit(Command::Hold(capture), origin())
        .await?
    {
        Answer::Settle(answer) => Ok(*answer),
        other => panic!("{other:?}"),
    }
}

pub async fn capture(
    scene: &Scene,
    hold: &pb::Hold,
    total: Option<i64>,
) -> Result<pb::SettleResponse, Refusal> {
    capture_under(scene, scene.key(), hold, total).await
}

pub async fn release(scene: &Scene, hold: &pb::Hold) -> Result<pb::Hold, Refusal> {
    let release = OfHold::Release(Release {
        key: scene.key(),
        hold: hold.hold_id.parse().unwrap(),
    });
    match scene
        .writer
        .submit(Command::Hold(release), origin())
        .await?
    {
        Answer::Release(answer) => Ok(answer.hold.unwrap()),
        other => panic!("{other:?}"),
    }
}

pub async fn sweep(scene: &Scene) -> usize {
    sweep::round(&scene.db, &scene.writer, &scene.clock)
        .await
        .unwrap()
}

fn reason<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> Reason {
    answer.unwrap_err().reason
}

#[tokio::test]
async fn what_is_held_is_in_no_other_plan_and_what_is_not_captured_is_free_again() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(10_000).await, scene.enrol(30_000).await);
    scene.link(son, mother, None).await;
    let hold = place(&scene, mother, 35_000).await;
    assert_eq!(hold.held_fen, 35_000);
    // Nothing moved, and nobody is told that anything did.
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (10_000, 30_000)
    );
    let facts = "SELECT count(*) FROM outbox WHERE subject LIKE '%charged'";
    assert_eq!(scene.number(facts).await, 0);
    // The son's own bill finds what is not held.
    let own = scene.settle(son, bill(9_000)).await.unwrap();
    assert_eq!(parts(&own), (5_000, 0, 4_000));

    let answer = capture(&scene, &hold, Some(20_000)).await.unwrap();
    assert_eq!(parts(&answer), (10_000, 10_000, 0));
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (0, 15_000)
    );
    let considered = &settlement(&answer).split.as_ref().unwrap().considered;
    let taken: Vec<i64> = considered.iter().map(|line| line.taken_fen).collect();
    assert_eq!(taken, [10_000, 10_000]);
    let held = "SELECT sum(held_fen)::bigint FROM account";
    assert_eq!(
        (scene.number(held).await, scene.number(facts).await),
        (0, 2)
    );
    // It is a settlement like any other: what it took goes back where it came from.
    let id = settlement(&answer).settlement_id.parse().unwrap();
    scene.cancel(scene.key(), id).await.unwrap();
    assert_eq!(scene.balance(son).await, 25_000);
    scene.end().await;
}

#[tokio::test]
async fn a_hold_is_captured_once_and_never_above_its_bill() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(5_000).await;
    let hold = place(&scene, patient, 4_000).await;
    assert_eq!(
        reason(capture(&scene, &hold, Some(4_001)).await),
        Reason::CaptureAboveHold
    );
    let racing = join_all((0..12).map(|_| capture(&scene, &hold, None))).await;
    assert_eq!(racing.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in racing.into_iter().filter(Result::is_err) {
        assert_eq!(reason(refused), Reason::HoldCaptured);
    }
    assert_eq!(reason(release(&scene, &hold).await), Reason::HoldCaptured);
    assert_eq!(scene.balance(patient).await, 1_000);
    scene.end().await;
}

#[tokio::test]
async fn a_released_and_an_expired_hold_cannot_be_captured_and_their_money_is_free() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(5_000).await;
    let released = place(&scene, patient, 4_000).await;
    let answer = release(&scene, &released).await.unwrap();
    assert_eq!(answer.state(), pb::HoldState::Released);
    assert_eq!(
        reason(capture(&scene, &released, None).await),
        Reason::HoldReleased
    );
    let expired = place(&scene, patient, 4_000).await;
    scene.clock.advance(COUNTER);
    // Gone before it is swept.
    assert_eq!(
        reason(capture(&scene, &expired, None).await),
        Reason::HoldExpired
    );
    assert_eq!(reason(release(&scene, &expired).await), Reason::HoldExpired);
    let next = place(&scene, patient, 5_000).await;
    assert_eq!(next.held_fen, 5_000);
    assert_eq!(sweep(&scene).await, 1);
    assert_eq!(sweep(&scene).await, 0);
    let held = "SELECT sum(held_fen)::bigint FROM account";
    assert_eq!(scene.number(held).await, 5_000);
    assert_eq!(
        parts(&capture(&scene, &next, None).await.unwrap()),
        (5_000, 0, 0)
    );
    scene.end().await;
}

#[tokio::test]
async fn the_same_message_about_a_hold_gets_the_same_answer() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(5_000).await;
    let key = scene.key();
    let placed =
        join_all((0..8).map(|_| place_under(&scene, key.clone(), (patient, bill(600)), COUNTER)))
            .await;
    for answer in &placed {
        assert_eq!(answer, &placed[0]);
    }
    let longer = COUNTER * 2;
    let other = place_under(&scene, key, (patient, bill(600)), longer).await;
    assert_eq!(
        other.unwrap_err(),
        Refusal::about(Reason::MsgidReused, "lasts_seconds")
    );
    let Some(pb::place_hold_response::Outcome::Hold(hold)) = placed[0].clone().unwrap().outcome
    else {
        panic!("{placed:?}")
    };
    let key = scene.key();
    let first = capture_under(&scene, key.clone(), &hold, None)
        .await
        .unwrap();
    scene.clock.advance(COUNTER);
    let again = capture_under(&scene, key, &hold, None).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(scene.balance(patient).await, 4_400);
    scene.end().await;
}

#[tokio::test]
async fn open_holds_count_in_a_monthly_limit() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(0).await, scene.enrol(100_000).await);
    scene.link(son, mother, Some(10_000)).await;
    let hold = place(&scene, mother, 7_000).await;
    let answer = scene.settle(mother, bill(5_000)).await.unwrap();
    assert_eq!(parts(&answer), (0, 3_000, 2_000));
    let second = place(&scene, mother, 500).await;
    assert_eq!(second.held_fen, 0);
    capture(&scene, &hold, Some(6_000)).await.unwrap();
    let answer = scene.settle(mother, bill(5_000)).await.unwrap();
    assert_eq!(parts(&answer), (0, 1_000, 4_000));
    scene.end().await;
}

#[tokio::test]
async fn holds_and_bills_race_for_the_last_money_and_it_is_promised_once() {
    let scene = Scene::begin().await;
    let father = scene.enrol(50_000).await;
    let mut children = Vec::new();
    for _ in 0..6 {
        let child = scene.enrol(0).await;
        scene.link(father, child, None).await;
        children.push(child);
    }
    let bills = join_all((0..24).map(|turn| scene.settle(children[turn % 6], bill(2_000))));
    let holds = join_all((0..24).map(|turn| place(&scene, children[turn % 6], 2_000)));
    let (bills, holds) = tokio::join!(bills, holds);
    let paid: i64 = bills
        .iter()
        .map(|answer| parts(answer.as_ref().unwrap()).1)
        .sum();
    let held: i64 = holds.iter().map(|hold| hold.held_fen).sum();
    assert_eq!(paid + held, 50_000);
    for hold in &holds {
        let answer = capture(&scene, hold, None).await.unwrap();
        assert_eq!(parts(&answer).1, hold.held_fen);
    }
    assert_eq!(scene.balance(father).await, 0);
    scene.end().await;
}

#[tokio::test]
async fn the_database_lets_a_hold_end_once_and_change_in_no_other_way() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(5_000).await;
    let open = place(&scene, patient, 1_000).await;
    let captured = place(&scene, patient, 1_000).await;
    capture(&scene, &captured, None).await.unwrap();
    assert_eq!(open.state(), pb::HoldState::Held);
    for tampering in [
        "UPDATE hold SET state = 'HELD', ended_at = NULL, settlement_id = NULL, captured_fen = NULL WHERE state = 'CAPTURED'",
        "UPDATE hold SET state = 'RELEASED', settlement_id = NULL, captured_fen = NULL WHERE state = 'CAPTURED'",
        "UPDATE hold SET expires_at = expires_at + interval '1 hour' WHERE state = 'HELD'",
        "UPDATE hold SET state = 'REJECTED', held_fen = 0 WHERE state = 'HELD'",
        "UPDATE hold SET state = 'CAPTURED', ended_at = placed_at, settlement_id = hold_id, captured_fen = held_fen + 1 WHERE state = 'HELD'",
        "DELETE FROM hold",
        "UPDATE hold_leg SET captured_fen = amount_fen + 1, is_open = false WHERE is_open",
        "UPDATE hold_leg SET is_open = true WHERE NOT is_open",
        "UPDATE hold_leg SET amount_fen = amount_fen + 1",
        "DELETE FROM hold_leg",
        "UPDATE account SET held_fen = -1",
    ] {
        let done = sqlx::query(tampering).execute(&scene.db).await;
        assert!(done.is_err(), "{tampering}");
    }
    scene.end().await;
}

/// A small random number generator: the same story every time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test]
async fn whatever_happens_in_whatever_order_no_more_is_held_than_is_there() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(20_000).await, scene.enrol(90_000).await);
    let daughter = scene.enrol(60_000).await;
    scene.link(son, mother, Some(50_000)).await;
    scene.link(daughter, mother, None).await;
    scene.link(daughter, son, Some(30_000)).await;
    let family = [mother, son, daughter];
    let (mut dice, mut holds) = (Dice(20_260_305), Vec::new());
    let overdrawn = "SELECT count(*) FROM account a WHERE least(current_fen, prior_fen) < 0 OR current_fen + prior_fen < (
        SELECT coalesce(sum(l.amount_fen), 0) FROM hold_leg l WHERE l.account_id = a.account_id AND l.is_open)";
    for turn in 0..120 {
        let who = family[usize::try_from(dice.throw(3)).unwrap()];
        let fen = i64::try_from(dice.throw(9_000) + 1).unwrap();
        match dice.throw(8) {
            0..=2 => holds.push(place(&scene, who, fen).await),
            3 if !holds.is_empty() => {
                let index = usize::try_from(dice.throw(100)).unwrap() % holds.len();
                let hold: pb::Hold = holds.swap_remove(index);
                if let Ok(answer) = capture(&scene, &hold, Some(fen)).await {
                    let (own, aid, _) = parts(&answer);
                    assert!(own + aid <= hold.held_fen);
                }
            }
            4 if !holds.is_empty() => {
                let hold = holds.remove(0);
                release(&scene, &hold).await.ok();
            }
            5 => drop(scene.settle(who, bill(fen)).await.unwrap()),
            6 => drop(scene.credit(who, fen).await.unwrap()),
            _ => {
                scene.clock.advance(SignedDuration::from_secs(70));
                sweep(&scene).await;
            }
        }
        assert_eq!(scene.number(overdrawn).await, 0, "after turn {turn}");
    }
    scene.end().await;
}
