//! What is wrong with a request is named by a stable code, the same over gRPC and in the national envelope, with a sentence
//! a cashier can act on; and it changes nothing.

mod amounts;
mod text;

use kernel::Role;
use proto::binding::v1::ImportPeopleRequest;
use proto::binding::v1::imported_person::Outcome;
use proto::common::v1::{Credential, CredentialKind, Relation};
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;
use proto::settlement::v1::{Bill, SettleRequest};
use serde_json::{Value, json};
use tonic::Status;

use crate::harness::{
    Person, Purse, Stack, bill_of, code_of, drug_input, error_code, message_of, settled,
};

/// Sends a wrong bill over both channels, and expects this code from both and no trace of either.
async fn refused_over_both(stack: &Stack, bill: Bill, input: Value, code: &str) {
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    let answer = stack.try_settle(&stack.msgid(), bill).await;
    assert_says_why(answer.as_ref().expect_err("it had to be refused"));
    assert_eq!(code_of(answer), code);
    let message = message_of("2102", &stack.msgid(), &input);
    assert_eq!(error_code(&stack.send(&message).await), code);
    assert_eq!(
        before,
        stack.fingerprint().await,
        "a refusal changes nothing"
    );
}

/// Both languages have a sentence.
fn assert_says_why(status: &Status) {
    let seen = chassis::grpc::refusal_of(status)
        .unwrap_or_else(|| panic!("not one of our refusals: {status:?}"));
    assert!(!seen.zh.is_empty() && !seen.en.is_empty(), "{seen:?}");
}

async fn a_patient() -> (Stack, Person) {
    let stack = Stack::start().await;
    let patient = stack.person("110100", Purse::current(10_000)).await;
    (stack, patient)
}

#[tokio::test]
async fn an_unknown_person() {
    let (stack, patient) = a_patient().await;
    let nobody = Person {
        cert_no: "000000190001019992".to_owned(),
        number: "PT-NOBODY".to_owned(),
        ..patient.clone()
    };
    let input = drug_input(&nobody, "5.00");
    refused_over_both(&stack, bill_of(&nobody, 500), input, "CREDENTIAL_UNKNOWN").await;

    // A known card with a person number that is somebody else's.
    let mistaken = Person {
        number: "PT-NOBODY".to_owned(),
        ..patient.clone()
    };
    let input = drug_input(&mistaken, "5.00");
    refused_over_both(
        &stack,
        bill_of(&mistaken, 500),
        input,
        "CREDENTIAL_NOT_THE_PATIENTS",
    )
    .await;

    // Whoever binds an unknown relative is told so; the national interface has no transaction for that.
    let refused = stack.ask_to_bind(&patient, &nobody, Relation::Parent).await;
    assert_eq!(
        refused.expect_err("nobody can be bound").code,
        "PERSON_UNKNOWN"
    );
    stack.end().await;
}

#[tokio::test]
async fn an_unknown_region() {
    let (stack, patient) = a_patient().await;
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    for region in ["990100", "11010", "北京"] {
        let rows = vec![stack.row(region)];
        let mut binding = stack.callers.operator().binding();
        let answer = binding.import_people(ImportPeopleRequest { rows }).await;
        let results = answer
            .expect("wrong rows are answered one by one")
            .into_inner()
            .results;
        match results.first().and_then(|result| result.outcome.as_ref()) {
            Some(Outcome::Refused(reason)) => assert_eq!(reason.code, "REGION_UNKNOWN"),
            other => panic!("{region}: {other:?}"),
        }

        let bill = Bill {
            insured_region: region.to_owned(),
            ..bill_of(&patient, 500)
        };
        assert_eq!(
            code_of(stack.try_settle(&stack.msgid(), bill).await),
            "REGION_UNKNOWN"
        );
        let mut message = stack.drug_message(&patient, "5.00");
        message["insuplc_admdvs"] = json!(region);
        assert_eq!(error_code(&stack.send(&message).await), "REGION_UNKNOWN");
    }
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}

