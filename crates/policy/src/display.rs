//! Who may show whose insurance code (亲情账户, `domain.md` 6.4, ruling 38 of the design), and what proves that they may.
//!
//! Nothing here knows an amount: a display link never moves money.

use jiff::Unit;
use kernel::{Date, PersonId, Reason, Refusal, Standing};

use crate::axes::Rules;
use crate::bind::versions;
use crate::packs::PackVersion;
use crate::values::Presence;

/// What a link is asked for with, and what stands already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkFacts {
    pub binder: PersonId,
    pub relative: PersonId,
    /// Whether the binder's own e-credential is activated.
    pub binder_activated: bool,
    /// How the relative's best enrolment stands; none has no enrolment.
    pub relative_standing: Option<Standing>,
    /// The binder's links that became active in this calendar month, ended ones included, and those that still wait.
    pub links_this_month: u32,
    /// How many others show the relative's code now.
    pub other_binders: u32,
    /// Whether a link between these two is open.
    pub linked: bool,
}

/// On what terms a code may be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkTerms {
    pub presence: Presence,
    /// The versions of the rules it was decided under, the binder's first.
    pub versions: Vec<PackVersion>,
}

/// What a display link may be proven by. Gongji keeps a hash of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// The relative's own face was verified.
    Face,
    /// The relative's page of the household register.
    HouseholdPage,
    /// Photos of the relative's ID card.
    IdPhotos,
    BirthCertificate,
    /// The pages of both.
    BothHouseholdPages,
    NotarisedRelation,
}

impl Evidence {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Face,
        Self::HouseholdPage,
        Self::IdPhotos,
        Self::BirthCertificate,
        Self::BothHouseholdPages,
        Self::NotarisedRelation,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Face => "FACE",
            Self::HouseholdPage => "HOUSEHOLD_PAGE",
            Self::IdPhotos => "ID_PHOTOS",
            Self::BirthCertificate => "BIRTH_CERTIFICATE",
            Self::BothHouseholdPages => "BOTH_HOUSEHOLD_PAGES",
            Self::NotarisedRelation => "NOTARISED_RELATION",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What a person of full age for this purpose shows.
const OWN: &[Evidence] = &[Evidence::Face, Evidence::HouseholdPage, Evidence::IdPhotos];
/// What is shown for a child, whose face is never asked for.
const OF_BIRTH: &[Evidence] = &[
    Evidence::BirthCertificate,
    Evidence::BothHouseholdPages,
    Evidence::NotarisedRelation,
];
/// Where the ID number tells no age: papers only, so that no child's face is asked for.
const PAPERS: &[Evidence] = &[
    Evidence::HouseholdPage,
    Evidence::IdPhotos,
    Evidence::BirthCertificate,
    Evidence::BothHouseholdPages,
    Evidence::NotarisedRelation,
];

/// Decides whether a link may be asked for. `binder` and `relative` are the rules of the two places of insurance, and the
/// stricter holds.
///
/// # Errors
/// The refusal for the person who asks; it names no person.
pub fn check(facts: &LinkFacts, binder: &Rules, relative: &Rules) -> Result<LinkTerms, Refusal> {
    if facts.binder == facts.relative {
        return Err(Reason::DisplayLinkSelf.into());
    }
    if !facts.binder_activated {
        return Err(Refusal::about(Reason::CredentialNotActivated, "binder"));
    }
    if facts.linked {
        return Err(Reason::DisplayLinkExists.into());
    }
    let both = [binder, relative];
    let per_month = both.map(|rules| rules.display_link.per_month.get());
    let per_month = per_month[0].min(per_month[1]);
    if facts.links_this_month >= u32::from(per_month) {
        return Err(Refusal::about(
            Reason::DisplayLinksOfMonthUsed,
            per_month.to_string(),
        ));
    }
    check_active(facts, binder, relative)
}

/// Decides whether a link that was asked for may become active: what may have changed since is looked at again.
///
/// # Errors
/// `RELATIVE_NOT_INSURED`, `TOO_MANY_BINDERS` with the cap.
pub fn check_active(
    facts: &LinkFacts,
    binder: &Rules,
    relative: &Rules,
) -> Result<LinkTerms, Refusal> {
    if facts.relative_standing != Some(Standing::Normal) {
        return Err(Reason::RelativeNotInsured.into());
    }
    let both = [binder, relative];
    let binders = both.map(|rules| rules.display_link.binders.get());
    let binders = binders[0].min(binders[1]);
    if facts.other_binders >= u32::from(binders) {
        return Err(Refusal::about(Reason::TooManyBinders, binders.to_string()));
    }
    let counter = both
        .iter()
        .any(|rules| rules.display_link.presence == Presence::Counter);
    Ok(LinkTerms {
        presence: if counter {
            Presence::Counter
        } else {
            Presence::Anywhere
        },
        versions: versions(both),
    })
}

/// What may be handed in for a relative who was born on `born`; none tells no age.
pub fn wanted(born: Option<Date>, today: Date, both: [&Rules; 2]) -> &'static [Evidence] {
    let face_from = both.map(|rules| rules.display_link.face_from_age);
    let face_from = i32::from(face_from[0].max(face_from[1]));
    match born.map(|born| age(born, today)) {
        None => PAPERS,
        Some(age) if age < face_from => OF_BIRTH,
        Some(_) => OWN,
    }
}

