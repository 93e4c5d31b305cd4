//! How many, and in which roles: exclusive role, counts, reciprocity, duplicates, changes.

use std::num::NonZeroU16;

use kernel::{Reason, Refusal};

use super::BindFacts;
use crate::axes::Rules;
use crate::values::ExclusiveRole;

pub(super) fn check(facts: &BindFacts<'_>, both: [&Rules; 2]) -> Result<(), Refusal> {
    if let Some(refused) = exclusive(facts, both) {
        return Err(refused.into());
    }
    let (contributor, beneficiary) = (&facts.contributor, &facts.beneficiary);
    let counts = [
        (
            contributor.contributes_to_others,
            Reason::TooManyBeneficiaries,
            both.map(most_beneficiaries),
        ),
        (
            contributor.contributed_to_ever,
            Reason::TooManyBeneficiariesEver,
            both.map(|rules| rules.max_beneficiaries_lifetime.map(NonZeroU16::get)),
        ),
        (
            beneficiary.aided_by_others,
            Reason::TooManyContributors,
            both.map(|rules| rules.max_contributors.map(NonZeroU16::get)),
        ),
    ];
    for (others, reason, caps) in counts {
        let cap = caps.into_iter().flatten().min();
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
    let changes = both.iter().filter_map(|rules| rules.changes_per_year);
    if let Some(most) = changes.map(NonZeroU16::get).min() {
        // Each end is a change, and whoever takes the place that the last allowed one left belongs to it.
        if contributor.ended_this_year > u32::from(most) {
            return Err(Refusal::about(Reason::TooManyChanges, most.to_string()));
        }
    }
    Ok(())
}

fn exclusive(facts: &BindFacts<'_>, both: [&Rules; 2]) -> Option<Reason> {
    let aided = facts.beneficiary.aided_by_others > 0;
    let in_two_roles = facts.contributor.aided_by_others > 0
        || facts.beneficiary.contributes_to_others > 0
        || facts.reverse_bound;
    both.iter()
        .any(|rules| match rules.exclusive_role {
            ExclusiveRole::None => false,
            ExclusiveRole::Beneficiary => aided,
            ExclusiveRole::Any => aided || in_two_roles,
        })
        .then_some(Reason::RoleExclusive)
}

/// The cap on beneficiaries, without the contributor where that is one of them.
fn most_beneficiaries(rules: &Rules) -> Option<u16> {
    let cap = rules.max_beneficiaries?.get();
    Some(if rules.counts_self {
        cap.saturating_sub(1)
    } else {
        cap
    })
}
