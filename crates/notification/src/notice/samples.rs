//! One of each thing that can be told.

use kernel::Fen;

use super::*;

fn person(number: u128) -> PersonId {
    PersonId::from_uuid(uuid::Uuid::from_u128(number))
}

pub(crate) fn amount(fen: i64) -> Amount {
    Amount(Fen::new(fen))
}

fn at() -> Timestamp {
    "2026-01-02T02:05:00Z".parse().unwrap()
}

/// The relative of all samples.
pub(crate) fn relative() -> Who {
    Who(person(7))
}

fn parts() -> Vec<Part> {
    vec![
        Part {
            person: relative(),
            amount: amount(30_000),
        },
        Part {
            person: Who(person(8)),
            amount: amount(10_050),
        },
    ]
}

fn balances() -> Vec<Balance> {
    vec![Balance {
        total: amount(123_456),
        current: amount(100_000),
        prior: amount(23_456),
        version: 12,
    }]
}

fn of_accounts() -> Vec<Told> {
    let (institution, amount) = (Institution::Pharmacy, amount(30_000));
    vec![
        Told::AllocationCredited {
            amount,
            period: "2026-01".into(),
            balances: balances(),
        },
        Told::BalanceOpened {
            amount,
            balances: balances(),
        },
        Told::ChargedOwn {
            institution,
            amount,
            balances: balances(),
        },
        Told::RefundedOwn {
            institution,
            amount,
            charged_at: at(),
            balances: balances(),
        },
        Told::RefundUnclaimed {
            institution,
            amount,
            charged_at: at(),
        },
    ]
}

fn of_the_year() -> Vec<Told> {
    let (gained, period) = (amount(30_000), String::from("2026-06"));
    vec![
        Told::PreAllocationCredited {
            amount: gained,
            period: period.clone(),
            balances: balances(),
        },
        Told::PreAllocationAdjusted {
            amount: amount(-5_000),
            period: period.clone(),
            before: amount(128_456),
            balances: balances(),
        },
        Told::ClearingDelta {
            amount: amount(-60_000),
            period,
            before: amount(183_456),
            balances: balances(),
        },
        Told::BalanceNegative {
            owed: amount(30_000),
        },
        Told::YearRolledOver {
            amount: gained,
            period: "2026".into(),
            balances: balances(),
        },
        Told::InterestPosted {
            amount: gained,
            period: "2026".into(),
            balances: balances(),
        },
        Told::AccountPaidOut {
            amount: gained,
            balances: balances(),
        },
        Told::BalanceCorrected {
            amount: amount(-100),
            before: amount(123_556),
            balances: balances(),
        },
        Told::AccountFrozen { since: at() },
        Told::AccountUnfrozen { since: at() },
        Told::AccountClosed { since: at() },
    ]
}

fn to_contributors() -> Vec<Told> {
    let (beneficiary, institution, paid) = (relative(), Institution::Hospital, amount(30_000));
    vec![
        Told::ChargedAid {
            beneficiary,
            institution,
            amount: paid,
            left: vec![
                LimitLeft {
                    window: LimitWindow::Month,
                    amount: amount(20_000),
                },
                LimitLeft {
                    window: LimitWindow::Year,
                    amount: amount(90_000),
                },
            ],
            balances: balances(),
        },
        Told::LimitReached {
            beneficiary,
            window: LimitWindow::Month,
        },
        Told::AidShortByLimit {
            beneficiary,
            reason: "LIMIT_PER_TRANSACTION".into(),
        },
        Told::RefundedAid {
            beneficiary,
            institution,
            amount: paid,
            charged_at: at(),
            balances: balances(),
        },
        Told::BoundToPay {
            beneficiary,
            relation: Relation::Parent,
            effective_from: at(),
            valid_until: None,
        },
        Told::RejectedByRelative { beneficiary },
        Told::UnboundToPay {
            beneficiary,
            ended_at: at(),
        },
    ]
}

fn to_beneficiaries() -> Vec<Told> {
    let (contributor, institution) = (relative(), Institution::Hospital);
    vec![
        Told::AidUsedForYou {
            institution,
            total: amount(60_000),
            pooled: amount(10_000),
            own: amount(5_000),
            aid: amount(40_050),
            cash: amount(4_950),
            contributors: parts(),
        },
        Told::AidShort {
            institution,
            cash: amount(4_950),
            reason: "LIMIT_PER_MONTH".into(),
        },
        Told::AidRefundedForYou {
            institution,
            total: amount(60_000),
            own: amount(5_000),
            aid: amount(40_050),
            cash: amount(4_950),
            stands: amount(12_000),
            waiting: amount(10_050),
            charged_at: at(),
            contributors: parts(),
        },
        Told::BindRequested {
            contributor,
            relation: Relation::Parent,
            valid_until: Some(at()),
        },
        Told::BoundForYou {
            contributor,
            relation: Relation::Parent,
            effective_from: at(),
            valid_until: Some(at()),
        },
        Told::RejectedByYou { contributor },
        Told::AidPausedForYou { contributor },
        Told::UnboundForYou {
            contributor,
            ended_at: at(),
        },
        Told::MandateChangedForYou {
            contributor,
            standing: MandateStanding::InForce,
            per_transaction: Some(amount(20_000)),
            per_day: None,
            per_month: None,
            per_year: Some(amount(500_000)),
            total: None,
            largest_share: Some("50.00".to_owned()),
            usage: vec![Usage::PharmacyDrug],
        },
    ]
}

pub(crate) fn all() -> Vec<Told> {
    [
        of_accounts(),
        of_the_year(),
        to_contributors(),
        to_beneficiaries(),
    ]
    .concat()
}
