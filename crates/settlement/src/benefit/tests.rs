use policy::benefit::{Item, Level, Percent, Price, Quantity};

use super::*;

fn line(no: &str, amount: i64, ceiling: Option<i64>) -> KeptLine {
    KeptLine {
        no: no.to_owned(),
        line: Line {
            item: Some(Item {
                level: Level::B,
                self_pay: Percent::from_basis_points(1_000).unwrap(),
                ceiling: ceiling.map(Price),
            }),
            amount: Fen::new(amount),
            quantity: Quantity::ONE,
        },
    }
}

/// 70 % above 10.00 yuan.
fn kept(lines: Vec<KeptLine>) -> Kept {
    let entitlement = Entitlement {
        ratio: Percent::from_basis_points(7_000).unwrap(),
        share: Percent::WHOLE,
        deductible_left: Fen::new(1_000),
        cap_left: None,
    };
    let mut kept = Kept {
        account: AccountId::generate(),
        window: Window {
            year: 2026,
            first: "2026-01-01".parse().unwrap(),
        },
        pool: "231000".parse().unwrap(),
        entitlement: Ok(entitlement),
        lines,
        deductible: Fen::ZERO,
        pooled: Fen::ZERO,
        movement: Some(MovementId::generate()),
        not_insured: Fen::ZERO,
        returned: Returned::default(),
    };
    let total = Fen::checked_sum(kept.lines.iter().map(|kept| kept.line.amount)).unwrap();
    let whole = kept.assess(&[], total).unwrap();
    (kept.deductible, kept.pooled) = (whole.deductible, whole.pooled);
    kept
}

fn back(no: &str, amount: i64, refunded: i64) -> PaidLine {
    PaidLine {
        no: no.to_owned(),
        amount: Fen::new(amount),
        refunded: Fen::new(refunded),
    }
}

#[test]
fn a_line_that_came_back_is_not_assessed_again() {
    let kept = kept(vec![line("1", 4_000, None), line("2", 6_000, None)]);
    assert_eq!(
        (kept.deductible, kept.pooled),
        (Fen::new(1_000), Fen::new(5_600))
    );
    let rest = kept
        .assess(&[back("2", 6_000, 6_000)], Fen::new(4_000))
        .unwrap();
    // 3,600 in scope, 1,000 of them deductible.
    assert_eq!(rest.pooled, Fen::new(1_820));
    assert_eq!(rest.whole.pre_self_pay, Fen::new(400));
}

#[test]
fn an_amount_that_came_back_shrinks_every_line_and_its_ceiling_to_the_fen() {
    // The ceiling of 50.00 lets half of the second line in.
    let kept = kept(vec![
        line("1", 3_333, None),
        line("2", 10_000, Some(50_000_000)),
    ]);
    for remaining in [13_333, 13_332, 10_000, 6_667, 4, 1, 0] {
        let rest = kept.assess(&[], Fen::new(remaining)).unwrap();
        assert_eq!(rest.whole.total(), Some(Fen::new(remaining)));
        assert!(rest.pooled <= kept.pooled && rest.deductible <= kept.deductible);
    }
    let half = kept.assess(&[], Fen::new(6_667)).unwrap();
    assert_eq!(half.whole.over_limit, Fen::new(2_500));
}

#[test]
fn what_goes_back_is_divided_by_part_and_counted_once() {
    let kept = kept(vec![line("1", 4_000, None), line("2", 6_000, None)]);
    let id = SettlementId::generate();
    let counter = (kept.account, kept.window);
    let mut benefits = Benefits::default();
    benefits.used.insert(
        counter,
        Used {
            deductible: kept.deductible,
            fund: kept.pooled,
        },
    );
    benefits.kept.insert(id, kept.clone());
    let before = kept.assess(&[], Fen::new(10_000)).unwrap();
    let after = kept.assess(&[], Fen::new(1_000)).unwrap();
    let returning = benefits
        .returning(id, (&before, &after), Fen::new(5_600))
        .unwrap()
        .unwrap();
    assert_eq!(returning.back.parts.total(), Some(Fen::new(9_000)));
    assert_eq!(returning.back.deductible, Fen::new(100));
    assert_eq!(returning.back.copay, Fen::new(8_100 - 100 - 5_600));
    assert_eq!(returning.fund.as_ref().unwrap().pooled, Fen::new(5_600));
    benefits.give_back(&returning);
    let left = Used {
        deductible: Fen::new(900),
        fund: Fen::ZERO,
    };
    assert_eq!(benefits.moved(), [(counter, left)]);
}
