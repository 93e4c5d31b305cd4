//! What ships is sound, and what is merged is what was written.

use kernel::{Fen, Reason, Relation, Usage};

use super::*;
use crate::axes::Axis;
use crate::values::{Confirmation, Effect, Order, ReleaseBy, Source};

mod bad;
mod benefit;
mod tables;
mod why;

fn region(code: &str) -> Region {
    code.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn nation() -> (&'static str, &'static str) {
    SHIPPED[0]
}

#[test]
fn the_shipped_packs_load_and_answer_every_axis() {
    let packs = Packs::shipped();
    assert!(packs.editions().len() >= SHIPPED.len());
    assert_eq!(packs.provinces().len(), 32);
    for edition in packs.editions() {
        let rules = packs.rules(edition.region, edition.valid_from).unwrap();
        assert_eq!(rules.origins().count(), Axis::ALL.len());
        assert!(
            rules
                .origins()
                .all(|(_, origin)| origin.enabled && !origin.source.is_empty())
        );
    }
}

#[test]
fn a_city_has_the_rules_of_its_province_and_beyond_them_the_nations() {
    let packs = Packs::shipped();
    let rules = packs.rules(region("140181"), day("2026-01-01")).unwrap();
    assert_eq!(rules.place, region("140000"));
    assert_eq!(
        (rules.reserve_floor, rules.chain),
        (Fen::new(100_000), false)
    );
    assert_eq!(rules.bind_effective, Effect::NextDay);
    assert_eq!(rules.release_by, ReleaseBy::Either);
    assert_eq!(
        rules.origin(Axis::ReserveFloor).version.as_str(),
        "140000@2024-07-26"
    );
    assert_eq!(
        rules.origin(Axis::ReleaseBy).version.as_str(),
        "000000@2024-07-26"
    );
    assert_eq!(rules.origin(Axis::ReserveFloor).written, "\"1000.00\"");
    let versions: Vec<_> = rules.versions().iter().map(PackVersion::as_str).collect();
    assert_eq!(versions, ["140000@2024-07-26", "000000@2024-07-26"]);
}

#[test]
fn rules_are_those_of_the_day() {
    let packs = Packs::shipped();
    let relations = |on: &str| {
        packs
            .rules(region("320600"), day(on))
            .unwrap()
            .relations
            .len()
    };
    assert_eq!((relations("2022-12-31"), relations("2023-01-01")), (3, 3));
    assert_eq!((relations("2024-07-25"), relations("2024-07-26")), (3, 8));
}

#[test]
fn a_place_without_a_pack_has_the_national_default_and_a_place_that_is_none_is_refused() {
    let packs = Packs::shipped();
    let on = day("2026-01-01");
    for code in ["000000", "000001", "130000", "650100", "660100"] {
        assert_eq!(
            packs.rules(region(code), on).unwrap().place,
            Region::NATION,
            "{code}"
        );
    }
    for code in ["990000", "100000", "380100", "710000"] {
        assert_eq!(
            packs.rules(region(code), on).unwrap_err().reason,
            Reason::RegionUnknown,
            "{code}"
        );
    }
    let before = packs
        .rules(region("110000"), day("2021-04-21"))
        .unwrap_err();
    assert_eq!(before.about.as_deref(), Some("110000 on 2021-04-21"));
}

#[test]
fn the_values_of_the_tables_are_there() {
    let packs = Packs::shipped();
    let rules = |code| packs.rules(region(code), day("2026-01-01")).unwrap();
    assert_eq!(rules("320000").confirmation, Confirmation::BothSign);
    assert_eq!(rules("320000").max_contributors.map(u16::from), Some(1));
    assert_eq!(
        (rules("330000").own_source, rules("330000").aid_source),
        (Source::PriorYearOnly, Source::PriorYearOnly)
    );
    assert!(rules("330000").usage_aid.contains(Usage::VaccineNonPlan));
    assert_eq!(
        rules("610000").rank_set_by,
        crate::values::RankSetBy::Contributor
    );
    assert!(
        Relation::NEAR
            .iter()
            .all(|kin| rules("000000").relations.contains(kin))
    );
}

#[test]
fn what_rests_on_grade_c_ships_disabled_and_an_overlay_switches_it_on_under_its_label() {
    let henan = region("410100");
    let on = day("2026-01-01");
    let shipped = Packs::shipped();
    let rules = shipped.rules(henan, on).unwrap();
    assert_eq!(
        (rules.order, rules.min_balance_to_start),
        (Order::UserRank, Fen::ZERO)
    );

    let overlay = r#"
        overlay = "demo"
        [[region]]
        code = "410000"
        enable = ["order"]
        [region.rules]
        reserve_floor = { value = "20.00", source = "demo", grade = "INF" }
        [[region]]
        code = "410100"
        [region.rules]
        chain = { value = false, source = "demo", grade = "C" }
    "#;
    let packs = Packs::with_overlay("demo.toml", overlay).unwrap();
    let rules = packs.rules(henan, on).unwrap();
    assert_eq!(
        (rules.order, rules.min_balance_to_start),
        (Order::BalanceDesc, Fen::ZERO)
    );
    assert_eq!((rules.reserve_floor, rules.chain), (Fen::new(2_000), false));
    assert_eq!(
        rules.origin(Axis::Order).version.as_str(),
        "410000@2024-09-01+demo"
    );
    assert_eq!(
        rules.origin(Axis::Chain).version.as_str(),
        "410100@2021-04-22+demo"
    );
    assert_eq!(
        rules.origin(Axis::Span).version.as_str(),
        "000000@2024-07-26"
    );
    assert!(packs.rules(region("410200"), on).unwrap().chain);
}
