use std::collections::BTreeMap;

use kernel::Region;
use proptest::prelude::*;

use super::*;

fn number(of: u128) -> SettlementId {
    SettlementId::from_uuid(uuid::Uuid::from_u128(of))
}

const fn apart(own: i64, aid: i64) -> Accounts {
    Accounts::Apart {
        own: Fen::new(own),
        aid: Fen::new(aid),
    }
}

/// A bill of 600: 100 from the fund, 150 own, 300 aid, 50 cash.
fn figures() -> Figures {
    Figures {
        total: Fen::new(600),
        pooled: Some(Fen::new(100)),
        accounts: Some(apart(150, 300)),
        cash: Some(Fen::new(50)),
    }
}

fn record(id: u128, figures: Figures) -> Record {
    Record {
        id: Some(number(id)),
        person_no: Some("320600000001".to_owned()),
        refund: Some(false),
        figures,
    }
}

/// What becomes of every record of both sides.
fn all(
    institution: &[Record],
    centre: &[Record],
) -> (BTreeMap<Option<SettlementId>, Outcome>, Tally) {
    let mut comparison = Comparison::default();
    let mut outcomes = BTreeMap::new();
    for told in institution {
        let same = centre
            .iter()
            .find(|record| told.id.is_some() && record.id == told.id);
        let met = comparison.meet(told, same).unwrap();
        assert!(!met.repeated);
        assert_eq!(outcomes.insert(told.id, met.outcome), None);
    }
    for kept in centre {
        if comparison.is_left_over(kept.id.unwrap()) {
            assert_eq!(outcomes.insert(kept.id, Outcome::OnlyAtCentre), None);
        }
    }
    (outcomes, comparison.tally)
}

fn swapped(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::OnlyAtCentre => Outcome::OnlyAtInstitution,
        Outcome::OnlyAtInstitution => Outcome::OnlyAtCentre,
        same @ (Outcome::Equal | Outcome::Differs(_)) => same,
    }
}

#[test]
fn the_four_outcomes_of_records() {
    let other = |change: fn(&mut Figures)| {
        let mut other = figures();
        change(&mut other);
        other
    };
    let institution = [
        record(1, figures()),
        record(2, other(|figures| figures.accounts = Some(apart(151, 299)))),
        record(3, figures()),
    ];
    let centre = [
        record(1, figures()),
        record(2, figures()),
        record(4, figures()),
    ];
    let (outcomes, tally) = all(&institution, &centre);
    let of = |id| &outcomes[&Some(number(id))];
    assert_eq!(of(1), &Outcome::Equal);
    assert_eq!(of(2), &Outcome::Differs(vec![Field::Own, Field::Aid]));
    assert_eq!(of(3), &Outcome::OnlyAtInstitution);
    assert_eq!(of(4), &Outcome::OnlyAtCentre);
    let each_once = Tally {
        equal: 1,
        differing: 1,
        only_at_institution: 1,
        only_at_centre: 1,
    };
    assert_eq!(tally, each_once);
}

#[test]
fn a_difference_is_named_and_what_is_not_told_is_not_compared() {
    let centre = record(1, figures());
    let against = |told: Record| told.differences(&centre);
    let mut told = centre.clone();
    told.figures.total = Fen::new(601);
    told.figures.cash = Some(Fen::new(51));
    told.refund = Some(true);
    assert_eq!(
        against(told.clone()),
        [Field::Total, Field::Cash, Field::Refund]
    );
    told.figures.cash = None;
    told.refund = None;
    assert_eq!(against(told), [Field::Total]);
    let mut stranger = centre.clone();
    stranger.person_no = Some("320600000002".to_owned());
    assert_eq!(against(stranger), [Field::PersonNo]);
}

/// `domain.md` 14.6: both readings of `acct_pay` are in use, and a side that tells aid is held to one of them.
#[test]
fn accounts_without_aid_may_be_read_in_both_ways() {
    let centre = figures();
    let told = |accounts| {
        let figures = Figures {
            accounts,
            ..figures()
        };
        figures.differences(&centre)
    };
    let unclear = |fen| Some(Accounts::Unclear(Fen::new(fen)));
    assert_eq!(told(unclear(150)), []);
    assert_eq!(told(unclear(450)), []);
    assert_eq!(told(unclear(300)), [Field::Own]);
    assert_eq!(told(Some(apart(150, 300))), []);
    assert_eq!(told(Some(apart(450, 0))), [Field::Own, Field::Aid]);
    assert_eq!(told(Some(apart(150, 0))), [Field::Aid]);
    assert_eq!(told(None), []);
}

