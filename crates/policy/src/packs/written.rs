//! Packs and overlays as they are written: TOML into editions, every error with its line.

use kernel::{Date, Region};
use serde::Deserialize;
use toml::Spanned;

use super::benefit::{Benefits, WrittenBenefits};
use super::edition::{Edition, Grade, Origin, PackVersion};
use super::flaw::{Flaw, PackError};
use crate::axes::{Answers, Axis, Written};

/// The first day of national aid beyond the own person: 国办发〔2021〕14号. Regions that only an overlay names start here.
const FIRST_DAY: &str = "2021-04-22";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    region: Region,
    name_zh: String,
    name_en: String,
    #[serde(default)]
    edition: Vec<Spanned<WrittenEdition>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEdition {
    valid_from: Date,
    valid_to: Option<Date>,
    #[serde(default)]
    rules: Written,
    #[serde(default)]
    benefit: WrittenBenefits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Overlay {
    /// What the overlay is for; becomes part of the pack version.
    overlay: Spanned<String>,
    #[serde(default)]
    region: Vec<Spanned<Overlaid>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Overlaid {
    code: Region,
    /// Values that the pack ships disabled, to be switched on.
    #[serde(default)]
    enable: Vec<Spanned<Axis>>,
    #[serde(default)]
    rules: Written,
    /// The same for values of a benefit: `employee.ratio`.
    #[serde(default)]
    enable_benefit: Vec<Spanned<String>>,
    #[serde(default)]
    benefit: WrittenBenefits,
}

/// A value as every axis writes it: `{ value = …, source = …, grade = … }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry<T> {
    value: Spanned<T>,
    source: String,
    grade: Grade,
    #[serde(default = "enabled")]
    enabled: bool,
}

fn enabled() -> bool {
    true
}

impl<T> Entry<T> {
    /// The value, and where it comes from; who says it is signed later, when the edition is known.
    pub(crate) fn read(self, text: &str) -> (T, Origin) {
        let written = text.get(self.value.span()).unwrap_or_default();
        let origin = Origin {
            version: PackVersion::from_text(""),
            line: line_of(text, self.value.span().start),
            written: written.split_whitespace().collect::<Vec<_>>().join(" "),
            source: self.source,
            grade: self.grade,
            enabled: self.enabled,
        };
        (self.value.into_inner(), origin)
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.matches('\n').count().saturating_add(1)
}

fn parse<'a, T: Deserialize<'a>>(name: &str, text: &'a str) -> Result<T, PackError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        PackError::at(name, line, Flaw::Malformed(error.message().to_owned()))
    })
}

/// The editions of one pack.
pub(super) fn read_pack(name: &str, text: &str) -> Result<Vec<Edition>, PackError> {
    let pack: Pack = parse(name, text)?;
    if pack.edition.is_empty() {
        return Err(PackError::at(name, None, Flaw::NoEdition));
    }
    let mut editions = Vec::with_capacity(pack.edition.len());
    for written in pack.edition {
        let line = line_of(text, written.span().start);
        let written = written.into_inner();
        if written
            .valid_to
            .is_some_and(|last| last < written.valid_from)
        {
            return Err(PackError::at(name, Some(line), Flaw::EndsBeforeItBegins));
        }
        let version = PackVersion::new(pack.region, written.valid_from, None);
        let mut answers = read_rules(name, text, written.rules)?;
        if let Some((axis, origin)) = answers
            .origins()
            .find(|(_, origin)| origin.grade == Grade::C && origin.enabled)
        {
            return Err(PackError::at(
                name,
                Some(origin.line),
                Flaw::GradeCEnabled(axis),
            ));
        }
        answers.sign(&version);
        let mut benefits = Benefits::read(name, text, written.benefit, false)?;
        benefits.sign(&version);
        editions.push(Edition {
            pack: name.to_owned(),
            line,
            region: pack.region,
            name_zh: pack.name_zh.clone(),
            name_en: pack.name_en.clone(),
            valid_from: written.valid_from,
            valid_to: written.valid_to,
            version,
            answers,
            benefits,
        });
    }
    Ok(editions)
}

fn read_rules(name: &str, text: &str, written: Written) -> Result<Answers, PackError> {
    let answers = Answers::read(written, text);
    if let Some((axis, origin)) = answers
        .origins()
        .find(|(_, origin)| origin.source.trim().is_empty())
    {
        return Err(PackError::at(name, Some(origin.line), Flaw::NoSource(axis)));
    }
    Ok(answers)
}

/// Changes the editions of the regions that an overlay names, all of them: an overlay has no dates.
///
/// A region without a pack gets one that holds from the first day of national aid.
pub(super) fn apply_overlay(
    name: &str,
    text: &str,
    editions: &mut Vec<Edition>,
) -> Result<(), PackError> {
    let overlay: Overlay = parse(name, text)?;
    let label = overlay.overlay.get_ref();
    if label.is_empty()
        || label.len() > 20
        || !label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        let line = line_of(text, overlay.overlay.span().start);
        return Err(PackError::at(
            name,
            Some(line),
            Flaw::LabelMalformed(label.clone()),
        ));
    }
    let mut seen = Vec::new();
    for overlaid in overlay.region {
        let line = line_of(text, overlaid.span().start);
        let overlaid = overlaid.into_inner();
        let code = overlaid.code;
        if seen.contains(&code) {
            return Err(PackError::at(name, Some(line), Flaw::RegionTwice(code)));
        }
        seen.push(code);
        if !editions.iter().any(|edition| edition.region == code) {
            editions.push(bare_edition(name, line, code));
        }
        let said = read_rules(name, text, overlaid.rules)?;
        let benefit = Benefits::read(name, text, overlaid.benefit, true)?;
        for edition in editions.iter_mut().filter(|edition| edition.region == code) {
            for axis in &overlaid.enable {
                let origin = edition.answers.origin_mut(*axis.get_ref()).ok_or_else(|| {
                    let line = line_of(text, axis.span().start);
                    PackError::at(
                        name,
                        Some(line),
                        Flaw::NothingToEnable(*axis.get_ref(), code),
                    )
                })?;
                origin.enabled = true;
            }
            for path in &overlaid.enable_benefit {
                if !edition.benefits.enable(path.get_ref()) {
                    let line = line_of(text, path.span().start);
                    let flaw = Flaw::NoBenefitToEnable(path.get_ref().clone(), code);
                    return Err(PackError::at(name, Some(line), flaw));
                }
            }
            edition.benefits.replace(benefit.clone());
            edition.answers.replace(said.clone());
            edition.version = PackVersion::new(code, edition.valid_from, Some(label));
            edition.answers.sign(&edition.version);
            edition.benefits.sign(&edition.version);
        }
    }
    Ok(())
}

fn bare_edition(name: &str, line: usize, region: Region) -> Edition {
    let valid_from = FIRST_DAY.parse().expect("the first day is a date");
    Edition {
        pack: name.to_owned(),
        line,
        region,
        name_zh: region.to_string(),
        name_en: region.to_string(),
        valid_from,
        valid_to: None,
        version: PackVersion::new(region, valid_from, None),
        answers: Answers::default(),
        benefits: Benefits::default(),
    }
}
