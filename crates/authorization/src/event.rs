//! What others hear of a mandate: the one place that makes wire messages of it.

use chassis::outbox::Entry;
use kernel::Date;
use proto::authorization::v1 as pb;
use proto::convert::wire_time;
use proto::settlement::v1::InstitutionKind;

use crate::mandate::{Decision, Kind, Limit, Mandate, State};

/// The fact that tells of a decision; none where nothing changed.
pub fn entry(decision: &Decision) -> Option<Entry> {
    let at = decision.mandate().facts().changed_at;
    let mandate = Some(pb::Mandate::from(decision.mandate()));
    match decision {
        Decision::Stands(_) => None,
        Decision::Granted(_) => Some(Entry::new(&pb::MandateGranted { mandate }, at)),
        Decision::Waits(_) => Some(Entry::new(&pb::MandateTightening { mandate }, at)),
        Decision::Holds(_) | Decision::Ended(_) => {
            let with_binding = matches!(decision, Decision::Ended(_));
            Some(Entry::new(
                &pb::MandateChanged {
                    mandate,
                    with_binding,
                },
                at,
            ))
        }
    }
}

impl From<&Mandate> for pb::Mandate {
    fn from(mandate: &Mandate) -> Self {
        let facts = mandate.facts();
        let fen = |limit: Limit| limit.amount().get();
        let usages = facts.terms.uses.list().into_iter();
        let limits = facts.terms.limits;
        let (places, validity) = (&facts.terms.places, facts.terms.validity);
        let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
        Self {
            binding_id: facts.binding_id.to_string(),
            version: facts.version.get(),
            state: pb::MandateState::from(mandate.state()).into(),
            contributor_person_id: facts.contributor.person_id.to_string(),
            contributor_account_id: facts.contributor.account_id.to_string(),
            beneficiary_person_id: facts.beneficiary.person_id.to_string(),
            beneficiary_account_id: facts.beneficiary.account_id.to_string(),
            terms: Some(pb::MandateTerms {
                rank: facts.terms.rank.get(),
                per_transaction_fen: limits.per_transaction.map(fen),
                per_day_fen: limits.per_day.map(fen),
                per_month_fen: limits.per_month.map(fen),
                per_year_fen: limits.per_year.map(fen),
                total_fen: limits.total.map(fen),
                share_of_balance: limits
                    .share_of_balance
                    .map(|share| share.basis_points().into()),
                usage: usages
                    .map(|usage| proto::common::v1::Usage::from(usage).into())
                    .collect(),
                institution_kinds: places.kinds().map(|kind| wire_kind(kind).into()).collect(),
                institution_codes: places.named().map(str::to_owned).collect(),
                valid_from: day(validity.from()),
                valid_until: day(validity.until()),
            }),
            changed_at: Some(wire_time(facts.changed_at)),
        }
    }
}

const fn wire_kind(kind: Kind) -> InstitutionKind {
    match kind {
        Kind::Hospital => InstitutionKind::Hospital,
        Kind::Pharmacy => InstitutionKind::Pharmacy,
        Kind::Agency => InstitutionKind::Agency,
    }
}

impl From<State> for pb::MandateState {
    fn from(state: State) -> Self {
        match state {
            State::InForce => Self::InForce,
            State::Changing => Self::Changing,
            State::Pausing => Self::Pausing,
            State::Paused => Self::Paused,
            State::Revoking => Self::Revoking,
            State::Revoked => Self::Revoked,
        }
    }
}
