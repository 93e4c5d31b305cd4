//! Figures and records as the messages write them.

use kernel::{Fen, Reason, Refusal};
use proto::common::v1 as common;
use proto::convert::{self, Unreadable, wire_time};
use proto::settlement::v1 as pb;

use crate::institution::Kind;
use crate::reconciliation::{Accounts, Clearing, Field, Figures, Kept, Outcome, Record, Totals};

/// A type of clearing; unspecified is none in particular.
pub(super) fn clearing(value: i32) -> Result<Option<Clearing>, Unreadable> {
    match pb::ClearingType::try_from(value) {
        Ok(pb::ClearingType::Unspecified) => Ok(None),
        Ok(pb::ClearingType::Outpatient) => Ok(Some(Clearing::Outpatient)),
        Ok(pb::ClearingType::Inpatient) => Ok(Some(Clearing::Inpatient)),
        Ok(pb::ClearingType::Pharmacy) => Ok(Some(Clearing::Pharmacy)),
        Ok(pb::ClearingType::Other) => Ok(Some(Clearing::Other)),
        Err(_) => Err(Unreadable::code("clearing_type")),
    }
}

fn figures(told: Option<&pb::Figures>) -> Result<Figures, Unreadable> {
    let told = convert::required("figures", told)?;
    let accounts = match (told.own_fen, told.aid_fen) {
        (Some(own), Some(aid)) => Some(Accounts::Apart {
            own: Fen::new(own),
            aid: Fen::new(aid),
        }),
        (Some(accounts), None) => Some(Accounts::Unclear(Fen::new(accounts))),
        (None, None) => None,
        (None, Some(_)) => return Err(Unreadable::missing("own_fen")),
    };
    Ok(Figures {
        total: Fen::new(told.total_fen),
        pooled: told.pooled_fen.map(Fen::new),
        accounts,
        cash: told.cash_fen.map(Fen::new),
    })
}

/// The totals of an institution.
pub(super) fn totals(told: &pb::ReconciliationTotals) -> Result<Totals, Unreadable> {
    if told.records < 0 {
        return Err(Unreadable(Refusal::about(
            Reason::AmountNegative,
            "records",
        )));
    }
    Ok(Totals {
        records: told.records,
        figures: figures(told.figures.as_ref())?,
    })
}

/// A record of an institution. A number that is none of ours is no mistake of form: the centre has no such record.
pub(super) fn record(told: &pb::InstitutionRecord) -> Result<Record, Unreadable> {
    let number = convert::text("settlement_id", &told.settlement_id, 30)?;
    if number.is_empty() {
        return Err(Unreadable::missing("settlement_id"));
    }
    let figures = figures(told.figures.as_ref())?;
    let person_no = convert::text("person_no", &told.person_no, 30)?;
    Ok(Record {
        id: number.parse().ok(),
        person_no: Some(person_no.to_owned()).filter(|number| !number.is_empty()),
        refund: told.refund,
        figures,
    })
}

pub(super) fn outcome(outcome: &Outcome) -> pb::ReconciliationOutcome {
    match outcome {
        Outcome::Equal => pb::ReconciliationOutcome::Equal,
        Outcome::OnlyAtCentre => pb::ReconciliationOutcome::OnlyAtCentre,
        Outcome::OnlyAtInstitution => pb::ReconciliationOutcome::OnlyAtInstitution,
        Outcome::Differs(_) => pb::ReconciliationOutcome::Differs,
    }
}

/// What differs, where that is the outcome.
pub(super) fn differing(outcome: &Outcome) -> Vec<i32> {
    match outcome {
        Outcome::Differs(differing) => fields(differing),
        _ => Vec::new(),
    }
}

pub(super) fn fields(fields: &[Field]) -> Vec<i32> {
    let wire = |field: &Field| match field {
        Field::Records => pb::ReconciledField::Records,
        Field::Total => pb::ReconciledField::Total,
        Field::Pooled => pb::ReconciledField::Pooled,
        Field::Own => pb::ReconciledField::Own,
        Field::Aid => pb::ReconciledField::Aid,
        Field::Cash => pb::ReconciledField::Cash,
        Field::PersonNo => pb::ReconciledField::PersonNo,
        Field::Refund => pb::ReconciledField::Refund,
    };
    fields.iter().map(|field| wire(field).into()).collect()
}

fn shown(figures: &Figures) -> pb::Figures {
    let (own, aid) = match figures.accounts {
        Some(Accounts::Apart { own, aid }) => (Some(own), Some(aid)),
        Some(Accounts::Unclear(accounts)) => (Some(accounts), None),
        None => (None, None),
    };
    pb::Figures {
        total_fen: figures.total.get(),
        pooled_fen: figures.pooled.map(Fen::get),
        own_fen: own.map(Fen::get),
        aid_fen: aid.map(Fen::get),
        cash_fen: figures.cash.map(Fen::get),
    }
}

pub(super) fn shown_totals(totals: &Totals) -> pb::ReconciliationTotals {
    pb::ReconciliationTotals {
        records: totals.records,
        figures: Some(shown(&totals.figures)),
    }
}

/// A record as the centre keeps it.
pub(super) fn kept(kept: &Kept, kind: Kind) -> pb::CentreRecord {
    let is_refund = kept.record.refund == Some(true);
    let clearing = Clearing::of(kind, kept.usage);
    pb::CentreRecord {
        settlement_id: kept.id.to_string(),
        msgid: kept.msgid.clone(),
        refunds_settlement_id: if is_refund {
            kept.settlement.to_string()
        } else {
            String::new()
        },
        person_no: kept.record.person_no.clone().unwrap_or_default(),
        scheme: common::Scheme::from(kept.scheme).into(),
        clearing_type: pb::ClearingType::from(clearing).into(),
        recorded_at: Some(wire_time(kept.at)),
        figures: Some(shown(&kept.record.figures)),
    }
}
