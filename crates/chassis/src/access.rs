//! Who is calling, and what they may do.
//!
//! A caller shows a token: a compact JWS signed with Ed25519 (`EdDSA`), its keys published as a JWKS, so that a standard
//! issuer fits. The token says what they are (a role), who they are (a subject) and for whom it was made (an audience).
//! Which role may call which operation is stated in the proto files; whose data a call may concern is stated here.

mod issued;
mod keys;
mod signer;
mod token;
mod verifier;

use kernel::{PersonId, Reason, Refusal, Role};

pub(crate) use issued::{Issued, bearer_header};
pub use keys::KeyError;
pub use signer::{Claims, NewKey, Signer};
pub use verifier::Verifier;

/// Who is calling, as their verified token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What they are.
    pub role: Role,
    /// Who they are: a person id, an institution's code, an operator's number or a service's name.
    pub subject: String,
    /// The patient whose credential an institution presented.
    pub about: Option<PersonId>,
}

impl Caller {
    /// The caller's own person id; only citizens have one.
    pub fn person(&self) -> Option<PersonId> {
        match self.role {
            Role::Citizen => self.subject.parse().ok(),
            Role::Institution | Role::Operator | Role::Service | Role::Monitoring => None,
        }
    }

    /// Whether the caller may change what belongs to `person`: a citizen only their own, operators and services anyone's.
    ///
    /// Refuses with `NOT_YOURS` for another citizen, `ACCESS_DENIED` for institutions and monitoring.
    pub fn may_act_for(&self, person: PersonId) -> Result<(), Refusal> {
        match self.role {
            Role::Operator | Role::Service => Ok(()),
            Role::Citizen if self.person() == Some(person) => Ok(()),
            Role::Citizen => Err(Reason::NotYours.into()),
            Role::Institution | Role::Monitoring => Err(Reason::AccessDenied.into()),
        }
    }

    /// Whether the caller may read what belongs to `person`: those who may act for them, and the institution
    /// before which that person presented their own credential.
    pub fn may_see(&self, person: PersonId) -> Result<(), Refusal> {
        match self.role {
            Role::Institution if self.about == Some(person) => Ok(()),
            Role::Institution
            | Role::Citizen
            | Role::Operator
            | Role::Service
            | Role::Monitoring => self.may_act_for(person),
        }
    }
}

/// The token in the value of an `authorization` header, if it is a bearer token.
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim())
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role, subject: &str, about: Option<PersonId>) -> Caller {
        Caller {
            role,
            subject: subject.to_owned(),
            about,
        }
    }

    #[test]
    fn a_citizen_has_only_their_own_things() {
        let (own, other) = (PersonId::generate(), PersonId::generate());
        let citizen = caller(Role::Citizen, &own.to_string(), Some(other));
        assert_eq!(citizen.person(), Some(own));
        assert_eq!(citizen.may_act_for(own), Ok(()));
        assert_eq!(citizen.may_see(own), Ok(()));
        assert_eq!(citizen.may_act_for(other), Err(Reason::NotYours.into()));
        assert_eq!(citizen.may_see(other), Err(Reason::NotYours.into()));
    }

    #[test]
    fn an_institution_sees_the_patient_before_it_and_changes_nothing_of_theirs() {
        let (patient, other) = (PersonId::generate(), PersonId::generate());
        let institution = caller(Role::Institution, "H32010000001", Some(patient));
        assert_eq!(institution.person(), None);
        assert_eq!(institution.may_see(patient), Ok(()));
        assert_eq!(institution.may_see(other), Err(Reason::AccessDenied.into()));
        assert_eq!(
            institution.may_act_for(patient),
            Err(Reason::AccessDenied.into())
        );
    }

    #[test]
    fn operators_and_services_act_for_anyone_and_monitoring_for_nobody() {
        let person = PersonId::generate();
        assert_eq!(
            caller(Role::Operator, "op-7", None).may_act_for(person),
            Ok(())
        );
        assert_eq!(
            caller(Role::Service, "settlement", None).may_see(person),
            Ok(())
        );
        assert_eq!(
            caller(Role::Monitoring, "grafana", Some(person)).may_see(person),
            Err(Reason::AccessDenied.into())
        );
    }

    #[test]
    fn only_a_bearer_header_holds_a_token() {
        assert_eq!(bearer("Bearer a.b.c"), Some("a.b.c"));
        assert_eq!(bearer("bearer  a.b.c "), Some("a.b.c"));
        for header in ["", "a.b.c", "Basic a.b.c", "Bearer "] {
            assert_eq!(bearer(header), None, "{header}");
        }
    }
}
