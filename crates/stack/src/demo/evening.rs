//! The evening before: institutions are registered, people enrolled, money credited, families bound.

use std::collections::BTreeMap;

use kernel::{AllocationId, BindingId, Bucket};
use proto::authorization::v1::{ChangeMandateRequest, GetMandateRequest, MandateTerms};
use proto::binding::v1::binding_member::Beneficiary;
use proto::binding::v1::binding_result::Outcome;
use proto::binding::v1::{
    BeneficiaryIdentity, Binding, BindingMember, BindingState, ConfirmBindingRequest,
    RequestBindingsRequest,
};
use proto::settlement::v1::{
    self as settlement, Allocation, AllocationKind, PostAllocationsRequest,
};

use super::cast::Cast;
use super::script::{Family, Script};
use super::{DemoError, PATIENCE};
use crate::callers::Callers;
use crate::quiet::Watcher;

/// The bindings that were made, by contributor's and beneficiary's `psn_no`.
pub type Bindings = BTreeMap<(String, String), BindingId>;

/// Plays the evening. Every step waits until its events have been handled, so that the next finds what it needs.
pub async fn play(
    script: &Script,
    callers: &Callers,
    watcher: &Watcher,
) -> Result<(Cast, Bindings), DemoError> {
    let operator = callers.operator();
    let registered = operator
        .settlement()
        .register_institutions(script.institutions.clone())
        .await?
        .into_inner();
    for result in registered.results {
        not_refused("an institution", result.refused)?;
    }
    let imported = operator
        .binding()
        .import_people(script.people.clone())
        .await?
        .into_inner();
    let cast = Cast::of(&script.people, imported)?;
    watcher.until_quiet(PATIENCE).await?;
    credit(script, &cast, callers).await?;

    let mut bindings = Bindings::new();
    for family in &script.families {
        let binding = bind(family, &cast, callers).await?;
        bindings.insert(
            (family.contributor.clone(), family.beneficiary.clone()),
            binding,
        );
    }
    watcher.until_quiet(PATIENCE).await?;
    for family in &script.families {
        let binding = bindings[&(family.contributor.clone(), family.beneficiary.clone())];
        set_terms(family, binding, &cast, callers).await?;
    }
    watcher.until_quiet(PATIENCE).await?;
    Ok((cast, bindings))
}

fn not_refused(what: &str, refused: Option<proto::common::v1::Reason>) -> Result<(), DemoError> {
    match refused {
        Some(reason) => Err(DemoError::Refused {
            what: what.to_owned(),
            code: reason.code,
            sentence: reason.en,
        }),
        None => Ok(()),
    }
}

async fn credit(script: &Script, cast: &Cast, callers: &Callers) -> Result<(), DemoError> {
    let mut allocations = Vec::new();
    for credit in &script.allocations {
        let kind = match credit.bucket {
            Bucket::Current => AllocationKind::Monthly,
            Bucket::Prior => AllocationKind::Opening,
        };
        allocations.push(Allocation {
            allocation_id: AllocationId::generate().to_string(),
            account_id: cast.member(&credit.account)?.account.to_string(),
            kind: kind.into(),
            bucket: proto::common::v1::Bucket::from(credit.bucket).into(),
            amount_fen: credit.amount.get(),
            period: "2026-01".to_owned(),
        });
    }
    let posted = callers
        .operator()
        .settlement()
        .post_allocations(PostAllocationsRequest { allocations })
        .await?;
    for result in posted.into_inner().results {
        if let Some(settlement::posted_allocation::Outcome::Refused(reason)) = result.outcome {
            not_refused("an allocation", Some(reason))?;
        }
    }
    Ok(())
}

/// The contributor asks, naming the relative by card; where the region wants both signatures the relative agrees.
async fn bind(family: &Family, cast: &Cast, callers: &Callers) -> Result<BindingId, DemoError> {
    let (contributor, beneficiary) = (
        cast.member(&family.contributor)?,
        cast.member(&family.beneficiary)?,
    );
    let (cert_type, cert_no) = beneficiary.cert.clone();
    let identity = BeneficiaryIdentity {
        cert_type,
        cert_no,
        name: beneficiary.name.clone(),
    };
    let request = RequestBindingsRequest {
        request_id: format!("{}-{}", family.contributor, family.beneficiary),
        contributor_account_id: contributor.account.to_string(),
        members: vec![BindingMember {
            beneficiary: Some(Beneficiary::Identity(identity)),
            relation: family.relation.into(),
            valid_until: String::new(),
            beneficiary_scheme: 0,
            proofs: Vec::new(),
        }],
        commitment_sha256: String::new(),
    };
    let answer = callers
        .citizen(contributor.person)
        .binding()
        .request_bindings(request)
        .await?
        .into_inner();
    let binding: Binding = match answer
        .results
        .into_iter()
        .next()
        .and_then(|result| result.outcome)
    {
        Some(Outcome::Binding(binding)) => binding,
        Some(Outcome::Refused(reason)) => {
            return Err(DemoError::Refused {
                what: format!("{} → {}", contributor.name, beneficiary.name),
                code: reason.code,
                sentence: reason.en,
            });
        }
        None => return Err(DemoError::Silent("binding")),
    };
    if binding.state() == BindingState::PendingConfirm {
        let request = ConfirmBindingRequest {
            binding_id: binding.binding_id.clone(),
            proofs: Vec::new(),
        };
        callers
            .citizen(beneficiary.person)
            .binding()
            .confirm_binding(request)
            .await?;
    }
    binding
        .binding_id
        .parse()
        .ok()
        .ok_or(DemoError::Silent("binding"))
}

/// The contributor sets rank and limits, where the family has any.
async fn set_terms(
    family: &Family,
    binding: BindingId,
    cast: &Cast,
    callers: &Callers,
) -> Result<(), DemoError> {
    if family.rank.is_none() && family.per_transaction.is_none() && family.per_month.is_none() {
        return Ok(());
    }
    // Whoever the rules let give the rank; an operator may do it for them.
    let caller = match family.rank {
        Some(_) => callers.operator(),
        None => callers.citizen(cast.member(&family.contributor)?.person),
    };
    let mut authorization = caller.authorization();
    let binding_id = binding.to_string();
    let mandate = authorization
        .get_mandate(GetMandateRequest {
            binding_id: binding_id.clone(),
        })
        .await?
        .into_inner();
    let mandate = mandate.mandate.ok_or(DemoError::Silent("authorization"))?;
    let terms = mandate.terms.unwrap_or_default();
    let request = ChangeMandateRequest {
        binding_id,
        expected_version: mandate.version,
        terms: Some(MandateTerms {
            rank: family.rank.unwrap_or(terms.rank),
            per_transaction_fen: family.per_transaction.map(kernel::Fen::get),
            per_month_fen: family.per_month.map(kernel::Fen::get),
            ..terms
        }),
    };
    authorization.change_mandate(request).await?;
    Ok(())
}
