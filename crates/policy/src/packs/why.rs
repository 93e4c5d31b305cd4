//! Why a rule of a place is what it is: every pack on the line, the narrowest first, and what became of its word.

use kernel::{Date, Refusal, Region};

use super::{Edition, Origin, Packs};
use crate::axes::Axis;

/// What became of one pack's word on one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It is there and not in force: grade C, or something that is not connected yet.
    Disabled,
    /// A narrower place has spoken.
    Overruled,
    /// It says nothing of it.
    Silent,
}

/// One pack on the line.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    pub edition: &'a Edition,
    /// What it says; none where it is silent.
    pub origin: Option<&'a Origin>,
    pub verdict: Verdict,
}

/// Who says what an axis is in a place on a day, and who was passed over.
#[derive(Debug, Clone)]
pub struct Why<'a> {
    pub region: Region,
    pub on: Date,
    pub axis: Axis,
    /// The narrowest place first; one of them holds.
    pub words: Vec<Word<'a>>,
}

impl Packs {
    /// The editions whose word counts in `region` on a day, the narrowest place first.
    pub fn line(&self, region: Region, on: Date) -> impl Iterator<Item = &Edition> {
        region.lineage().flat_map(move |place| {
            let editions = self.editions.iter();
            editions.filter(move |edition| edition.region == place && edition.covers(on))
        })
    }

    /// Why `axis` is what it is in `region` on a day.
    ///
    /// # Errors
    /// `REGION_UNKNOWN`, as [`Packs::rules`].
    pub fn why(&self, region: Region, axis: Axis, on: Date) -> Result<Why<'_>, Refusal> {
        self.rules(region, on)?;
        let mut spoken = false;
        let words = self.line(region, on).map(|edition| {
            let origin = edition.answers.origin(axis);
            let verdict = match origin {
                None => Verdict::Silent,
                Some(origin) if !origin.enabled => Verdict::Disabled,
                Some(_) if spoken => Verdict::Overruled,
                Some(_) => Verdict::Holds,
            };
            spoken |= verdict == Verdict::Holds;
            Word {
                edition,
                origin,
                verdict,
            }
        });
        Ok(Why {
            region,
            on,
            axis,
            words: words.collect(),
        })
    }
}

impl<'a> Why<'a> {
    /// The word that holds.
    pub fn holds(&self) -> &Word<'a> {
        self.words
            .iter()
            .find(|word| word.verdict == Verdict::Holds)
            .expect("the nation answers every axis")
    }

    /// One sentence per pack, in Chinese: who says so first.
    pub fn zh(&self) -> Vec<String> {
        self.sentences(Word::zh)
    }

    /// One sentence per pack, in English.
    pub fn en(&self) -> Vec<String> {
        self.sentences(Word::en)
    }

    fn sentences(&self, sentence: impl Fn(&Word<'a>) -> String) -> Vec<String> {
        let others = self
            .words
            .iter()
            .filter(|word| word.verdict != Verdict::Holds);
        let all = std::iter::once(self.holds()).chain(others);
        all.map(sentence).collect()
    }
}

impl Word<'_> {
    fn zh(&self) -> String {
        let (name, version) = (&self.edition.name_zh, &self.edition.version);
        let Some(origin) = self.origin else {
            return format!("{name}（{version}）未作规定。");
        };
        let Origin {
            written,
            source,
            grade,
            line,
            ..
        } = origin;
        let said =
            format!("{name}规定为 {written}（{version}第{line}行；依据：{source}；等级 {grade}）");
        match self.verdict {
            Verdict::Overruled => format!("{said}，已由更具体的地方规定取代。"),
            Verdict::Disabled => format!("{said}，未启用，{}。", disabled_zh(origin)),
            Verdict::Holds | Verdict::Silent => format!("{said}，现行有效。"),
        }
    }

    fn en(&self) -> String {
        let (name, version) = (&self.edition.name_en, &self.edition.version);
        let Some(origin) = self.origin else {
            return format!("{name} ({version}) says nothing of it.");
        };
        let Origin {
            written,
            source,
            grade,
            line,
            ..
        } = origin;
        let said = format!(
            "{name} says {written} ({version}, line {line}; source: {source}; grade {grade})"
        );
        match self.verdict {
            Verdict::Overruled => {
                format!("{said}; passed over, because a narrower place has spoken.")
            }
            Verdict::Disabled => format!("{said}; passed over, because {}.", disabled_en(origin)),
            Verdict::Holds | Verdict::Silent => format!("{said}; this holds."),
        }
    }
}

fn disabled_zh(origin: &Origin) -> &'static str {
    match origin.grade {
        super::Grade::C => "来源尚未核实，核实后可由叠加规则启用",
        _ => "所需条件尚不具备，可由叠加规则启用",
    }
}

fn disabled_en(origin: &Origin) -> &'static str {
    match origin.grade {
        super::Grade::C => "its source is not verified; an overlay can enable it",
        _ => "what it needs is not there yet; an overlay can enable it",
    }
}