#[test]
fn totals_say_who_has_more_records_and_otherwise_what_differs() {
    let totals = |records, total| Totals {
        records,
        figures: Figures {
            total: Fen::new(total),
            ..figures()
        },
    };
    let centre = totals(2, 600);
    let outcome = |institution| of_totals(&institution, &centre);
    assert_eq!(outcome(totals(2, 600)), (Outcome::Equal, Vec::new()));
    let differs = (Outcome::Differs(vec![Field::Total]), vec![Field::Total]);
    assert_eq!(outcome(totals(2, 700)), differs);
    // A refund that the institution lacks: fewer records, and more money.
    let fewer = (Outcome::OnlyAtCentre, vec![Field::Records, Field::Total]);
    assert_eq!(outcome(totals(1, 900)), fewer);
    let more = (Outcome::OnlyAtInstitution, vec![Field::Records]);
    assert_eq!(outcome(totals(3, 600)), more);
}

#[test]
fn a_record_that_is_listed_twice_stands_once_against_the_centres() {
    let mut comparison = Comparison::default();
    let told = record(1, figures());
    let first = comparison.meet(&told, Some(&told)).unwrap();
    assert_eq!((first.outcome, first.repeated), (Outcome::Equal, false));
    let again = comparison.meet(&told, Some(&told)).unwrap();
    assert_eq!(
        (again.outcome, again.repeated),
        (Outcome::OnlyAtInstitution, true)
    );
    assert!(!comparison.is_left_over(number(1)));
    assert_eq!(comparison.institution.records, 2);
    // A number of their own is never ours, and never the same one.
    let foreign = Record { id: None, ..told };
    for _ in 0..2 {
        let met = comparison.meet(&foreign, None).unwrap();
        assert_eq!(
            (met.outcome, met.repeated),
            (Outcome::OnlyAtInstitution, false)
        );
    }
}

#[test]
fn what_was_sent_is_summed_as_far_as_every_record_tells_it() {
    let mut comparison = Comparison::default();
    comparison.meet(&record(1, figures()), None).unwrap();
    let taken_back = Figures {
        total: Fen::new(-200),
        pooled: None,
        accounts: Some(apart(-100, -100)),
        cash: Some(Fen::ZERO),
    };
    comparison.meet(&record(2, taken_back), None).unwrap();
    let sums = comparison.institution.figures;
    assert_eq!((sums.total, sums.pooled), (Fen::new(400), None));
    assert_eq!(sums.accounts, Some(apart(50, 200)));
    let huge = Figures {
        total: Fen::new(i64::MAX),
        ..figures()
    };
    let refused = comparison.meet(&record(3, huge), None).unwrap_err();
    assert_eq!(refused.reason, Reason::AmountTooLarge);
}

#[test]
fn more_than_the_most_records_are_not_taken_in() {
    let mut comparison = Comparison::default();
    comparison.meet(&record(1, figures()), None).unwrap();
    comparison.institution.records = i64::try_from(MOST_RECORDS).unwrap();
    let refused = comparison.meet(&record(2, figures()), None).unwrap_err();
    assert_eq!(refused.reason, Reason::PageTooLarge);
}

fn pharmacy() -> Institution {
    Institution {
        code: "P0001".to_owned(),
        name: "测试药店".to_owned(),
        kind: Kind::Pharmacy,
        region: "320600".parse::<Region>().unwrap(),
        tier: 0,
        sandbox: false,
    }
}

#[test]
fn a_scope_is_of_whole_business_days_and_at_most_a_month() {
    let days = |first: &str, last: &str| {
        Scope::new(&pharmacy(), (first.parse().unwrap(), last.parse().unwrap()))
            .map_err(|refusal| refusal.reason)
    };
    let january = days("2026-01-01", "2026-01-31").unwrap();
    assert_eq!(january.from.to_string(), "2025-12-31T16:00:00Z");
    assert_eq!(january.until.to_string(), "2026-01-31T16:00:00Z");
    let wrong = Err(Reason::ReconciliationDaysInvalid);
    assert_eq!(days("2026-01-01", "2026-02-01"), wrong);
    assert_eq!(days("2026-01-02", "2026-01-01"), wrong);
    assert_eq!(days("9999-12-31", "9999-12-31"), wrong);
    assert_eq!(days("-009999-01-01", "9999-01-01"), wrong);
}

