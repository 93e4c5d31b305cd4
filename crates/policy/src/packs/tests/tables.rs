//! Tables 5.1 and 5.2 of `domain.md`, row by row: what rests on good sources is in force, what rests on grade C is there and
//! falls through.

use super::*;
use crate::packs::Grade;

/// A value in force: place, axis, the value as written, the pack that says so.
const IN_FORCE: [(&str, Axis, &str, &str); 58] = [
    ("370200", Axis::FullCoverBase, "\"BALANCE\"", "370000"),
    ("520100", Axis::LimitPerDay, "\"UNLIMITED\"", "520000"),
    ("320600", Axis::MaxContributors, "1", "320000"),
    ("320600", Axis::ExclusiveRole, "\"ANY\"", "320000"),
    ("320600", Axis::Confirmation, "\"BOTH_SIGN\"", "320000"),
    ("320600", Axis::ReleaseBy, "\"CONTRIBUTOR\"", "320000"),
    ("320600", Axis::OnTransferOut, "\"END\"", "320000"),
    ("330200", Axis::MaxContributors, "\"UNLIMITED\"", "330000"),
    ("330200", Axis::AidSource, "\"PRIOR_YEAR_ONLY\"", "330000"),
    (
        "330200",
        Axis::FullCover,
        "[\"RESIDENT_PREMIUM\"]",
        "330000",
    ),
    (
        "310115",
        Axis::Relations,
        "[\"SPOUSE\", \"PARENT\", \"CHILD\"]",
        "310000",
    ),
    ("310115", Axis::OwnFirst, "\"EMPLOYEE_ONLY\"", "310000"),
    ("310115", Axis::AidSource, "\"PRIOR_YEAR_ONLY\"", "310000"),
    ("310115", Axis::MedicalYearStart, "\"07-01\"", "310000"),
    ("310115", Axis::Proof, "[\"COMMITMENT\"]", "310000"),
    ("310115", Axis::ReleaseBy, "\"EITHER\"", "310000"),
    ("350100", Axis::Model, "\"POOL\"", "350000"),
    ("350100", Axis::Confirmation, "\"INVITE_ACCEPT\"", "350000"),
    (
        "350100",
        Axis::Pool,
        "{ transferable_above = \"2000.00\", per_month = 1 }",
        "350000",
    ),
    ("350100", Axis::Chain, "true", "350000"),
    (
        "350100",
        Axis::ContributorStandingToBind,
        "\"NOT_TERMINATED\"",
        "000000",
    ),
    (
        "350203",
        Axis::ContributorStandingToBind,
        "\"NORMAL_ONLY\"",
        "350200",
    ),
    ("370200", Axis::MaxBeneficiaries, "7", "370000"),
    ("370200", Axis::MaxContributors, "1", "370000"),
    ("370200", Axis::ExclusiveRole, "\"BENEFICIARY\"", "370000"),
    ("370200", Axis::BindEffective, "\"IMMEDIATE\"", "370000"),
    (
        "370200",
        Axis::FullCover,
        "[\"RESIDENT_PREMIUM\"]",
        "370000",
    ),
    ("610200", Axis::MaxBeneficiaries, "\"UNLIMITED\"", "610000"),
    ("610200", Axis::ReleaseBy, "\"EITHER\"", "610000"),
    ("610200", Axis::Order, "\"USER_RANK\"", "610000"),
    ("610200", Axis::MaxContributors, "\"UNLIMITED\"", "610000"),
    ("610702", Axis::MaxContributors, "2", "610700"),
    (
        "610102",
        Axis::ContributorStanding,
        "\"NOT_TERMINATED\"",
        "610100",
    ),
    ("140100", Axis::ReserveFloor, "\"1000.00\"", "140000"),
    ("140100", Axis::BindEffective, "\"NEXT_DAY\"", "140000"),
    ("140100", Axis::Chain, "false", "140000"),
    ("140100", Axis::MaxContributors, "\"UNLIMITED\"", "140000"),
    (
        "520100",
        Axis::Relations,
        "[\"SPOUSE\", \"PARENT\", \"CHILD\"]",
        "520000",
    ),
    ("520100", Axis::MaxContributors, "1", "520000"),
    ("520100", Axis::ExclusiveRole, "\"BENEFICIARY\"", "520000"),
    ("440300", Axis::Order, "\"OLDEST_FIRST\"", "440000"),
    ("440300", Axis::Chain, "true", "440000"),
    ("440300", Axis::Wallet, "\"NOT_OFFERED\"", "440000"),
    ("440604", Axis::Order, "\"OLDEST_FIRST\"", "440000"),
    ("500101", Axis::MaxContributors, "1", "500000"),
    ("500101", Axis::ExclusiveRole, "\"BENEFICIARY\"", "500000"),
    ("500101", Axis::Chain, "false", "500000"),
    ("510100", Axis::Order, "\"USER_RANK\"", "000000"),
    ("110101", Axis::MaxBeneficiaries, "\"UNLIMITED\"", "000000"),
    ("120101", Axis::MaxBeneficiaries, "\"UNLIMITED\"", "000000"),
    ("340100", Axis::OwnZero, "\"NOT_NEEDED\"", "000000"),
    ("360100", Axis::Chain, "true", "000000"),
    ("410100", Axis::Order, "\"USER_RANK\"", "000000"),
    ("420100", Axis::MinBind, "{ days = 0 }", "000000"),
    (
        "430100",
        Axis::MaxBeneficiariesLifetime,
        "\"UNLIMITED\"",
        "000000",
    ),
    ("320100", Axis::Model, "\"LINK\"", "320000"),
    ("650100", Axis::ReserveFloor, "\"0.00\"", "000000"),
    ("650100", Axis::Chain, "true", "000000"),
];

