//! Kin: what a beneficiary is to the contributor, never the other way round (ruling 31 of the design).

use crate::words::words;

words! {
    /// What the beneficiary is to the contributor.
    ///
    /// The first eight are the near relatives of art. 1045 of the Civil Code; national aid covers them and nobody else.
    /// The others exist because older local rules admitted them; only a region's rule pack can allow them.
    pub enum Relation {
        /// 配偶
        Spouse = "SPOUSE",
        /// 父母
        Parent = "PARENT",
        /// 子女
        Child = "CHILD",
        /// 兄弟姐妹
        Sibling = "SIBLING",
        /// 祖父母
        PaternalGrandparent = "PATERNAL_GRANDPARENT",
        /// 外祖父母
        MaternalGrandparent = "MATERNAL_GRANDPARENT",
        /// 孙子女
        SonsChild = "SONS_CHILD",
        /// 外孙子女
        DaughtersChild = "DAUGHTERS_CHILD",
        /// 配偶的父母: not a near relative; legacy packs only (Tai'an).
        SpouseParent = "SPOUSE_PARENT",
    }
}

impl Relation {
    /// The eight near relatives of art. 1045.
    pub const NEAR: [Self; 8] = [
        Self::Spouse,
        Self::Parent,
        Self::Child,
        Self::Sibling,
        Self::PaternalGrandparent,
        Self::MaternalGrandparent,
        Self::SonsChild,
        Self::DaughtersChild,
    ];

    /// Whether the Civil Code calls this a near relative.
    pub fn is_near(self) -> bool {
        Self::NEAR.contains(&self)
    }

    /// The word for people, in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Spouse => "配偶",
            Self::Parent => "父母",
            Self::Child => "子女",
            Self::Sibling => "兄弟姐妹",
            Self::PaternalGrandparent => "祖父母",
            Self::MaternalGrandparent => "外祖父母",
            Self::SonsChild => "孙子女",
            Self::DaughtersChild => "外孙子女",
            Self::SpouseParent => "配偶的父母",
        }
    }

    /// The word for people, in English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::Spouse => "spouse",
            Self::Parent => "parent",
            Self::Child => "child",
            Self::Sibling => "sibling",
            Self::PaternalGrandparent => "paternal grandparent",
            Self::MaternalGrandparent => "maternal grandparent",
            Self::SonsChild => "son's child",
            Self::DaughtersChild => "daughter's child",
            Self::SpouseParent => "spouse's parent",
        }
    }
}
