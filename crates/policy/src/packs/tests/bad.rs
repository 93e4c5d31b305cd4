//! Each bad pack is refused with its file, line and cure.

use super::*;

const HEAD: &str = "region = \"420000\"\nname_zh = \"湖北省\"\nname_en = \"Hubei\"\n";

/// Rules that are wrong on their line, and what is said of them.
const BAD_RULES: [(&str, &str); 27] = [
    (
        r#"limit_share = { value = "101%", source = "x", grade = "A" }"#,
        "above 0% and up to 100%",
    ),
    (
        r#"limit_share = { value = "-5%", source = "x", grade = "A" }"#,
        "above 0% and up to 100%",
    ),
    (
        r#"limit_share = { value = "0.5", source = "x", grade = "A" }"#,
        "is not a share like",
    ),
    (
        r#"colour = { value = 1, source = "x", grade = "A" }"#,
        "unknown field `colour`",
    ),
    (
        r#"chain = { value = true, source = "x", grade = "A", on = true }"#,
        "unknown field `on`",
    ),
    (
        r#"chain = { value = true, grade = "A" }"#,
        "missing field `source`",
    ),
    (
        r#"chain = { value = true, source = " ", grade = "A" }"#,
        "`chain` has no source",
    ),
    (
        r#"chain = { value = true, source = "x", grade = "C" }"#,
        "`chain` rests on a source of grade C",
    ),
    (
        r#"order = { value = "BY_NAME", source = "x", grade = "A" }"#,
        "unknown variant `BY_NAME`",
    ),
    (
        r#"usage_aid = { value = ["FITNESS"], source = "x", grade = "A" }"#,
        "FITNESS is prohibited everywhere",
    ),
    (
        r#"reserve_floor = { value = "-1", source = "x", grade = "A" }"#,
        "\"-1\" is below zero",
    ),
    (
        r#"reserve_floor = { value = 1000.0, source = "x", grade = "A" }"#,
        "expected a string",
    ),
    (
        r#"reserve_floor = { value = "1.005", source = "x", grade = "A" }"#,
        "more than two decimals",
    ),
    (
        r#"limit_per_month = { value = "0", source = "x", grade = "A" }"#,
        "would allow nothing",
    ),
    (
        r#"max_contributors = { value = 0, source = "x", grade = "A" }"#,
        "a number above zero or",
    ),
    (
        r#"min_bind = { value = { weeks = 1 }, source = "x", grade = "A" }"#,
        "unknown variant `weeks`",
    ),
    (
        r#"max_validity = { value = "LONG", source = "x", grade = "A" }"#,
        "{ months = 12 }",
    ),
    (
        r#"own_zero = { value = true, source = "x", grade = "A" }"#,
        "NOT_NEEDED",
    ),
    (
        r#"medical_year_start = { value = "02-30", source = "x", grade = "A" }"#,
        "up to the 28th",
    ),
    (
        r#"chain = { value = true, source = "x" }"#,
        "missing field `grade`",
    ),
    (
        r#"chain = { value = true, source = "x", grade = "D" }"#,
        "unknown variant `D`",
    ),
    (
        r#"relations = { value = ["COUSIN"], source = "x", grade = "A" }"#,
        "unknown variant `COUSIN`",
    ),
    (
        r#"min_balance_to_bind = { value = "-0.01", source = "x", grade = "A" }"#,
        "\"-0.01\" is below zero",
    ),
    (
        r#"pool = { value = { transferable_above = "-1", per_month = 1 }, source = "x", grade = "A" }"#,
        "\"-1\" is below zero",
    ),
    (
        r#"pool = { value = { transferable_above = "1", per_day = 1 }, source = "x", grade = "A" }"#,
        "unknown field `per_day`",
    ),
    (
        r#"wallet = { value = { per_day = 3, at_most = "1", closed_from = "25:00", closed_until = "06:00" }, source = "x", grade = "A" }"#,
        "hour",
    ),
    (
        r#"wallet = { value = "OPEN", source = "x", grade = "A" }"#,
        "NOT_OFFERED",
    ),
];

/// The error of the shipped nation and one more pack.
fn refused(text: &str) -> PackError {
    Packs::read(&[nation(), ("bad.toml", text)], None).unwrap_err()
}

fn edition(rules: &str) -> String {
    format!("{HEAD}[[edition]]\nvalid_from = \"2024-01-01\"\n[edition.rules]\n{rules}\n")
}

fn assert_refused(text: &str, line: Option<usize>, problem: &str) {
    let error = refused(text);
    let message = error.to_string();
    assert_eq!(
        (error.pack.as_str(), error.line),
        ("bad.toml", line),
        "{message}"
    );
    assert!(message.contains(problem), "{message}");
    assert!(message.ends_with(error.flaw.cure()), "{message}");
}

#[test]
fn a_bad_rule_is_refused_on_its_line() {
    for (rule, problem) in BAD_RULES {
        assert_refused(&edition(rule), Some(7), problem);
    }
}

