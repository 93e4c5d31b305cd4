//! The worked examples of the domain (section 8.2), to the fen, each over the gateway and from the ledger.

use kernel::Fen;
use proto::common::v1::Relation;
use serde_json::Value;

use crate::harness::{Purse, Stack, parts};

/// What a slip says was paid: own, aid, cash.
fn slip(answer: &Value) -> (i64, i64, i64) {
    let info = &answer["output"]["setlinfo"];
    let fen = |field: &str| -> i64 {
        let text = info[field]
            .as_str()
            .unwrap_or_else(|| panic!("{field} in {info}"));
        text.parse::<Fen>().expect("amounts are yuan").get()
    };
    (fen("acct_pay"), fen("acct_mulaid_pay"), fen("psn_cash_pay"))
}

#[tokio::test]
async fn example_1_in_jiangsu_the_own_account_pays_first_and_the_spouse_the_rest() {
    let stack = Stack::start().await;
    let wanted = [
        ("320600", Purse::of(50_000, 150_000)),
        ("320600", Purse::current(10_000)),
    ];
    let [spouse, patient] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    stack.bind(&spouse, &patient, Relation::Spouse).await;

    let answer = stack.done(&stack.drug_message(&patient, "600.00")).await;

    assert_eq!(answer["output"]["setlinfo"]["psn_part_amt"], "600.00");
    assert_eq!(slip(&answer), (10_000, 50_000, 0));
    assert_eq!(stack.balance(&spouse).await, 150_000);
    assert_eq!(stack.balance(&patient).await, 0);
    stack.end().await;
}

#[tokio::test]
async fn example_3_in_shanxi_a_floor_and_a_limit_bind_one_contributor_and_no_second_is_tried() {
    let stack = Stack::start().await;
    let wanted = [
        ("140100", Purse::of(15_000, 100_000)),
        ("140100", Purse::current(300_000)),
        ("140100", Purse::current(8_000)),
    ];
    let [daughter, cousin, patient] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("three were asked for");
    let first = stack.bind(&daughter, &patient, Relation::Parent).await;
    let second = stack
        .bind(&cousin, &patient, Relation::PaternalGrandparent)
        .await;
    stack
        .set_terms(first, |terms| {
            (terms.rank, terms.per_transaction_fen) = (1, Some(20_000));
        })
        .await;
    stack.set_terms(second, |terms| terms.rank = 2).await;
    stack.next_day();

    let settlement = stack.settle(&patient, 45_000).await;

    assert_eq!(parts(&settlement), (8_000, 15_000, 22_000));
    assert_eq!(stack.balance(&daughter).await, 100_000);
    assert_eq!(stack.balance(&cousin).await, 300_000);
    let considered = settlement.split.expect("it has a split").considered;
    let reasons: Vec<_> = considered
        .into_iter()
        .map(|payer| payer.reason.unwrap_or_default().code)
        .collect();
    assert_eq!(
        reasons,
        [
            "OWN_BALANCE_ZERO",
            "BELOW_RESERVE_FLOOR",
            "ANOTHER_CONTRIBUTOR_CHOSEN"
        ]
    );
    stack.end().await;
}

#[tokio::test]
async fn example_4_in_henan_the_largest_balance_pays_first_and_returned_goods_are_settled_anew() {
    let stack = Stack::start().await;
    let wanted = [
        ("410100", Purse::current(30_000)),
        ("410100", Purse::current(55_000)),
        ("410100", Purse::current(30_000)),
        ("410100", Purse::current(12_000)),
    ];
    let [li, zhang, wang, patient] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("four were asked for");
    // A tie is broken by binding id, so by who was bound first.
    for contributor in [&li, &zhang, &wang] {
        stack.bind(contributor, &patient, Relation::Parent).await;
    }
    let balances = async || {
        (
            stack.balance(&li).await,
            stack.balance(&zhang).await,
            stack.balance(&wang).await,
        )
    };

    let first = stack.settle(&patient, 90_000).await;
    assert_eq!(parts(&first), (12_000, 78_000, 0));
    assert_eq!(balances().await, (7_000, 0, 30_000));

    let back = stack.cancel(&first).await;
    assert_eq!(
        (back.own_fen, back.aid_fen, back.cash_fen),
        (12_000, 78_000, 0)
    );
    assert_eq!(balances().await, (30_000, 55_000, 30_000));

    let kept = stack.settle(&patient, 60_000).await;
    assert_eq!(parts(&kept), (12_000, 48_000, 0));
    assert_eq!(balances().await, (30_000, 7_000, 30_000));

    stack.until_quiet().await;
    assert_eq!(
        stack.told(&li, &first.settlement_id).await,
        ["CHARGED_AID", "REFUNDED_AID"]
    );
    assert_eq!(
        stack.told(&zhang, &first.settlement_id).await,
        ["CHARGED_AID", "REFUNDED_AID"]
    );
    assert_eq!(
        stack.told(&zhang, &kept.settlement_id).await,
        ["CHARGED_AID"]
    );
    assert!(stack.told(&wang, &first.settlement_id).await.is_empty());
    stack.end().await;
}

#[tokio::test]
async fn example_6_in_zhejiang_only_money_of_earlier_years_pays() {
    let stack = Stack::start().await;
    let wanted = [
        ("330300", Purse::of(50_000, 20_000)),
        ("330300", Purse::of(9_000, 6_000)),
    ];
    let [son, patient] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    stack.bind(&son, &patient, Relation::Parent).await;

    let settlement = stack.settle(&patient, 36_000).await;

    assert_eq!(parts(&settlement), (6_000, 20_000, 10_000));
    assert_eq!(stack.purse(&son).await, Purse::of(50_000, 0));
    assert_eq!(stack.purse(&patient).await, Purse::of(9_000, 0));
    stack.end().await;
}
