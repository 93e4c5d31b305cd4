//! The words of a notice: a template per kind, side and language, filled when the notice is read.
//!
//! Templates are files of a title line and a body, embedded in the program. They see exactly the fields of [`Told`], and a name
//! they use that is not among these is an error (strict mode), which a test finds before any reader does.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::PersonId;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, context};

use crate::notice::Told;

mod filters;

/// A language that every template is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// 中文
    Chinese,
    /// English
    English,
}

/// Masked names by person. Whoever is missing is called by a neutral word.
pub type Names = BTreeMap<PersonId, String>;

/// A notice as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// One line: party and amount.
    pub title: String,
    /// The whole.
    pub text: String,
}

/// A template that does not fit what it was given.
#[derive(Debug, thiserror::Error)]
#[error("could not put notice {template} into words")]
pub struct Unsayable {
    /// The template's file name.
    pub template: String,
    /// What the template engine says.
    pub source: minijinja::Error,
}

/// All templates, parsed.
#[derive(Debug)]
pub struct Words {
    chinese: Environment<'static>,
    english: Environment<'static>,
}

/// What surrounds the facts of a notice when it is put into words.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// In which language.
    pub language: Language,
    /// When it happened.
    pub happened_at: Timestamp,
    /// Whether it tells of test money, which must not be taken for real.
    pub sandbox: bool,
    /// The names that are known.
    pub names: &'a Names,
}

impl Words {
    /// Parses the embedded templates.
    pub fn load() -> Self {
        Self {
            chinese: environment(Language::Chinese),
            english: environment(Language::English),
        }
    }

    /// The words of a notice.
    ///
    /// # Errors
    /// The template asks for something that the notice does not hold.
    pub fn say(&self, told: &Told, setting: Setting<'_>) -> Result<Said, Unsayable> {
        let name = file_name(told);
        let unsayable = |source| Unsayable {
            template: name.clone(),
            source,
        };
        let names: BTreeMap<String, &str> = setting
            .names
            .iter()
            .map(|(person, name)| (person.to_string(), name.as_str()))
            .collect();
        let at = setting.happened_at.to_string();
        let said = self
            .environment(setting.language)
            .get_template(&name)
            .and_then(|template| {
                template.render(context! { at, names => Value::from(Serde(names)), ..fields(told) })
            })
            .map_err(unsayable)?;
        let (title, text) = said.split_once('\n').unwrap_or((&said, &said));
        let mark = match (setting.sandbox, setting.language) {
            (false, _) => "",
            (true, Language::Chinese) => "【测试】",
            (true, Language::English) => "[test] ",
        };
        Ok(Said {
            title: format!("{mark}{title}"),
            text: text.to_owned(),
        })
    }

    fn environment(&self, language: Language) -> &Environment<'static> {
        match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.english,
        }
    }
}

/// What is said where the words of a notice are missing: that there is one, and who knows.
pub fn without_words(language: Language) -> Said {
    let (title, text) = match language {
        Language::Chinese => (
            "您有一条变动提醒",
            "该提醒暂时无法显示，请联系医保经办机构查询。",
        ),
        Language::English => (
            "There is a notice for you",
            "It cannot be shown for the moment. Please ask the insurance agency about it.",
        ),
    };
    Said {
        title: title.to_owned(),
        text: text.to_owned(),
    }
}

/// The file that says it: `charged_aid.contributor`.
fn file_name(told: &Told) -> String {
    let (template, audience) = told.addressed();
    format!("{template}.{audience}").to_ascii_lowercase()
}

/// The fields of what is told, as a template sees them.
fn fields(told: &Told) -> Value {
    let tagged = Value::from(Serde(told));
    tagged
        .try_iter()
        .ok()
        .and_then(|mut tags| tags.next())
        .and_then(|tag| tagged.get_item(&tag).ok())
        .expect("a variant with fields is written as a map of one entry: its name and its fields")
}

fn environment(language: Language) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    filters::add(&mut environment, language);
    for (name, chinese, english) in TEMPLATES {
        let source = match language {
            Language::Chinese => chinese,
            Language::English => english,
        };
        environment
            .add_template(name, source)
            .expect("the embedded templates are parsed by a test");
    }
    environment
}

macro_rules! templates {
    ($($name:literal)*) => {
        /// Name, Chinese, English.
        const TEMPLATES: &[(&str, &str, &str)] = &[$((
            $name,
            include_str!(concat!("../templates/zh/", $name, ".txt")),
            include_str!(concat!("../templates/en/", $name, ".txt")),
        ),)*];
    };
}

templates! {
    "account_closed.owner"
    "account_frozen.owner"
    "account_paid_out.owner"
    "account_unfrozen.owner"
    "aid_short.beneficiary"
    "aid_short.contributor"
    "aid_used_for_you.beneficiary"
    "allocation_credited.owner"
    "balance_corrected.owner"
    "balance_negative.beneficiary"
    "balance_negative.owner"
    "balance_opened.owner"
    "bind_rejected.beneficiary"
    "bind_rejected.contributor"
    "bind_requested.beneficiary"
    "bound.beneficiary"
    "bound.contributor"
    "charged_aid.contributor"
    "charged_own.owner"
    "clearing_delta.owner"
    "interest_posted.owner"
    "limit_reached.contributor"
    "mandate_changed.beneficiary"
    "pre_allocation_adjusted.owner"
    "pre_allocation_credited.owner"
    "refund_unclaimed.owner"
    "refunded_aid.beneficiary"
    "refunded_aid.contributor"
    "refunded_own.owner"
    "unbound.beneficiary"
    "unbound.contributor"
    "year_rolled_over.owner"
}

#[cfg(test)]
mod tests;
