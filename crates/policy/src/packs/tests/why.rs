//! Every value can say where it comes from, and who was not heard.

use super::*;

fn why(packs: &Packs, place: &str, axis: Axis) -> (Vec<String>, Vec<String>) {
    let why = packs.why(region(place), axis, day("2026-01-01")).unwrap();
    (why.zh(), why.en())
}

#[test]
fn a_value_in_force_is_told_with_its_source_and_what_it_overrules() {
    let (zh, en) = why(&Packs::shipped(), "140181", Axis::ReserveFloor);
    assert_eq!(en.len(), 2);
    assert!(
        en[0].starts_with("Shanxi says \"1000.00\" (140000@2024-07-26, line "),
        "{}",
        en[0]
    );
    assert!(en[0].ends_with("source: R-SX: only above 1000; grade B); this holds."));
    assert!(en[1].starts_with("National default says \"0.00\""));
    assert!(en[1].ends_with("passed over, because a narrower place has spoken."));
    assert!(zh[0].starts_with("山西省规定为 \"1000.00\"（140000@2024-07-26第"));
    assert!(zh[0].ends_with("等级 B），现行有效。"));
    assert!(zh[1].ends_with("已由更具体的地方规定取代。"));
}

#[test]
fn a_disabled_value_is_told_with_the_reason_and_a_silent_pack_too() {
    let packs = Packs::shipped();
    let (zh, en) = why(&packs, "411002", Axis::MinBind);
    assert!(en[0].starts_with("National default says { days = 0 }"));
    assert!(en[1].starts_with("Xuchang says { months = 3 }"));
    assert!(en[1].ends_with("its source is not verified; an overlay can enable it."));
    assert!(zh[1].ends_with("来源尚未核实，核实后可由叠加规则启用。"));
    assert_eq!(en[2], "Henan (410000@2024-09-01) says nothing of it.");
    assert_eq!(zh[2], "河南省（410000@2024-09-01）未作规定。");

    let (_, en) = why(&packs, "370100", Axis::EnableFirst);
    assert!(
        en.iter()
            .any(|line| line.contains("what it needs is not there yet"))
    );
}

#[test]
fn the_word_that_holds_is_the_rule_that_decides() {
    let packs = Packs::shipped();
    let on = day("2026-01-01");
    for edition in packs.editions() {
        let rules = packs.rules(edition.region, on).unwrap();
        for (axis, origin) in rules.origins() {
            let why = packs.why(edition.region, axis, on).unwrap();
            assert_eq!(
                why.holds().origin,
                Some(origin),
                "{axis} of {}",
                edition.region
            );
        }
    }
}

#[test]
fn a_place_that_is_none_has_no_reasons() {
    let packs = Packs::shipped();
    let refused = packs.why(region("990000"), Axis::Chain, day("2026-01-01"));
    assert_eq!(refused.unwrap_err().reason, Reason::RegionUnknown);
}

#[test]
fn every_axis_says_what_it_decides() {
    for axis in Axis::ALL {
        assert!(axis.about().len() > 10, "{axis}");
        assert_eq!(Axis::from_code(axis.code()), Some(*axis));
    }
}
