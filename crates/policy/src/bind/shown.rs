//! What has to be there before two people are bound: the function enabled, credentials, a balance, proofs of kinship.

use kernel::{Fen, Reason, Refusal, Relation};

use super::BindFacts;
use crate::axes::Rules;
use crate::values::{Proof, Sides};

/// Something that was shown or checked for a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A proof of kinship.
    Proof(Proof),
    /// The contributor has enabled mutual aid.
    FunctionEnabled,
    /// The contributor's e-credential is activated.
    ContributorCredential,
    /// The beneficiary's e-credential is activated.
    BeneficiaryCredential,
    /// The contributor may show the beneficiary's code (亲情账户).
    DisplayLink,
    /// What of the contributor's account is usable for others.
    Balance(Fen),
}

/// What concerns the people, whoever they are to each other.
pub(super) fn check_readiness(facts: &BindFacts<'_>, both: [&Rules; 2]) -> Result<(), Refusal> {
    let has = |what| facts.shown.contains(&what);
    let any = |needed: fn(&Rules) -> bool| both.into_iter().any(needed);
    if any(|rules| rules.enable_first) && !has(Shown::FunctionEnabled) {
        return Err(Reason::FunctionNotEnabled.into());
    }
    if any(|rules| rules.credential_required != Sides::None) && !has(Shown::ContributorCredential) {
        return Err(Refusal::about(
            Reason::CredentialNotActivated,
            "contributor",
        ));
    }
    if any(|rules| rules.credential_required == Sides::Both) && !has(Shown::BeneficiaryCredential) {
        return Err(Refusal::about(
            Reason::CredentialNotActivated,
            "beneficiary",
        ));
    }
    if any(|rules| rules.display_link_required) && !has(Shown::DisplayLink) {
        return Err(Reason::DisplayLinkNeeded.into());
    }
    let balance = facts.shown.iter().find_map(|shown| match shown {
        Shown::Balance(balance) => Some(*balance),
        _ => None,
    });
    let [one, other] = both.map(|rules| rules.min_balance_to_bind);
    let least = one.max(other);
    // A rule that asks for nothing is met by an account nobody has looked at.
    if least.is_positive() && balance.is_none_or(|balance| balance < least) {
        return Err(Refusal::about(
            Reason::BalanceTooLowToBind,
            least.to_string(),
        ));
    }
    Ok(())
}

/// What the kinship itself must be backed by.
pub(super) fn check_proofs(facts: &BindFacts<'_>, both: [&Rules; 2]) -> Result<(), Refusal> {
    let needed = both.iter().flat_map(|rules| &rules.proof);
    let mut needed = needed
        .filter(|proof| **proof != Proof::MarriageCheck || facts.relation == Relation::Spouse);
    match needed.find(|proof| !facts.shown.contains(&Shown::Proof(**proof))) {
        Some(missing) => Err(Refusal::about(Reason::KinProofMissing, missing.code())),
        None => Ok(()),
    }
}
