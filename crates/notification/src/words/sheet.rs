//! A file of words: what one notice says, in every language and form, with samples of what it may be given.
//!
//! A place may say it in other words: a file of the same name in its own folder replaces the texts it gives, one by
//! one, and leaves the others as shipped.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::check::Wrong;
use super::{Form, Language};
use crate::notice::{Row, Told};

/// The schema of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sheet {
    /// The fields that a text message names in its first part: amount and party.
    pub(super) first: Vec<String>,
    zh: Texts,
    en: Texts,
    /// By name, what the notice may hold.
    samples: BTreeMap<String, serde_json::Value>,
}

/// What is said in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    /// One line, for all forms: party and amount.
    title: String,
    /// The whole, as the inbox shows it.
    text: String,
    /// In large print: few words, one fact per line.
    large: String,
    /// As a text message.
    sms: String,
}

impl Sheet {
    /// The shipped file of a row, with the texts of a place's own file in their stead.
    pub(super) fn read(row: &Row, own: Option<&str>) -> Result<Self, Wrong> {
        let mut table: toml::Table = row.shipped.parse().map_err(Wrong::Toml)?;
        if let Some(own) = own {
            replace(&mut table, own.parse().map_err(Wrong::Toml)?);
        }
        table.try_into().map_err(Wrong::Toml)
    }

    /// The template of the title.
    pub(super) fn title(&self, language: Language) -> &str {
        &self.texts(language).title
    }

    /// The template of the text in a form.
    pub(super) fn text(&self, language: Language, form: Form) -> &str {
        let texts = self.texts(language);
        match form {
            Form::Usual => &texts.text,
            Form::Large => &texts.large,
            Form::Sms => &texts.sms,
        }
    }

    /// The samples by name. What may be absent is also tried without, under no name.
    pub(super) fn samples(&self, row: &Row) -> Result<Vec<(Option<&str>, Told)>, Wrong> {
        let mut samples = Vec::new();
        for (name, fields) in &self.samples {
            let unlike = |source| Wrong::Sample {
                name: name.clone(),
                source,
            };
            samples.push((Some(name.as_str()), row.told(fields).map_err(unlike)?));
            for (field, _) in row.fields {
                let mut without = fields.clone();
                let had = without
                    .as_object_mut()
                    .and_then(|fields| fields.remove(*field));
                let told = had.and_then(|_| row.told(&without).ok());
                samples.extend(told.map(|told| (None, told)));
            }
        }
        Ok(samples)
    }

    fn texts(&self, language: Language) -> &Texts {
        match language {
            Language::Chinese => &self.zh,
            Language::English => &self.en,
        }
    }
}

/// Puts every value of `own` in the place of the one that is there.
fn replace(table: &mut toml::Table, own: toml::Table) {
    for (key, value) in own {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(there)), toml::Value::Table(own)) => replace(there, own),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}
