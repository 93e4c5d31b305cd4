//! Amounts that no bill has.

use serde_json::json;

use super::{a_patient, refused_over_both};
use crate::harness::{bill_of, code_of, drug_input, error_code, message_of};

/// gRPC cannot carry it: its amounts are whole fen.
#[tokio::test]
async fn an_amount_with_three_decimals() {
    let (stack, patient) = a_patient().await;
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    for infno in ["2101", "2102"] {
        let message = message_of(infno, &stack.msgid(), &drug_input(&patient, "5.001"));
        let answer = stack.send(&message).await;
        assert_eq!(error_code(&answer), "AMOUNT_MALFORMED");
        assert!(
            answer["err_msg"]
                .as_str()
                .is_some_and(|text| text.contains("medfee_sumamt")),
            "{answer}"
        );
    }
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}

#[tokio::test]
async fn an_amount_that_no_bill_has() {
    let (stack, patient) = a_patient().await;
    let wrong = [
        ("-5.00", -500, "AMOUNT_NEGATIVE"),
        ("0.00", 0, "AMOUNT_ZERO"),
        ("90071992547409.93", (1 << 53) + 1, "AMOUNT_TOO_LARGE"),
        ("92233720368547758.07", i64::MAX, "AMOUNT_TOO_LARGE"),
    ];
    for (yuan, fen, code) in wrong {
        let input = drug_input(&patient, yuan);
        refused_over_both(&stack, bill_of(&patient, fen), input, code).await;
    }
    // A wrong line under a right total.
    let mut bill = bill_of(&patient, 500);
    bill.lines[0].amount_fen = -500;
    let mut input = drug_input(&patient, "5.00");
    input["drugdetail"][0]["det_item_fee_sumamt"] = json!("-5.00");
    refused_over_both(&stack, bill, input, "AMOUNT_NEGATIVE").await;
    stack.end().await;
}

#[tokio::test]
async fn the_largest_bill_there_can_be_is_one() {
    let (stack, patient) = a_patient().await;
    let bill = stack.settle(&patient, 1 << 53).await;
    let split = bill.split.expect("it has a split");
    assert_eq!(
        (split.own_fen, split.cash_fen),
        (10_000, (1 << 53) - 10_000)
    );
    stack.end().await;
}

#[tokio::test]
async fn parts_that_do_not_add_up() {
    let (stack, patient) = a_patient().await;
    let mut bill = bill_of(&patient, 500);
    bill.total_fen = 600;
    let mut input = drug_input(&patient, "5.00");
    input["druginfo"]["medfee_sumamt"] = json!("6.00");
    refused_over_both(&stack, bill, input, "PARTS_DO_NOT_ADD_UP").await;

    // Parts whose sum no number holds.
    let mut bill = bill_of(&patient, 1 << 53);
    let line = bill.lines[0].clone();
    bill.lines = (0..2_000)
        .map(|number: u32| proto::settlement::v1::FeeLine {
            line_no: number.to_string(),
            ..line.clone()
        })
        .collect();
    assert_eq!(
        code_of(stack.try_settle(&stack.msgid(), bill).await),
        "PARTS_DO_NOT_ADD_UP"
    );
    stack.end().await;
}
