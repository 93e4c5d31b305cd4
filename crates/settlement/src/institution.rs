//! A designated hospital or pharmacy, or an agency that collects premiums.

use kernel::{Reason, Refusal, Region, Usage};
use policy::benefit::Tier;
use proto::convert;
use proto::settlement::v1 as pb;

/// What kind of place it is. That is all a contributor learns of where a relative was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Hospital,
    Pharmacy,
    /// Collects premiums, and treats nobody.
    Agency,
}

impl Kind {
    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hospital => "HOSPITAL",
            Self::Pharmacy => "PHARMACY",
            Self::Agency => "AGENCY",
        }
    }

    /// The kind with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Hospital, Self::Pharmacy, Self::Agency]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

impl From<Kind> for pb::InstitutionKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Hospital => Self::Hospital,
            Kind::Pharmacy => Self::Pharmacy,
            Kind::Agency => Self::Agency,
        }
    }
}

/// An institution as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Institution {
    /// `fixmedins_code`.
    pub code: String,
    pub name: String,
    pub kind: Kind,
    pub region: Region,
    /// 1, 2, 3; 0 is ungraded; below one: 4 grassroots, 5 town, 6 village.
    pub tier: i16,
    /// A vendor's test system: it meets test people only.
    pub sandbox: bool,
}

impl Institution {
    /// Its tier, as ratios go by it.
    pub const fn benefit_tier(&self) -> Tier {
        match self.tier {
            1 => Tier::One,
            2 => Tier::Two,
            3 => Tier::Three,
            4 => Tier::Grassroots,
            5 => Tier::Town,
            6 => Tier::Village,
            _ => Tier::Ungraded,
        }
    }
}

impl TryFrom<&pb::Institution> for Institution {
    type Error = Refusal;

    fn try_from(institution: &pb::Institution) -> Result<Self, Refusal> {
        let code = &institution.code;
        if code.is_empty() {
            return Err(Refusal::about(Reason::FieldMissing, "code"));
        }
        if code.len() > 12 || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Refusal::about(
                Reason::MalformedRequest,
                "code: 1 to 12 letters and digits",
            ));
        }
        if institution.name.is_empty() {
            return Err(Refusal::about(Reason::FieldMissing, "name"));
        }
        convert::text("name", &institution.name, 200)?;
        let kind = match institution.kind() {
            pb::InstitutionKind::Hospital => Kind::Hospital,
            pb::InstitutionKind::Pharmacy => Kind::Pharmacy,
            pb::InstitutionKind::Agency => Kind::Agency,
            pb::InstitutionKind::Unspecified => {
                return Err(Refusal::about(Reason::FieldMissing, "kind"));
            }
        };
        let tier = i16::try_from(institution.tier)
            .ok()
            .filter(|tier| (0..=6).contains(tier))
            .ok_or_else(|| Refusal::about(Reason::UnknownCode, "tier"))?;
        Ok(Self {
            code: code.clone(),
            name: institution.name.clone(),
            kind,
            region: convert::region("region", &institution.region)?,
            tier,
            sandbox: institution.sandbox,
        })
    }
}

/// The clearing type of a bill (`clr_type`, `domain.md` section 15): 21 inpatient, 41 pharmacy, 11 outpatient,
/// 99 other.
pub const fn clearing_type(kind: Kind, usage: Usage) -> &'static str {
    match (kind, usage) {
        (_, Usage::HospitalInpatient) => "21",
        (Kind::Pharmacy, _) => "41",
        (Kind::Hospital, _) => "11",
        (Kind::Agency, _) => "99",
    }
}
