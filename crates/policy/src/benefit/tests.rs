//! Worked bills, to the fen.

use kernel::{Date, PersonKind, Region, Scheme, Standing, Usage};

use super::*;
use crate::packs::Packs;
use crate::values::MonthDay;

fn percent(points: u16) -> Percent {
    Percent::from_basis_points(points).unwrap()
}

fn line(level: Level, self_pay: u16, amount: i64) -> Line {
    Line {
        item: Some(Item {
            level,
            self_pay: percent(self_pay),
            ceiling: None,
        }),
        amount: Fen::new(amount),
        quantity: Quantity::ONE,
    }
}

fn unknown(amount: i64) -> Line {
    Line {
        item: None,
        amount: Fen::new(amount),
        quantity: Quantity::ONE,
    }
}

fn entitled(ratio: u16, deductible: i64, cap: Option<i64>) -> Entitlement {
    Entitlement {
        ratio: percent(ratio),
        share: Percent::WHOLE,
        deductible_left: Fen::new(deductible),
        cap_left: cap.map(Fen::new),
    }
}

fn packs() -> Packs {
    Packs::shipped()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn region(text: &str) -> Region {
    text.parse().unwrap()
}

/// A visit in normal standing to a hospital of tier one at home.
fn visit(kind: PersonKind, home: &str) -> Visit {
    Visit {
        kind,
        standing: Standing::Normal,
        grade: None,
        insured_in: region(home),
        treated_in: region(home),
        tier: Tier::One,
        usage: Usage::HospitalOutpatient,
        filed: false,
    }
}

fn mudanjiang(visit: Visit, used: Used) -> Result<Entitlement, Reason> {
    let packs = packs();
    let rules = packs.benefit(region("231000"), Scheme::Employee, day("2025-06-01"));
    rules.unwrap().entitle(&visit, used)
}

#[test]
fn example_2_of_the_domain_reference_is_exact() {
    // Dandong: retired, tier one; the deductible of 300 is still to be paid.
    let packs = packs();
    let rules = packs
        .benefit(region("210600"), Scheme::Employee, day("2023-06-01"))
        .unwrap();
    let entitlement = rules.entitle(&visit(PersonKind::Retired, "210600"), Used::default());
    let bill = [line(Level::A, 0, 100_000), line(Level::C, 0, 5_000)];
    let assessed = assess(&bill, &entitlement).unwrap();
    assert_eq!(assessed.pooled, Fen::new(45_500));
    assert_eq!(
        assessed.burden(),
        Burden {
            deductible: Fen::new(30_000),
            copay: Fen::new(24_500),
            own_expense: Fen::new(5_000),
            ..Burden::default()
        }
    );
    assert_eq!(assessed.burden().total(), Some(Fen::new(59_500)));
    assert_eq!(assessed.short, None);
}

#[test]
fn a_class_b_share_is_of_what_the_price_ceiling_leaves() {
    let line = Line {
        item: Some(Item {
            level: Level::B,
            self_pay: percent(1_000),
            // 40 yuan each, and there are two and a half.
            ceiling: Some(Price(40_000_000)),
        }),
        amount: Fen::new(12_345),
        quantity: Quantity(25_000),
    };
    assert_eq!(
        line.parts().unwrap(),
        Parts {
            own_expense: Fen::ZERO,
            over_limit: Fen::new(2_345),
            pre_self_pay: Fen::new(1_000),
            in_scope: Fen::new(9_000),
        }
    );
    let dear = Line {
        amount: Fen::new(9_000),
        ..line
    };
    assert_eq!(dear.parts().unwrap().over_limit, Fen::ZERO);
}

#[test]
fn what_is_not_in_the_catalogue_is_own_expense() {
    let assessed = assess(&[unknown(700)], &Ok(entitled(7_000, 0, None))).unwrap();
    assert_eq!(assessed.whole.own_expense, Fen::new(700));
    assert_eq!(assessed.pooled, Fen::ZERO);
}

#[test]
fn everything_rounds_half_up_and_the_exact_value_once() {
    // Half of a fen goes up; 0.7 × 0.5 of it is not rounded on the way.
    assert_eq!(rounded(1, 2), Some(Fen::new(1)));
    assert_eq!(rounded(49, 100), Some(Fen::ZERO));
    let halved = Entitlement {
        share: percent(5_000),
        ..entitled(7_000, 0, None)
    };
    let assessed = assess(&[line(Level::A, 0, 101)], &Ok(halved)).unwrap();
    assert_eq!(assessed.pooled, Fen::new(35)); // 35.35; by way of 71 it would be 36
    assert_eq!(assessed.short, Some(Reason::TreatmentNotFiled));
    assert_eq!(rounded(i128::MAX, 1), None);
}

#[test]
fn the_last_of_the_cap_is_paid_and_no_more() {
    let assessed = assess(
        &[line(Level::A, 0, 10_000)],
        &Ok(entitled(7_000, 0, Some(6_999))),
    )
    .unwrap();
    assert_eq!(
        (assessed.pooled, assessed.copay, assessed.short),
        (
            Fen::new(6_999),
            Fen::new(3_001),
            Some(Reason::FundCapReached)
        )
    );
}

#[test]
fn mudanjiang_pays_by_tier_and_status_across_deductible_and_cap() {
    let working = visit(PersonKind::Working, "231000");
    let first = mudanjiang(working, Used::default()).unwrap();
    assert_eq!(first.ratio, percent(7_000));
    assert_eq!(first.deductible_left, Fen::new(180_000));
    assert_eq!(first.cap_left, Some(Fen::new(2_000_000)));
    let retired = Visit {
        kind: PersonKind::Retired,
        tier: Tier::Three,
        ..working
    };
    let used = Used {
        deductible: Fen::new(130_000),
        fund: Fen::new(1_999_999),
    };
    let last = mudanjiang(retired, used).unwrap();
    assert_eq!(
        (last.ratio, last.deductible_left, last.cap_left),
        (percent(5_500), Fen::ZERO, Some(Fen::new(1)))
    );
    // A village room and a pharmacy are taken for tier one, where the source says nothing of them.
    for tier in [Tier::Village, Tier::Ungraded] {
        let there = Visit { tier, ..working };
        assert_eq!(
            mudanjiang(there, Used::default()).unwrap().ratio,
            percent(7_000)
        );
    }
}

#[test]
fn only_normal_standing_is_entitled_and_an_interruption_uses_up_no_deductible() {
    let paused = Visit {
        standing: Standing::Paused,
        ..visit(PersonKind::Working, "231000")
    };
    let none = mudanjiang(paused, Used::default());
    assert_eq!(none, Err(Reason::BenefitSuspended));
    let assessed = assess(&[line(Level::B, 1_000, 10_000)], &none).unwrap();
    assert_eq!(
        assessed.burden(),
        Burden {
            pre_self_pay: Fen::new(1_000),
            copay: Fen::new(9_000),
            ..Burden::default()
        }
    );
}

#[test]
fn a_treatment_elsewhere_needs_a_filing() {
    let elsewhere = Visit {
        treated_in: region("230100"),
        ..visit(PersonKind::Working, "231000")
    };
    let unfiled = mudanjiang(elsewhere, Used::default()).unwrap();
    assert_eq!(unfiled.share, Percent::NOTHING);
    let filed = Visit {
        filed: true,
        ..elsewhere
    };
    assert_eq!(
        mudanjiang(filed, Used::default()).unwrap().share,
        Percent::WHOLE
    );
    let district = Visit {
        treated_in: region("231005"),
        ..elsewhere
    };
    assert_eq!(
        mudanjiang(district, Used::default()).unwrap().share,
        Percent::WHOLE
    );
}

#[test]
fn harbins_residents_have_the_whole_row_of_the_ruling() {
    let packs = packs();
    let rules = packs
        .benefit(region("230100"), Scheme::Resident, day("2026-01-01"))
        .unwrap();
    let ratio = |tier| {
        let there = Visit {
            tier,
            ..visit(PersonKind::Resident, "230100")
        };
        let entitled = rules.entitle(&there, Used::default()).unwrap();
        assert_eq!(entitled.deductible_left, Fen::ZERO);
        assert_eq!(entitled.cap_left, Some(Fen::new(50_000)));
        entitled.ratio.basis_points() / 100
    };
    let ratios = Tier::ALL.iter().map(|tier| ratio(*tier));
    assert_eq!(ratios.collect::<Vec<_>>(), [60, 60, 60, 70, 60, 50, 90]);
    // The employees of Harbin are in no shipped pack.
    assert!(
        packs
            .benefit(region("230100"), Scheme::Employee, day("2026-01-01"))
            .is_none()
    );
}

#[test]
fn what_rests_on_grade_c_pays_nothing_until_an_overlay_enables_it() {
    let jinan = region("370100");
    let on = day("2026-01-01");
    assert!(packs().benefit(jinan, Scheme::Employee, on).is_none());
    let overlay = "overlay = \"demo\"\n[[region]]\ncode = \"370100\"\n\
        enable_benefit = [\"employee.deductible\", \"employee.deductible_period\"]\n\
        [[region]]\ncode = \"000000\"\nenable_benefit = [\"employee.ratio\", \"employee.deductible\", \"employee.annual_cap\"]\n";
    let packs = Packs::with_overlay("demo.toml", overlay).unwrap();
    let rules = packs.benefit(jinan, Scheme::Employee, on).unwrap();
    let two = Visit {
        tier: Tier::Two,
        ..visit(PersonKind::Working, "370100")
    };
    let spent = Used {
        deductible: Fen::new(1),
        fund: Fen::new(1),
    };
    let entitled = rules.entitle(&two, spent).unwrap();
    // Per visit: what was paid at another one does not count.
    assert_eq!(entitled.deductible_left, Fen::new(40_000));
    assert_eq!(entitled.ratio, percent(6_500));
    assert_eq!(entitled.cap_left, Some(Fen::new(899_999)));
    let versions: Vec<_> = rules.versions().iter().map(ToString::to_string).collect();
    assert!(
        versions.iter().all(|version| version.contains("+demo")),
        "{versions:?}"
    );
}

#[test]
fn a_residents_cap_goes_by_contribution_grade_and_the_lowest_holds_for_whoever_has_none() {
    let packs = grades();
    let rules = packs
        .benefit(region("420000"), Scheme::Resident, day("2026-01-01"))
        .unwrap();
    let cap = |grade| {
        let visit = Visit {
            grade,
            ..visit(PersonKind::Resident, "420000")
        };
        rules.entitle(&visit, Used::default()).unwrap().cap_left
    };
    assert_eq!(cap(Some(2)), Some(Fen::new(80_000)));
    assert_eq!((cap(None), cap(Some(9))), (cap(Some(1)), cap(Some(1))));
    assert_eq!(cap(Some(1)), Some(Fen::new(40_000)));
}

fn grades() -> Packs {
    let hubei = "region = \"420000\"\nname_zh = \"湖北省\"\nname_en = \"Hubei\"\n\
        [[edition]]\nvalid_from = \"2024-01-01\"\n[edition.benefit.resident]\n\
        ratio = { value = 50, source = \"x\", grade = \"A\" }\n\
        deductible = { value = \"0.00\", source = \"x\", grade = \"A\" }\n\
        annual_cap = { value = { grade_1 = \"400.00\", grade_2 = \"800.00\" }, source = \"x\", grade = \"A\" }\n";
    Packs::read(&[crate::packs::SHIPPED[0], ("420000.toml", hubei)], None).unwrap()
}

#[test]
fn a_window_is_of_one_medical_year_and_one_period() {
    let july = MonthDay { month: 7, day: 1 };
    let january = MonthDay { month: 1, day: 1 };
    let window = |period: DeductiblePeriod, on: &str, start| {
        let window = period.window(day(on), start);
        (window.year, window.first.to_string())
    };
    let year = DeductiblePeriod::PerYear;
    assert_eq!(
        window(year, "2026-06-30", july),
        (2025, "2025-07-01".into())
    );
    assert_eq!(
        window(year, "2026-07-01", july),
        (2026, "2026-07-01".into())
    );
    let month = DeductiblePeriod::PerMonth;
    assert_eq!(
        window(month, "2026-03-31", january),
        (2026, "2026-03-01".into())
    );
    let quarter = DeductiblePeriod::PerQuarter;
    assert_eq!(
        window(quarter, "2026-03-31", january),
        (2026, "2026-01-01".into())
    );
    assert_eq!(
        window(quarter, "2026-12-31", january),
        (2026, "2026-10-01".into())
    );
}
