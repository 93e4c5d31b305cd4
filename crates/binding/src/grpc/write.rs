//! Nouns to answers.

use std::collections::BTreeMap;

use kernel::{PersonId, Timestamp};
use proto::binding::v1 as pb;
use proto::common::v1::{PersonKind, Relation, Scheme, Standing};
use proto::convert::wire_time;

use crate::binding::{Binding, Phase};
use crate::identity::Gender;
use crate::person::{Enrolment, Person};
use crate::reads::Read;

/// Masked names of the people in an answer; empty where the caller may not see them.
pub type Names = BTreeMap<PersonId, String>;

/// A person, with name and number in the clear.
pub fn person(person: &Person, enrolments: &[Enrolment]) -> pb::Person {
    let certificate = &person.certificate;
    pb::Person {
        person_id: person.id.to_string(),
        name: person.name.reveal().to_owned(),
        cert_type: certificate.cert_type().as_str().to_owned(),
        cert_no: certificate.number().reveal().to_owned(),
        birth_date: certificate
            .birth_date()
            .map(|day| day.to_string())
            .unwrap_or_default(),
        gender: certificate
            .gender()
            .map(Gender::code)
            .unwrap_or_default()
            .to_owned(),
        enrolments: enrolments.iter().map(enrolment).collect(),
    }
}

/// A person without name and number, for other parts of Gongji.
pub fn unnamed(person: &Person, enrolments: &[Enrolment]) -> pb::Person {
    pb::Person {
        name: String::new(),
        cert_no: String::new(),
        ..self::person(person, enrolments)
    }
}

fn enrolment(enrolment: &Enrolment) -> pb::Enrolment {
    pb::Enrolment {
        account_id: enrolment.account.to_string(),
        person_no: enrolment.person_no.as_str().to_owned(),
        region: enrolment.region.to_string(),
        scheme: Scheme::from(enrolment.scheme).into(),
        kind: PersonKind::from(enrolment.kind).into(),
        standing: Standing::from(enrolment.standing).into(),
    }
}

/// A binding as it is at `now`.
pub fn binding(binding: &Binding, names: &Names, now: Timestamp) -> pb::Binding {
    let (contributor, beneficiary) = (&binding.asked.contributor, &binding.asked.beneficiary);
    let terms = binding.terms();
    let name = |person| names.get(&person).cloned().unwrap_or_default();
    pb::Binding {
        binding_id: binding.id.to_string(),
        version: binding.version,
        state: state(binding.phase(now)).into(),
        contributor_person_id: contributor.person.to_string(),
        contributor_account_id: contributor.account.to_string(),
        contributor_region: contributor.region.to_string(),
        beneficiary_person_id: beneficiary.person.to_string(),
        beneficiary_account_id: beneficiary.account.to_string(),
        beneficiary_region: beneficiary.region.to_string(),
        relation: Relation::from(binding.asked.relation).into(),
        requested_at: Some(wire_time(binding.asked.at)),
        bound_at: terms.map(|terms| wire_time(terms.bound_at)),
        effective_from: terms.map(|terms| wire_time(terms.effective_from)),
        valid_until: terms.and_then(|terms| terms.valid_until).map(wire_time),
        ended_at: binding.ended_at().map(wire_time),
        rules: binding.rules.iter().map(ToString::to_string).collect(),
        contributor_masked_name: name(contributor.person),
        beneficiary_masked_name: name(beneficiary.person),
    }
}

/// One look at a person's data.
pub fn read(read: Read) -> pb::PersonRead {
    pb::PersonRead {
        read_id: read.id.to_string(),
        read_at: Some(wire_time(read.at)),
        what: read.what.code().to_owned(),
        role: read.role,
        subject: read.subject,
    }
}

const fn state(phase: Phase) -> pb::BindingState {
    match phase {
        Phase::PendingConfirm => pb::BindingState::PendingConfirm,
        Phase::Scheduled => pb::BindingState::Scheduled,
        Phase::Active => pb::BindingState::Active,
        Phase::Ending => pb::BindingState::Ending,
        Phase::Ended => pb::BindingState::Ended,
        Phase::Declined => pb::BindingState::Declined,
        Phase::PendingReview => pb::BindingState::PendingReview,
        Phase::Expired => pb::BindingState::Expired,
        Phase::Rejected => pb::BindingState::Rejected,
    }
}
