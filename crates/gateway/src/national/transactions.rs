//! The transactions that are served: each reads its input, asks the services, and writes its output node.

use chassis::access::Caller;
use kernel::{PersonId, Reason, Refusal};
use proto::binding::v1::Person;
use proto::settlement::v1 as pb;
use serde_json::{Value, json};

use super::envelope::Envelope;
use super::node::Node;
use super::{Failed, pharmacy, reconciliation, setlinfo};
use crate::Edge;
use crate::upstream::having_shown;

/// Runs the transaction that `infno` names.
pub async fn run(edge: &Edge, caller: &Caller, envelope: Envelope) -> Result<Value, Failed> {
    let Envelope {
        infno,
        msgid,
        insured_region,
        input,
        ..
    } = envelope;
    match infno.as_str() {
        "1101" => person_information(edge, caller, &input).await,
        "2101" => pre_settle(edge, caller, pharmacy::bill(&input, insured_region)?).await,
        "2102" => settle(edge, caller, msgid, pharmacy::bill(&input, insured_region)?).await,
        "2103" => cancel(edge, caller, msgid, &input).await,
        "3201" => reconciliation::totals(edge, caller, &input).await,
        "3202" => reconciliation::details(edge, caller, &input).await,
        "2601" => reverse(edge, caller, msgid, &input).await,
        "5203" => query(edge, caller, &input).await,
        _ => Err(Refusal::about(Reason::UnknownTransaction, "infno").into()),
    }
}

/// 1101: who the patient is, and what each of their enrolments holds.
async fn person_information(edge: &Edge, caller: &Caller, input: &Node) -> Result<Value, Failed> {
    let data = input.node("data")?;
    let (caller, patient) = identify(edge, caller, pharmacy::credential(&data)?).await?;
    let (person, accounts) = tokio::try_join!(
        edge.upstream.patient(&caller, patient),
        edge.upstream.accounts(&caller, patient)
    )?;
    let mut baseinfo = setlinfo::patient(&person);
    if let Some(first) = accounts.first() {
        baseinfo.insert("psn_no".to_owned(), json!(first.person_no));
    }
    let enrolments: Vec<_> = accounts.iter().map(setlinfo::enrolment).collect();
    Ok(json!({ "baseinfo": baseinfo, "insuinfo": enrolments, "idetinfo": [] }))
}

/// 2101: how the bill would be split now.
async fn pre_settle(edge: &Edge, caller: &Caller, bill: pb::Bill) -> Result<Value, Failed> {
    let person_no = bill.person_no.clone();
    let credential = bill.credential.clone().unwrap_or_default();
    let (shown, patient) = identify(edge, caller, credential).await?;
    let request = pb::QuoteRequest { bill: Some(bill) };
    let answer = edge
        .upstream
        .settlement(caller)
        .quote(request)
        .await?
        .into_inner();
    let person = edge.upstream.patient(&shown, patient).await?;
    match answer.outcome {
        Some(pb::quote_response::Outcome::Split(split)) => {
            Ok(setlinfo::quote(&split, &person_no, Some(&person)))
        }
        Some(pb::quote_response::Outcome::Declined(reason)) => Err(Failed::Declined(reason)),
        None => Err(Refusal::from(Reason::Internal).into()),
    }
}

/// 2102: the bill is decided and paid. The credential is judged by settlement, under its locks, and by nobody before.
async fn settle(
    edge: &Edge,
    caller: &Caller,
    msgid: String,
    bill: pb::Bill,
) -> Result<Value, Failed> {
    let request = pb::SettleRequest {
        msgid,
        bill: Some(bill),
        // The interface has no field for one: 2102 stands on its own.
        quote_id: String::new(),
        // The interface has no field for it: what it settles is settled at once.
        deduct: pb::Deduct::AtOnce.into(),
        // Nor for this: an institution that settles again over the interface cancels first.
        replaces: String::new(),
    };
    let answer = edge
        .upstream
        .settlement(caller)
        .settle(request)
        .await?
        .into_inner();
    match answer.outcome {
        Some(pb::settle_response::Outcome::Settlement(settlement)) => {
            let person = patient_of(edge, caller, &settlement).await;
            Ok(setlinfo::settlement(&settlement, person.as_ref()))
        }
        Some(pb::settle_response::Outcome::Declined(reason)) => Err(Failed::Declined(reason)),
        Some(pb::settle_response::Outcome::Stale(_)) | None => {
            Err(Refusal::from(Reason::Internal).into())
        }
    }
}

