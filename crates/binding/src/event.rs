//! The one place where facts become messages. People are opaque ids here; nothing that identifies them ever enters.

use chassis::outbox::Entry;
use kernel::Timestamp;
use proto::binding::v1 as pb;
use proto::common::v1::{PersonKind, Relation, Scheme, Standing};
use proto::convert::wire_time;

use crate::binding::{Binding, State};
use crate::link::{self, DisplayLink};
use crate::person::Enrolment;

/// That an enrolment is new or changed.
pub fn enrolled(enrolment: &Enrolment, sandbox: bool, at: Timestamp) -> Entry {
    let message = pb::Enrolled {
        account_id: enrolment.account.to_string(),
        person_id: enrolment.person.to_string(),
        version: enrolment.version,
        person_no: enrolment.person_no.as_str().to_owned(),
        region: enrolment.region.to_string(),
        scheme: Scheme::from(enrolment.scheme).into(),
        kind: PersonKind::from(enrolment.kind).into(),
        standing: Standing::from(enrolment.standing).into(),
        sandbox,
    };
    Entry::new(&message, at)
}

/// What has become of a binding: each state is told by one fact. That it waits for the agency concerns nobody else.
pub fn told(binding: &Binding, at: Timestamp) -> Option<Entry> {
    let terms = Some(terms(binding));
    Some(match binding.state {
        State::Review(_) => return None,
        State::Pending(_) => Entry::new(&pb::Requested { terms }, at),
        State::Bound(_) => Entry::new(&pb::Bound { terms }, at),
        State::Ending(_) => Entry::new(&pb::Unbinding { terms }, at),
        State::Ended(_) => {
            let ended_at = binding.ended_at().map(wire_time);
            Entry::new(&pb::Unbound { terms, ended_at }, at)
        }
        State::Declined(_) => Entry::new(&pb::Declined { terms }, at),
        State::Expired(_) => Entry::new(&pb::Expired { terms }, at),
        State::Rejected(_) => Entry::new(&pb::Rejected { terms }, at),
    })
}

/// What has become of a display link, where others need to know: it is active, or it was and is over.
pub fn link_told(link: &DisplayLink, at: Timestamp) -> Option<Entry> {
    let (display_link_id, version) = (link.id.to_string(), link.version);
    let (binder_person_id, relative_person_id) =
        (link.binder.to_string(), link.relative.to_string());
    match &link.state {
        link::State::Active(_) => Some(Entry::new(
            &pb::DisplayLinked {
                display_link_id,
                version,
                binder_person_id,
                relative_person_id,
            },
            at,
        )),
        link::State::Ended(link::Ended::Unlinked { .. }) => Some(Entry::new(
            &pb::DisplayUnlinked {
                display_link_id,
                version,
                binder_person_id,
                relative_person_id,
            },
            at,
        )),
        _ => None,
    }
}

fn terms(binding: &Binding) -> pb::BindingTerms {
    let (contributor, beneficiary) = (&binding.asked.contributor, &binding.asked.beneficiary);
    let terms = binding.terms();
    pb::BindingTerms {
        binding_id: binding.id.to_string(),
        version: binding.version,
        contributor_person_id: contributor.person.to_string(),
        contributor_account_id: contributor.account.to_string(),
        contributor_region: contributor.region.to_string(),
        beneficiary_person_id: beneficiary.person.to_string(),
        beneficiary_account_id: beneficiary.account.to_string(),
        beneficiary_region: beneficiary.region.to_string(),
        relation: Relation::from(binding.asked.relation).into(),
        bound_at: terms.map(|terms| wire_time(terms.bound_at)),
        effective_from: terms.map(|terms| wire_time(terms.effective_from)),
        valid_until: terms.and_then(|terms| terms.valid_until).map(wire_time),
        rules: binding.rules.iter().map(ToString::to_string).collect(),
    }
}
