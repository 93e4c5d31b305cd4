//! What must hold of every file of words before anything is said with it.
//!
//! It is checked at start, for the shipped files and for a place's own: a fault is found by whoever changed the words, and
//! not by whoever was to be told something. What a text *can* reach is a matter of the catalogue: no row for one side holds
//! what is not that side's business, and a text reaches nothing but its row.

use std::collections::BTreeSet;
use std::fmt;

use minijinja::Environment;

use super::sheet::Sheet;
use super::{Form, Language, Names, Setting, Words, filters, names_of_samples, sms};
use crate::notice::{Audience, FieldKind, Row, Told};

/// The most parts of one text message.
const MOST_PARTS: usize = 4;

/// What a text may use besides the fields of its notice: when it happened.
const AT: &str = "at";

/// One thing that is wrong with the words.
#[derive(Debug)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The text in it: `zh.sms`; none where it is about the whole.
    pub text: Option<String>,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The file is not of the schema.
    #[error("it is not a file of words: {0}")]
    Toml(#[source] toml::de::Error),
    /// No notice is told by it.
    #[error("no notice has this name: name it like charged_aid.contributor.toml")]
    Unknown,
    /// A sample is not what the notice holds.
    #[error("the sample {name} does not hold what the notice holds: {source}")]
    Sample {
        /// Which.
        name: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// There is nothing to try it with.
    #[error("there is no sample: add one under [samples.usual]")]
    NoSample,
    /// The row of the catalogue holds what its reader must not be told.
    #[error("a notice for this side must not hold {0}")]
    Forbidden(String),
    /// The text uses something that its notice does not hold.
    #[error("the notice holds no {name}: use one of {fields}")]
    NotHeld {
        /// What it uses.
        name: String,
        /// What there is.
        fields: String,
    },
    /// The template engine does not take it.
    #[error("it cannot be put into words: {0}")]
    Template(#[source] minijinja::Error),
    /// Nothing is said.
    #[error("it says nothing")]
    Empty,
    /// An id is shown where a name belongs.
    #[error("it shows the id of a person: write {{{{ … |name }}}}")]
    ShowsId,
    /// A balance without the version of its account.
    #[error(
        "it tells a balance without the version of its account: a late message would pass it off as the current one"
    )]
    NoVersion,
    /// The file does not say what a text message begins with.
    #[error("`first` must name {0}: a text message has amount and party in its first part")]
    NotFirst(String),
    /// The first part of the text message does not name it.
    #[error("{field} is not in the first {} characters", sms::PART)]
    TooLate {
        /// The field.
        field: String,
    },
    /// The text message is too long.
    #[error("it takes {parts} parts; at most {MOST_PARTS} are sent")]
    TooLong {
        /// How many it takes.
        parts: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{}.toml, {text}: {}", self.file, self.wrong),
            None => write!(f, "{}.toml: {}", self.file, self.wrong),
        }
    }
}

/// What may never reach that side (`domain.md` 12.1), as part of a name.
const fn forbidden(audience: Audience) -> &'static [&'static str] {
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
        // A display link has nothing to do with money.
        Audience::Displayed => &["amount", "balance", "fen", "limit", "left", "contributor"],
    }
}

/// What a row lets its words reach that its reader must not be told; none for every row of the catalogue.
pub(super) fn out_of_bounds(
    audience: Audience,
    fields: &[(&'static str, FieldKind)],
) -> Option<String> {
    fields
        .iter()
        .flat_map(|(name, kind)| std::iter::once(name).chain(kind.reaches()))
        .find(|name| forbidden(audience).iter().any(|word| name.contains(word)))
        .map(|name| (*name).to_owned())
}

/// Everything that is wrong with one file. `words` holds its parsed texts.
pub(super) fn faults(row: &Row, sheet: &Sheet, words: &Words) -> Vec<Fault> {
    let of_file = |wrong| Fault {
        file: row.file.to_owned(),
        text: None,
        wrong,
    };
    let mut found = Vec::new();
    found.extend(
        out_of_bounds(row.audience, row.fields)
            .map(Wrong::Forbidden)
            .map(of_file),
    );
    found.extend(not_first(row, &sheet.first).map(of_file));
    let samples = match sheet.samples(row) {
        Ok(samples) if samples.is_empty() => {
            found.push(of_file(Wrong::NoSample));
            return found;
        }
        Ok(samples) => samples,
        Err(wrong) => {
            found.push(of_file(wrong));
            return found;
        }
    };
    let names = names_of_samples();
    let trial = Trial {
        row,
        sheet,
        words,
        samples: &samples,
        names: &names,
    };
    for language in Language::ALL {
        let title = trial.static_faults(*language, None, sheet.title(*language));
        let sayable = title.is_empty();
        found.extend(title);
        for form in Form::ALL {
            let text = sheet.text(*language, *form);
            let wrong = trial.static_faults(*language, Some(*form), text);
            let sound = sayable && wrong.is_empty();
            found.extend(wrong);
            if sound {
                found.extend(trial.said(*language, *form));
            }
        }
    }
    found
}

/// What a text message must begin with and `first` does not name.
fn not_first(row: &Row, first: &[String]) -> Option<Wrong> {
    let named = |wanted: &str| first.iter().any(|name| name == wanted);
    let people = row
        .fields
        .iter()
        .filter(|(_, kind)| *kind == FieldKind::Who);
    let unnamed = people.map(|(name, _)| *name).find(|name| !named(name));
    let amounts: Vec<_> = row
        .fields
        .iter()
        .filter(|(_, kind)| *kind == FieldKind::Amount)
        .map(|(name, _)| *name)
        .collect();
    let no_amount = !amounts.is_empty() && !amounts.iter().any(|name| named(name));
    unnamed
        .map(ToOwned::to_owned)
        .or_else(|| no_amount.then(|| format!("one of {}", amounts.join(", "))))
        .map(Wrong::NotFirst)
}

/// One file, tried with its samples.
struct Trial<'a> {
    row: &'a Row,
    sheet: &'a Sheet,
    words: &'a Words,
    samples: &'a [(Option<&'a str>, Told)],
    names: &'a Names,
}

