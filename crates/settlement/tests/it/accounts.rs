//! What happens to accounts besides bills: advances and clearing, freezing, closing, corrections.

use kernel::{AllocationId, Bucket, Fen, Reason};
use proto::settlement::v1 as pb;
use settlement::command::AllocationKind;
use settlement::correction::{Proposal, Standing};
use settlement::keep::Keep;

use crate::scene::{Enrolled, Scene, bill, id_of, parts, settlement};

fn freeze(who: Enrolled, frozen: bool) -> Keep {
    Keep::Freeze {
        account: who.account,
        frozen,
        note: "asked by the court".to_owned(),
    }
}

fn close(who: Enrolled) -> Keep {
    Keep::Close {
        account: who.account,
        note: "emigrated".to_owned(),
    }
}

/// Why the first contributor that was considered gave nothing.
fn passed_over(answer: &pb::SettleResponse) -> String {
    let split = settlement(answer).split.as_ref().expect("there is one");
    let considered = split
        .considered
        .iter()
        .find(|line| line.kind == i32::from(pb::LegKind::Aid));
    considered
        .and_then(|line| line.reason.as_ref())
        .expect("a contributor was considered")
        .code
        .clone()
}

/// Example 7 of `domain.md` 8.2: to the fen.
#[tokio::test]
async fn a_clearing_after_spending_leaves_a_debt_that_pauses_aid_and_is_repaid_first() {
    let scene = Scene::begin().await;
    let (worker, child) = (scene.enrol(0).await, scene.enrol(0).await);
    scene.link(worker, child, None).await;
    let year_start = (120_000, "2026-01");
    scene
        .allocate(worker, AllocationKind::Pre, year_start)
        .await
        .unwrap();
    let paid = scene.settle(child, bill(40_000)).await.unwrap();
    assert_eq!(parts(&paid), (0, 40_000, 0));
    scene.settle(worker, bill(50_000)).await.unwrap();
    assert_eq!(scene.balance(worker).await, 30_000);

    let cleared = scene
        .allocate(worker, AllocationKind::Clearing, (-60_000, "2026-06"))
        .await
        .unwrap();
    assert_eq!(cleared.current_fen, -30_000);
    assert_eq!(
        scene
            .facts(worker)
            .await
            .iter()
            .rev()
            .take(2)
            .collect::<Vec<_>>(),
        ["overdrawn", "balance_changed"]
    );
    let unpaid = scene.settle(child, bill(1_000)).await.unwrap();
    assert_eq!(parts(&unpaid), (0, 0, 1_000));
    assert_eq!(passed_over(&unpaid), "CONTRIBUTOR_BALANCE_ZERO");
    assert_eq!(
        parts(&scene.settle(worker, bill(1_000)).await.unwrap()),
        (0, 0, 1_000)
    );

    let repaid = scene.credit(worker, 25_000).await.unwrap();
    assert_eq!(repaid.current_fen, -5_000);
    let below = "UPDATE account SET current_fen = current_fen - 1 WHERE current_fen < 0";
    let refused = sqlx::query(below).execute(&scene.db).await.unwrap_err();
    assert!(refused.to_string().contains("floor_holds"), "{refused}");
    scene.credit(worker, 6_000).await.unwrap();
    let paid = scene.settle(child, bill(5_000)).await.unwrap();
    assert_eq!(parts(&paid), (0, 1_000, 4_000));
    scene.end().await;
}

#[tokio::test]
async fn what_came_in_advance_is_adjusted_both_ways() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(0).await;
    for (kind, fen, after) in [
        (AllocationKind::Pre, 10_000, 10_000),
        (AllocationKind::Adjustment, 2_000, 12_000),
        (AllocationKind::Adjustment, -500, 11_500),
        (AllocationKind::Clearing, 30, 11_530),
    ] {
        let account = scene
            .allocate(worker, kind, (fen, "2026-03"))
            .await
            .unwrap();
        assert_eq!(account.current_fen, after);
    }
    let kinds = "SELECT count(*) FROM movement WHERE kind IN ('PRE_ALLOCATION', 'PRE_TO_ACTUAL_ADJ', 'CLEARING_DELTA')
                 AND amount_fen > 0";
    assert_eq!(scene.number(kinds).await, 4);
    assert_eq!(scene.facts(worker).await, ["balance_changed"; 4]);
    scene.end().await;
}

#[tokio::test]
async fn a_frozen_account_pays_nothing_and_still_receives() {
    let scene = Scene::begin().await;
    let (worker, child) = (scene.enrol(10_000).await, scene.enrol(0).await);
    scene.link(worker, child, None).await;
    scene.keep(freeze(worker, true), "op-1").await.unwrap();
    scene.keep(freeze(worker, true), "op-1").await.unwrap();
    let unpaid = scene.settle(child, bill(1_000)).await.unwrap();
    assert_eq!(parts(&unpaid), (0, 0, 1_000));
    assert_eq!(passed_over(&unpaid), "ACCOUNT_FROZEN");
    let own = scene.settle(worker, bill(1_000)).await.unwrap();
    assert_eq!(parts(&own), (0, 0, 1_000));
    assert_eq!(scene.credit(worker, 5).await.unwrap().current_fen, 10_005);

    scene.keep(freeze(worker, false), "op-2").await.unwrap();
    let paid = scene.settle(child, bill(1_000)).await.unwrap();
    assert_eq!(parts(&paid), (0, 1_000, 0));
    assert_eq!(scene.number("SELECT count(*) FROM account_mark").await, 2);
    assert_eq!(
        scene.facts(worker).await[1..4],
        ["account_frozen", "balance_changed", "account_unfrozen"]
    );
    scene.end().await;
}

