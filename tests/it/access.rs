//! Who may do what, on whose data.

use kernel::Role;
use proto::common::v1::Relation;
use proto::settlement::v1::GetSettlementRequest;
use stack::callers::Calling;
use stack::layout::SERVICES;
use tokio_stream::StreamExt as _;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::harness::{Purse, Stack, code_of};

const ROLES: [Role; 5] = [
    Role::Citizen,
    Role::Institution,
    Role::Operator,
    Role::Service,
    Role::Monitoring,
];

/// The service an operation's path belongs to: `/gongji.binding.v1.BindingService/GetPerson`.
fn service_of(path: &str) -> &'static str {
    let named = SERVICES
        .into_iter()
        .find(|service| path.starts_with(&format!("/gongji.{service}.")));
    named.expect("every operation belongs to a service")
}

/// Calls an operation with an empty message: access is decided before anybody reads it.
async fn call(stack: &Stack, path: &'static str, token: Option<&str>) -> Result<(), Status> {
    let mut client = Grpc::new(stack.channel(service_of(path)));
    client.ready().await.expect("the service listens");
    let mut request = Request::new(());
    if let Some(token) = token {
        let value = format!("Bearer {token}")
            .parse()
            .expect("a token is plain text");
        request.metadata_mut().insert("authorization", value);
    }
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let path = PathAndQuery::from_static(path);
    client.unary(request, path, codec).await.map(|_| ())
}

#[tokio::test]
async fn every_operation_refuses_a_call_without_a_token_and_every_role_that_is_not_in_its_row() {
    let stack = Stack::start().await;
    let someone = kernel::PersonId::generate().to_string();
    let before = stack.fingerprint().await;
    for (path, roles) in proto::ACCESS {
        assert_eq!(
            code_of(call(&stack, path, None).await),
            "ACCESS_TOKEN_MISSING",
            "{path}"
        );
        assert_eq!(
            code_of(call(&stack, path, Some("not.a.token")).await),
            "ACCESS_TOKEN_INVALID",
            "{path}"
        );
        for role in ROLES.into_iter().filter(|role| !roles.contains(role)) {
            let subject = if role == Role::Citizen {
                someone.as_str()
            } else {
                "X1"
            };
            let token = stack.callers.token(role, subject, service_of(path));
            let refused = call(&stack, path, Some(&token)).await;
            assert_eq!(code_of(refused), "ACCESS_DENIED", "{path} as {role}");
        }
        // A token for another service opens nothing here.
        let other = if service_of(path) == "binding" {
            "settlement"
        } else {
            "binding"
        };
        let token = stack.callers.token(roles[0], &someone, other);
        assert_eq!(
            code_of(call(&stack, path, Some(&token)).await),
            "ACCESS_TOKEN_INVALID",
            "{path}"
        );
    }
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}

#[tokio::test]
async fn health_and_reflection_answer_on_every_service() {
    let stack = Stack::start().await;
    for service in SERVICES {
        let mut health = HealthClient::new(stack.channel(service));
        let answer = health.check(HealthCheckRequest::default()).await;
        assert_eq!(
            answer.expect("nobody needs a token").into_inner().status(),
            ServingStatus::Serving
        );

        let list = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut reflection = ServerReflectionClient::new(stack.channel(service));
        let answers = reflection
            .server_reflection_info(tokio_stream::once(list))
            .await;
        let mut answers = answers.expect("nobody needs a token").into_inner();
        let answer = answers
            .next()
            .await
            .expect("one question, one answer")
            .expect("it is answered");
        let Some(MessageResponse::ListServicesResponse(listed)) = answer.message_response else {
            panic!("{answer:?}");
        };
        let ours = format!("gongji.{service}.v1.");
        assert!(
            listed
                .service
                .iter()
                .any(|listed| listed.name.starts_with(&ours)),
            "{listed:?}"
        );
    }
    let health = stack
        .http
        .get(format!("{}/health", stack.layout.url("gateway")))
        .send()
        .await;
    assert!(health.expect("the gateway answers").status().is_success());
    stack.end().await;
}

/// A stranger's calls about somebody else's things, each with what it was refused with.
struct Stranger<'a> {
    calling: Calling<'a>,
    person_id: String,
    account_id: String,
    binding_id: String,
    settlement_id: String,
}

