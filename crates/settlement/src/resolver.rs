//! Asks authorization whose a credential is.
//!
//! Every bill begins with it, so the tokens that wait are asked for together: one call is under way at a time, and what
//! comes meanwhile goes with the next. A single bill waits for nobody. Cards are asked for one by one: they go on to
//! binding, and no token should wait for that.

use chassis::grpc::{Peer, refusal_of};
use chassis::tasks::{BoxError, Stop};
use kernel::{Reason, Refusal};
use proto::authorization::v1 as wire;
use proto::authorization::v1::authorization_service_client::AuthorizationServiceClient;
use proto::common::v1 as common;
use proto::convert;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

use crate::command::Presented;

/// No token, ID number or card number is longer.
const LONGEST_NUMBER: usize = 64;
/// The most tokens of one call.
const BATCH: usize = 256;
/// How many tokens may wait to be asked for.
const QUEUE: usize = 8192;

/// Resolves credentials.
#[derive(Clone)]
pub struct Resolver {
    authorization: AuthorizationServiceClient<Peer>,
    waiting: mpsc::Sender<Ask>,
}

/// The task that asks for tokens.
pub struct Asker {
    authorization: AuthorizationServiceClient<Peer>,
    waiting: mpsc::Receiver<Ask>,
}

struct Ask {
    token: String,
    online: bool,
    answer: oneshot::Sender<Result<Presented, Refusal>>,
}

/// Asks at `authorization`: the resolver, and the task that asks for it.
pub fn resolver(authorization: Peer) -> (Resolver, Asker) {
    let authorization = AuthorizationServiceClient::new(authorization);
    let (sender, waiting) = mpsc::channel(QUEUE);
    let resolver = Resolver {
        authorization: authorization.clone(),
        waiting: sender,
    };
    let asker = Asker {
        authorization,
        waiting,
    };
    (resolver, asker)
}

impl Resolver {
    /// Who the credential belongs to. An expired one is answered, too: whether that matters is judged when the bill is decided.
    ///
    /// # Errors
    /// `CREDENTIAL_UNKNOWN`, `CREDENTIAL_PURPOSE`, `DISPLAYED_CODE_ONLINE`, `OVERLOADED`, or `UNAVAILABLE` if authorization
    /// cannot be asked.
    pub async fn resolve(
        &self,
        credential: Option<&common::Credential>,
        online: bool,
    ) -> Result<Presented, Refusal> {
        let credential = read(credential)?;
        if credential.kind() == common::CredentialKind::ECredential {
            return self.token(credential.number, online).await;
        }
        let request = wire::ResolveRequest {
            credential: Some(credential),
        };
        let answer = self.authorization.clone().resolve(request).await;
        present(
            &answer.map_err(|status| told(&status))?.into_inner(),
            online,
        )
    }

    async fn token(&self, token: String, online: bool) -> Result<Presented, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.waiting
            .try_send(Ask {
                token,
                online,
                answer,
            })
            .map_err(|unsent| match unsent {
                mpsc::error::TrySendError::Full(_) => Refusal::from(Reason::Overloaded),
                mpsc::error::TrySendError::Closed(_) => Reason::Unavailable.into(),
            })?;
        answered
            .await
            .unwrap_or_else(|_| Err(Reason::Unavailable.into()))
    }
}

impl Asker {
    /// Asks until `stop` is requested or nobody can ask any more.
    pub async fn run(mut self, stop: Stop) -> Result<(), BoxError> {
        let mut asks = Vec::with_capacity(BATCH);
        loop {
            let taken = tokio::select! {
                taken = self.waiting.recv_many(&mut asks, BATCH) => taken,
                () = stop.requested() => return Ok(()),
            };
            if taken == 0 {
                return Ok(());
            }
            self.ask(&mut asks).await;
        }
    }

    async fn ask(&mut self, asks: &mut Vec<Ask>) {
        let tokens = asks
            .iter_mut()
            .map(|ask| std::mem::take(&mut ask.token))
            .collect();
        let request = wire::ResolveTokensRequest { tokens };
        match self.authorization.resolve_tokens(request).await {
            Ok(answer) => {
                let found = answer.into_inner().results;
                // Whoever gave up waiting needs no answer; one that is left out hears that nobody answered.
                for (ask, result) in asks.drain(..).zip(found) {
                    let presented = match result.found {
                        Some(found) => present(&found, ask.online),
                        None => Err(Reason::CredentialUnknown.into()),
                    };
                    drop(ask.answer.send(presented));
                }
            }
            Err(status) => {
                let refusal = told(&status);
                for ask in asks.drain(..) {
                    drop(ask.answer.send(Err(refusal.clone())));
                }
            }
        }
    }
}

fn read(credential: Option<&common::Credential>) -> Result<common::Credential, Refusal> {
    let credential = convert::required("credential", credential)?;
    match common::CredentialKind::try_from(credential.kind) {
        Ok(common::CredentialKind::Unspecified) => {
            return Err(Refusal::about(Reason::FieldMissing, "credential.kind"));
        }
        Ok(_) => {}
        Err(_) => return Err(Refusal::about(Reason::UnknownCode, "credential.kind")),
    }
    if credential.number.is_empty() {
        return Err(Refusal::about(Reason::FieldMissing, "credential.number"));
    }
    if credential.number.len() > LONGEST_NUMBER {
        return Err(Reason::CredentialUnknown.into());
    }
    Ok(credential.clone())
}

/// What authorization refused is refused; anything else is its trouble, not the caller's.
fn told(status: &Status) -> Refusal {
    match refusal_of(status).and_then(|seen| seen.refusal()) {
        Some(refusal) if !is_about_us(refusal.reason) => refusal,
        _ => {
            tracing::warn!(code = %status.code(), message = status.message(), "authorization did not resolve a credential");
            Reason::Unavailable.into()
        }
    }
}

/// Whether a refusal is about this service's own call, and nothing that the institution could mend.
const fn is_about_us(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Internal
            | Reason::AccessDenied
            | Reason::AccessTokenMissing
            | Reason::AccessTokenInvalid
            | Reason::AccessTokenExpired
    )
}

fn present(answer: &wire::ResolveResponse, online: bool) -> Result<Presented, Refusal> {
    if answer.purpose() == wire::CredentialPurpose::Identity {
        return Err(Reason::CredentialPurpose.into());
    }
    if answer.counter_only && online {
        return Err(Reason::DisplayedCodeOnline.into());
    }
    let expires_at = answer
        .expires_at
        .as_ref()
        .map(|at| convert::time("expires_at", at))
        .transpose()?;
    Ok(Presented {
        person: convert::id("person_id", &answer.person_id)?,
        expires_at,
        fingerprint: answer.fingerprint.clone(),
    })
}