/// A value that is there with grade C and does not count: the pack, axis, value as written.
const GRADE_C: [(&str, Axis, &str); 42] = [
    ("320100", Axis::LimitPerDay, "\"1000.00\""),
    ("320100", Axis::LimitPerYear, "\"5000.00\""),
    ("440000", Axis::LimitPerYear, "\"20000.00\""),
    ("440000", Axis::LimitShare, "\"50%\""),
    ("430900", Axis::LimitShare, "\"50%\""),
    ("110000", Axis::MaxBeneficiaries, "7"),
    ("110000", Axis::Order, "\"USER_RANK\""),
    ("120000", Axis::MaxBeneficiaries, "6"),
    ("120000", Axis::ReciprocalAllowed, "false"),
    ("320100", Axis::Model, "\"POOL\""),
    ("330000", Axis::MaxBeneficiaries, "7"),
    ("330100", Axis::MaxBeneficiaries, "5"),
    ("330100", Axis::Model, "\"TRANSFER\""),
    ("330300", Axis::Order, "\"SAME_POOL_THEN_NEWEST\""),
    ("330700", Axis::ChangesPerYear, "1"),
    ("340000", Axis::MaxBeneficiaries, "7"),
    ("340000", Axis::CountsSelf, "true"),
    ("340000", Axis::MaxContributors, "1"),
    (
        "340000",
        Axis::OwnZero,
        "{ when = \"BEFORE_BILL\", scope = \"ALL_BUCKETS\" }",
    ),
    ("360000", Axis::MaxBeneficiaries, "7"),
    ("360800", Axis::ReserveFloor, "\"1000.00\""),
    ("360800", Axis::Chain, "false"),
    (
        "370900",
        Axis::Relations,
        "[\"SPOUSE\", \"PARENT\", \"CHILD\", \"SPOUSE_PARENT\"]",
    ),
    ("410000", Axis::Order, "\"BALANCE_DESC\""),
    ("410000", Axis::MinBalanceToStart, "\"500.00\""),
    ("410000", Axis::ContributorStanding, "\"NORMAL_ONLY\""),
    ("411000", Axis::MinBind, "{ months = 3 }"),
    ("420000", Axis::CredentialRequired, "\"BOTH\""),
    ("420000", Axis::MaxBeneficiaries, "6"),
    ("420000", Axis::MinBind, "{ months = 3 }"),
    ("420000", Axis::UnbindEffective, "\"NEXT_DAY\""),
    ("420900", Axis::Order, "\"NEWEST_FIRST\""),
    ("421100", Axis::Chain, "true"),
    ("421200", Axis::Chain, "false"),
    ("430000", Axis::MaxBeneficiaries, "10"),
    ("430000", Axis::MaxBeneficiariesLifetime, "20"),
    ("430900", Axis::MaxBeneficiaries, "5"),
    ("430900", Axis::MaxValidity, "{ months = 12 }"),
    ("430900", Axis::MinBalanceToStart, "\"500.00\""),
    ("440600", Axis::Order, "\"BALANCE_DESC\""),
    ("510000", Axis::Order, "\"USER_RANK\""),
    ("610000", Axis::BindEffective, "\"NEXT_DAY\""),
];

