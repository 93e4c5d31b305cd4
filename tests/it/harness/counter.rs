//! The counter over gRPC: what a pharmacy's system asks, and what it is answered.

use kernel::Role;
use proto::authorization::v1::{CredentialPurpose, IssueCredentialRequest};
use proto::common::v1::{Credential, CredentialKind, Usage};
use proto::settlement::v1::refund_request::What;
use proto::settlement::v1::settle_response::Outcome;
use proto::settlement::v1::{
    Bill, CancelRequest, Cancellation, FeeLine, Institution, InstitutionKind, Refund,
    RefundRequest, RegisterInstitutionsRequest, SettleRequest, SettleResponse, Settlement,
};
use tonic::Status;

use super::{Person, Stack};

/// The pharmacy of every story.
pub const PHARMACY: &str = "P00000000001";

/// Own, aid and cash, in fen.
pub fn parts(settlement: &Settlement) -> (i64, i64, i64) {
    let split = settlement.split.as_ref().expect("a settlement has a split");
    (split.own_fen, split.aid_fen, split.cash_fen)
}

/// The settlement of an answer that is none else.
pub fn settled(answer: SettleResponse) -> Settlement {
    match answer.outcome {
        Some(Outcome::Settlement(settlement)) => settlement,
        other => panic!("not settled: {other:?}"),
    }
}

/// The stable code of a refusal.
pub fn code_of<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    let status = answer.expect_err("it had to be refused");
    let seen = chassis::grpc::refusal_of(&status);
    seen.unwrap_or_else(|| panic!("not one of our refusals: {status:?}"))
        .code
}

/// A bill for `fen`, with the patient's ID card shown.
pub fn bill_of(patient: &Person, fen: i64) -> Bill {
    let card = Credential {
        kind: CredentialKind::IdCard.into(),
        number: patient.cert_no.clone(),
    };
    Bill {
        credential: Some(card),
        person_no: patient.number.clone(),
        usage: Usage::PharmacyDrug.into(),
        total_fen: fen,
        lines: vec![FeeLine {
            line_no: "1".to_owned(),
            item_code: "XA01AAA001".to_owned(),
            amount_fen: fen,
            quantity_e4: 0,
        }],
        ..Bill::default()
    }
}

impl Stack {
    /// Registers the pharmacy; every story opens with it.
    pub(super) async fn open(&self) {
        let institution = Institution {
            code: PHARMACY.to_owned(),
            name: "测试大药房".to_owned(),
            kind: InstitutionKind::Pharmacy.into(),
            region: "110100".to_owned(),
            tier: 0,
            sandbox: true,
        };
        let request = RegisterInstitutionsRequest {
            institutions: vec![institution],
        };
        let mut settlement = self.callers.operator().settlement();
        let answer = settlement.register_institutions(request).await;
        let results = answer.expect("it is answered").into_inner().results;
        assert!(
            results.iter().all(|result| result.refused.is_none()),
            "{results:?}"
        );
    }

    /// A msgid that was never used.
    pub fn msgid(&self) -> String {
        format!("{PHARMACY}20260105{:08}", self.number())
    }

    /// Settles a bill and expects it to be settled.
    pub async fn settle(&self, patient: &Person, fen: i64) -> Settlement {
        let answer = self.try_settle(&self.msgid(), bill_of(patient, fen)).await;
        settled(answer.expect("nothing is wrong with the bill"))
    }

    /// Sends a bill under a msgid.
    pub async fn try_settle(&self, msgid: &str, bill: Bill) -> Result<SettleResponse, Status> {
        let request = SettleRequest {
            msgid: msgid.to_owned(),
            bill: Some(bill),
            ..SettleRequest::default()
        };
        let mut settlement = self.callers.institution(PHARMACY).settlement();
        Ok(settlement.settle(request).await?.into_inner())
    }

    /// Takes a settlement back.
    pub async fn cancel(&self, settlement: &Settlement) -> Cancellation {
        let answer = self.try_cancel(&self.msgid(), settlement).await;
        answer.expect("nothing is wrong with the cancellation")
    }

    /// Sends a cancellation under a msgid.
    pub async fn try_cancel(
        &self,
        msgid: &str,
        settlement: &Settlement,
    ) -> Result<Cancellation, Status> {
        let request = CancelRequest {
            msgid: msgid.to_owned(),
            settlement_id: settlement.settlement_id.clone(),
            person_no: settlement.person_no.clone(),
        };
        let mut counter = self.callers.institution(PHARMACY).settlement();
        let answer = counter.cancel(request).await?.into_inner();
        Ok(answer.cancellation.expect("the answer has a cancellation"))
    }

    /// Asks for a refund of a settlement, under a msgid.
    pub async fn try_refund(
        &self,
        msgid: &str,
        settlement: &Settlement,
        what: What,
    ) -> Result<Refund, Status> {
        let request = RefundRequest {
            msgid: msgid.to_owned(),
            settlement_id: settlement.settlement_id.clone(),
            person_no: settlement.person_no.clone(),
            what: Some(what),
        };
        let mut counter = self.callers.institution(PHARMACY).settlement();
        let answer = counter.refund(request).await?.into_inner();
        Ok(answer.refund.expect("the answer has a refund"))
    }

    /// A fresh code on the patient's phone.
    pub async fn token_of(&self, patient: &Person) -> String {
        let request = IssueCredentialRequest {
            person_id: patient.id.to_string(),
            purpose: CredentialPurpose::Settlement.into(),
            region: patient.region.to_owned(),
            display_link_id: String::new(),
        };
        let mut phone = self.callers.citizen(patient.id).authorization();
        let answer = phone.issue_credential(request).await;
        answer
            .expect("a citizen gets their own code")
            .into_inner()
            .token
    }

    /// The pharmacy's token for the gateway.
    pub fn pharmacy_token(&self) -> String {
        self.callers.token(Role::Institution, PHARMACY, "gateway")
    }
}
