//! Things that happen at the same moment.

use std::cell::Cell;

use futures::future::join_all;
use proto::Event as _;
use proto::binding::v1::BindingState;
use proto::common::v1::Relation;
use proto::event::Fact;
use proto::settlement::v1::{Charged, Fenced, LegKind};

use crate::harness::{Purse, Stack, parts, until};

#[tokio::test]
async fn two_bills_race_for_one_contributors_last_money_and_it_is_spent_once() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(10_000)),
        ("110100", Purse::EMPTY),
        ("110100", Purse::EMPTY),
    ];
    let [father, son, daughter] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("three were asked for");
    for child in [&son, &daughter] {
        stack.bind(&father, child, Relation::Child).await;
    }

    let (one, other) = tokio::join!(stack.settle(&son, 8_000), stack.settle(&daughter, 8_000));

    let mut aid = [parts(&one).1, parts(&other).1];
    aid.sort_unstable();
    assert_eq!(
        aid,
        [2_000, 8_000],
        "the second bill gets what the first has left"
    );
    assert_eq!(stack.balance(&father).await, 0);
    stack.end().await;
}

#[tokio::test]
async fn unbinding_races_with_settling_and_no_bill_is_paid_from_the_contributor_after_unbound_was_told()
 {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(1_000_000)),
        ("110100", Purse::EMPTY),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    let binding = stack.bind(&mother, &son, Relation::Child).await;

    // Eight counters settle one bill after the other, until the unbinding is answered.
    let ended = Cell::new(false);
    let counter = async || {
        let mut bills = Vec::new();
        while !ended.get() {
            bills.push(stack.settle(&son, 100).await);
        }
        bills
    };
    let unbinding = async {
        until("the counters are at work", async || {
            stack.balance(&mother).await < 999_000
        })
        .await;
        // On a slow machine the answer may be ENDING: whoever hears that asks again.
        until("the unbinding has ended", async || {
            stack.unbind(&mother, binding).await == BindingState::Ended
        })
        .await;
        ended.set(true);
        // The answer said ENDED: whatever is sent from here on finds no aid.
        join_all((0..32).map(|_| stack.settle(&son, 100))).await
    };
    let (before, after) = tokio::join!(join_all((0..8).map(|_| counter())), unbinding);

    assert!(after.iter().all(|bill| parts(bill) == (0, 0, 100)));
    let before = before.into_iter().flatten();
    let aided: i64 = before.map(|bill| parts(&bill).1).sum();
    assert_eq!(1_000_000 - stack.balance(&mother).await, aided);
    // In the order in which settlement told it: nothing was charged to the binding after it said that it is fenced.
    let (last_charge, fence) = order_of_facts(&stack, &binding.to_string()).await;
    assert!(fence.is_some() && last_charge < fence);
    stack.end().await;
}

/// The positions of the last charge of a binding and of its fence, among everything that settlement told.
async fn order_of_facts(stack: &Stack, binding: &str) -> (Option<i64>, Option<i64>) {
    let facts: Vec<(i64, String, Vec<u8>)> = sqlx::query_as(
        "-- tests.order_of_facts
        SELECT position, subject, body FROM outbox WHERE subject IN ($1, $2) ORDER BY position",
    )
    .bind(Charged::SUBJECT)
    .bind(Fenced::SUBJECT)
    .fetch_all(&stack.settlement)
    .await
    .expect("settlement's database answers");
    let (mut last_charge, mut fence) = (None, None);
    for (position, subject, body) in facts {
        match Fact::decode(&subject, &body).expect("it is one of ours") {
            Fact::Fenced(fenced) if fenced.binding_id == binding => fence = Some(position),
            Fact::Charged(charged) => {
                let mut legs = charged.legs.iter().filter_map(|leg| leg.leg.as_ref());
                if legs.any(|leg| leg.kind() == LegKind::Aid && leg.binding_id == binding) {
                    last_charge = Some(position);
                }
            }
            _ => {}
        }
    }
    (last_charge, fence)
}

#[tokio::test]
async fn sixty_four_callers_settle_at_once_and_all_books_balance() {
    let stack = Stack::start().await;
    let mut wanted = vec![("110100", Purse::of(40_000, 10_000)); 4];
    wanted.extend(vec![("110100", Purse::current(1_500)); 8]);
    let people = stack.people(&wanted).await;
    let (contributors, patients) = people.split_at(4);
    // Everybody's bill may take from two contributors, and each contributor pays for four: locks meet in every order.
    for (at, patient) in patients.iter().enumerate() {
        stack
            .bind(&contributors[at % 4], patient, Relation::Parent)
            .await;
        stack
            .bind(&contributors[(at + 1) % 4], patient, Relation::Sibling)
            .await;
    }

    let caller = async |number: usize| {
        let patient = &patients[number % 8];
        let first = stack.settle(patient, 700).await;
        if number.is_multiple_of(3) {
            stack.cancel(&first).await;
        }
        stack.settle(patient, 1_300).await;
    };
    join_all((0..64).map(caller)).await;

    let stored = stack
        .count("SELECT count(*) FROM settlement WHERE outcome = 'SETTLED'")
        .await;
    assert_eq!(stored, 128);
    let in_accounts = stack
        .count("SELECT sum(current_fen + prior_fen)::bigint FROM account")
        .await;
    let paid = "SELECT coalesce(sum(amount_fen - refunded_fen), 0)::bigint FROM leg";
    assert_eq!(
        in_accounts + stack.count(paid).await,
        4 * 50_000 + 8 * 1_500
    );
    stack.until_quiet().await;
    stack.every_charge_is_told_once().await;
    stack.end().await;
}

/// A limit that is checked in one place and counted in another lets two through: LerianStudio/midaz#2429.
#[tokio::test]
async fn decide_apply_race_midaz_2429() {
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
        .set_terms(binding, |terms| terms.per_month_fen = Some(5_000))
        .await;

    let bills = join_all((0..24).map(|_| stack.settle(&son, 700))).await;

    let aid: i64 = bills.iter().map(|bill| parts(bill).1).sum();
    assert_eq!((aid, stack.balance(&mother).await), (5_000, 95_000));
    stack.end().await;
}
