//! Figures that differ by whether somebody works, by tier of the institution, and by contribution grade.
//!
//! A pack may write one figure for all, one per status, one per tier, or one per tier of each status. What it does not say is
//! not guessed: there is no figure then, and the fund pays nothing.

use std::collections::BTreeMap;
use std::fmt;

use kernel::{Fen, PersonKind};
use serde::Deserialize;

/// A share between nothing and the whole, in basis points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "Scalar")]
pub struct Percent(u16);

impl Percent {
    pub const NOTHING: Self = Self(0);
    pub const WHOLE: Self = Self(10_000);

    /// So many hundredths of a percent; none above the whole.
    pub const fn from_basis_points(points: u16) -> Option<Self> {
        if points <= Self::WHOLE.0 {
            Some(Self(points))
        } else {
            None
        }
    }

    /// Hundredths of a percent.
    pub const fn basis_points(self) -> u16 {
        self.0
    }

    /// This share of an amount, by the benefit's rounding; none if it does not fit.
    pub(super) fn of(self, amount: Fen) -> Option<Fen> {
        let product = i128::from(amount.get()).checked_mul(self.0.into())?;
        super::rounded(product, 10_000)
    }
}

/// A ratio between 0 and 1 with four decimals, as the interface writes it.
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:04}", self.0 / 10_000, self.0 % 10_000))
    }
}

/// Declares words with the key that a pack writes for each.
macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $key:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$word_doc])* $word,)* }

        impl $name {
            /// Every one, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];

            /// The key in a pack.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$word => $key,)* }
            }

            fn from_key(key: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.key() == key)
            }
        }
    )*};
}

keys! {
    /// What kind of insured person.
    Status {
        /// 在职
        Working = "working",
        /// 退休
        Retired = "retired",
        /// 居民
        Resident = "resident",
    }

    /// How high an institution is (`hosp_lv`), as far as ratios differ by it.
    Tier {
        /// 村卫生室
        Village = "village",
        /// 乡镇卫生院
        Town = "town",
        /// 基层, below level two
        Grassroots = "grassroots",
        /// 一级
        One = "tier_1",
        /// 二级
        Two = "tier_2",
        /// 三级
        Three = "tier_3",
        /// 未定级, pharmacies among them
        Ungraded = "ungraded",
    }
}

impl From<PersonKind> for Status {
    fn from(kind: PersonKind) -> Self {
        match kind {
            PersonKind::Working => Self::Working,
            PersonKind::Retired => Self::Retired,
            PersonKind::Resident => Self::Resident,
        }
    }
}

impl Tier {
    /// Which tier's figure holds where a table has none for this one: small places are taken for the next larger kind of
    /// small place, and in the end, like what is ungraded, for tier one.
    const fn instead(self) -> Option<Self> {
        match self {
            Self::Village => Some(Self::Town),
            Self::Town => Some(Self::Grassroots),
            Self::Grassroots | Self::Ungraded => Some(Self::One),
            Self::One | Self::Two | Self::Three => None,
        }
    }
}

/// A figure per status and tier.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    try_from = "Tree",
    bound(deserialize = "Self: TryFrom<Tree, Error = String>")
)]
pub struct ByTier<T>(BTreeMap<(Status, Tier), T>);

impl<T: Copy> ByTier<T> {
    /// The figure for a person at an institution; none where the source gives none.
    pub fn of(&self, status: Status, tier: Tier) -> Option<T> {
        let mut at = Some(tier);
        while let Some(tier) = at {
            if let Some(figure) = self.0.get(&(status, tier)) {
                return Some(*figure);
            }
            at = tier.instead();
        }
        None
    }

    fn read(tree: &Tree, figure: fn(&Scalar) -> Result<T, String>) -> Result<Self, String> {
        let mut figures = BTreeMap::new();
        for status in Status::ALL {
            let Some(tree) = tree.branch(*status)? else {
                continue;
            };
            for tier in Tier::ALL {
                match tree {
                    Tree::Figure(scalar) => {
                        figures.insert((*status, *tier), figure(scalar)?);
                    }
                    Tree::Table(tiers) => match tiers.get(tier.key()) {
                        Some(Tree::Figure(scalar)) => {
                            figures.insert((*status, *tier), figure(scalar)?);
                        }
                        Some(Tree::Table(_)) => {
                            return Err(format!("`{}` is one figure", tier.key()));
                        }
                        None => {}
                    },
                }
            }
        }
        Ok(Self(figures))
    }
}

