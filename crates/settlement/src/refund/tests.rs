use kernel::{AccountId, BindingId, MovementId, PersonId, Usage};
use policy::plan::Payer;

use super::*;

fn leg(no: i16, payer: Payer, amount: i64) -> PaidLeg {
    PaidLeg {
        no,
        payer,
        account: AccountId::generate(),
        person: PersonId::generate(),
        bucket: Bucket::Current,
        amount: Fen::new(amount),
        refunded: Fen::ZERO,
        medical_year: 2026,
        counted_in: None,
        movement: MovementId::generate(),
    }
}

/// Own money, two relatives, cash, and a pooled fund.
fn settlement(pooled: i64, legs: [i64; 3], cash: i64) -> Stored {
    let aid = || Payer::Aid {
        binding: BindingId::generate(),
        mandate: 1,
    };
    let fen = Fen::new;
    let aided = legs[1] + legs[2];
    Stored {
        id: SettlementId::generate(),
        institution: "P0001".to_owned(),
        patient: PersonId::generate(),
        patient_account: AccountId::generate(),
        person_no: "1".to_owned(),
        usage: Usage::PharmacyDrug,
        split: Split {
            total: fen(pooled + legs[0] + aided + cash),
            pooled: fen(pooled),
            own: fen(legs[0]),
            aid: fen(aided),
            cash: fen(cash),
        },
        settled_at: Timestamp::UNIX_EPOCH,
        sandbox: false,
        cash_back: Fen::ZERO,
        pooled_back: Fen::ZERO,
        cancellation: None,
        legs: vec![
            leg(1, Payer::Own, legs[0]),
            leg(2, aid(), legs[1]),
            leg(3, aid(), legs[2]),
        ],
        lines: Vec::new(),
    }
}

#[test]
fn cash_goes_first_and_the_last_payer_before_the_first() {
    let settlement = settlement(0, [10_000, 50_000, 20_000], 5_000);
    let back = parts(&settlement, Fen::new(30_000));
    assert_eq!(
        (back.cash, back.accounts),
        (Fen::new(5_000), Fen::new(25_000))
    );
    let shares: Vec<_> = shares(&settlement.legs, back.accounts)
        .into_iter()
        .map(|(leg, amount)| (leg.no, amount.get()))
        .collect();
    assert_eq!(shares, [(2, 5_000), (3, 20_000)]);
}

#[test]
fn the_pooled_fund_keeps_its_share_of_what_remains() {
    let settlement = settlement(50_000, [10_000, 20_000, 0], 20_000);
    let back = parts(&settlement, Fen::new(20_000));
    // 80,000 remain, of which the fund pays half.
    assert_eq!(back.pooled, Fen::new(10_000));
    assert_eq!((back.cash, back.accounts), (Fen::new(10_000), Fen::ZERO));
}

#[test]
fn many_small_refunds_are_the_whole_bill_to_the_fen() {
    for (pooled, legs, cash) in [
        (0, [10, 20, 30], 7),
        (33, [10, 20, 1], 3),
        (1, [1, 0, 0], 1),
        (99, [0, 0, 1], 0),
    ] {
        for step in 1..=7 {
            let mut open = settlement(pooled, legs, cash);
            let mut back = Fen::ZERO;
            while open.rest().total.is_positive() {
                let rest = open.rest();
                let amount = Fen::new(step).min(rest.total);
                let parts = parts(&open, amount);
                let shares = shares(&open.legs, parts.accounts);
                let moved = Fen::checked_sum(shares.iter().map(|(_, share)| *share)).unwrap();
                assert_eq!(moved, parts.accounts, "{rest:?} {amount}");
                assert_eq!(
                    Fen::checked_sum([parts.pooled, parts.cash, moved]),
                    Some(amount)
                );
                for (leg, share) in shares {
                    let place = usize::try_from(leg.no - 1).unwrap();
                    let leg = &mut open.legs[place];
                    leg.refunded = leg.refunded.checked_add(share).unwrap();
                }
                open.cash_back = open.cash_back.checked_add(parts.cash).unwrap();
                open.pooled_back = open.pooled_back.checked_add(parts.pooled).unwrap();
                back = back.checked_add(amount).unwrap();
            }
            assert_eq!(back, open.split.total);
            assert!(open.legs.iter().all(|leg| leg.refunded == leg.amount));
            assert_eq!(
                (open.cash_back, open.pooled_back),
                (open.split.cash, open.split.pooled)
            );
        }
    }
}
