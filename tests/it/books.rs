//! The stories' own measure: books that were tampered with do not pass for balanced ones.

use proto::common::v1::Relation;

use crate::harness::{Purse, Stack};

#[tokio::test]
async fn whoever_tampers_with_the_books_is_found() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(1_000)),
        ("110100", Purse::current(50)),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    stack.bind(&mother, &son, Relation::Child).await;
    let kept = stack.settle(&son, 300).await;
    stack.cancel(&kept).await;
    stack.settle(&son, 400).await;
    stack.until_quiet().await;
    stack.books_balance().await;
    stack.every_charge_is_told_once().await;

    // What no constraint of the database forbids, and what is found all the same; each is undone before the next.
    for (tampering, undoing) in [
        (
            "UPDATE account SET current_fen = current_fen + 1",
            "UPDATE account SET current_fen = current_fen - 1",
        ),
        (
            "UPDATE account SET version = version + 1",
            "UPDATE account SET version = version - 1",
        ),
        (
            "UPDATE limit_used SET total_gross_fen = total_gross_fen + 1 WHERE scope = 'CONTRIBUTOR'",
            "UPDATE limit_used SET total_gross_fen = total_gross_fen - 1 WHERE scope = 'CONTRIBUTOR'",
        ),
        (
            "UPDATE leg SET amount_fen = amount_fen + 1",
            "UPDATE leg SET amount_fen = amount_fen - 1",
        ),
        (
            "UPDATE settlement SET own_fen = own_fen + 1, total_fen = total_fen + 1",
            "UPDATE settlement SET own_fen = own_fen - 1, total_fen = total_fen - 1",
        ),
        (
            "UPDATE movement SET amount_fen = amount_fen + 1",
            "UPDATE movement SET amount_fen = amount_fen - 1",
        ),
        (
            "UPDATE movement SET prior_after_fen = 7",
            "UPDATE movement SET prior_after_fen = 0",
        ),
    ] {
        let before = stack.fingerprint().await;
        stack.tamper(tampering).await;
        assert_ne!(before, stack.fingerprint().await, "{tampering}");
        assert_ne!(stack.contradictions().await, [""; 0], "{tampering}");
        stack.tamper(undoing).await;
        assert_eq!(before, stack.fingerprint().await, "{undoing}");
    }
    stack.end().await;
}
