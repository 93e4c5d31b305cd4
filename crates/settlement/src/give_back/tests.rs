use kernel::{Bucket, Standing};

use super::*;
use crate::decide::tests::{Family, SHOP, at, stored};
use crate::settlement::{PaidLine, Settled};

/// A family whose bill of that much is settled, with two fee lines.
fn settled(own: i64, theirs: (i64, i64), total: i64) -> (Family, Settled) {
    let mut family = Family::new(own, theirs);
    let settled = family.settled(1, total);
    let mut stored = stored(&settled);
    stored.lines = [("1", 1_000), ("2", total - 1_000)]
        .map(|(no, amount)| PaidLine {
            no: no.to_owned(),
            amount: Fen::new(amount),
            refunded: Fen::ZERO,
        })
        .to_vec();
    family.book.settlements.insert(settled.id, stored);
    (family, settled)
}

fn give(
    family: &mut Family,
    settlement: SettlementId,
    number: u32,
    what: What,
) -> Result<Refunded, Reason> {
    let command = Refund {
        id: SettlementId::generate(),
        key: RequestKey::new(SHOP, &format!("{SHOP}{number:010}")).unwrap(),
        settlement,
        person_no: None,
        what,
    };
    match refund(&mut family.book, &command, (&family.packs, at())) {
        Ok(refunded) => Ok(refunded),
        Err(Failed::Refused(refusal)) => Err(refusal.reason),
        Err(Failed::Unfit(unfit)) => panic!("{unfit}"),
    }
}

fn amount(fen: i64) -> What {
    What::Amount(Fen::new(fen))
}

#[test]
fn parts_go_back_from_the_end_of_the_plan_until_nothing_is_left() {
    let (mut family, settled) = settled(3_000, (5_000, 20_000), 20_000);
    let id = settled.id;
    let first = give(&mut family, id, 2, amount(13_000)).unwrap();
    // The contributor's prior bucket paid last, so it is the first to get its money back.
    assert_eq!(
        first
            .legs
            .iter()
            .map(|leg| (leg.bucket, leg.amount.get()))
            .collect::<Vec<_>>(),
        [(Bucket::Current, 1_000), (Bucket::Prior, 12_000)]
    );
    assert_eq!(first.settlement.rest().total, Fen::new(7_000));
    assert_eq!(
        give(&mut family, id, 3, amount(7_001)).unwrap_err(),
        Reason::RefundAboveRest
    );
    let second = give(&mut family, id, 4, amount(7_000)).unwrap();
    assert_eq!(
        (second.split.own, second.split.aid),
        (Fen::new(3_000), Fen::new(4_000))
    );
    assert_eq!(family.balance(family.contributor.id), (5_000, 20_000));
    assert_eq!(
        give(&mut family, id, 5, amount(1)).unwrap_err(),
        Reason::SettlementRefunded
    );
}

#[test]
fn a_line_comes_back_once() {
    let (mut family, settled) = settled(0, (5_000, 0), 4_000);
    let line = |no: &str, fen: Option<i64>| What::Lines(vec![(no.to_owned(), fen.map(Fen::new))]);
    let id = settled.id;
    let back = give(&mut family, id, 2, line("1", Some(400))).unwrap();
    assert_eq!(back.split.total, Fen::new(400));
    for (what, refused) in [
        (line("1", Some(601)), Reason::RefundAboveRest),
        (line("3", None), Reason::RefundLineUnknown),
    ] {
        assert_eq!(give(&mut family, id, 3, what).unwrap_err(), refused);
    }
    let rest = give(&mut family, id, 4, line("1", None)).unwrap();
    assert_eq!(rest.split.total, Fen::new(600));
    assert_eq!(
        give(&mut family, id, 5, line("1", None)).unwrap_err(),
        Reason::RefundAboveRest
    );
}

#[test]
fn a_closed_account_is_not_touched() {
    let (mut family, settled) = settled(0, (5_000, 0), 4_000);
    let mut contributor = family.book.accounts[&family.contributor.id].clone();
    contributor.standing = Standing::Terminated;
    family.book.store_account(contributor.clone());
    let back = give(&mut family, settled.id, 2, amount(4_000)).unwrap();
    assert_eq!(back.legs[0].place, Place::Suspense(Waiting::AccountClosed));
    assert!(back.reached().is_empty());
    assert_eq!(family.book.accounts[&contributor.id], contributor);
}

#[test]
fn after_an_unbinding_the_rules_of_the_contributors_place_decide() {
    for (value, expected) in [
        ("ORIGINAL_ACCOUNT", Ok(None)),
        ("MANUAL", Ok(Some(Waiting::BindingEnded))),
        ("REFUSE", Err(Reason::RefundAfterUnbindRefused)),
    ] {
        let (mut family, settled) = settled(0, (5_000, 0), 4_000);
        family.packs = with(value);
        family.book.enforced.clear();
        let back = give(&mut family, settled.id, 2, amount(4_000));
        let waiting = back.map(|back| back.waiting().map(|(_, why)| why).next());
        assert_eq!(waiting, expected, "{value}");
    }
}

/// The shipped packs with one value for the region of the family.
fn with(value: &str) -> Packs {
    let overlay = format!(
        r#"
        overlay = "test"
        [[region]]
        code = "320600"
        [region.rules]
        refund_after_unbind = {{ value = "{value}", source = "test", grade = "INF" }}
        "#
    );
    Packs::with_overlay("test.toml", &overlay).unwrap()
}