#[tokio::test]
async fn an_account_that_is_closed_is_paid_out_and_stays_empty() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(10_000).await;
    let closed = scene.keep(close(worker), "op-1").await.unwrap();
    assert_eq!((closed.current_fen, closed.prior_fen), (0, 0));
    scene.keep(close(worker), "op-1").await.unwrap();
    let refused = scene.credit(worker, 5).await.unwrap_err();
    assert_eq!(refused.reason, Reason::AccountClosed);
    let out = "SELECT sum(amount_fen)::bigint FROM movement WHERE kind = 'ACCOUNT_EXIT' AND credit = 'cash:external'";
    assert_eq!(scene.number(out).await, 10_000);
    assert_eq!(
        scene.facts(worker).await,
        ["balance_changed", "balance_changed", "account_closed"]
    );

    let owing = scene.enrol(0).await;
    scene
        .allocate(owing, AllocationKind::Clearing, (-1, "2026-03"))
        .await
        .unwrap();
    let refused = scene.keep(close(owing), "op-1").await.unwrap_err();
    assert_eq!(refused.reason, Reason::AccountOwes);
    scene.end().await;
}

#[tokio::test]
async fn a_correction_is_posted_once_and_only_by_a_second_operator() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(1_000).await;
    let proposal = |fen| Proposal {
        id: AllocationId::generate(),
        account: worker.account,
        bucket: Bucket::Current,
        amount: Fen::new(fen),
        note: "credited twice".to_owned(),
        standing: Standing::Proposed,
        proposed_by: "op-1".to_owned(),
    };
    let (fine, too_much) = (proposal(-400), proposal(-601));
    for proposal in [&fine, &too_much] {
        let at = scene.clock.now();
        settlement::store::correction::propose(&scene.db, proposal, at)
            .await
            .unwrap();
    }
    let approve = |id, operator: &str| Keep::Correct {
        id,
        operator: operator.to_owned(),
    };
    let own = scene.keep(approve(fine.id, "op-1"), "op-1").await;
    assert_eq!(own.unwrap_err().reason, Reason::SameOperator);
    assert_eq!(scene.balance(worker).await, 1_000);

    let (one, other) = tokio::join!(
        scene.keep(approve(fine.id, "op-2"), "op-2"),
        scene.keep(approve(fine.id, "op-3"), "op-3")
    );
    assert_eq!(one.unwrap().current_fen, 600);
    assert_eq!(other.unwrap().current_fen, 600);
    let below = scene.keep(approve(too_much.id, "op-2"), "op-2").await;
    assert_eq!(below.unwrap_err().reason, Reason::BalanceTooLow);
    let unknown = approve(AllocationId::generate(), "op-2");
    let unknown = scene.keep(unknown, "op-2").await.unwrap_err();
    assert_eq!(unknown.reason, Reason::CorrectionUnknown);

    let at = scene.clock.now();
    let rejected = settlement::store::correction::reject(&scene.db, too_much.id, "op-1", at).await;
    assert!(rejected.unwrap());
    let late = scene.keep(approve(too_much.id, "op-2"), "op-2").await;
    assert_eq!(late.unwrap_err().reason, Reason::CorrectionDecided);
    let alone = "UPDATE correction SET decided_by = proposed_by WHERE state = 'APPROVED'";
    let refused = sqlx::query(alone).execute(&scene.db).await.unwrap_err();
    assert!(refused.to_string().contains("takes_two"), "{refused}");
    scene.end().await;
}

#[tokio::test]
async fn a_refund_to_an_account_in_debt_repays_it() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(10_000).await;
    let paid = scene.settle(worker, bill(9_000)).await.unwrap();
    scene
        .allocate(worker, AllocationKind::Clearing, (-4_000, "2026-03"))
        .await
        .unwrap();
    assert_eq!(scene.balance(worker).await, -3_000);
    scene.cancel(scene.key(), id_of(&paid)).await.unwrap();
    assert_eq!(scene.balance(worker).await, 6_000);
    let floor = "SELECT min(current_floor) FROM account";
    assert_eq!(scene.number(floor).await, 0);
    scene.end().await;
}

#[tokio::test]
async fn an_account_is_not_paid_out_while_a_hold_counts_on_it() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(1_000).await, scene.enrol(30_000).await);
    scene.link(son, mother, None).await;
    let hold = crate::holds::place(&scene, mother, 20_000).await;
    assert_eq!(hold.held_fen, 20_000);
    for who in [mother, son] {
        let refused = scene.keep(close(who), "op1").await.unwrap_err();
        assert_eq!(refused.reason, Reason::AccountHeld);
    }
    assert_eq!(
        (scene.balance(mother).await, scene.balance(son).await),
        (1_000, 30_000)
    );
    // From the moment at which it expires, swept or not, nothing stands in the way.
    scene.clock.advance(settlement::hold::COUNTER);
    scene.keep(close(son), "op1").await.unwrap();
    assert_eq!(scene.balance(son).await, 0);
    settlement::sweep::round(&scene.db, &scene.writer, &scene.clock)
        .await
        .unwrap();
    scene.keep(close(mother), "op1").await.unwrap();
    scene.end().await;
}
