//! Benefits: what is wrong is refused on its line, with its cure.

use kernel::Scheme;

use super::*;

const HEAD: &str = "region = \"420000\"\nname_zh = \"湖北省\"\nname_en = \"Hubei\"\n[[edition]]\nvalid_from = \"2024-01-01\"\n";

/// Values that are wrong on their line, and what is said of them.
const BAD: [(&str, &str); 12] = [
    (
        r#"ratio = { value = -1, source = "x", grade = "A" }"#,
        "between 0 and 100 percent",
    ),
    (
        r#"ratio = { value = { working = { tier_1 = 101 } }, source = "x", grade = "A" }"#,
        "between 0 and 100 percent",
    ),
    (
        r#"ratio = { value = "100.01", source = "x", grade = "A" }"#,
        "between 0 and 100 percent",
    ),
    (
        r#"ratio = { value = "70.555", source = "x", grade = "A" }"#,
        "not a decimal number of percent",
    ),
    (
        r#"ratio = { value = { tier_4 = 50 }, source = "x", grade = "A" }"#,
        "neither a status nor a tier",
    ),
    (
        r#"ratio = { value = { working = { tier_9 = 50 } }, source = "x", grade = "A" }"#,
        "not a tier",
    ),
    (
        r#"deductible = { value = "-1.00", source = "x", grade = "A" }"#,
        "below zero",
    ),
    (
        r#"deductible = { value = 1800, source = "x", grade = "A" }"#,
        "in quotes",
    ),
    (
        r#"annual_cap = { value = { first = "1.00" }, source = "x", grade = "A" }"#,
        "not a grade",
    ),
    (
        r#"ratio = { value = 50, source = "x", grade = "C" }"#,
        "rests on a source of grade C",
    ),
    (
        r#"ratio = { value = 50, source = " ", grade = "A" }"#,
        "has no source",
    ),
    (
        r#"colour = { value = 50, source = "x", grade = "A" }"#,
        "unknown field `colour`",
    ),
];

fn refused(benefit: &str) -> PackError {
    let text = format!("{HEAD}[edition.benefit.employee]\n{benefit}\n");
    Packs::read(&[nation(), ("bad.toml", &text)], None).unwrap_err()
}

#[test]
fn a_bad_benefit_is_refused_on_its_line_with_a_cure() {
    for (benefit, problem) in BAD {
        let error = refused(benefit);
        let message = error.to_string();
        assert_eq!(
            (error.pack.as_str(), error.line),
            ("bad.toml", Some(7)),
            "{message}"
        );
        assert!(message.contains(problem), "{message}");
        assert!(message.ends_with(error.flaw.cure()), "{message}");
    }
}

#[test]
fn a_ratio_without_a_deductible_is_half_a_benefit() {
    let error = refused(r#"ratio = { value = 50, source = "x", grade = "A" }"#);
    assert!(
        error.to_string().contains("nobody answers `deductible`"),
        "{error}"
    );
    assert_eq!(error.line, Some(4));
}

#[test]
fn an_overlay_enables_only_what_is_there() {
    let overlay = "overlay = \"demo\"\n[[region]]\ncode = \"370100\"\nenable_benefit = [\"employee.ratio\"]\n";
    let error = Packs::with_overlay("demo.toml", overlay).unwrap_err();
    assert_eq!(error.line, Some(4));
    assert!(
        error.to_string().contains("not there to be enabled"),
        "{error}"
    );
}

#[test]
fn a_benefit_is_of_its_days_and_its_scheme() {
    let packs = Packs::shipped();
    let city = region("231002");
    let on = |text: &str, scheme| packs.benefit(city, scheme, day(text)).is_some();
    assert!(on("2025-01-01", Scheme::Employee));
    assert!(!on("2024-12-31", Scheme::Employee));
    assert!(!on("2025-01-01", Scheme::Resident));
    assert!(
        packs
            .benefit(region("230200"), Scheme::Employee, day("2025-01-01"))
            .is_none()
    );
}