#[test]
fn what_rests_on_good_sources_is_in_force() {
    let packs = Packs::shipped();
    for (place, axis, value, by) in IN_FORCE {
        let rules = packs.rules(region(place), day("2026-01-01")).unwrap();
        let origin = rules.origin(axis);
        assert_eq!(origin.written, value, "{axis} of {place}");
        assert!(origin.version.as_str().starts_with(by), "{axis} of {place}");
    }
}

#[test]
fn what_rests_on_grade_c_is_there_and_falls_through() {
    let packs = Packs::shipped();
    for (place, axis, value) in GRADE_C {
        let of_place = |edition: &&Edition| edition.region == region(place);
        let said = packs
            .editions()
            .iter()
            .filter(of_place)
            .find_map(|edition| {
                let origin = edition.answers.origin(axis)?;
                (origin.written == value).then_some((edition, origin))
            });
        let (edition, origin) = said.unwrap_or_else(|| panic!("{axis} of {place} is missing"));
        assert_eq!(
            (origin.grade, origin.enabled),
            (Grade::C, false),
            "{axis} of {place}"
        );
        let rules = packs.rules(edition.region, edition.valid_from).unwrap();
        assert_ne!(
            rules.origin(axis).version,
            edition.version,
            "{axis} of {place}"
        );
    }
}

#[test]
fn every_row_of_the_tables_has_a_pack_and_every_value_names_its_source() {
    const ROWS: [&str; 32] = [
        "000000", "110000", "120000", "140000", "310000", "320000", "320100", "330000", "330100",
        "330300", "330700", "340000", "350000", "350200", "360000", "360800", "370000", "370900",
        "410000", "411000", "420000", "420900", "421100", "421200", "430000", "430900", "440000",
        "440600", "500000", "510000", "520000", "610000",
    ];
    let packs = Packs::shipped();
    for place in ROWS {
        let mut editions = packs.editions().iter();
        assert!(
            editions.any(|edition| edition.region == region(place)),
            "{place}"
        );
    }
    for edition in packs.editions() {
        for (axis, origin) in edition.values() {
            assert!(!origin.source.is_empty(), "{axis} of {}", edition.version);
            assert!(
                origin.grade != Grade::C || !origin.enabled,
                "{axis} of {}",
                edition.version
            );
        }
    }
}

#[test]
fn a_city_that_says_little_has_the_rest_from_its_province_and_the_nation() {
    let packs = Packs::shipped();
    let rules = packs.rules(region("350203"), day("2026-01-01")).unwrap();
    let versions: Vec<_> = rules.versions().iter().map(PackVersion::as_str).collect();
    assert_eq!(
        versions,
        [
            "350000@2024-07-26",
            "000000@2024-07-26",
            "350200@2024-07-26"
        ]
    );
}
