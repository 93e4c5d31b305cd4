//! What facts of other services mean here: accounts to open, permissions to copy, fences to set.

use chassis::inbox::Delivery;
use kernel::{BindingId, Refusal, Timestamp};
use policy::Usages;
use policy::plan::limits::Caps;
use policy::values::Share;
use proto::authorization::v1 as authorization;
use proto::binding::v1 as binding;
use proto::convert;
use proto::event::Fact;
use proto::settlement::v1::InstitutionKind;
use proto::{Malformed, Unreadable};

use crate::account::Enrolment;
use crate::enforced::{Binding, BindingState, Mandate, MandateScope, MandateState, Parties};
use crate::institution::Kind;

/// What one fact asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Open or update an account.
    Enrolled(Box<Enrolment>),
    /// Take over the binding's side; an end that is asked for is fenced and confirmed.
    Binding {
        id: BindingId,
        parties: Parties,
        binding: Binding,
    },
    /// Take over the mandate's side; `fence` if tighter terms wait for confirmation.
    Mandate {
        id: BindingId,
        parties: Parties,
        mandate: Mandate,
        fence: bool,
    },
    /// Nothing that concerns money.
    Nothing,
}

impl Told {
    /// The binding it is about, if it is about one.
    pub fn binding(&self) -> Option<BindingId> {
        match self {
            Self::Binding { id, .. } | Self::Mandate { id, .. } => Some(*id),
            Self::Enrolled(_) | Self::Nothing => None,
        }
    }
}

/// Why a fact cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum NotFollowed {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("a field of the event cannot be read")]
    Unreadable(#[from] Unreadable),
}

/// Reads one event.
pub fn read(delivery: &Delivery) -> Result<Told, NotFollowed> {
    let told = match Fact::decode(&delivery.subject, &delivery.payload)? {
        Fact::Enrolled(fact) => Told::Enrolled(Box::new(enrolment(&fact)?)),
        Fact::Bound(fact) => bound(fact.terms, BindingState::Bound)?,
        Fact::Unbinding(fact) => bound(fact.terms, BindingState::Ending)?,
        Fact::Unbound(fact) => unbound(fact.terms)?,
        Fact::MandateGranted(fact) => granted(fact.mandate, false)?,
        Fact::MandateChanged(fact) => granted(fact.mandate, false)?,
        Fact::MandateTightening(fact) => granted(fact.mandate, true)?,
        _ => Told::Nothing,
    };
    Ok(told)
}

fn enrolment(fact: &binding::Enrolled) -> Result<Enrolment, Unreadable> {
    Ok(Enrolment {
        account: convert::id("account_id", &fact.account_id)?,
        person: convert::id("person_id", &fact.person_id)?,
        version: fact.version,
        person_no: fact.person_no.clone(),
        region: convert::region("region", &fact.region)?,
        scheme: convert::scheme("scheme", fact.scheme)?,
        kind: convert::person_kind("kind", fact.kind)?,
        standing: convert::standing("standing", fact.standing)?,
        sandbox: fact.sandbox,
    })
}

/// The end of a binding. One that was withdrawn before both sides agreed never was anything that could pay.
fn unbound(terms: Option<binding::BindingTerms>) -> Result<Told, Unreadable> {
    match &terms {
        Some(terms) if terms.bound_at.is_none() => Ok(Told::Nothing),
        _ => bound(terms, BindingState::Ended),
    }
}

fn bound(terms: Option<binding::BindingTerms>, state: BindingState) -> Result<Told, Unreadable> {
    let terms = convert::required("terms", terms)?;
    let bound_at = convert::required("bound_at", terms.bound_at.as_ref())?;
    let bound_at = convert::time("bound_at", bound_at)?;
    let parties = Parties {
        contributor: convert::id("contributor_person_id", &terms.contributor_person_id)?,
        contributor_account: convert::id("contributor_account_id", &terms.contributor_account_id)?,
        beneficiary: convert::id("beneficiary_person_id", &terms.beneficiary_person_id)?,
        beneficiary_account: convert::id("beneficiary_account_id", &terms.beneficiary_account_id)?,
    };
    Ok(Told::Binding {
        id: convert::id("binding_id", &terms.binding_id)?,
        parties,
        binding: Binding {
            version: positive("version", terms.version)?,
            state,
            bound_at,
            effective_from: optional("effective_from", terms.effective_from.as_ref())?
                .unwrap_or(bound_at),
            valid_until: optional("valid_until", terms.valid_until.as_ref())?,
        },
    })
}