/// 2103: the whole settlement is taken back.
async fn cancel(
    edge: &Edge,
    caller: &Caller,
    msgid: String,
    input: &Node,
) -> Result<Value, Failed> {
    let request = pharmacy::cancel(input, msgid)?;
    let answer = edge
        .upstream
        .settlement(caller)
        .cancel(request)
        .await?
        .into_inner();
    let cancellation = answer
        .cancellation
        .ok_or_else(|| Refusal::from(Reason::Internal))?;
    Ok(setlinfo::cancellation(&cancellation))
}

/// 2601: a message whose fate its sender does not know is undone. There is no output.
async fn reverse(
    edge: &Edge,
    caller: &Caller,
    msgid: String,
    input: &Node,
) -> Result<Value, Failed> {
    if let Some(request) = pharmacy::reverse(input, msgid)? {
        edge.upstream.settlement(caller).reverse(request).await?;
    }
    Ok(json!({}))
}

/// 5203: a settlement by its number, or what became of a message whose answer was lost, by `medins_setl_id` (our `msgid`).
async fn query(edge: &Edge, caller: &Caller, input: &Node) -> Result<Value, Failed> {
    let data = input.node("data")?;
    let mut settlement = edge.upstream.settlement(caller);
    if let Some(settlement_id) = data.text("setl_id")? {
        let request = pb::GetSettlementRequest { settlement_id };
        let found = settlement
            .get_settlement(request)
            .await?
            .into_inner()
            .settlement
            .unwrap_or_default();
        let person = patient_of(edge, caller, &found).await;
        return Ok(setlinfo::settlement(&found, person.as_ref()));
    }
    let msgid = data
        .text("medins_setl_id")?
        .ok_or_else(|| Refusal::about(Reason::FieldMissing, "setl_id / medins_setl_id"))?;
    let answer = settlement
        .get_outcome(pb::GetOutcomeRequest { msgid })
        .await?
        .into_inner();
    match answer.outcome {
        Some(pb::get_outcome_response::Outcome::Settlement(found)) => {
            let person = patient_of(edge, caller, &found).await;
            Ok(setlinfo::settlement(&found, person.as_ref()))
        }
        Some(pb::get_outcome_response::Outcome::Cancellation(found)) => {
            Ok(setlinfo::cancellation(&found))
        }
        Some(pb::get_outcome_response::Outcome::Refund(found)) => Ok(setlinfo::refund(&found)),
        Some(pb::get_outcome_response::Outcome::Reversal(_)) => {
            Err(Refusal::about(Reason::MessageReversed, "medins_setl_id").into())
        }
        Some(pb::get_outcome_response::Outcome::Declined(reason)) => Err(Failed::Declined(reason)),
        // The interface knows no holds; one that was placed by gRPC under this number settled nothing yet.
        Some(
            pb::get_outcome_response::Outcome::Hold(_)
            | pb::get_outcome_response::Outcome::NeverDecided(_),
        ) => Err(Refusal::about(Reason::NeverDecided, "medins_setl_id").into()),
        None => Err(Refusal::from(Reason::Internal).into()),
    }
}

/// The patient behind a credential, and the caller as one that has seen it. An expired code opens nothing.
async fn identify(
    edge: &Edge,
    caller: &Caller,
    credential: proto::common::v1::Credential,
) -> Result<(Caller, PersonId), Failed> {
    let resolved = edge.upstream.resolve(credential).await?;
    let patient: PersonId =
        proto::convert::id("person_id", &resolved.person_id).map_err(Refusal::from)?;
    if let Some(expires_at) = &resolved.expires_at {
        let expires_at = proto::convert::time("expires_at", expires_at).map_err(Refusal::from)?;
        if expires_at <= edge.clock.now() {
            return Err(Refusal::from(Reason::CredentialExpired).into());
        }
    }
    Ok((having_shown(caller, patient), patient))
}

/// The patient's identity for the printed slip. The money has moved by now, so an answer without it beats none.
async fn patient_of(edge: &Edge, caller: &Caller, settlement: &pb::Settlement) -> Option<Person> {
    let patient = settlement.patient_person_id.parse().ok()?;
    match edge
        .upstream
        .patient(&having_shown(caller, patient), patient)
        .await
    {
        Ok(person) => Some(person),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "the slip goes out without the patient's identity");
            None
        }
    }
}