impl Trial<'_> {
    fn fault(&self, language: Language, form: Option<Form>, wrong: Wrong) -> Fault {
        let text = form.map_or("title", Form::key);
        Fault {
            file: self.row.file.to_owned(),
            text: Some(format!("{}.{text}", language.code())),
            wrong,
        }
    }

    /// What can be seen of a text without saying it.
    fn static_faults(&self, language: Language, form: Option<Form>, text: &str) -> Vec<Fault> {
        let mut environment = Environment::new();
        filters::add(&mut environment, language);
        let used = match environment.template_from_str(text) {
            Ok(template) => template.undeclared_variables(false),
            Err(error) => return vec![self.fault(language, form, Wrong::Template(error))],
        };
        let used: BTreeSet<_> = used.into_iter().collect();
        let mut wrong = Vec::new();
        for name in &used {
            let field = self.row.fields.iter().find(|(field, _)| field == name);
            match field {
                Some((_, FieldKind::Balances)) if !text.contains(".version") => {
                    wrong.push(Wrong::NoVersion);
                }
                Some(_) => {}
                None if name == AT => {}
                None => wrong.push(Wrong::NotHeld {
                    name: name.clone(),
                    fields: self
                        .row
                        .fields
                        .iter()
                        .map(|(name, _)| *name)
                        .collect::<Vec<_>>()
                        .join(", "),
                }),
            }
        }
        let faults = wrong.into_iter();
        faults
            .map(|wrong| self.fault(language, form, wrong))
            .collect()
    }

    /// What is wrong with what is said of the samples; the first thing only.
    fn said(&self, language: Language, form: Form) -> Option<Fault> {
        let wrong = self
            .samples
            .iter()
            .find_map(|(_, told)| self.say(told, language, form).err())?;
        Some(self.fault(language, Some(form), wrong))
    }

    fn say(&self, told: &Told, language: Language, form: Form) -> Result<(), Wrong> {
        let setting = Setting {
            language,
            form,
            happened_at: jiff::Timestamp::UNIX_EPOCH,
            sandbox: false,
            names: self.names,
        };
        let said = self
            .words
            .say(told, setting)
            .map_err(|unsayable| Wrong::Template(unsayable.source))?;
        for part in [&said.title, &said.text] {
            if part.trim().is_empty() {
                return Err(Wrong::Empty);
            }
            if part.contains("psn_") {
                return Err(Wrong::ShowsId);
            }
        }
        match form {
            Form::Usual | Form::Large => Ok(()),
            Form::Sms => self.fits(told, language, &said.text),
        }
    }

    /// A text message is short and begins with amount and party.
    fn fits(&self, told: &Told, language: Language, text: &str) -> Result<(), Wrong> {
        let parts = sms::parts(text);
        if parts.len() > MOST_PARTS {
            return Err(Wrong::TooLong { parts: parts.len() });
        }
        let part = parts.first().copied().unwrap_or_default();
        for field in &self.sheet.first {
            let kind = self.row.fields.iter().find(|(name, _)| name == field);
            let filter = match kind {
                Some((_, FieldKind::Who)) => "name",
                Some((_, FieldKind::Amount)) => "yuan",
                _ => {
                    return Err(Wrong::NotFirst(
                        "fields that are amounts or people".to_owned(),
                    ));
                }
            };
            let shown = self
                .words
                .show(
                    told,
                    language,
                    self.names,
                    &format!("{{{{ {field}|{filter} }}}}"),
                )
                .map_err(Wrong::Template)?;
            if !part.contains(&shown) {
                return Err(Wrong::TooLate {
                    field: field.clone(),
                });
            }
        }
        Ok(())
    }
}
