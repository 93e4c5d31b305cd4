//! The words of a notice: a file per kind and side, with a text per language and form, filled when the notice is read.
//!
//! The files are embedded in the program; a folder may hold a place's own ([`Words::load`]). They see exactly the fields of
//! [`Told`], and a name they use that is not among these is an error (strict mode). All of them are tried with samples at
//! start ([`check`]).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use kernel::PersonId;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, context};
use uuid::Uuid;

pub use check::{Fault, Wrong};

use crate::notice::{ROWS, Told};
use sheet::Sheet;

mod check;
mod filters;
mod folder;
mod sheet;
pub mod sms;

/// A language that every notice is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// 中文
    Chinese,
    /// English
    English,
}

impl Language {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Chinese, Self::English];

    /// As it is written everywhere.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }
}

/// For whom and over what the text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// As the inbox shows it.
    Usual,
    /// In large print: few words, one fact per line.
    Large,
    /// As a text message.
    Sms,
}

impl Form {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Usual, Self::Large, Self::Sms];

    /// What it is called in the files.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Usual => "text",
            Self::Large => "large",
            Self::Sms => "sms",
        }
    }
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
    /// The template's name.
    pub template: String,
    /// What the template engine says.
    pub source: minijinja::Error,
}

/// Why words cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    /// The folder cannot be read.
    #[error("the words in {} cannot be read", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Some of them are wrong. All that was found is listed.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Fault>),
}

/// All words, parsed and checked.
#[derive(Debug)]
pub struct Words {
    chinese: Environment<'static>,
    english: Environment<'static>,
    samples: Vec<(&'static str, String, Told)>,
}

/// What surrounds the facts of a notice when it is put into words.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// In which language.
    pub language: Language,
    /// In which form.
    pub form: Form,
    /// When it happened.
    pub happened_at: Timestamp,
    /// Whether it tells of test money, which must not be taken for real.
    pub sandbox: bool,
    /// The names that are known.
    pub names: &'a Names,
}

impl Words {
    /// The words as shipped.
    pub fn shipped() -> Self {
        Self::load(None).expect("a test loads the shipped words")
    }

    /// The shipped words, with those of a place's own folder in their stead.
    ///
    /// # Errors
    /// Everything that is wrong with any file, so that all of it can be mended at once.
    pub fn load(own: Option<&Path>) -> Result<Self, WordsError> {
        let (own, mut faults) = folder::read(own)?;
        let mut words = Self {
            chinese: environment(Language::Chinese),
            english: environment(Language::English),
            samples: Vec::new(),
        };
        for row in ROWS {
            let found = match Sheet::read(row, own.get(row.file).map(String::as_str)) {
                Ok(sheet) => {
                    words.add(row.file, &sheet);
                    let found = check::faults(row, &sheet, &words);
                    let samples = sheet.samples(row).unwrap_or_default();
                    words.samples.extend(
                        samples
                            .into_iter()
                            .filter_map(|(name, told)| Some((row.file, name?.to_owned(), told))),
                    );
                    found
                }
                Err(wrong) => vec![Fault {
                    file: row.file.to_owned(),
                    text: None,
                    wrong,
                }],
            };
            faults.extend(found);
        }
        if faults.is_empty() {
            Ok(words)
        } else {
            Err(WordsError::Wrong(faults))
        }
    }

    /// Every sample: its file, its name, and what is told.
    pub fn samples(&self) -> impl Iterator<Item = (&'static str, &str, &Told)> {
        self.samples
            .iter()
            .map(|(file, name, told)| (*file, name.as_str(), told))
    }

    /// The words of a notice.
    ///
    /// # Errors
    /// The template asks for something that the notice does not hold.
    pub fn say(&self, told: &Told, setting: Setting<'_>) -> Result<Said, Unsayable> {
        let around = surroundings(told, setting.happened_at, setting.names);
        let environment = self.environment(setting.language);
        let render = |key: &str| {
            let template = format!("{}/{key}", told.file());
            environment
                .get_template(&template)
                .and_then(|template| template.render(&around))
                .map_err(|source| Unsayable { template, source })
        };
        let (title, text) = (render("title")?, render(setting.form.key())?);
        let mark = match (setting.sandbox, setting.language) {
            (false, _) => "",
            (true, Language::Chinese) => "【测试】",
            (true, Language::English) => "[test] ",
        };
        // A text message has no title that could carry the mark.
        let text_mark = if setting.form == Form::Sms { mark } else { "" };
        Ok(Said {
            title: format!("{mark}{title}"),
            text: format!("{text_mark}{text}"),
        })
    }

    /// How one expression over what is told is shown.
    fn show(
        &self,
        told: &Told,
        language: Language,
        names: &Names,
        expression: &str,
    ) -> Result<String, minijinja::Error> {
        let around = surroundings(told, Timestamp::UNIX_EPOCH, names);
        self.environment(language).render_str(expression, around)
    }

    /// Parses the texts of a file. One that cannot be parsed is left out: the check names it.
    fn add(&mut self, file: &str, sheet: &Sheet) {
        for language in Language::ALL {
            let environment = match language {
                Language::Chinese => &mut self.chinese,
                Language::English => &mut self.english,
            };
            let title = ("title", sheet.title(*language));
            let texts = Form::ALL
                .iter()
                .map(|form| (form.key(), sheet.text(*language, *form)));
            for (key, text) in std::iter::once(title).chain(texts) {
                let _ = environment.add_template_owned(format!("{file}/{key}"), text.to_owned());
            }
        }
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

/// The names of the people in the samples.
pub fn names_of_samples() -> Names {
    Names::from([
        (sample_relative(), "王*".to_owned()),
        (PersonId::from_uuid(Uuid::from_u128(8)), "李*明".to_owned()),
    ])
}

/// The relative of all samples.
pub(crate) const fn sample_relative() -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(7))
}

/// Everything a template sees.
fn surroundings(told: &Told, at: Timestamp, names: &Names) -> Value {
    let names: BTreeMap<String, &str> = names
        .iter()
        .map(|(person, name)| (person.to_string(), name.as_str()))
        .collect();
    context! { at => at.to_string(), names => Value::from(Serde(names)), ..fields(told) }
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
    environment
}

#[cfg(test)]
mod own_words;
#[cfg(test)]
mod tests;
