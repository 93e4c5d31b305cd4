//! The terms a contributor set.

use proto::common::v1::Relation;
use proto::settlement::v1::InstitutionKind;

use crate::harness::{PHARMACY, Purse, Stack, parts};

#[tokio::test]
async fn a_mandates_monthly_limit_holds_under_two_parallel_bills_and_opens_again_next_month() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(100_000)),
        ("110100", Purse::EMPTY),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    let binding = stack.bind(&mother, &son, Relation::Child).await;
    stack
        .set_terms(binding, |terms| terms.per_month_fen = Some(10_000))
        .await;

    let (one, other) = tokio::join!(stack.settle(&son, 7_000), stack.settle(&son, 7_000));
    assert_eq!(parts(&one).1 + parts(&other).1, 10_000);
    assert_eq!(stack.balance(&mother).await, 90_000);

    let reason = |bill: &proto::settlement::v1::Settlement| {
        let split = bill.split.as_ref().expect("it has a split");
        let last = split
            .considered
            .last()
            .expect("the contributor was considered");
        last.reason.clone().unwrap_or_default().code
    };
    let third = stack.settle(&son, 100).await;
    assert_eq!(
        (parts(&third), reason(&third).as_str()),
        ((0, 0, 100), "LIMIT_PER_MONTH")
    );

    // 2026-02-01, a month later by the business calendar.
    stack
        .clock
        .advance(jiff::SignedDuration::from_hours(27 * 24));
    assert_eq!(parts(&stack.settle(&son, 12_000).await), (0, 10_000, 2_000));
    stack.end().await;
}

#[tokio::test]
async fn a_mandate_pays_at_its_places_and_on_its_days_only() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(100_000)),
        ("110100", Purse::EMPTY),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    let binding = stack.bind(&mother, &son, Relation::Child).await;
    let told = async || {
        let bill = stack.settle(&son, 100).await;
        let split = bill.split.as_ref().expect("it has a split");
        let last = split.considered.last().expect("she was considered");
        (parts(&bill).1, last.reason.clone().unwrap_or_default().code)
    };

    stack
        .set_terms(binding, |terms| {
            terms
                .institution_kinds
                .push(InstitutionKind::Hospital.into());
        })
        .await;
    assert_eq!(told().await, (0, "PLACE_NOT_IN_MANDATE".to_owned()));
    stack
        .set_terms(binding, |terms| {
            terms.institution_kinds.clear();
            terms.institution_codes.push(PHARMACY.to_owned());
        })
        .await;
    assert_eq!(told().await, (100, "TAKEN".to_owned()));

    stack
        .set_terms(binding, |terms| {
            terms.valid_from = "2026-01-06".to_owned();
            terms.valid_until = "2026-01-06".to_owned();
        })
        .await;
    assert_eq!(told().await, (0, "MANDATE_NOT_YET_VALID".to_owned()));
    stack.next_day();
    assert_eq!(told().await, (100, "TAKEN".to_owned()));
    stack.next_day();
    assert_eq!(told().await, (0, "MANDATE_EXPIRED".to_owned()));
    stack.end().await;
}

#[tokio::test]
async fn a_lowered_limit_holds_from_the_moment_it_is_confirmed() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(100_000)),
        ("110100", Purse::EMPTY),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    let binding = stack.bind(&mother, &son, Relation::Child).await;
    stack
        .set_terms(binding, |terms| terms.per_transaction_fen = Some(5_000))
        .await;
    assert_eq!(parts(&stack.settle(&son, 9_000).await), (0, 5_000, 4_000));

    stack
        .set_terms(binding, |terms| terms.per_transaction_fen = Some(300))
        .await;
    let bills = futures::future::join_all((0..8).map(|_| stack.settle(&son, 400))).await;
    assert!(bills.iter().all(|bill| parts(bill) == (0, 300, 100)));

    stack
        .set_terms(binding, |terms| terms.per_transaction_fen = None)
        .await;
    assert_eq!(parts(&stack.settle(&son, 9_000).await), (0, 9_000, 0));
    stack.end().await;
}
