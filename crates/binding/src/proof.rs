//! What a statement of kinship is backed by: hashes of papers and of checks, never a document and never a face.

use kernel::{PersonId, Reason, Refusal, Role};
use policy::values::Proof;

use crate::actor::Actor;

/// One proof that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KinProof {
    pub kind: Proof,
    /// SHA-256 of it.
    pub digest: [u8; 32],
}

/// Whether the caller may hand these in. A face is the beneficiary's own to show; a marriage is found by the agency.
///
/// # Errors
/// `NOT_YOURS` for another's face, `ACCESS_DENIED` for a check that only the agency makes.
pub fn may_hand_in(
    proofs: &[KinProof],
    by: &Actor,
    beneficiary: Option<PersonId>,
) -> Result<(), Refusal> {
    if by.caller.role == Role::Operator {
        return Ok(());
    }
    let is_beneficiary = beneficiary.is_some() && by.caller.person() == beneficiary;
    proofs.iter().try_for_each(|proof| match proof.kind {
        Proof::Commitment | Proof::HouseholdPage => Ok(()),
        Proof::Face if is_beneficiary => Ok(()),
        Proof::Face => Err(Refusal::about(Reason::NotYours, proof.kind.code())),
        Proof::MarriageCheck => Err(Refusal::about(Reason::AccessDenied, proof.kind.code())),
    })
}

#[cfg(test)]
mod tests {
    use chassis::access::Caller;

    use super::*;

    fn by(role: Role, subject: &str) -> Actor {
        Actor {
            caller: Caller {
                role,
                subject: subject.to_owned(),
                about: None,
            },
            trace: None,
        }
    }

    #[test]
    fn a_face_is_ones_own_and_a_marriage_the_agencys() {
        let beneficiary = PersonId::generate();
        let citizen = by(Role::Citizen, &beneficiary.to_string());
        let other = by(Role::Citizen, &PersonId::generate().to_string());
        let proof = |kind| {
            [KinProof {
                kind,
                digest: [1; 32],
            }]
        };
        let may = |kind, by: &Actor| may_hand_in(&proof(kind), by, Some(beneficiary)).is_ok();
        assert!(may(Proof::Face, &citizen) && !may(Proof::Face, &other));
        assert!(may(Proof::HouseholdPage, &other));
        assert!(!may(Proof::MarriageCheck, &citizen));
        assert!(may(Proof::MarriageCheck, &by(Role::Operator, "op-1")));
        assert!(may_hand_in(&proof(Proof::Face), &citizen, None).is_err());
    }
}
