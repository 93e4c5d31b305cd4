//! The services behind the gateway, each called with a short token made for the end caller (ruling 46 of the design).

use chassis::access::{Caller, KeyError, Signer};
use chassis::grpc::{self, Peer, PeerError};
use kernel::{PersonId, Role};
use proto::authorization::v1::authorization_service_client::AuthorizationServiceClient;
use proto::binding::v1::binding_service_client::BindingServiceClient;
use proto::binding::v1::display_link_service_client::DisplayLinkServiceClient;
use proto::common::v1::Credential;
use proto::notification::v1::notification_service_client::NotificationServiceClient;
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;
use proto::{authorization, binding, settlement};
use tonic::Status;

use crate::Config;

/// The four services. Clones share their connections.
#[derive(Clone)]
pub struct Upstream {
    binding: Peer,
    authorization: Peer,
    settlement: Peer,
    notification: Peer,
}

/// Why the gateway cannot reach for its services.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It has no key to sign its calls with.
    #[error("the gateway has no key: set access.key to its Ed25519 key file")]
    NoKey,
    /// The key cannot be used.
    #[error("the gateway's key cannot be used")]
    Key(#[from] KeyError),
    /// An address cannot be read.
    #[error("a service's address cannot be used")]
    Peer(#[from] PeerError),
}

impl Upstream {
    /// Connections to the services that `config` names; they are opened when first used.
    pub fn new(config: &Config) -> Result<Self, UpstreamError> {
        let key = config.access.key.as_deref().ok_or(UpstreamError::NoKey)?;
        let signer = Signer::from_pem_file(key, &config.access.issuer)?;
        let peer = |url: &str, service| grpc::peer(url, service, signer.clone(), "gateway");
        Ok(Self {
            binding: peer(&config.binding_url, "binding")?,
            authorization: peer(&config.authorization_url, "authorization")?,
            settlement: peer(&config.settlement_url, "settlement")?,
            notification: peer(&config.notification_url, "notification")?,
        })
    }

    /// Binding, called for `caller`.
    pub fn binding(&self, caller: &Caller) -> BindingServiceClient<Peer> {
        BindingServiceClient::new(self.binding.on_behalf_of(caller))
    }

    /// Display links, which binding keeps, called for `caller`.
    pub fn display_links(&self, caller: &Caller) -> DisplayLinkServiceClient<Peer> {
        DisplayLinkServiceClient::new(self.binding.on_behalf_of(caller))
    }

    /// Authorization, called for `caller`.
    pub fn authorization(&self, caller: &Caller) -> AuthorizationServiceClient<Peer> {
        AuthorizationServiceClient::new(self.authorization.on_behalf_of(caller))
    }

    /// Settlement, called for `caller`.
    pub fn settlement(&self, caller: &Caller) -> SettlementServiceClient<Peer> {
        SettlementServiceClient::new(self.settlement.on_behalf_of(caller))
    }

    /// Notification, called for `caller`.
    pub fn notification(&self, caller: &Caller) -> NotificationServiceClient<Peer> {
        NotificationServiceClient::new(self.notification.on_behalf_of(caller))
    }

    /// Whose credential this is. Asked as the gateway itself: institutions cannot resolve credentials.
    pub async fn resolve(
        &self,
        credential: Credential,
    ) -> Result<authorization::v1::ResolveResponse, Status> {
        let mut authorization = AuthorizationServiceClient::new(self.authorization.clone());
        let request = authorization::v1::ResolveRequest {
            credential: Some(credential),
        };
        authorization
            .resolve(request)
            .await
            .map(tonic::Response::into_inner)
    }

    /// The patient, for the institution whose credential check made `caller.about` true.
    pub async fn patient(
        &self,
        caller: &Caller,
        patient: PersonId,
    ) -> Result<binding::v1::Person, Status> {
        let request = binding::v1::GetPersonRequest {
            person_id: patient.to_string(),
        };
        let answer = self.binding(caller).get_person(request).await?.into_inner();
        answer
            .person
            .ok_or_else(|| Status::internal("binding answered without a person"))
    }

    /// The patient's accounts, likewise.
    pub async fn accounts(
        &self,
        caller: &Caller,
        patient: PersonId,
    ) -> Result<Vec<settlement::v1::Account>, Status> {
        let request = settlement::v1::ListAccountsRequest {
            person_id: patient.to_string(),
        };
        Ok(self
            .settlement(caller)
            .list_accounts(request)
            .await?
            .into_inner()
            .accounts)
    }
}

/// The institution `caller`, having shown the credential of `patient`.
pub fn having_shown(caller: &Caller, patient: PersonId) -> Caller {
    debug_assert_eq!(caller.role, Role::Institution);
    Caller {
        about: Some(patient),
        ..caller.clone()
    }
}
