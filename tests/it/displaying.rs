//! A relative's code on somebody else's phone: shown at a counter, refused online, and never a way to the binder's money.

use proto::authorization::v1::{CredentialPurpose, IssueCredentialRequest};
use proto::binding::v1 as pb;
use proto::binding::v1::start_display_link_request::Relative;
use proto::common::v1::{Credential, CredentialKind};
use proto::settlement::v1::Bill;
use tonic::Status;

use crate::harness::{Person, Purse, Stack, bill_of, code_of, parts, settled};

/// A link that the relative's own face made active.
async fn linked(stack: &Stack, binder: &Person, relative: &Person) -> String {
    let mut links = stack.callers.citizen(binder.id).display_links();
    let face = pb::ActivateCredentialRequest {
        person_id: binder.id.to_string(),
        face_sha256: "fa".repeat(32),
    };
    links.activate_credential(face).await.expect("it is theirs");
    let start = pb::StartDisplayLinkRequest {
        binder_person_id: binder.id.to_string(),
        relative: Some(Relative::PersonId(relative.id.to_string())),
        commitment_sha256: "0c".repeat(32),
    };
    let link = links.start_display_link(start).await;
    let link = link.expect("nothing is in the way").into_inner();
    let prove = pb::ProveDisplayLinkRequest {
        display_link_id: link.display_link.expect("it was made").display_link_id,
        evidence: pb::DisplayEvidence::Face.into(),
        sha256: "ab".repeat(32),
    };
    let mut links = stack.callers.citizen(relative.id).display_links();
    let link = links.prove_display_link(prove).await;
    let link = link.expect("the face fits").into_inner();
    link.display_link.expect("it is active").display_link_id
}

async fn shown(
    stack: &Stack,
    binder: &Person,
    relative: &Person,
    link: &str,
) -> Result<Credential, Status> {
    let request = IssueCredentialRequest {
        person_id: relative.id.to_string(),
        purpose: CredentialPurpose::Settlement.into(),
        region: relative.region.to_owned(),
        display_link_id: link.to_owned(),
    };
    let mut phone = stack.callers.citizen(binder.id).authorization();
    let answer = phone.issue_credential(request).await?.into_inner();
    Ok(Credential {
        kind: CredentialKind::ECredential.into(),
        number: answer.token,
    })
}

#[tokio::test]
async fn a_shown_code_pays_from_the_patients_own_money_at_a_counter_only() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(10_000)),
        ("110100", Purse::current(1_000)),
    ];
    let [binder, patient] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    let link = linked(&stack, &binder, &patient).await;

    let code = shown(&stack, &binder, &patient, &link).await;
    let online = Bill {
        credential: Some(code.expect("the link is active")),
        online: true,
        ..bill_of(&patient, 1_500)
    };
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    let refused = stack.try_settle(&stack.msgid(), online.clone()).await;
    assert_eq!(code_of(refused), "DISPLAYED_CODE_ONLINE");
    assert_eq!(before, stack.fingerprint().await);

    // The same code is good at the counter, and the binder's account stays what it was.
    let counter = Bill {
        online: false,
        ..online
    };
    let answer = stack.try_settle(&stack.msgid(), counter.clone()).await;
    let answer = answer.expect("the patient stands at the counter");
    let paid = settled(answer);
    assert_eq!(parts(&paid), (1_000, 0, 500));

    // What was shown and not used ends with the link.
    let code = shown(&stack, &binder, &patient, &link).await;
    let late = Bill {
        credential: Some(code.expect("the link is active")),
        ..counter
    };
    let mut links = stack.callers.citizen(patient.id).display_links();
    let end = pb::EndDisplayLinkRequest {
        display_link_id: link.clone(),
    };
    links.end_display_link(end).await.expect("it is theirs too");
    let again = shown(&stack, &binder, &patient, &link).await;
    assert_eq!(code_of(again), "DISPLAY_LINK_NOT_ACTIVE");
    stack.until_quiet().await;
    let answer = stack.try_settle(&stack.msgid(), late).await;
    assert_eq!(code_of(answer), "CREDENTIAL_EXPIRED");
    stack.end().await;
}
