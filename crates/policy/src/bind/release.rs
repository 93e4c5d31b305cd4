//! Who may end a binding, when, and from which instant it stops paying.

use kernel::{Reason, Refusal, Timestamp, clock};

use super::{days_after, effective, versions};
use crate::axes::Rules;
use crate::packs::PackVersion;
use crate::values::ReleaseBy;

/// Who asks for the end. An operator asks in the name of one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseSide {
    Contributor,
    Beneficiary,
}

/// How far the binding has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Asked for, and not agreed or not in effect yet: either side may withdraw it, at once (ruling 19 of the design).
    NotYetInEffect,
    /// Agreed at this instant, and in effect.
    InEffect { bound_at: Timestamp },
}

/// What an end is asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseFacts {
    pub by: ReleaseSide,
    pub stage: Stage,
    pub now: Timestamp,
}

/// On what terms a binding may end.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseTerms {
    /// From when it must not pay any more; until then it may.
    pub ends_at: Timestamp,
    /// The versions of the rules it was decided under, the contributor's first.
    pub versions: Vec<PackVersion>,
}

/// Decides whether a binding may be ended, by the stricter of the two places.
///
/// # Errors
/// `RELEASE_BY_CONTRIBUTOR` where the beneficiary may not, `MIN_BIND_NOT_MET` with the first day on which it can end.
pub fn check_release(
    facts: &ReleaseFacts,
    contributor: &Rules,
    beneficiary: &Rules,
) -> Result<ReleaseTerms, Refusal> {
    let both = [contributor, beneficiary];
    let Stage::InEffect { bound_at } = facts.stage else {
        return Ok(ReleaseTerms {
            ends_at: facts.now,
            versions: versions(both),
        });
    };
    let by_either = both
        .iter()
        .all(|rules| rules.release_by == ReleaseBy::Either);
    if facts.by == ReleaseSide::Beneficiary && !by_either {
        return Err(Reason::ReleaseByContributor.into());
    }
    let bound_on = clock::business_day(bound_at);
    for rules in both {
        let first = days_after(bound_on, rules.min_bind)?;
        if clock::business_day(facts.now) < first {
            return Err(Refusal::about(Reason::MinBindNotMet, first.to_string()));
        }
    }
    Ok(ReleaseTerms {
        ends_at: effective(both.map(|rules| rules.unbind_effective), facts.now)?,
        versions: versions(both),
    })
}
