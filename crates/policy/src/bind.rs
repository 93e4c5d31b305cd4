//! Who may be bound to whom, and who may end it: the binding-time axes, which must hold in both places (ruling 33 of the design).

use std::num::NonZeroU16;

use kernel::{
    Date, PersonId, Reason, Refusal, Region, Relation, Scheme, Standing, Timestamp, clock,
};

use crate::axes::Rules;
use crate::packs::PackVersion;
use crate::values::{Confirmation, Effect, ExclusiveRole, Model, Period, Span, StandingRule};

mod release;

pub use release::{ReleaseFacts, ReleaseSide, ReleaseTerms, Stage, check_release};

/// One side of a binding as the binding service knows it.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    pub person: PersonId,
    /// Where the enrolment is.
    pub region: Region,
    pub scheme: Scheme,
    pub standing: Standing,
    /// Open bindings (pending, scheduled, active, ending) in which this person contributes, to anybody but the other side.
    pub contributes_to_others: u32,
    /// Open bindings in which this person is the beneficiary, of anybody but the other side.
    pub aided_by_others: u32,
}

/// What a binding is asked for with, and what stands already.
#[derive(Debug, Clone, Copy)]
pub struct BindFacts {
    pub contributor: Side,
    pub beneficiary: Side,
    /// What the beneficiary is to the contributor.
    pub relation: Relation,
    /// Whether an open binding, other than the one in question, already leads from this contributor to this beneficiary.
    pub already_bound: bool,
    /// Whether an open binding leads the other way.
    pub reverse_bound: bool,
    /// The last business day on which it may be used; none asks for as long as the rules allow.
    pub valid_until: Option<Date>,
    pub now: Timestamp,
}

/// On what terms a binding may stand.
#[derive(Debug, Clone, PartialEq)]
pub struct BindTerms {
    /// Who must still agree. Where both must, `effective_from` is the one of the confirmation: check again then.
    pub confirmation: Confirmation,
    /// From when it may be used.
    pub effective_from: Timestamp,
    /// The instant from which it can no longer be used; none is long-term.
    pub valid_until: Option<Timestamp>,
    /// The versions of the rules it was decided under, the contributor's first.
    pub versions: Vec<PackVersion>,
}

/// Decides whether a binding may be made, in the order of `domain.md` 6.1, so that the first thing wrong is what is told.
///
/// `contributor` and `beneficiary` are the rules of the two places on the day of `facts.now`.
///
/// # Errors
/// The refusal for the person who asks; it names no person.
pub fn check(
    facts: &BindFacts,
    contributor: &Rules,
    beneficiary: &Rules,
) -> Result<BindTerms, Refusal> {
    let both = [contributor, beneficiary];
    if facts.contributor.person == facts.beneficiary.person {
        return Err(Reason::SamePerson.into());
    }
    if both.iter().any(|rules| rules.model != Model::Link) {
        return Err(Reason::FundingModelNotLink.into());
    }
    if both
        .iter()
        .any(|rules| !rules.relations.contains(&facts.relation))
    {
        return Err(Refusal::about(
            Reason::RelationNotAllowed,
            facts.relation.code(),
        ));
    }
    check_enrolments(facts, contributor, beneficiary)?;
    if !both.iter().all(|rules| spans(rules.span, facts)) {
        let places = format!("{}, {}", facts.contributor.region, facts.beneficiary.region);
        return Err(Refusal::about(Reason::RegionNotCovered, places));
    }
    check_roles(facts, both)?;
    check_dates(facts, both)
}

/// What the contributor's enrolment must be for money to come from it, by the contributor's own rules.
pub(crate) const fn contributor_refused(standing: Standing, rules: &Rules) -> Option<Reason> {
    match (standing, rules.contributor_standing) {
        (Standing::Terminated, _) => Some(Reason::ContributorTerminated),
        (Standing::Paused, StandingRule::NormalOnly) => Some(Reason::ContributorSuspended),
        _ => None,
    }
}

/// What the beneficiary's enrolment must be to be aided, by the beneficiary's own rules.
pub(crate) const fn beneficiary_refused(standing: Standing, rules: &Rules) -> Option<Reason> {
    match (standing, rules.beneficiary_standing) {
        (Standing::Terminated, _) | (Standing::Paused, StandingRule::NormalOnly) => {
            Some(Reason::BeneficiaryNotInsured)
        }
        _ => None,
    }
}