fn granted(mandate: Option<authorization::Mandate>, fence: bool) -> Result<Told, Unreadable> {
    use authorization::MandateState as State;
    let mandate = convert::required("mandate", mandate)?;
    let terms = convert::required("terms", mandate.terms.as_ref())?;
    let state = match mandate.state() {
        State::InForce | State::Changing => MandateState::InForce,
        State::Pausing | State::Paused => MandateState::Paused,
        State::Revoking | State::Revoked => MandateState::Revoked,
        State::Unspecified => return Err(Unreadable::missing("state")),
    };
    let usages = terms
        .usage
        .iter()
        .map(|usage| convert::usage("usage", *usage));
    let parties = Parties {
        contributor: convert::id("contributor_person_id", &mandate.contributor_person_id)?,
        contributor_account: convert::id(
            "contributor_account_id",
            &mandate.contributor_account_id,
        )?,
        beneficiary: convert::id("beneficiary_person_id", &mandate.beneficiary_person_id)?,
        beneficiary_account: convert::id(
            "beneficiary_account_id",
            &mandate.beneficiary_account_id,
        )?,
    };
    Ok(Told::Mandate {
        id: convert::id("binding_id", &mandate.binding_id)?,
        parties,
        mandate: Mandate {
            version: positive("version", mandate.version)?,
            state,
            rank: terms.rank,
            caps: caps(terms)?,
            usages: usages.collect::<Result<Usages, _>>()?,
            scope: scope(terms)?,
        },
        fence,
    })
}

fn scope(terms: &authorization::MandateTerms) -> Result<MandateScope, Unreadable> {
    let kinds = terms.institution_kinds().map(|kind| match kind {
        InstitutionKind::Hospital => Ok(Kind::Hospital),
        InstitutionKind::Pharmacy => Ok(Kind::Pharmacy),
        InstitutionKind::Agency => Ok(Kind::Agency),
        // A kind that this build does not know must not become every kind.
        InstitutionKind::Unspecified => Err(Unreadable::code("institution_kinds")),
    });
    Ok(MandateScope {
        kinds: kinds.collect::<Result<_, _>>()?,
        institutions: terms.institution_codes.clone(),
        from: convert::date("valid_from", &terms.valid_from)?,
        until: convert::date("valid_until", &terms.valid_until)?,
    })
}

fn caps(terms: &authorization::MandateTerms) -> Result<Caps, Unreadable> {
    let limit = |field, fen: Option<i64>| fen.map(|fen| convert::amount(field, fen)).transpose();
    let share = terms.share_of_balance.map(|points| {
        u16::try_from(points)
            .ok()
            .and_then(Share::new)
            .ok_or_else(|| Unreadable::code("share_of_balance"))
    });
    Ok(Caps {
        per_transaction: limit("per_transaction_fen", terms.per_transaction_fen)?,
        per_day: limit("per_day_fen", terms.per_day_fen)?,
        per_month: limit("per_month_fen", terms.per_month_fen)?,
        per_year: limit("per_year_fen", terms.per_year_fen)?,
        total: limit("total_fen", terms.total_fen)?,
        share: share.transpose()?,
    })
}

fn optional(
    field: &str,
    at: Option<&pbjson_types::Timestamp>,
) -> Result<Option<Timestamp>, Unreadable> {
    at.map(|at| convert::time(field, at)).transpose()
}

fn positive(field: &str, version: i64) -> Result<i64, Unreadable> {
    if version > 0 {
        return Ok(version);
    }
    Err(Unreadable(Refusal::about(
        kernel::Reason::MalformedRequest,
        format!("{field} = {version}"),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use kernel::{AccountId, EventId, PersonId};
    use proto::Event;

    fn delivery<E: Event>(event: &E) -> Delivery {
        Delivery {
            event_id: EventId::generate(),
            subject: E::SUBJECT.to_owned(),
            key: event.key().to_owned(),
            payload: Bytes::from(event.encode_to_vec()),
            occurred_at: Timestamp::UNIX_EPOCH,
            trace_parent: None,
        }
    }

    fn mandate(state: authorization::MandateState) -> authorization::Mandate {
        authorization::Mandate {
            binding_id: BindingId::generate().to_string(),
            version: 3,
            state: state.into(),
            contributor_person_id: PersonId::generate().to_string(),
            contributor_account_id: AccountId::generate().to_string(),
            beneficiary_person_id: PersonId::generate().to_string(),
            beneficiary_account_id: AccountId::generate().to_string(),
            terms: Some(authorization::MandateTerms {
                rank: 1,
                per_month_fen: Some(5_000),
                ..Default::default()
            }),
            changed_at: None,
        }
    }

    #[test]
    fn a_tightening_counts_as_made_and_asks_for_a_fence() {
        let fact = authorization::MandateTightening {
            mandate: Some(mandate(authorization::MandateState::Pausing)),
        };
        let Ok(Told::Mandate { mandate, fence, .. }) = read(&delivery(&fact)) else {
            panic!()
        };
        assert!(fence);
        assert_eq!((mandate.state, mandate.version), (MandateState::Paused, 3));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_not_skipped() {
        let nameless = binding::Bound { terms: None };
        assert!(matches!(
            read(&delivery(&nameless)),
            Err(NotFollowed::Unreadable(_))
        ));
        let negative = authorization::Mandate {
            version: 0,
            ..mandate(authorization::MandateState::InForce)
        };
        let fact = authorization::MandateGranted {
            mandate: Some(negative),
        };
        assert!(matches!(
            read(&delivery(&fact)),
            Err(NotFollowed::Unreadable(_))
        ));
    }
}
