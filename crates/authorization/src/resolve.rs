//! Says whose a credential is. A read, and nothing else: an expired token is answered with its expiry, and the asker
//! judges (ruling 8 of the design).

use chassis::grpc::{Peer, refusal_of};
use kernel::{PersonId, Reason, Refusal};
use proto::Unreadable;
use proto::binding::v1::FindPersonByCardRequest;
use proto::binding::v1::binding_service_client::BindingServiceClient;
use proto::common::v1 as pb;
use proto::convert::id;
use tonic::Status;

use crate::credential::{Credential, Fingerprint};
use crate::lookup::{Lookup, LookupError};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// A token that was issued here.
    Token(Credential),
    /// A physical card: it has no expiry, and opens any visit of its holder.
    Card(PersonId),
}

/// Where credentials are looked up.
#[derive(Clone)]
pub struct Resolver {
    lookup: Lookup,
    binding: BindingServiceClient<Peer>,
}

/// Why a credential was not resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It means nobody, or cannot be read.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Tokens could not be read.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// Binding, which knows cards, did not answer.
    #[error("binding did not say whose the card is")]
    Binding(#[source] Status),
    /// Binding answered with something that is no person.
    #[error("binding's answer cannot be read")]
    Answer(#[source] Unreadable),
}

impl Resolver {
    /// Tokens come from `lookup`, cards from binding.
    pub fn new(lookup: Lookup, binding: Peer) -> Self {
        Self {
            lookup,
            binding: BindingServiceClient::new(binding),
        }
    }

    /// Whose `credential` is.
    ///
    /// # Errors
    /// `CREDENTIAL_UNKNOWN`; `OVERLOADED`; what makes the number of a card unreadable.
    pub async fn resolve(&self, credential: pb::Credential) -> Result<Resolved, ResolveError> {
        use pb::CredentialKind as Kind;
        match credential.kind() {
            Kind::Unspecified if credential.kind == 0 => {
                Err(Unreadable::missing("credential.kind").0.into())
            }
            Kind::Unspecified => Err(Unreadable::code("credential.kind").0.into()),
            Kind::ECredential => self.token(&credential.number).await,
            Kind::IdCard | Kind::SocialSecurityCard => self.card(credential).await,
        }
    }

    /// Whose these tokens are, in their order; none for one that was never issued here.
    ///
    /// # Errors
    /// `OVERLOADED`, or that the tokens could not be read: then nothing is known of any.
    pub async fn resolve_tokens(
        &self,
        tokens: &[String],
    ) -> Result<Vec<Option<Resolved>>, LookupError> {
        let found = tokens.iter().map(|shown| self.find(shown));
        futures::future::try_join_all(found).await
    }

    async fn token(&self, shown: &str) -> Result<Resolved, ResolveError> {
        let found = self.find(shown).await?;
        found.ok_or_else(|| Refusal::from(Reason::CredentialUnknown).into())
    }

    async fn find(&self, shown: &str) -> Result<Option<Resolved>, LookupError> {
        let Some(fingerprint) = Fingerprint::of(shown) else {
            return Ok(None);
        };
        Ok(self.lookup.find(fingerprint).await?.map(Resolved::Token))
    }

    async fn card(&self, card: pb::Credential) -> Result<Resolved, ResolveError> {
        let request = FindPersonByCardRequest { card: Some(card) };
        let answer = match self.binding.clone().find_person_by_card(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return Err(refused(status)),
        };
        let person_id = id("person_id", &answer.person_id).map_err(ResolveError::Answer)?;
        Ok(Resolved::Card(person_id))
    }
}

/// What binding's refusal means for whoever showed the card. Anything that is not about the card is a failure between
/// two services, and none of the asker's business.
fn refused(status: Status) -> ResolveError {
    let reason = refusal_of(&status).and_then(|seen| Reason::from_code(&seen.code));
    match reason {
        Some(Reason::PersonUnknown | Reason::CredentialUnknown) => {
            ResolveError::Refused(Reason::CredentialUnknown.into())
        }
        Some(
            reason @ (Reason::IdNumberInvalid
            | Reason::FieldMissing
            | Reason::MalformedRequest
            | Reason::TextMalformed
            | Reason::Overloaded),
        ) => ResolveError::Refused(Refusal::about(reason, "credential.number")),
        _ => ResolveError::Binding(status),
    }
}