impl Stranger<'_> {
    async fn asks_binding(&self) -> Vec<String> {
        use proto::binding::v1 as pb;
        let mut binding = self.calling.binding();
        let (person_id, binding_id) = (self.person_id.clone(), self.binding_id.clone());
        let list = pb::ListBindingsRequest {
            person_id: person_id.clone(),
            ..Default::default()
        };
        let unbind = pb::RequestUnbindRequest {
            binding_id: binding_id.clone(),
            note: String::new(),
        };
        vec![
            code_of(binding.get_person(pb::GetPersonRequest { person_id }).await),
            code_of(
                binding
                    .get_binding(pb::GetBindingRequest { binding_id })
                    .await,
            ),
            code_of(binding.list_bindings(list).await),
            code_of(binding.request_unbind(unbind).await),
        ]
    }

    async fn asks_authorization(&self) -> Vec<String> {
        use proto::authorization::v1 as pb;
        let mut authorization = self.calling.authorization();
        let (person_id, binding_id) = (self.person_id.clone(), || self.binding_id.clone());
        let code = pb::IssueCredentialRequest {
            person_id: person_id.clone(),
            purpose: pb::CredentialPurpose::Settlement.into(),
            region: "110100".to_owned(),
            display_link_id: String::new(),
        };
        vec![
            code_of(
                authorization
                    .get_mandate(pb::GetMandateRequest {
                        binding_id: binding_id(),
                    })
                    .await,
            ),
            code_of(
                authorization
                    .pause_mandate(pb::PauseMandateRequest {
                        binding_id: binding_id(),
                    })
                    .await,
            ),
            code_of(
                authorization
                    .revoke_mandate(pb::RevokeMandateRequest {
                        binding_id: binding_id(),
                    })
                    .await,
            ),
            code_of(
                authorization
                    .list_mandates(pb::ListMandatesRequest {
                        person_id,
                        page: None,
                    })
                    .await,
            ),
            code_of(authorization.issue_credential(code).await),
        ]
    }

    async fn asks_for_money_and_notices(&self) -> Vec<String> {
        use proto::notification::v1 as told;
        use proto::settlement::v1 as pb;
        let (mut settlement, mut inbox) = (self.calling.settlement(), self.calling.notification());
        let (person_id, account_id) = (|| self.person_id.clone(), self.account_id.clone());
        let settlement_id = self.settlement_id.clone();
        let notices = told::ListNoticesRequest {
            person_id: person_id(),
            ..Default::default()
        };
        let read = told::MarkNoticesReadRequest {
            person_id: person_id(),
            up_to_sequence: 1,
        };
        let watch = told::WatchNoticesRequest {
            person_id: person_id(),
            ..Default::default()
        };
        vec![
            code_of(
                settlement
                    .list_accounts(pb::ListAccountsRequest {
                        person_id: person_id(),
                    })
                    .await,
            ),
            code_of(
                settlement
                    .list_movements(pb::ListMovementsRequest {
                        account_id,
                        page: None,
                    })
                    .await,
            ),
            code_of(
                settlement
                    .get_settlement(pb::GetSettlementRequest { settlement_id })
                    .await,
            ),
            code_of(inbox.list_notices(notices).await),
            code_of(inbox.mark_notices_read(read).await),
            code_of(inbox.watch_notices(watch).await.map(|_| ())),
        ]
    }
}

#[tokio::test]
async fn somebody_elses_data_is_not_yours() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(1_000)),
        ("110100", Purse::EMPTY),
        ("110100", Purse::EMPTY),
    ];
    let [mother, son, stranger] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("three were asked for");
    let binding = stack.bind(&mother, &son, Relation::Child).await;
    let bill = stack.settle(&son, 300).await;
    stack.until_quiet().await;
    let before = stack.fingerprint().await;

    let stranger = Stranger {
        calling: stack.callers.citizen(stranger.id),
        person_id: mother.id.to_string(),
        account_id: mother.account.to_string(),
        binding_id: binding.to_string(),
        settlement_id: bill.settlement_id.clone(),
    };
    let mut refused = stranger.asks_binding().await;
    refused.extend(stranger.asks_authorization().await);
    refused.extend(stranger.asks_for_money_and_notices().await);
    assert_eq!(refused, ["NOT_YOURS"; 15]);

    // Another pharmacy cannot look at this one's settlement.
    let mut other = stack.callers.institution("P00000000009").settlement();
    let asked = GetSettlementRequest {
        settlement_id: bill.settlement_id,
    };
    assert_eq!(
        code_of(other.get_settlement(asked).await),
        "SETTLEMENT_NOT_YOURS"
    );
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}
