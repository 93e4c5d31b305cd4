//! What holds of every bill.

use proptest::prelude::*;

use super::*;

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let item = (
        0..3_u8,
        0..=10_000_u16,
        proptest::option::of(0..900_000_000_i64),
    );
    let line = (proptest::option::of(item), 0..2_000_000_i64, 0..100_000_i64);
    let line = line.prop_map(|(item, amount, quantity)| Line {
        item: item.map(|(level, self_pay, ceiling)| Item {
            level: [Level::A, Level::B, Level::C][usize::from(level)],
            self_pay: Percent::from_basis_points(self_pay).unwrap(),
            ceiling: ceiling.map(Price),
        }),
        amount: Fen::new(amount),
        quantity: Quantity(quantity),
    });
    proptest::collection::vec(line, 0..8)
}

fn entitlements() -> impl Strategy<Value = Entitlement> {
    let cap = proptest::option::of(0..5_000_000_i64);
    (0..=10_000_u16, 0..=10_000_u16, 0..500_000_i64, cap).prop_map(
        |(ratio, share, deductible, cap)| Entitlement {
            ratio: Percent::from_basis_points(ratio).unwrap(),
            share: Percent::from_basis_points(share).unwrap(),
            deductible_left: Fen::new(deductible),
            cap_left: cap.map(Fen::new),
        },
    )
}

fn sum(amounts: impl IntoIterator<Item = Fen>) -> Fen {
    Fen::checked_sum(amounts).unwrap()
}

/// What is left after a bill.
fn after(entitled: &Entitlement, assessed: &Assessed) -> Entitlement {
    Entitlement {
        deductible_left: entitled.deductible_left.less(assessed.deductible),
        cap_left: entitled.cap_left.map(|cap| cap.less(assessed.pooled)),
        ..*entitled
    }
}

proptest! {
    #[test]
    fn the_parts_of_every_line_and_of_the_bill_are_its_amount(lines in lines(), entitled in entitlements()) {
        let assessed = assess(&lines, &Ok(entitled)).unwrap();
        for (line, parts) in lines.iter().zip(&assessed.lines) {
            prop_assert_eq!(parts.total(), Some(line.amount));
            for part in [parts.own_expense, parts.over_limit, parts.pre_self_pay, parts.in_scope] {
                prop_assert!(!part.is_negative());
            }
        }
        let total = sum(lines.iter().map(|line| line.amount));
        prop_assert_eq!(assessed.whole.total(), Some(total));
        let burden = assessed.burden().total().unwrap();
        prop_assert_eq!(sum([burden, assessed.pooled]), total);
    }

    #[test]
    fn the_fund_pays_at_most_cap_and_ratio_and_nobody_pays_below_zero(lines in lines(), entitled in entitlements()) {
        let assessed = assess(&lines, &Ok(entitled)).unwrap();
        prop_assert!(entitled.cap_left.is_none_or(|cap| assessed.pooled <= cap));
        prop_assert!(assessed.pooled <= assessed.whole.in_scope.less(assessed.deductible));
        prop_assert!(assessed.deductible <= entitled.deductible_left);
        for part in [assessed.pooled, assessed.copay, assessed.deductible] {
            prop_assert!(!part.is_negative());
        }
    }

    #[test]
    fn the_same_bill_gets_the_same_answer_whatever_the_order_of_its_lines(lines in lines(), entitled in entitlements()) {
        let assessed = assess(&lines, &Ok(entitled)).unwrap();
        prop_assert_eq!(&assessed, &assess(&lines, &Ok(entitled)).unwrap());
        let turned: Vec<Line> = lines.iter().rev().copied().collect();
        let turned = assess(&turned, &Ok(entitled)).unwrap();
        prop_assert_eq!((turned.whole, turned.pooled), (assessed.whole, assessed.pooled));
    }

    #[test]
    fn a_dearer_bill_or_a_better_entitlement_never_gets_less(
        lines in lines(), entitled in entitlements(), more in 0..1_000_000_i64, at in any::<prop::sample::Index>(),
    ) {
        let pooled = |lines: &[Line], entitled: Entitlement| assess(lines, &Ok(entitled)).unwrap().pooled;
        let before = pooled(&lines, entitled);
        if !lines.is_empty() {
            let mut dearer = lines.clone();
            let line = &mut dearer[at.index(lines.len())];
            line.amount = sum([line.amount, Fen::new(more)]);
            prop_assert!(pooled(&dearer, entitled) >= before);
        }
        let raised = entitled.cap_left.map(|cap| sum([cap, Fen::new(more)]));
        let capped = Entitlement { cap_left: raised, ..entitled };
        prop_assert!(pooled(&lines, capped) >= before);
        let paid = entitled.deductible_left.less(Fen::new(more));
        let nearer = Entitlement { deductible_left: paid, ..entitled };
        prop_assert!(pooled(&lines, nearer) >= before);
    }

    #[test]
    fn what_stays_after_a_return_never_gets_more_than_the_whole_did(lines in lines(), entitled in entitlements(), kept in 0..8_usize) {
        let whole = assess(&lines, &Ok(entitled)).unwrap();
        let rest = assess(&lines[..kept.min(lines.len())], &Ok(entitled)).unwrap();
        prop_assert!(rest.pooled <= whole.pooled && rest.deductible <= whole.deductible);
    }

    #[test]
    fn splitting_a_visit_never_gets_more_than_the_cap_nor_saves_any_deductible(
        lines in lines(), entitled in entitlements(), cut in 0..8_usize,
    ) {
        let whole = assess(&lines, &Ok(entitled)).unwrap();
        let (first, second) = lines.split_at(cut.min(lines.len()));
        let first = assess(first, &Ok(entitled)).unwrap();
        let second = assess(second, &Ok(after(&entitled, &first))).unwrap();
        let pooled = sum([first.pooled, second.pooled]);
        prop_assert!(entitled.cap_left.is_none_or(|cap| pooled <= cap));
        prop_assert_eq!(sum([first.deductible, second.deductible]), whole.deductible);
        // Two roundings instead of one: half a fen each, at most.
        prop_assert!(pooled <= sum([whole.pooled, Fen::new(1)]));
    }
}
