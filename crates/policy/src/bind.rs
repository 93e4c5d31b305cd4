//! Who may be bound to whom, and who may end it: the binding-time axes, which must hold in both places (ruling 33 of the design).

use kernel::{
    Date, PersonId, Reason, Refusal, Region, Relation, Scheme, Standing, Timestamp, clock,
};

use crate::axes::Rules;
use crate::packs::PackVersion;
use crate::values::{Confirmation, Effect, Model, Period, Span, StandingRule};

mod release;
mod roles;
mod shown;

pub use release::{ReleaseFacts, ReleaseSide, ReleaseTerms, Stage, check_release};
pub use shown::Shown;

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
    /// People whom this person contributes to or ever agreed to contribute to, but for the other side.
    pub contributed_to_ever: u32,
    /// Agreed bindings in which this person contributed and that ended in the present calendar year.
    pub ended_this_year: u32,
}

/// What a binding is asked for with, and what stands already.
#[derive(Debug, Clone, Copy)]
pub struct BindFacts<'a> {
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
    /// What was shown or checked. What is not listed counts as not so.
    pub shown: &'a [Shown],
    /// When it was asked for: before `now` where it waited for the other side's word.
    pub asked_at: Timestamp,
    pub now: Timestamp,
}

/// On what terms a binding may stand.
#[derive(Debug, Clone, PartialEq)]
pub struct BindTerms {
    /// Who must still agree. Where both must, `effective_from` is the one of the confirmation: check again then.
    pub confirmation: Confirmation,
    /// The instant from which the other side's word comes too late; none waits for ever.
    pub confirm_by: Option<Timestamp>,
    /// Whether the agency must approve it, too.
    pub review: bool,
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
    facts: &BindFacts<'_>,
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
    shown::check_readiness(facts, both)?;
    if !both.iter().all(|rules| spans(rules.span, facts)) {
        let places = format!("{}, {}", facts.contributor.region, facts.beneficiary.region);
        return Err(Refusal::about(Reason::RegionNotCovered, places));
    }
    roles::check(facts, both)?;
    shown::check_proofs(facts, both)?;
    check_dates(facts, both)
}

/// What the contributor's enrolment must be for money to come from it, by the contributor's own rules.
pub(crate) const fn contributor_refused(standing: Standing, rules: &Rules) -> Option<Reason> {
    match standing {
        Standing::Terminated => Some(Reason::ContributorTerminated),
        _ => suspended(standing, rules.contributor_standing),
    }
}

const fn suspended(standing: Standing, rule: StandingRule) -> Option<Reason> {
    match (standing, rule) {
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
    facts: &BindFacts<'_>,
    contributor: &Rules,
    beneficiary: &Rules,
) -> Result<(), Refusal> {
    if facts.contributor.scheme != Scheme::Employee {
        return Err(Reason::ContributorNotEmployee.into());
    }
    let to_bind = contributor.contributor_standing_to_bind;
    contributor_refused(facts.contributor.standing, contributor)
        .or_else(|| suspended(facts.contributor.standing, to_bind))
        .or_else(|| beneficiary_refused(facts.beneficiary.standing, beneficiary))
        .map_or(Ok(()), |reason| Err(reason.into()))
}

fn spans(span: Span, facts: &BindFacts<'_>) -> bool {
    let (one, other) = (facts.contributor.region, facts.beneficiary.region);
    match span {
        Span::SamePool => one.city() == other.city(),
        Span::Province => one.province() == other.province(),
        Span::National => true,
    }
}

/// The dates of the binding: the later start and the shorter validity of the two places.
fn check_dates(facts: &BindFacts<'_>, both: [&Rules; 2]) -> Result<BindTerms, Refusal> {
    let today = clock::business_day(facts.now);
    let asked_on = clock::business_day(facts.asked_at);
    let answer_until = answer_until(asked_on, both)?;
    if let Some(day) = answer_until.filter(|day| *day <= today) {
        return Err(Refusal::about(Reason::InvitationExpired, day.to_string()));
    }
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
    let confirmation = both[0].confirmation.max(both[1].confirmation);
    Ok(BindTerms {
        confirmation,
        confirm_by: answer_until.and_then(clock::start_of),
        review: both.iter().any(|rules| rules.agency_review),
        effective_from,
        valid_until,
        versions: versions(both),
    })
}

/// The first day on which an answer comes too late: the shorter time of the two places, and never the day of the request.
fn answer_until(asked_on: Date, both: [&Rules; 2]) -> Result<Option<Date>, Refusal> {
    let days = both
        .iter()
        .filter_map(|rules| rules.confirm_within)
        .map(|period| days_after(asked_on, period))
        .collect::<Result<Vec<_>, _>>()?;
    let next = asked_on.tomorrow().map_err(|_| outside(asked_on))?;
    Ok(days.into_iter().min().map(|day| day.max(next)))
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
pub(crate) fn versions(both: [&Rules; 2]) -> Vec<PackVersion> {
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
