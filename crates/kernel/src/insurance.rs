//! Enrolment: which scheme a person is in, in what standing, and the two buckets of a personal account.

use crate::words::words;

words! {
    /// The insurance scheme of an enrolment (`insutype`, `domain.md` section 15).
    pub enum Scheme {
        /// 职工医保, 310: the only scheme with money in a personal account.
        Employee = "EMPLOYEE",
        /// 居民医保, 390: may be aided, never contributes.
        Resident = "RESIDENT",
    }
}

impl Scheme {
    /// The national code.
    pub const fn insutype(self) -> &'static str {
        match self {
            Self::Employee => "310",
            Self::Resident => "390",
        }
    }

    /// The scheme with this national code, if Gongji knows it.
    pub fn from_insutype(code: &str) -> Option<Self> {
        [Self::Employee, Self::Resident]
            .into_iter()
            .find(|scheme| scheme.insutype() == code)
    }
}

words! {
    /// How an enrolment stands (`psn_insu_stas`).
    pub enum Standing {
        /// 1: contributions are paid.
        Normal = "NORMAL",
        /// 2: interrupted; what that means for aid is the region's rule.
        Paused = "PAUSED",
        /// 4: over.
        Terminated = "TERMINATED",
    }
}

impl Standing {
    /// The national code.
    pub const fn psn_insu_stas(self) -> &'static str {
        match self {
            Self::Normal => "1",
            Self::Paused => "2",
            Self::Terminated => "4",
        }
    }
}

words! {
    /// Working or retired: deductibles and ratios differ (`psn_type`).
    pub enum PersonKind {
        /// 在职, 1101.
        Working = "WORKING",
        /// 退休, 12xx.
        Retired = "RETIRED",
        /// A resident, 1560: neither.
        Resident = "RESIDENT",
    }
}

impl PersonKind {
    /// The national code of the commonest member of this kind.
    pub const fn psn_type(self) -> &'static str {
        match self {
            Self::Working => "1101",
            Self::Retired => "1201",
            Self::Resident => "1560",
        }
    }
}

words! {
    /// One of the two parts of a personal account. Regions differ in which may pay for relatives.
    pub enum Bucket {
        /// 当年账户: what came in during this medical year.
        Current = "CURRENT",
        /// 历年账户: what earlier years left.
        Prior = "PRIOR",
    }
}
