use std::collections::BTreeSet;

use kernel::Fen;

use super::*;
use crate::notice::{Audience, FieldKind, Institution, LimitWindow, Part, Who, samples};

fn setting(language: Language, names: &Names) -> Setting<'_> {
    Setting {
        language,
        form: Form::Usual,
        happened_at: "2026-01-02T02:05:00Z".parse().unwrap(),
        sandbox: false,
        names,
    }
}

fn known_names() -> Names {
    Names::from([(samples::relative().0, "王*".to_owned())])
}

#[test]
fn every_notice_has_words_in_every_language_and_form() {
    let words = Words::shipped();
    let names = names_of_samples();
    for (_, _, told) in words.samples() {
        for language in Language::ALL {
            for form in Form::ALL {
                let how = Setting {
                    form: *form,
                    ..setting(*language, &names)
                };
                let said = words.say(told, how).unwrap();
                for part in [&said.title, &said.text] {
                    assert!(!part.trim().is_empty(), "{told:?}");
                    assert!(!part.contains("psn_") && !part.contains("none"), "{part}");
                }
            }
        }
    }
}

#[test]
fn the_files_are_the_rows_of_the_catalogue() {
    let rows: BTreeSet<_> = ROWS
        .iter()
        .map(|row| format!("{}.toml", row.file))
        .collect();
    let folder = format!("{}/templates", env!("CARGO_MANIFEST_DIR"));
    let files: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, rows);
}

#[test]
fn no_side_can_be_told_what_is_not_its_business() {
    for row in ROWS {
        assert_eq!(
            check::out_of_bounds(row.audience, row.fields),
            None,
            "{}",
            row.file
        );
    }
    let leaks = [
        (Audience::Contributor, "diagnosis", FieldKind::Code),
        (Audience::Contributor, "fee_items", FieldKind::Code),
        (Audience::Owner, "department", FieldKind::Code),
        (Audience::Beneficiary, "left", FieldKind::Limits),
        (Audience::Beneficiary, "accounts", FieldKind::Balances),
    ];
    for (audience, name, kind) in leaks {
        assert!(
            check::out_of_bounds(audience, &[(name, kind)]).is_some(),
            "{name}"
        );
    }
}

#[test]
fn a_text_message_has_amount_and_party_in_its_first_part() {
    let words = Words::shipped();
    let names = names_of_samples();
    let (_, _, told) = words
        .samples()
        .find(|(file, ..)| *file == "charged_aid.contributor")
        .unwrap();
    let how = Setting {
        form: Form::Sms,
        ..setting(Language::Chinese, &names)
    };
    let said = words.say(told, how).unwrap();
    let parts = sms::parts(&said.text);
    assert!(
        parts[0].starts_with("¥300.00已由您的医保个人账户为王*支付"),
        "{parts:?}"
    );
    assert!(
        parts.iter().all(|part| sms::units(part) <= sms::PART),
        "{parts:?}"
    );
}

#[test]
fn large_print_tells_one_fact_per_line() {
    let words = Words::shipped();
    let names = names_of_samples();
    let (_, _, told) = words
        .samples()
        .find(|(file, name, _)| *file == "charged_aid.contributor" && *name == "usual")
        .unwrap();
    let how = Setting {
        form: Form::Large,
        ..setting(Language::Chinese, &names)
    };
    let said = words.say(told, how).unwrap();
    let lines: Vec<_> = said.text.lines().collect();
    assert_eq!(
        lines,
        [
            "支出¥300.00",
            "为王*付，医院结算",
            "当月还能用¥200.00",
            "年度还能用¥900.00",
            "余额¥1234.56（第12次变动后）"
        ]
    );
}

#[test]
fn a_contributor_reads_who_where_how_much_and_what_is_left() {
    let told = samples::all()
        .into_iter()
        .find(|told| matches!(told, Told::ChargedAid { left, .. } if !left.is_empty()))
        .unwrap();
    let names = known_names();
    let words = Words::shipped();
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
    let said = Words::shipped()
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
    let (words, nobody) = (Words::shipped(), Names::new());
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
    let said = Words::shipped()
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
    let said = Words::shipped()
        .say(&told, setting(Language::Chinese, &names))
        .unwrap();
    assert!(
        said.text.contains("有效期至2026年12月31日"),
        "{}",
        said.text
    );
}