/// A figure per contribution grade (1 is the lowest contribution), or one for all.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    try_from = "Tree",
    bound(deserialize = "Self: TryFrom<Tree, Error = String>")
)]
pub enum ByGrade<T> {
    All(T),
    Each(BTreeMap<u8, T>),
}

/// The cap of a year; none is no cap.
impl ByGrade<Option<Fen>> {
    /// The cap for a grade. Whoever's grade is not known, or not in the table, has the lowest cap of it.
    pub fn of(&self, grade: Option<u8>) -> Option<Fen> {
        match self {
            Self::All(cap) => *cap,
            Self::Each(caps) => match grade.and_then(|grade| caps.get(&grade)) {
                Some(cap) => *cap,
                None => caps.values().flatten().min().copied(),
            },
        }
    }
}

/// A value as a pack writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a figure, or a table of figures")]
pub(crate) enum Tree {
    Figure(Scalar),
    Table(BTreeMap<String, Tree>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected whole percent, or a decimal in quotes")]
pub(crate) enum Scalar {
    Number(i64),
    Text(String),
}

impl Tree {
    /// What holds for a status: its own branch, or the whole where the table knows tiers only.
    fn branch(&self, status: Status) -> Result<Option<&Self>, String> {
        let Self::Table(branches) = self else {
            return Ok(Some(self));
        };
        let of_tiers = |branches: &BTreeMap<String, Self>| {
            branches.keys().all(|key| Tier::from_key(key).is_some())
        };
        if of_tiers(branches) {
            return Ok(Some(self));
        }
        for (key, branch) in branches {
            if Status::from_key(key).is_none() {
                return Err(format!("`{key}` is neither a status nor a tier"));
            }
            if let Self::Table(tiers) = branch
                && !of_tiers(tiers)
            {
                return Err(format!("a key under `{key}` is not a tier"));
            }
        }
        Ok(branches.get(status.key()))
    }
}

impl Scalar {
    fn percent(&self) -> Result<Percent, String> {
        let outside = || "a share lies between 0 and 100 percent".to_owned();
        let points = match self {
            Self::Number(percent) => percent.checked_mul(100).ok_or_else(outside)?,
            // Two decimals of a percent are read as two decimals of a yuan are.
            Self::Text(text) => text
                .parse::<Fen>()
                .map_err(|_| format!("{text:?} is not a decimal number of percent"))?
                .get(),
        };
        u16::try_from(points)
            .ok()
            .and_then(Percent::from_basis_points)
            .ok_or_else(outside)
    }

    fn yuan(&self) -> Result<Fen, String> {
        match self {
            Self::Number(_) => Err("yuan are written in quotes, like \"1800.00\"".to_owned()),
            Self::Text(text) => {
                let fen: Fen = text
                    .parse()
                    .map_err(|malformed: kernel::fen::MalformedAmount| malformed.to_string())?;
                if fen.is_negative() {
                    return Err(format!("{text:?} is below zero"));
                }
                Ok(fen)
            }
        }
    }

    fn cap(&self) -> Result<Option<Fen>, String> {
        match self {
            Self::Text(text) if text == "UNLIMITED" => Ok(None),
            figure => figure.yuan().map(Some),
        }
    }
}

impl TryFrom<Scalar> for Percent {
    type Error = String;

    fn try_from(scalar: Scalar) -> Result<Self, String> {
        scalar.percent()
    }
}

impl TryFrom<Tree> for ByTier<Percent> {
    type Error = String;

    fn try_from(tree: Tree) -> Result<Self, String> {
        Self::read(&tree, Scalar::percent)
    }
}

impl TryFrom<Tree> for ByTier<Fen> {
    type Error = String;

    fn try_from(tree: Tree) -> Result<Self, String> {
        Self::read(&tree, Scalar::yuan)
    }
}

impl TryFrom<Tree> for ByGrade<Option<Fen>> {
    type Error = String;

    fn try_from(tree: Tree) -> Result<Self, String> {
        let grades = match tree {
            Tree::Figure(scalar) => return scalar.cap().map(Self::All),
            Tree::Table(grades) => grades,
        };
        let mut caps = BTreeMap::new();
        for (key, tree) in &grades {
            let grade = key
                .strip_prefix("grade_")
                .and_then(|grade| grade.parse::<u8>().ok())
                .ok_or_else(|| format!("`{key}` is not a grade like `grade_1`"))?;
            let Tree::Figure(scalar) = tree else {
                return Err(format!("`{key}` is one figure"));
            };
            caps.insert(grade, scalar.cap()?);
        }
        if caps.is_empty() {
            return Err("a table of caps without a grade says nothing".to_owned());
        }
        Ok(Self::Each(caps))
    }
}
