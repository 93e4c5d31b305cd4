//! A server and its peers over a real socket: what is let in, what is refused, what a panic becomes, and what is open to all.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use jiff::SignedDuration;
use kernel::{Clock, Reason, Role};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt as _;

use super::{Peer, Server, caller, peer, refusal_of, refuse};
use crate::access::{Caller, Claims, NewKey, Signer, Verifier};
use crate::config;
use crate::health::Health;
use crate::tasks::Tasks;

const ACCESS: &[(&str, &[Role])] = &[
    ("/test.Echo/WhoAmI", &[Role::Service, Role::Operator]),
    ("/test.Echo/Panic", &[Role::Service]),
    ("/test.Echo/Refuse", &[Role::Service]),
];

/// Answers with the caller's subject.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

struct Say(String);

impl tonic::server::UnaryService<()> for Say {
    type Response = String;
    type Future = BoxFuture<'static, Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let path = self.0.clone();
        Box::pin(async move {
            match path.as_str() {
                "/test.Echo/Panic" => panic!("an invariant broke"),
                "/test.Echo/Refuse" => Err(refuse(Reason::MandatePaused)),
                _ => Ok(Response::new(caller(&request)?.subject)),
            }
        })
    }
}

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let say = Say(request.uri().path().to_owned());
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<String, ()>::default());
            Ok(grpc.unary(say, request).await)
        })
    }
}

struct Running {
    tasks: Tasks,
    address: SocketAddr,
    signer: Signer,
    jwks: PathBuf,
}

async fn running(part_within: SignedDuration) -> Running {
    let NewKey { signer, jwks, .. } = Signer::generate("gongji").unwrap();
    let file = std::env::temp_dir().join(format!("gongji-grpc-{}", kernel::EventId::generate()));
    std::fs::write(&file, jwks).unwrap();
    let verifier = Verifier::new(&config::Access {
        jwks: file.clone(),
        issuer: "gongji".to_owned(),
        audience: "echo".to_owned(),
        key: None,
    })
    .unwrap();
    let health = Health::new();
    health.part("relay", part_within);
    let mut tasks = Tasks::new();
    let address = Server::new("echo", ACCESS, proto::DESCRIPTORS, verifier, health)
        .add(Echo)
        .serve("127.0.0.1:0".parse().unwrap(), &mut tasks)
        .await
        .unwrap();
    Running {
        tasks,
        address,
        signer,
        jwks: file,
    }
}

impl Running {
    fn peer(&self) -> Peer {
        let url = format!("http://{}", self.address);
        peer(&url, "echo", self.signer.clone(), "settlement").unwrap()
    }

    /// A connection without a token.
    fn stranger(&self) -> Channel {
        let url = format!("http://{}", self.address);
        Channel::from_shared(url).unwrap().connect_lazy()
    }

    async fn end(self) {
        self.tasks.shut_down().await.unwrap();
        std::fs::remove_file(self.jwks).unwrap();
    }
}

async fn ask(peer: Peer, path: &'static str) -> Result<String, Status> {
    let mut client = tonic::client::Grpc::new(peer);
    client
        .ready()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let codec = ProstCodec::<(), String>::default();
    let answer = client
        .unary(Request::new(()), PathAndQuery::from_static(path), codec)
        .await?;
    Ok(answer.into_inner())
}

fn reason(answer: Result<String, Status>) -> (Code, Option<Reason>) {
    let status = answer.unwrap_err();
    let seen = refusal_of(&status).and_then(|seen| seen.refusal());
    (status.code(), seen.map(|refusal| refusal.reason))
}

#[tokio::test]
async fn a_peer_is_let_in_by_the_table_and_named_to_the_service() {
    let server = running(SignedDuration::from_hours(1)).await;
    let own = server.peer();
    assert_eq!(
        ask(own.clone(), "/test.Echo/WhoAmI").await.unwrap(),
        "settlement"
    );

    let operator = Caller {
        role: Role::Operator,
        subject: "op-7".to_owned(),
        about: None,
    };
    let on_behalf = own.on_behalf_of(&operator);
    assert_eq!(
        ask(on_behalf.clone(), "/test.Echo/WhoAmI").await.unwrap(),
        "op-7"
    );
    let denied = (Code::PermissionDenied, Some(Reason::AccessDenied));
    assert_eq!(reason(ask(on_behalf, "/test.Echo/Refuse").await), denied);
    assert_eq!(
        reason(ask(own, "/test.Echo/NotInTheTable").await),
        denied,
        "what no row names is denied to everybody"
    );
    server.end().await;
}