fn check_enrolments(
    facts: &BindFacts,
    contributor: &Rules,
    beneficiary: &Rules,
) -> Result<(), Refusal> {
    if facts.contributor.scheme != Scheme::Employee {
        return Err(Reason::ContributorNotEmployee.into());
    }
    contributor_refused(facts.contributor.standing, contributor)
        .or_else(|| beneficiary_refused(facts.beneficiary.standing, beneficiary))
        .map_or(Ok(()), |reason| Err(reason.into()))
}

fn spans(span: Span, facts: &BindFacts) -> bool {
    let (one, other) = (facts.contributor.region, facts.beneficiary.region);
    match span {
        Span::SamePool => one.city() == other.city(),
        Span::Province => one.province() == other.province(),
        Span::National => true,
    }
}

/// Exclusive role, counts, reciprocity, duplicate.
fn check_roles(facts: &BindFacts, both: [&Rules; 2]) -> Result<(), Refusal> {
    let exclusive = both
        .iter()
        .any(|rules| rules.exclusive_role == ExclusiveRole::Any);
    let in_two_roles =
        facts.contributor.aided_by_others > 0 || facts.beneficiary.contributes_to_others > 0;
    let held_by_another = facts.beneficiary.aided_by_others > 0;
    if exclusive && (in_two_roles || held_by_another || facts.reverse_bound) {
        return Err(Reason::RoleExclusive.into());
    }
    let counts = [
        (
            facts.contributor.contributes_to_others,
            Reason::TooManyBeneficiaries,
            both.map(|rules| rules.max_beneficiaries),
        ),
        (
            facts.beneficiary.aided_by_others,
            Reason::TooManyContributors,
            both.map(|rules| rules.max_contributors),
        ),
    ];
    for (others, reason, caps) in counts {
        let cap = caps.into_iter().flatten().map(NonZeroU16::get).min();
        if let Some(cap) = cap.filter(|cap| others >= u32::from(*cap)) {
            return Err(Refusal::about(reason, cap.to_string()));
        }
    }
    if facts.reverse_bound && both.iter().any(|rules| !rules.reciprocal_allowed) {
        return Err(Reason::ReciprocalBinding.into());
    }
    if facts.already_bound {
        return Err(Reason::DuplicateBinding.into());
    }
    Ok(())
}

/// The dates of the binding: the later start and the shorter validity of the two places.
fn check_dates(facts: &BindFacts, both: [&Rules; 2]) -> Result<BindTerms, Refusal> {
    let today = clock::business_day(facts.now);
    let effective_from = effective(both.map(|rules| rules.bind_effective), facts.now)?;
    let longest = both
        .iter()
        .filter_map(|rules| rules.max_validity)
        .map(|period| {
            days_after(today, period)?
                .yesterday()
                .map_err(|_| outside(today))
        })
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .min();
    let last = match (facts.valid_until, longest) {
        (Some(last), _) if last < clock::business_day(effective_from) => return Err(outside(last)),
        (Some(last), Some(longest)) if last > longest => return Err(outside(last)),
        (Some(last), _) | (None, Some(last)) => Some(last),
        (None, None) => None,
    };
    let valid_until = last
        .map(|last| {
            last.tomorrow()
                .ok()
                .and_then(clock::start_of)
                .ok_or_else(|| outside(last))
        })
        .transpose()?;
    let both_sign = both
        .iter()
        .any(|rules| rules.confirmation == Confirmation::BothSign);
    Ok(BindTerms {
        confirmation: if both_sign {
            Confirmation::BothSign
        } else {
            Confirmation::ContributorOnly
        },
        effective_from,
        valid_until,
        versions: versions(both),
    })
}

fn outside(day: Date) -> Refusal {
    Refusal::about(Reason::OutsideValidity, day.to_string())
}

/// When a change decided at `now` takes effect: the later of what the two places say.
fn effective(effects: [Effect; 2], now: Timestamp) -> Result<Timestamp, Refusal> {
    if effects == [Effect::Immediate; 2] {
        return Ok(now);
    }
    let today = clock::business_day(now);
    let tomorrow = today.tomorrow().ok().and_then(clock::start_of);
    tomorrow.ok_or_else(|| outside(today))
}

/// The day on which `period` after `day` is over.
fn days_after(day: Date, period: Period) -> Result<Date, Refusal> {
    period.after(day).ok_or_else(|| outside(day))
}

/// The versions of both places, the contributor's first, each once.
fn versions(both: [&Rules; 2]) -> Vec<PackVersion> {
    let mut versions = both[0].versions().to_vec();
    for version in both[1].versions() {
        if !versions.contains(version) {
            versions.push(version.clone());
        }
    }
    versions
}

#[cfg(test)]
mod tests;
