use std::collections::BTreeSet;

use kernel::Fen;

use super::*;
use crate::notice::{Audience, Institution, LimitWindow, Part, Who, samples};

const LANGUAGES: [Language; 2] = [Language::Chinese, Language::English];

/// What a text for that side may never be made of (`domain.md` 12.1), as words of a field's name.
fn forbidden(audience: Audience) -> &'static [&'static str] {
    match audience {
        Audience::Owner | Audience::Contributor => &[
            "diagnos",
            "item",
            "drug",
            "department",
            "disease",
            "fee_detail",
        ],
        Audience::Beneficiary => &["balance", "current", "prior", "version", "left"],
    }
}

fn setting(language: Language, names: &Names) -> Setting<'_> {
    Setting {
        language,
        happened_at: "2026-01-02T02:05:00Z".parse().unwrap(),
        sandbox: false,
        names,
    }
}

fn known_names() -> Names {
    Names::from([(samples::relative().0, "王*".to_owned())])
}

/// Every name of a field in a stored notice, at any depth.
fn keys(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_notice_has_words_in_both_languages() {
    let words = Words::load();
    let names = known_names();
    for told in samples::all() {
        for language in LANGUAGES {
            let said = words.say(&told, setting(language, &names)).unwrap();
            for part in [&said.title, &said.text] {
                assert!(!part.trim().is_empty(), "{told:?}");
                assert!(!part.contains("psn_") && !part.contains("none"), "{part}");
            }
        }
    }
}

#[test]
fn the_files_are_the_templates_and_each_is_used() {
    let used: BTreeSet<_> = samples::all().iter().map(file_name).collect();
    let embedded: BTreeSet<_> = TEMPLATES
        .iter()
        .map(|(name, ..)| (*name).to_owned())
        .collect();
    assert_eq!(used, embedded);
    for language in ["zh", "en"] {
        let folder = format!("{}/templates/{language}", env!("CARGO_MANIFEST_DIR"));
        let files: BTreeSet<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .map(|file| file.trim_end_matches(".txt").to_owned())
            .collect();
        assert_eq!(files, embedded, "{language}");
    }
}

#[test]
fn no_side_can_be_told_what_is_not_its_business() {
    for told in samples::all() {
        let mut fields = BTreeSet::new();
        keys(&serde_json::to_value(&told).unwrap(), &mut fields);
        let (_, audience) = told.addressed();
        for word in forbidden(audience) {
            let reached = fields.iter().find(|field| field.contains(word));
            assert_eq!(reached, None, "{told:?}");
        }
    }
}

#[test]
fn a_template_uses_only_what_its_notice_holds() {
    let words = Words::load();
    for told in samples::all() {
        let fields: BTreeSet<_> = fields(&told)
            .try_iter()
            .unwrap()
            .map(|field| field.to_string())
            .collect();
        for language in LANGUAGES {
            let template = words
                .environment(language)
                .get_template(&file_name(&told))
                .unwrap();
            for used in template.undeclared_variables(false) {
                assert!(fields.contains(&used), "{} uses {used}", template.name());
            }
        }
    }
}

#[test]
fn a_contributor_reads_who_where_how_much_and_what_is_left() {
    let told = samples::all()
        .into_iter()
        .find(|told| matches!(told, Told::ChargedAid { .. }))
        .unwrap();
    let names = known_names();
    let words = Words::load();
    let said = words
        .say(&told, setting(Language::Chinese, &names))
        .unwrap();
    assert_eq!(said.title, "为王*共济支付¥300.00");
    assert_eq!(
        said.text,
        "¥300.00已由您的个人账户为王*支付，用于医院结算。当月共济限额剩余¥200.00。\
         年度共济限额剩余¥900.00。余额¥1234.56（当年¥1000.00，历年¥234.56，第12次变动后）。"
    );
    let said = words
        .say(&told, setting(Language::English, &names))
        .unwrap();
    assert_eq!(said.title, "¥300.00 paid for 王*");
    assert_eq!(
        said.text,
        "¥300.00 was paid from your personal account for 王* at a hospital. ¥200.00 of this month's limit is left. \
         ¥900.00 of this year's limit is left. \
         Balance ¥1234.56 (this year ¥1000.00, earlier years ¥234.56), after movement 12 of the account."
    );
}

#[test]
fn a_beneficiary_reads_how_the_bill_was_split() {
    let told = Told::AidUsedForYou {
        institution: Institution::Pharmacy,
        total: Fen::new(60_000).into(),
        pooled: Fen::ZERO.into(),
        own: Fen::new(5_000).into(),
        aid: Fen::new(50_000).into(),
        cash: Fen::new(5_000).into(),
        contributors: vec![Part {
            person: Who(samples::relative().0),
            amount: Fen::new(50_000).into(),
        }],
    };
    let names = known_names();
    let said = Words::load()
        .say(&told, setting(Language::Chinese, &names))
        .unwrap();
    assert_eq!(said.title, "家人为您共济支付¥500.00");
    assert_eq!(
        said.text,
        "药店费用¥600.00：本人账户¥50.00，家庭共济¥500.00（王*¥500.00），现金¥50.00。"
    );
}

#[test]
fn a_name_that_is_not_known_is_a_neutral_word() {
    let told = Told::RejectedByRelative {
        beneficiary: samples::relative(),
    };
    let (words, nobody) = (Words::load(), Names::new());
    let said = words
        .say(&told, setting(Language::Chinese, &nobody))
        .unwrap();
    assert_eq!(said.title, "家人未接受家庭共济");
    let said = words
        .say(&told, setting(Language::English, &nobody))
        .unwrap();
    assert_eq!(said.title, "Family aid was declined by your relative");
}

#[test]
fn test_money_says_so() {
    let told = Told::LimitReached {
        beneficiary: samples::relative(),
        window: LimitWindow::Day,
    };
    let names = known_names();
    let said = Words::load()
        .say(
            &told,
            Setting {
                sandbox: true,
                ..setting(Language::Chinese, &names)
            },
        )
        .unwrap();
    assert_eq!(said.title, "【测试】王*当日共济限额已用完");
}

#[test]
fn a_validity_that_ends_at_midnight_lasts_through_the_day_before() {
    let told = Told::BindRequested {
        contributor: samples::relative(),
        relation: kernel::Relation::Child,
        valid_until: Some("2026-12-31T16:00:00Z".parse().unwrap()),
    };
    let names = known_names();
    let said = Words::load()
        .say(&told, setting(Language::Chinese, &names))
        .unwrap();
    assert!(
        said.text.contains("有效期至2026年12月31日"),
        "{}",
        said.text
    );
}
