//! Facts as settlement would publish them.

use chassis::inbox::Delivery;
use kernel::{AccountId, EventId, PersonId, SettlementId, Timestamp};
use proto::Event;
use proto::convert::wire_time;
use proto::settlement::v1::{
    BalanceCause, BalanceChanged, Charged, ChargedLeg, InstitutionKind, Leg, LegKind,
};

/// When everything happens.
pub fn noon() -> Timestamp {
    "2026-01-02T04:00:00Z".parse().expect("a timestamp")
}

/// An event that arrives for the first time.
pub fn delivery<E: Event>(event: &E) -> Delivery {
    Delivery {
        event_id: EventId::generate(),
        subject: E::SUBJECT.to_owned(),
        key: event.key().to_owned(),
        payload: event.encode_to_vec().into(),
        occurred_at: noon(),
        trace_parent: None,
    }
}

/// That an account, whose id is its owner's, moved: as every movement tells.
pub fn moved(person: PersonId, cause: BalanceCause, version: i64) -> BalanceChanged {
    BalanceChanged {
        account_id: AccountId::from_uuid(person.uuid()).to_string(),
        person_id: person.to_string(),
        version,
        cause: cause.into(),
        cause_id: SettlementId::generate().to_string(),
        current_change_fen: 1,
        at: Some(wire_time(noon())),
        ..Default::default()
    }
}

/// A pharmacy bill of 60.00 for `patient`: 10.00 of their own, 50.00 of `contributor`, whose balance is then 123.45.
pub fn charged(patient: PersonId, contributor: PersonId) -> Charged {
    Charged {
        settlement_id: SettlementId::generate().to_string(),
        patient_person_id: patient.to_string(),
        institution_kind: InstitutionKind::Pharmacy.into(),
        settled_at: Some(wire_time(noon())),
        total_fen: 6_000,
        own_fen: 1_000,
        aid_fen: 5_000,
        legs: vec![
            leg(LegKind::Own, patient, 1_000, 0),
            leg(LegKind::Aid, contributor, 5_000, 12_345),
        ],
        ..Default::default()
    }
}

fn leg(kind: LegKind, person: PersonId, amount_fen: i64, after: i64) -> ChargedLeg {
    ChargedLeg {
        leg: Some(Leg {
            kind: kind.into(),
            account_id: AccountId::from_uuid(person.uuid()).to_string(),
            person_id: person.to_string(),
            amount_fen,
            ..Default::default()
        }),
        account_version: 1,
        current_after_fen: after,
        prior_after_fen: 0,
        per_month_left_fen: None,
        per_day_left_fen: None,
        per_year_left_fen: None,
        total_left_fen: None,
    }
}