/// The national interface has no transaction that binds; the JSON API stands for the gateway here.
#[tokio::test]
async fn a_beneficiary_who_is_the_contributor() {
    let (stack, patient) = a_patient().await;
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    let refused = stack
        .ask_to_bind(&patient, &patient, Relation::Spouse)
        .await;
    assert_eq!(
        refused.expect_err("nobody aids themselves").code,
        "SAME_PERSON"
    );

    let body = json!({
        "requestId": "R-self",
        "contributorAccountId": patient.account.to_string(),
        "members": [{ "personId": patient.id.to_string(), "relation": "RELATION_SPOUSE" }],
    });
    let url = format!("{}/api/v1/bindings", stack.layout.url("gateway"));
    let token = stack.callers.citizen(patient.id).gateway_token();
    let response = stack
        .http
        .post(url)
        .bearer_auth(token)
        .json(&body)
        .send()
        .await;
    let answer: Value = response
        .expect("the gateway answers")
        .json()
        .await
        .expect("it is JSON");
    assert_eq!(
        answer["results"][0]["refused"]["code"], "SAME_PERSON",
        "{answer}"
    );
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}

#[tokio::test]
async fn a_token_that_already_paid_another_bill() {
    let (stack, patient) = a_patient().await;
    let token = stack.token_of(&patient).await;
    let credential = Credential {
        kind: CredentialKind::ECredential.into(),
        number: token.clone(),
    };
    let with_token = |fen| Bill {
        credential: Some(credential.clone()),
        ..bill_of(&patient, fen)
    };
    let msgid = stack.msgid();
    let first = settled(
        stack
            .try_settle(&msgid, with_token(500))
            .await
            .expect("it is a fresh token"),
    );

    let mut input = drug_input(&patient, "6.00");
    input["druginfo"]["mdtrt_cert_type"] = json!("01");
    input["druginfo"]["mdtrt_cert_no"] = json!(token);
    refused_over_both(&stack, with_token(600), input, "CREDENTIAL_USED").await;

    // A retry of the bill it paid is no other bill, not even when the token has expired by then.
    stack.clock.advance(jiff::SignedDuration::from_hours(1));
    let again = settled(
        stack
            .try_settle(&msgid, with_token(500))
            .await
            .expect("it is an honest retry"),
    );
    assert_eq!(first, again);

    // And a fresh token that has expired before its first bill opens nothing.
    let token = stack.token_of(&patient).await;
    stack.clock.advance(jiff::SignedDuration::from_hours(1));
    let mut input = drug_input(&patient, "6.00");
    input["druginfo"]["mdtrt_cert_type"] = json!("01");
    input["druginfo"]["mdtrt_cert_no"] = json!(token);
    let expired = Credential {
        kind: CredentialKind::ECredential.into(),
        number: token,
    };
    let bill = Bill {
        credential: Some(expired),
        ..bill_of(&patient, 600)
    };
    refused_over_both(&stack, bill, input, "CREDENTIAL_EXPIRED").await;
    stack.end().await;
}

#[tokio::test]
async fn a_request_without_a_token() {
    let (stack, patient) = a_patient().await;
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    let request = SettleRequest {
        msgid: stack.msgid(),
        bill: Some(bill_of(&patient, 500)),
        ..SettleRequest::default()
    };
    let mut anybody = SettlementServiceClient::new(stack.channel("settlement"));
    assert_eq!(
        code_of(anybody.settle(request).await),
        "ACCESS_TOKEN_MISSING"
    );
    let message = stack.drug_message(&patient, "5.00").to_string();
    assert_eq!(
        error_code(&stack.send_text(message, None).await),
        "ACCESS_TOKEN_MISSING"
    );
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}

#[tokio::test]
async fn a_token_of_another_role_or_another_institution() {
    let (stack, patient) = a_patient().await;
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    let request = SettleRequest {
        msgid: stack.msgid(),
        bill: Some(bill_of(&patient, 500)),
        ..SettleRequest::default()
    };
    let mut citizen = stack.callers.citizen(patient.id).settlement();
    assert_eq!(code_of(citizen.settle(request).await), "ACCESS_DENIED");
    let message = stack.drug_message(&patient, "5.00").to_string();
    for (role, subject, code) in [
        (Role::Citizen, patient.id.to_string(), "ACCESS_DENIED"),
        (Role::Operator, "OP-0001".to_owned(), "ACCESS_DENIED"),
        (
            Role::Institution,
            "P00000000002".to_owned(),
            "INSTITUTION_MISMATCH",
        ),
    ] {
        let token = stack.callers.token(role, &subject, "gateway");
        assert_eq!(
            error_code(&stack.send_text(message.clone(), Some(&token)).await),
            code
        );
    }
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}
