//! A place's own files, right and wrong.

use super::*;
use kernel::EventId;

/// A folder of files that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn of(files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("gongji-words-{}", EventId::generate()));
        std::fs::create_dir(&path).unwrap();
        for (name, text) in files {
            std::fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What is said to be wrong with a file of that text.
fn complaint(name: &str, text: &str) -> String {
    let folder = Folder::of(&[(name, text)]);
    match Words::load(Some(&folder.0)) {
        Ok(_) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

const CHARGED: &str = "charged_aid.contributor.toml";

#[test]
fn a_place_says_it_in_its_own_words_and_leaves_the_rest_as_shipped() {
    let folder = Folder::of(&[(
        CHARGED,
        "[zh]\ntitle = '{{ beneficiary|name }}用了{{ amount|yuan }}'\n",
    )]);
    let words = Words::load(Some(&folder.0)).unwrap();
    let names = names_of_samples();
    let (_, _, told) = words
        .samples()
        .find(|(file, ..)| CHARGED.starts_with(file))
        .unwrap();
    let how = |language| Setting {
        language,
        form: Form::Usual,
        happened_at: Timestamp::UNIX_EPOCH,
        sandbox: false,
        names: &names,
    };
    let said = words.say(told, how(Language::Chinese)).unwrap();
    assert_eq!(said.title, "王*用了¥300.00");
    assert!(said.text.contains("已由您的个人账户"), "{}", said.text);
    let said = words.say(told, how(Language::English)).unwrap();
    assert_eq!(said.title, "¥300.00 paid for 王*");
}

#[test]
fn words_that_reach_beyond_their_notice_are_refused() {
    for reach in ["diagnosis", "names", "debug()", "contributor_balance"] {
        let text = format!("[zh]\ntitle = '{{{{ {reach} }}}}'\n");
        let said = complaint(CHARGED, &text);
        assert!(
            said.starts_with("charged_aid.contributor.toml, zh.title: the notice holds no "),
            "{reach}: {said}"
        );
    }
    let said = complaint(
        "aid_used_for_you.beneficiary.toml",
        "[zh]\ntext = '{{ balances }}'\n",
    );
    assert!(said.contains("the notice holds no balances"), "{said}");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let folder = Folder::of(&[
        (
            CHARGED,
            "[zh]\ntitle = '{{ amount|yuan'\n[en]\nlarge = ''\n",
        ),
        ("charged_ade.contributor.toml", ""),
        ("unbound.owner.txt", "not ours"),
    ]);
    let error = Words::load(Some(&folder.0)).unwrap_err();
    let WordsError::Wrong(faults) = error else {
        panic!("{error}")
    };
    let places: Vec<_> = faults
        .iter()
        .map(|fault| (fault.file.as_str(), fault.text.as_deref()))
        .collect();
    assert!(
        places.contains(&("charged_ade.contributor", None)),
        "{places:?}"
    );
    assert!(
        places.contains(&("charged_aid.contributor", Some("zh.title"))),
        "{places:?}"
    );
    assert!(
        places.contains(&("charged_aid.contributor", Some("en.large"))),
        "{places:?}"
    );
}

#[test]
fn a_text_message_that_is_late_with_its_amount_or_too_long_is_refused() {
    let late = format!(
        "[zh]\nsms = '{}{{{{ amount|yuan }}}}{{{{ beneficiary|name }}}}'\n",
        "您好，".repeat(30)
    );
    let said = complaint(CHARGED, &late);
    assert!(
        said.contains("zh.sms: amount is not in the first 70 characters"),
        "{said}"
    );
    let long = format!(
        "[zh]\nsms = '{{{{ amount|yuan }}}}{{{{ beneficiary|name }}}}{}'\n",
        "您好，".repeat(100)
    );
    let said = complaint(CHARGED, &long);
    assert!(said.contains("zh.sms: it takes 5 parts"), "{said}");
    let nothing = complaint(CHARGED, "first = ['amount']\n");
    assert!(
        nothing.contains("`first` must name beneficiary"),
        "{nothing}"
    );
}

#[test]
fn a_balance_without_its_version_and_an_id_in_place_of_a_name_are_refused() {
    let said = complaint(
        CHARGED,
        "[zh]\ntext = '{% for account in balances %}{{ account.total|yuan }}{% endfor %}'\n",
    );
    assert!(
        said.contains("zh.text: it tells a balance without the version"),
        "{said}"
    );
    let said = complaint(CHARGED, "[zh]\ntext = '{{ beneficiary }}'\n");
    assert!(
        said.contains("zh.text: it shows the id of a person"),
        "{said}"
    );
}

#[test]
fn what_may_be_absent_is_tried_without_it() {
    let said = complaint(
        "mandate_changed.beneficiary.toml",
        "[zh]\ntext = '{{ per_day|yuan }}'\n",
    );
    assert!(
        said.contains("zh.text: it cannot be put into words"),
        "{said}"
    );
}

#[test]
fn a_key_that_is_not_of_the_schema_and_a_sample_of_something_else_are_refused() {
    let said = complaint(CHARGED, "[zh]\nbody = 'x'\n");
    assert!(said.contains("it is not a file of words"), "{said}");
    let said = complaint(CHARGED, "[samples.mine]\namount = 1\n");
    assert!(
        said.contains("the sample mine does not hold what the notice holds"),
        "{said}"
    );
}