/// Decides whether evidence fits the relative's age.
///
/// # Errors
/// `DISPLAY_EVIDENCE_UNFIT` naming what does.
pub fn check_evidence(given: Evidence, wanted: &[Evidence]) -> Result<(), Refusal> {
    if wanted.contains(&given) {
        return Ok(());
    }
    let wanted: Vec<_> = wanted.iter().map(|kind| kind.code()).collect();
    Err(Refusal::about(
        Reason::DisplayEvidenceUnfit,
        wanted.join(", "),
    ))
}

/// Whole years; a birthday counts from its morning.
fn age(born: Date, today: Date) -> i32 {
    born.until((Unit::Year, today))
        .map_or(0, |span| i32::from(span.get_years()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use kernel::Region;
    use uuid::Uuid;

    use super::*;
    use crate::Packs;

    fn rules() -> Rules {
        let region: Region = "320600".parse().unwrap();
        let packs = Packs::shipped();
        Rules::clone(packs.rules(region, date(2026, 1, 31)).unwrap())
    }

    fn facts() -> LinkFacts {
        LinkFacts {
            binder: PersonId::from_uuid(Uuid::from_u128(1)),
            relative: PersonId::from_uuid(Uuid::from_u128(2)),
            binder_activated: true,
            relative_standing: Some(Standing::Normal),
            links_this_month: 0,
            other_binders: 0,
            linked: false,
        }
    }

    fn refused(facts: LinkFacts) -> Reason {
        let rules = rules();
        check(&facts, &rules, &rules).unwrap_err().reason
    }

    #[test]
    fn a_shown_code_is_for_the_counter() {
        let rules = rules();
        let terms = check(&facts(), &rules, &rules).unwrap();
        assert_eq!(terms.presence, Presence::Counter);
        assert!(!terms.versions.is_empty());
    }

    #[test]
    fn each_thing_that_is_missing_has_its_own_sentence() {
        let itself = LinkFacts {
            relative: facts().binder,
            ..facts()
        };
        assert_eq!(refused(itself), Reason::DisplayLinkSelf);
        let asleep = LinkFacts {
            binder_activated: false,
            ..facts()
        };
        assert_eq!(refused(asleep), Reason::CredentialNotActivated);
        let linked = LinkFacts {
            linked: true,
            ..facts()
        };
        assert_eq!(refused(linked), Reason::DisplayLinkExists);
        for standing in [None, Some(Standing::Paused), Some(Standing::Terminated)] {
            let uninsured = LinkFacts {
                relative_standing: standing,
                ..facts()
            };
            assert_eq!(refused(uninsured), Reason::RelativeNotInsured);
        }
    }

    #[test]
    fn six_a_month_and_two_binders_are_the_most() {
        let [five, six] = [5, 6].map(|links_this_month| LinkFacts {
            links_this_month,
            ..facts()
        });
        let rules = rules();
        assert!(check(&five, &rules, &rules).is_ok());
        assert_eq!(refused(six), Reason::DisplayLinksOfMonthUsed);
        let [one, two] = [1, 2].map(|other_binders| LinkFacts {
            other_binders,
            ..facts()
        });
        assert!(check(&one, &rules, &rules).is_ok());
        assert_eq!(refused(two), Reason::TooManyBinders);
    }

    #[test]
    fn the_stricter_of_two_places_holds() {
        let (one, mut other) = (rules(), rules());
        other.display_link.per_month = 5.try_into().unwrap();
        other.display_link.presence = Presence::Anywhere;
        let five = LinkFacts {
            links_this_month: 5,
            ..facts()
        };
        for both in [[&one, &other], [&other, &one]] {
            let refused = check(&five, both[0], both[1]).unwrap_err();
            assert_eq!(refused.reason, Reason::DisplayLinksOfMonthUsed);
            let terms = check(&facts(), both[0], both[1]).unwrap();
            assert_eq!(terms.presence, Presence::Counter);
        }
    }

    #[test]
    fn a_childs_face_is_never_asked_for_and_from_the_birthday_on_it_may_be() {
        let rules = rules();
        let wanted = |born| wanted(born, date(2026, 3, 2), [&rules, &rules]);
        let before = wanted(Some(date(2010, 3, 3)));
        let birthday = wanted(Some(date(2010, 3, 2)));
        assert!(check_evidence(Evidence::Face, birthday).is_ok());
        assert!(check_evidence(Evidence::BirthCertificate, before).is_ok());
        let unfit = check_evidence(Evidence::Face, before).unwrap_err();
        assert_eq!(unfit.reason, Reason::DisplayEvidenceUnfit);
        assert!(unfit.about.unwrap().starts_with("BIRTH_CERTIFICATE"));
        assert!(check_evidence(Evidence::BirthCertificate, birthday).is_err());
        assert!(check_evidence(Evidence::Face, wanted(None)).is_err());
    }

    #[test]
    fn every_kind_of_evidence_has_its_code() {
        for kind in Evidence::ALL {
            assert_eq!(Evidence::from_code(kind.code()), Some(kind));
        }
    }
}
