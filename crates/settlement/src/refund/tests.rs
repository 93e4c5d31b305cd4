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
            open: Fen::ZERO,
        },
        settled_at: Timestamp::UNIX_EPOCH,
        sandbox: false,
        cash_back: Fen::ZERO,
        pooled_back: Fen::ZERO,
        open_back: Fen::ZERO,
        cancellation: None,
        replaces: None,
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
    let back = parts(&settlement, Fen::new(30_000), Fen::ZERO);
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
fn what_is_still_to_be_deducted_comes_off_before_anything_that_was_paid() {
    let mut settlement = settlement(50_000, [10_000, 20_000, 0], 5_000);
    settlement.split.open = Fen::new(15_000);
    settlement.split.total = Fen::new(100_000);
    settlement.open_back = Fen::new(5_000);
    assert_eq!(settlement.rest().total, Fen::new(95_000));
    let back = |total, fund_pays| {
        let parts = parts(&settlement, Fen::new(total), Fen::new(fund_pays));
        [parts.pooled, parts.open, parts.cash, parts.accounts].map(Fen::get)
    };
    assert_eq!(back(8_000, 50_000), [0, 8_000, 0, 0]);
    assert_eq!(back(20_000, 50_000), [0, 10_000, 5_000, 5_000]);
    // The fund's share is its own, whatever the others have paid.
    assert_eq!(back(20_000, 40_000), [10_000, 10_000, 0, 0]);
    assert_eq!(back(95_000, 0), [50_000, 10_000, 5_000, 30_000]);
}

#[test]
fn the_pooled_fund_gets_back_what_it_would_not_have_paid_of_the_rest() {
    let settlement = settlement(50_000, [10_000, 20_000, 0], 20_000);
    let back = |total, fund_pays| {
        let parts = parts(&settlement, Fen::new(total), Fen::new(fund_pays));
        [parts.pooled, parts.cash, parts.accounts].map(Fen::get)
    };
    assert_eq!(back(20_000, 40_000), [10_000, 10_000, 0]);
    // Below the deductible: all that goes back is the fund's.
    assert_eq!(back(20_000, 0), [20_000, 0, 0]);
    assert_eq!(back(60_000, 40_000), [10_000, 20_000, 30_000]);
    // The others paid 50,000: the rest of what goes back can only be the fund's.
    assert_eq!(back(70_000, 50_000), [20_000, 20_000, 30_000]);
    assert_eq!(back(100_000, 0), [50_000, 20_000, 30_000]);
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
                let remaining = rest.total.less(amount);
                let fund_pays =
                    Fen::new(remaining.get() * open.split.pooled.get() / open.split.total.get());
                let parts = parts(&open, amount, fund_pays);
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
