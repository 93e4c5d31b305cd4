//! Families: bindings and the mandates on them, made as people make them.

use kernel::BindingId;
use proto::authorization::v1::{
    ChangeMandateRequest, GetMandateRequest, Mandate, MandateTerms, PauseMandateRequest,
};
use proto::binding::v1::binding_member::Beneficiary;
use proto::binding::v1::binding_result::Outcome;
use proto::binding::v1::{
    BeneficiaryIdentity, Binding, BindingMember, BindingState, ConfirmBindingRequest,
    RequestBindingsRequest, RequestUnbindRequest,
};
use proto::common::v1::{Reason, Relation};

use super::{Person, Stack, until};

impl Stack {
    /// The contributor binds a relative, who agrees where the region asks both; answers when settlement knows.
    pub async fn bind(
        &self,
        contributor: &Person,
        beneficiary: &Person,
        relation: Relation,
    ) -> BindingId {
        let asked = self.ask_to_bind(contributor, beneficiary, relation).await;
        let binding = asked.expect("the rules let them");
        if binding.state() == BindingState::PendingConfirm {
            let binding_id = binding.binding_id.clone();
            let mut agreeing = self.callers.citizen(beneficiary.id).binding();
            let agreed = agreeing
                .confirm_binding(ConfirmBindingRequest {
                    binding_id,
                    proofs: Vec::new(),
                })
                .await;
            agreed.expect("the beneficiary may agree");
        }
        let id: BindingId = binding.binding_id.parse().expect("an answer has ids");
        until("settlement knows binding and mandate", async || {
            self.enforced_versions(id)
                .await
                .is_some_and(|(binding, mandate)| binding > 0 && mandate > 0)
        })
        .await;
        id
    }

    /// The contributor asks; the rules may refuse.
    pub async fn ask_to_bind(
        &self,
        contributor: &Person,
        beneficiary: &Person,
        relation: Relation,
    ) -> Result<Binding, Reason> {
        let identity = BeneficiaryIdentity {
            cert_type: "01".to_owned(),
            cert_no: beneficiary.cert_no.clone(),
            name: beneficiary.name.clone(),
        };
        let request = RequestBindingsRequest {
            request_id: format!("R{}", self.number()),
            contributor_account_id: contributor.account.to_string(),
            members: vec![BindingMember {
                beneficiary: Some(Beneficiary::Identity(identity)),
                relation: relation.into(),
                ..BindingMember::default()
            }],
            commitment_sha256: String::new(),
        };
        let mut binding = self.callers.citizen(contributor.id).binding();
        let answer = binding.request_bindings(request).await;
        let mut results = answer
            .expect("the request is answered")
            .into_inner()
            .results;
        match results.pop().and_then(|result| result.outcome) {
            Some(Outcome::Binding(binding)) => Ok(binding),
            Some(Outcome::Refused(reason)) => Err(reason),
            None => panic!("a member was not answered"),
        }
    }

    /// Ends a binding in the contributor's name, and says how it stands when the call answers.
    pub async fn unbind(&self, contributor: &Person, binding: BindingId) -> BindingState {
        let request = RequestUnbindRequest {
            binding_id: binding.to_string(),
            note: String::new(),
        };
        let mut asking = self.callers.citizen(contributor.id).binding();
        let answer = asking.request_unbind(request).await;
        let binding = answer.expect("the contributor may").into_inner().binding;
        binding.expect("the answer has a binding").state()
    }

    /// Sets terms in the name of whoever may; answers when settlement decides on them.
    pub async fn set_terms(&self, binding: BindingId, change: impl FnOnce(&mut MandateTerms)) {
        let mut authorization = self.callers.operator().authorization();
        let request = GetMandateRequest {
            binding_id: binding.to_string(),
        };
        let answer = authorization.get_mandate(request).await;
        let mandate = answer.expect("there is one").into_inner().mandate;
        let mandate = mandate.expect("the answer has a mandate");
        let mut terms = mandate.terms.clone().unwrap_or_default();
        change(&mut terms);
        let request = ChangeMandateRequest {
            binding_id: binding.to_string(),
            expected_version: mandate.version,
            terms: Some(terms),
        };
        let answer = authorization.change_mandate(request).await;
        let changed = answer.expect("an operator may").into_inner().mandate;
        let version = changed.expect("the answer has a mandate").version;
        until("settlement knows the new terms", async || {
            self.enforced_versions(binding)
                .await
                .is_some_and(|(_, mandate)| mandate >= version)
        })
        .await;
    }

    /// Pauses in the contributor's name, and says how the mandate stands when the call answers.
    pub async fn pause(&self, contributor: &Person, binding: BindingId) -> Mandate {
        let request = PauseMandateRequest {
            binding_id: binding.to_string(),
        };
        let mut pausing = self.callers.citizen(contributor.id).authorization();
        let answer = pausing.pause_mandate(request).await;
        let mandate = answer.expect("the contributor may").into_inner().mandate;
        mandate.expect("the answer has a mandate")
    }

    /// The versions of binding and mandate that settlement decides on.
    async fn enforced_versions(&self, binding: BindingId) -> Option<(i64, i64)> {
        sqlx::query_as(
            "-- tests.enforced_versions
            SELECT binding_version, mandate_version FROM enforced WHERE binding_id = $1",
        )
        .bind(binding.uuid())
        .fetch_optional(&self.settlement)
        .await
        .expect("settlement's database answers")
    }
}