#[test]
fn a_bad_head_or_date_is_refused_on_its_line() {
    let dated = |dates: &str| format!("{HEAD}[[edition]]\n{dates}\n");
    let backwards = "valid_from = \"2024-02-01\"\nvalid_to = \"2024-01-31\"";
    assert_refused(&dated("valid_from = \"2024-13-01\""), Some(5), "1..=12");
    assert_refused(&dated(backwards), Some(4), "ends before it begins");
    assert_refused(HEAD, None, "without an edition");
    assert_refused("region = ", Some(1), "bad.toml, line 1");
    assert_refused(
        &HEAD.replace("420000", "42000"),
        Some(1),
        "not a region code",
    );
}

#[test]
fn a_place_must_lie_in_a_province_that_has_a_pack() {
    let no_province = "no province has the first two digits of 990000";
    assert_refused(
        &edition("").replace("420000", "990000"),
        Some(4),
        no_province,
    );
    let no_pack = "the city 420100 has a pack and its province 420000 has none";
    assert_refused(&edition("").replace("420000", "420100"), Some(4), no_pack);
}

#[test]
fn editions_of_one_region_never_share_a_day() {
    let pack = |until: &str| {
        format!(
            "region = \"420000\"\nname_zh = \"湖北省\"\nname_en = \"Hubei\"\n\
             [[edition]]\nvalid_from = \"2024-01-01\"\n{until}\n[[edition]]\nvalid_from = \"2025-01-01\"\n"
        )
    };
    let error = refused(&pack("valid_to = \"2025-01-01\""));
    assert_eq!(
        error.to_string(),
        "bad.toml, line 7: 420000@2025-01-01 and 420000@2024-01-01 hold on the same day; \
         end the earlier edition on the day before the later one begins"
    );
    assert!(matches!(
        refused(&pack("")).flaw,
        Flaw::OverlappingDates(..)
    ));
    assert!(
        Packs::read(
            &[nation(), ("good.toml", &pack("valid_to = \"2024-12-31\""))],
            None
        )
        .is_ok()
    );
    let gap = refused(&pack("valid_to = \"2024-12-30\""));
    assert_eq!(
        gap.to_string(),
        "bad.toml, line 7: nothing is said from the end of 420000@2024-01-01 to the beginning of 420000@2025-01-01; \
         let one edition follow the other, so that the wider region's rules never come back by accident"
    );
    let twice = Packs::read(&[nation(), nation()], None).unwrap_err();
    assert!(matches!(twice.flaw, Flaw::OverlappingDates(..)));
}

#[test]
fn the_nation_must_be_there_and_answer_everything() {
    let hubei = "region = \"420000\"\nname_zh = \"湖北省\"\nname_en = \"Hubei\"\n[[edition]]\nvalid_from = \"2024-01-01\"\n";
    assert_eq!(
        Packs::read(&[("hubei.toml", hubei)], None)
            .unwrap_err()
            .flaw,
        Flaw::NoNation
    );
    let silent = nation().1.replace(
        "chain = { value = true,",
        "chain = { enabled = false, value = true,",
    );
    let error = Packs::read(&[("000000.toml", &silent)], None).unwrap_err();
    assert!(
        matches!(error.flaw, Flaw::Unanswered(Axis::Chain, _)),
        "{error}"
    );
}

#[test]
fn a_bad_overlay_is_refused_with_its_line_and_cure() {
    let refused = |text: &str| Packs::with_overlay("demo.toml", text).unwrap_err();
    let cases = [
        ("[[region]]\ncode = \"410000\"\n", "missing field `overlay`"),
        ("overlay = \"a b\"\n", "the label \"a b\""),
        (
            "overlay = \"demo\"\n[[region]]\ncode = \"410000\"\nenable = [\"colour\"]\n",
            "unknown variant `colour`",
        ),
        (
            "overlay = \"demo\"\n[[region]]\ncode = \"410000\"\nenable = [\"partial_aid\"]\n",
            "is not there to be enabled",
        ),
        (
            "overlay = \"demo\"\n[[region]]\ncode = \"410000\"\n[[region]]\ncode = \"410000\"\n",
            "named twice",
        ),
        (
            "overlay = \"demo\"\n[[region]]\ncode = \"150100\"\n",
            "its province 150000 has none",
        ),
        (
            "overlay = \"demo\"\n[[region]]\ncode = \"990000\"\n",
            "no province",
        ),
        (
            "overlay = \"demo\"\n[[region]]\ncode = \"000000\"\n[region.rules]\n\
             chain = { value = true, source = \"x\", grade = \"INF\", enabled = false }\n",
            "nobody answers `chain`",
        ),
    ];
    for (text, problem) in cases {
        let error = refused(text);
        assert!(error.to_string().contains(problem), "{error}");
    }
    assert_eq!(refused(cases[3].0).line, Some(4));
}
