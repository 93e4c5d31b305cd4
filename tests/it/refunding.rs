//! A part of a bill is given back.

use proto::common::v1::Relation;
use proto::settlement::v1::refund_request::What;
use proto::settlement::v1::{
    GetSettlementRequest, RefundLine, RefundLines, Settlement, SettlementState,
};

use crate::harness::{PHARMACY, Purse, Stack, code_of, parts};

/// A mother's bill that her son helps to pay.
async fn bill_with_aid(
    stack: &Stack,
) -> (crate::harness::Person, crate::harness::Person, Settlement) {
    let wanted = [
        ("110100", Purse::of(1_000, 9_000)),
        ("110100", Purse::current(500)),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    stack.bind(&mother, &son, Relation::Child).await;
    let bill = stack.settle(&son, 3_000).await;
    assert_eq!(parts(&bill), (500, 2_500, 0));
    (mother, son, bill)
}

async fn state(stack: &Stack, bill: &Settlement) -> (SettlementState, i64) {
    let asked = GetSettlementRequest {
        settlement_id: bill.settlement_id.clone(),
    };
    let mut counter = stack.callers.institution(PHARMACY).settlement();
    let answer = counter.get_settlement(asked).await;
    let found = answer.expect("it is there").into_inner().settlement;
    let found = found.expect("the answer has a settlement");
    (found.state(), found.refunded_fen)
}

/// A repeated refund moved money although it was answered with a conflict: blnkfinance/blnk#374.
#[tokio::test]
async fn refund_twice_is_noop_blnk_374() {
    let stack = Stack::start().await;
    let (mother, _, bill) = bill_with_aid(&stack).await;
    let msgid = stack.msgid();
    let first = stack
        .try_refund(&msgid, &bill, What::AmountFen(3_000))
        .await;
    let first = first.expect("nothing is wrong with it");
    stack.until_quiet().await;
    let before = stack.fingerprint().await;

    let repeated = stack
        .try_refund(&msgid, &bill, What::AmountFen(3_000))
        .await;
    assert_eq!(
        first,
        repeated.expect("the same message has the same answer")
    );
    let other = stack
        .try_refund(&stack.msgid(), &bill, What::AmountFen(1))
        .await;
    assert_eq!(code_of(other), "SETTLEMENT_REFUNDED");
    assert_eq!(
        code_of(stack.try_cancel(&stack.msgid(), &bill).await),
        "SETTLEMENT_REFUNDED"
    );
    let refund = Settlement {
        settlement_id: first.refund_id,
        ..bill.clone()
    };
    let of_refund = stack
        .try_refund(&stack.msgid(), &refund, What::AmountFen(1))
        .await;
    assert_eq!(code_of(of_refund), "REFUND_OF_REFUND");
    assert_eq!(before, stack.fingerprint().await);
    assert_eq!(stack.purse(&mother).await, Purse::of(1_000, 9_000));
    assert_eq!(
        state(&stack, &bill).await,
        (SettlementState::Refunded, 3_000)
    );
    stack.end().await;
}

/// A partly refunded split answered with a conflict and applied the rest: blnkfinance/blnk#379.
#[tokio::test]
async fn split_refund_partial_blnk_379() {
    let stack = Stack::start().await;
    let (mother, son, bill) = bill_with_aid(&stack).await;
    let part = stack
        .try_refund(&stack.msgid(), &bill, What::AmountFen(1_600))
        .await;
    let part = part.expect("nothing is wrong with it");
    assert_eq!(
        (part.aid_fen, part.own_fen, part.left_fen),
        (1_600, 0, 1_400)
    );
    assert_eq!(
        state(&stack, &bill).await,
        (SettlementState::PartlyRefunded, 1_600)
    );
    let before = (stack.purse(&mother).await, stack.purse(&son).await);
    stack.until_quiet().await;
    let books = stack.fingerprint().await;

    let above = stack
        .try_refund(&stack.msgid(), &bill, What::AmountFen(1_401))
        .await;
    assert_eq!(code_of(above), "REFUND_ABOVE_REST");
    assert_eq!(books, stack.fingerprint().await);
    assert_eq!(
        before,
        (stack.purse(&mother).await, stack.purse(&son).await)
    );

    let rest = stack
        .try_refund(&stack.msgid(), &bill, What::AmountFen(1_400))
        .await;
    let rest = rest.expect("that much is left");
    assert_eq!((rest.aid_fen, rest.own_fen, rest.left_fen), (900, 500, 0));
    assert_eq!(stack.purse(&mother).await, Purse::of(1_000, 9_000));
    assert_eq!(stack.purse(&son).await, Purse::current(500));
    stack.until_quiet().await;
    // Both sides hear of both parts.
    assert_eq!(
        stack.told(&mother, &bill.settlement_id).await,
        ["CHARGED_AID", "REFUNDED_AID", "REFUNDED_AID"]
    );
    assert_eq!(
        stack.told(&son, &bill.settlement_id).await,
        [
            "AID_USED_FOR_YOU",
            "CHARGED_OWN",
            "REFUNDED_AID",
            "REFUNDED_AID",
            "REFUNDED_OWN"
        ]
    );
    stack.end().await;
}

/// A refund of a negative amount was a charge: juspay/hyperswitch#11491.
#[tokio::test]
async fn negative_refund_hyperswitch_11491() {
    let stack = Stack::start().await;
    let (_, _, bill) = bill_with_aid(&stack).await;
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    let line = |line_no: &str, amount_fen: Option<i64>| {
        let line_no = line_no.to_owned();
        let lines = vec![RefundLine {
            line_no,
            amount_fen,
        }];
        What::Lines(RefundLines { lines })
    };
    for (what, code) in [
        (What::AmountFen(-1), "AMOUNT_NEGATIVE"),
        (What::AmountFen(i64::MIN), "AMOUNT_NEGATIVE"),
        (What::AmountFen(0), "AMOUNT_ZERO"),
        (What::AmountFen(i64::MAX), "AMOUNT_TOO_LARGE"),
        (What::AmountFen(3_001), "REFUND_ABOVE_REST"),
        (line("1", Some(-1)), "AMOUNT_NEGATIVE"),
        (line("1", Some(0)), "AMOUNT_ZERO"),
        (line("1", Some(3_001)), "REFUND_ABOVE_REST"),
        (line("2", None), "REFUND_LINE_UNKNOWN"),
        (What::Lines(RefundLines::default()), "FIELD_MISSING"),
    ] {
        let refused = stack.try_refund(&stack.msgid(), &bill, what.clone()).await;
        assert_eq!(code_of(refused), code, "{what:?}");
    }
    assert_eq!(before, stack.fingerprint().await);
    let good = stack
        .try_refund(&stack.msgid(), &bill, line("1", None))
        .await;
    assert_eq!(good.expect("all of the line").total_fen, 3_000);
    stack.end().await;
}