#[test]
fn a_scope_covers_what_its_statement_finds() {
    let day = "2026-01-05".parse().unwrap();
    let whole = Scope::new(&pharmacy(), (day, day)).unwrap();
    let kept = Kept {
        id: number(1),
        settlement: number(1),
        msgid: "P00011".to_owned(),
        scheme: Scheme::Employee,
        usage: Usage::PharmacyDrug,
        sandbox: false,
        at: whole.from,
        record: record(1, figures()),
    };
    assert!(whole.covers(&kept));
    let narrowed = |change: fn(&mut Scope)| {
        let mut narrowed = whole.clone();
        change(&mut narrowed);
        narrowed.covers(&kept)
    };
    assert!(narrowed(|scope| scope.clearing = Some(Clearing::Pharmacy)));
    assert!(!narrowed(
        |scope| scope.clearing = Some(Clearing::Outpatient)
    ));
    assert!(!narrowed(|scope| scope.clearing = Some(Clearing::Other)));
    assert!(narrowed(|scope| scope.scheme = Some(Scheme::Employee)));
    assert!(!narrowed(|scope| scope.scheme = Some(Scheme::Resident)));
    assert!(!narrowed(|scope| scope.sandbox = true));
    assert!(!narrowed(|scope| scope.until = scope.from));
    assert!(narrowed(|scope| scope.with_refunds = false));
    let mut refund = kept.clone();
    refund.record.refund = Some(true);
    assert!(whole.covers(&refund));
    let settled = Scope {
        with_refunds: false,
        ..whole
    };
    assert!(!settled.covers(&refund));
}

fn amounts() -> impl Strategy<Value = Figures> {
    let fen = || (-3_i64..3).prop_map(Fen::new);
    let accounts = prop_oneof![
        Just(None),
        (fen(), fen()).prop_map(|(own, aid)| Some(Accounts::Apart { own, aid })),
        fen().prop_map(|told| Some(Accounts::Unclear(told))),
    ];
    let maybe = || proptest::option::of(fen());
    (fen(), maybe(), accounts, maybe()).prop_map(|(total, pooled, accounts, cash)| Figures {
        total,
        pooled,
        accounts,
        cash,
    })
}

/// Records of one side, no number twice; few numbers and amounts, so that both sides meet.
fn side() -> impl Strategy<Value = Vec<Record>> {
    let one = (
        amounts(),
        proptest::option::of(any::<bool>()),
        proptest::option::of("[12]"),
    );
    proptest::collection::btree_map(0..12_u128, one, 0..10).prop_map(|records| {
        let record = |(id, (figures, refund, person_no))| Record {
            id: Some(number(id)),
            person_no,
            refund,
            figures,
        };
        records.into_iter().map(record).collect()
    })
}

fn sums(records: &[Record]) -> Totals {
    let sum = |so_far: Totals, record| so_far.with(record).unwrap();
    records.iter().fold(Totals::NONE, sum)
}

/// A side that tells every figure.
fn whole(records: Vec<Record>) -> Vec<Record> {
    let told = |mut record: Record| {
        let figures = &mut record.figures;
        figures.pooled = figures.pooled.or(Some(Fen::ZERO));
        figures.cash = figures.cash.or(Some(Fen::ZERO));
        if !matches!(figures.accounts, Some(Accounts::Apart { .. })) {
            figures.accounts = Some(apart(1, 2));
        }
        record
    };
    records.into_iter().map(told).collect()
}

proptest! {
    #[test]
    fn swapping_the_sides_swaps_who_is_alone_and_nothing_else(one in side(), other in side()) {
        let (here, _) = all(&one, &other);
        let (there, _) = all(&other, &one);
        let turned: BTreeMap<_, _> =
            there.into_iter().map(|(id, outcome)| (id, swapped(outcome))).collect();
        prop_assert_eq!(here, turned);
        let (forth, fields) = of_totals(&sums(&one), &sums(&other));
        let (back, same) = of_totals(&sums(&other), &sums(&one));
        prop_assert_eq!(forth, swapped(back));
        prop_assert_eq!(fields, same);
    }

    #[test]
    fn every_record_of_both_sides_has_exactly_one_outcome(one in side(), other in side()) {
        let (outcomes, tally) = all(&one, &other);
        for record in one.iter().chain(&other) {
            prop_assert!(outcomes.contains_key(&record.id));
        }
        let met = i64::try_from(one.len()).unwrap() - tally.only_at_institution;
        let left = i64::try_from(other.len()).unwrap() - tally.only_at_centre;
        prop_assert_eq!(met, tally.equal + tally.differing);
        prop_assert_eq!(left, tally.equal + tally.differing);
        let counted = met + tally.only_at_institution + tally.only_at_centre;
        prop_assert_eq!(counted, i64::try_from(outcomes.len()).unwrap());
    }

    #[test]
    fn totals_are_equal_exactly_if_number_and_sums_are(one in side(), other in side()) {
        let (one, other) = (sums(&whole(one)), sums(&whole(other)));
        let (outcome, fields) = of_totals(&one, &other);
        prop_assert_eq!(outcome == Outcome::Equal, one == other);
        prop_assert_eq!(fields.is_empty(), one == other);
    }

    #[test]
    fn a_side_equals_itself(one in side()) {
        let (outcomes, tally) = all(&one, &one);
        prop_assert!(outcomes.values().all(|outcome| *outcome == Outcome::Equal));
        prop_assert_eq!(tally.equal, i64::try_from(one.len()).unwrap());
        prop_assert_eq!(of_totals(&sums(&one), &sums(&one)).0, Outcome::Equal);
    }
}