#[tokio::test]
async fn a_rush_of_small_calls_over_one_connection_is_answered_whole() {
    let server = running(SignedDuration::from_hours(1)).await;
    let peer = server.peer();
    let calls = (0..2_000).map(|_| ask(peer.clone(), "/test.Echo/WhoAmI"));
    for answer in futures::future::join_all(calls).await {
        assert_eq!(answer.unwrap(), "settlement");
    }
    server.end().await;
}

#[tokio::test]
async fn a_call_without_a_good_token_reaches_no_service() {
    let server = running(SignedDuration::from_hours(1)).await;
    let bad = server.peer().with_token("not.a.token").unwrap();
    assert_eq!(
        reason(ask(bad, "/test.Echo/WhoAmI").await),
        (Code::Unauthenticated, Some(Reason::AccessTokenInvalid))
    );
    let claims = Claims {
        role: Role::Service,
        subject: "settlement".to_owned(),
        audience: "somebody else".to_owned(),
        about: None,
    };
    let elsewhere =
        server
            .signer
            .token(&claims, SignedDuration::from_mins(1), Clock::system().now());
    let elsewhere = server.peer().with_token(&elsewhere).unwrap();
    assert_eq!(
        reason(ask(elsewhere, "/test.Echo/Panic").await),
        (Code::Unauthenticated, Some(Reason::AccessTokenInvalid))
    );

    let mut client = tonic::client::Grpc::new(server.stranger());
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/test.Echo/WhoAmI");
    let answer = client
        .unary(Request::new(()), path, ProstCodec::<(), String>::default())
        .await;
    assert_eq!(
        reason(answer.map(Response::into_inner)),
        (Code::Unauthenticated, Some(Reason::AccessTokenMissing))
    );
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn a_refusal_arrives_whole_and_a_panic_as_internal() {
    let server = running(SignedDuration::from_hours(1)).await;
    let status = ask(server.peer(), "/test.Echo/Refuse").await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(
        refusal_of(&status).unwrap().zh,
        "共济授权已暂停，授权人可随时恢复。"
    );
    assert!(status.get_details_retry_info().is_none());
    assert_eq!(
        reason(ask(server.peer(), "/test.Echo/Panic").await),
        (Code::Internal, Some(Reason::Internal))
    );
    assert_eq!(
        ask(server.peer(), "/test.Echo/WhoAmI").await.unwrap(),
        "settlement",
        "the server outlives a panic"
    );
    server.end().await;
}

#[tokio::test]
async fn health_is_open_to_all_and_follows_progress() {
    let server = running(SignedDuration::ZERO).await;
    let mut client = HealthClient::new(server.stranger());
    for service in ["", "test.Echo"] {
        let answer = client
            .check(HealthCheckRequest {
                service: service.to_owned(),
            })
            .await
            .unwrap();
        assert_eq!(
            answer.into_inner().status(),
            ServingStatus::NotServing,
            "a part that makes no progress at all"
        );
    }
    drop(client);
    server.end().await;

    let server = running(SignedDuration::from_hours(1)).await;
    let mut client = HealthClient::new(server.stranger());
    let answer = client.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    drop(client);
    server.end().await;
}

#[tokio::test]
async fn reflection_is_open_to_all_and_lists_the_contract() {
    let server = running(SignedDuration::from_hours(1)).await;
    let mut client = ServerReflectionClient::new(server.stranger());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = client
        .server_reflection_info(futures::stream::iter([request]))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("a list was asked for");
    };
    assert!(
        list.service
            .iter()
            .any(|service| service.name == "gongji.settlement.v1.SettlementService")
    );
    drop((answers, client));
    server.end().await;
}
