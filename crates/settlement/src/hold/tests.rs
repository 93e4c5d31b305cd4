use super::*;
use crate::account::Account;
use crate::account::tests::account;
use crate::book::Book;
use crate::limit::Scope;
use jiff::SignedDuration;
use kernel::BindingId;
use policy::plan::limits::Windows;

fn at() -> Timestamp {
    "2026-03-05T02:00:00Z".parse().unwrap()
}

/// A hold on a patient's own money and a relative's, and a book that knows it.
pub(crate) fn held(own: i64, aid: i64) -> (Book, Hold) {
    let (patient, relative) = (account(own, 0), account(aid, 0));
    let leg = |payer, account: &Account, amount| HeldLeg {
        payer,
        account: account.id,
        person: account.person,
        bucket: Bucket::Current,
        amount: Fen::new(amount),
        medical_year: account.medical_year,
    };
    let payer = Payer::Aid {
        binding: BindingId::generate(),
        mandate: 1,
    };
    let hold = Hold {
        id: HoldId::generate(),
        institution: "P0001".to_owned(),
        state: State::Held,
        patient: patient.person,
        patient_account: patient.id,
        usage: Usage::PharmacyDrug,
        total: Fen::new(own + aid + 100),
        cash_only: Fen::ZERO,
        placed_at: at(),
        expires_at: at() + COUNTER,
        sandbox: false,
        legs: vec![leg(Payer::Own, &patient, own), leg(payer, &relative, aid)],
        split: None,
    };
    let mut book = Book::default();
    for account in [patient, relative] {
        book.accounts.insert(account.id, account);
    }
    book.set_aside(&hold).unwrap();
    book.holds.insert(hold.id, hold.clone());
    (book, hold)
}

#[test]
fn an_ended_hold_says_how_it_ended_and_an_expired_one_is_gone_before_the_sweep() {
    let (_, hold) = held(10, 20);
    let reason = |state, at| {
        let hold = Hold {
            state,
            ..hold.clone()
        };
        hold.check_open("P0001", at)
            .map_err(|refusal| refusal.reason)
    };
    assert_eq!(reason(State::Held, at()), Ok(()));
    assert_eq!(
        reason(State::Held, hold.expires_at),
        Err(Reason::HoldExpired)
    );
    let captured = State::Captured {
        settlement: SettlementId::generate(),
        amount: Fen::new(1),
        at: at(),
    };
    for (state, expected) in [
        (captured, Reason::HoldCaptured),
        (State::Released { at: at() }, Reason::HoldReleased),
        (State::Expired { at: at() }, Reason::HoldExpired),
        (State::Rejected, Reason::HoldRejected),
    ] {
        assert_eq!(reason(state, at()), Err(expected));
    }
    let elsewhere = hold.check_open("P0002", at()).unwrap_err();
    assert_eq!(elsewhere.reason, Reason::HoldNotYours);
    let seen = hold.clone().seen_at(hold.expires_at).state;
    assert_eq!(
        seen,
        State::Expired {
            at: hold.expires_at
        }
    );
}

#[test]
fn a_fence_waits_for_five_minutes_and_no_longer() {
    let (_, hold) = held(10, 20);
    assert!(hold.is_counter());
    let longer = Hold {
        expires_at: hold.expires_at + SignedDuration::from_micros(1),
        ..hold
    };
    assert!(!longer.is_counter());
}

#[test]
fn what_is_set_aside_is_in_no_purse_and_counts_in_every_window_until_the_hold_ends() {
    let (mut book, hold) = held(10, 20);
    let leg = hold.legs[1];
    let Payer::Aid { binding, .. } = leg.payer else {
        panic!("it is a relative's")
    };
    let windows = Windows {
        day: jiff::civil::date(2026, 4, 1),
        year: jiff::civil::date(2026, 1, 1),
    };
    let held = |book: &Book| {
        [Scope::Pair(binding), Scope::Contributor(leg.account)]
            .map(|scope| book.used(scope, windows).held.get())
    };
    let relative = book.accounts[&leg.account].clone();
    assert_eq!(relative.held, Fen::new(20));
    assert_eq!(book.purse(&relative).current, Fen::ZERO);
    assert_eq!(held(&book), [20, 20]);
    book.end_hold(&Hold {
        state: State::Released { at: at() },
        ..hold.clone()
    })
    .unwrap();
    let relative = book.accounts[&leg.account].clone();
    assert_eq!(relative.held, Fen::ZERO);
    assert_eq!(book.purse(&relative).current, Fen::new(20));
    assert_eq!(held(&book), [0, 0]);
    assert_eq!(
        book.end_hold(&hold),
        None,
        "what is not held cannot be freed"
    );
}

#[test]
fn what_is_set_aside_follows_the_money_when_the_medical_year_turns() {
    let (mut book, hold) = held(10, 20);
    let account = book.accounts.get_mut(&hold.patient_account).unwrap();
    (account.current, account.prior, account.medical_year) = (Fen::new(7), Fen::new(10), 2027);
    let mut turned = Book::default();
    turned.accounts = book.accounts.clone();
    for account in turned.accounts.values_mut() {
        account.held = Fen::ZERO;
    }
    turned.set_aside(&hold).unwrap();
    let purse = turned.purse(&turned.accounts[&hold.patient_account]);
    assert_eq!((purse.current, purse.prior), (Fen::new(7), Fen::ZERO));
}
