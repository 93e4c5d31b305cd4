//! Asks authorization whose a credential is.

use chassis::grpc::{Peer, refusal_of};
use kernel::{Reason, Refusal};
use proto::authorization::v1 as wire;
use proto::authorization::v1::authorization_service_client::AuthorizationServiceClient;
use proto::common::v1 as common;
use proto::convert;
use tonic::Status;

use crate::command::Presented;

/// No token, ID number or card number is longer.
const LONGEST_NUMBER: usize = 64;

/// Resolves credentials. Authorization groups what arrives at the same moment into one read of its own.
#[derive(Clone)]
pub struct Resolver {
    authorization: AuthorizationServiceClient<Peer>,
}

impl Resolver {
    /// Asks at `authorization`.
    pub fn new(authorization: Peer) -> Self {
        Self {
            authorization: AuthorizationServiceClient::new(authorization),
        }
    }

    /// Who the credential belongs to. An expired one is answered, too: whether that matters is judged when the bill is decided.
    ///
    /// # Errors
    /// `CREDENTIAL_UNKNOWN`, `CREDENTIAL_PURPOSE`, or `UNAVAILABLE` if authorization cannot be asked.
    pub async fn resolve(
        &self,
        credential: Option<&common::Credential>,
    ) -> Result<Presented, Refusal> {
        let credential = read(credential)?;
        let request = wire::ResolveRequest {
            credential: Some(credential),
        };
        let answer = self.authorization.clone().resolve(request).await;
        present(&answer.map_err(|status| told(&status))?.into_inner())
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

fn present(answer: &wire::ResolveResponse) -> Result<Presented, Refusal> {
    if answer.purpose() == wire::CredentialPurpose::Identity {
        return Err(Reason::CredentialPurpose.into());
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
