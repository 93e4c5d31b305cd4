//! Callers of a stack: tokens for any role, and clients that carry them.

use chassis::access::{Caller, Claims, KeyError, Signer};
use chassis::grpc::{self, Peer, PeerError};
use jiff::SignedDuration;
use kernel::{Clock, PersonId, Role};
use proto::authorization::v1::authorization_service_client::AuthorizationServiceClient;
use proto::binding::v1::binding_service_client::BindingServiceClient;
use proto::binding::v1::display_link_service_client::DisplayLinkServiceClient;
use proto::notification::v1::notification_service_client::NotificationServiceClient;
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;

use crate::layout::Layout;

/// How long the tokens of a stack are good: a day of development.
const TOKEN_TTL: SignedDuration = SignedDuration::from_hours(24);

/// Why no caller could be made.
#[derive(Debug, thiserror::Error)]
pub enum CallersError {
    /// The stack's key cannot be read.
    #[error("cannot read the stack's key")]
    Key(#[from] KeyError),
    /// A service's address cannot be used.
    #[error("cannot reach a service")]
    Peer(#[from] PeerError),
}

/// Makes tokens and clients.
#[derive(Clone)]
pub struct Callers {
    signer: Signer,
    binding: Peer,
    authorization: Peer,
    settlement: Peer,
    notification: Peer,
}

impl Callers {
    /// Callers of the stack that `layout` describes. Connections open when first used.
    pub fn of(layout: &Layout) -> Result<Self, CallersError> {
        let signer = layout.signer()?;
        let peer = |service| grpc::peer(&layout.url(service), service, signer.clone(), "stack");
        Ok(Self {
            binding: peer("binding")?,
            authorization: peer("authorization")?,
            settlement: peer("settlement")?,
            notification: peer("notification")?,
            signer,
        })
    }

    /// A token for calling `audience` ("gateway" or a service) as this role and subject.
    pub fn token(&self, role: Role, subject: &str, audience: &str) -> String {
        let claims = Claims {
            role,
            subject: subject.to_owned(),
            audience: audience.to_owned(),
            about: None,
        };
        self.signer.token(&claims, TOKEN_TTL, Clock::system().now())
    }

    /// A member of the agency's staff.
    pub fn operator(&self) -> Calling<'_> {
        self.calling(Role::Operator, "OP-0001")
    }

    /// An insured person.
    pub fn citizen(&self, person: PersonId) -> Calling<'_> {
        self.calling(Role::Citizen, person.to_string())
    }

    /// A pharmacy or hospital.
    pub fn institution(&self, code: &str) -> Calling<'_> {
        self.calling(Role::Institution, code)
    }

    /// Anybody.
    pub fn calling(&self, role: Role, subject: impl Into<String>) -> Calling<'_> {
        Calling {
            callers: self,
            role,
            subject: subject.into(),
        }
    }
}

/// Clients of one caller.
#[derive(Clone)]
pub struct Calling<'a> {
    callers: &'a Callers,
    role: Role,
    subject: String,
}

impl Calling<'_> {
    fn as_them(&self, peer: &Peer) -> Peer {
        let (role, subject) = (self.role, self.subject.clone());
        peer.on_behalf_of(&Caller {
            role,
            subject,
            about: None,
        })
    }

    /// Binding.
    pub fn binding(&self) -> BindingServiceClient<Peer> {
        BindingServiceClient::new(self.as_them(&self.callers.binding))
    }

    /// Display links, which binding keeps.
    pub fn display_links(&self) -> DisplayLinkServiceClient<Peer> {
        DisplayLinkServiceClient::new(self.as_them(&self.callers.binding))
    }

    /// Authorization.
    pub fn authorization(&self) -> AuthorizationServiceClient<Peer> {
        AuthorizationServiceClient::new(self.as_them(&self.callers.authorization))
    }

    /// Settlement.
    pub fn settlement(&self) -> SettlementServiceClient<Peer> {
        SettlementServiceClient::new(self.as_them(&self.callers.settlement))
    }

    /// Notification.
    pub fn notification(&self) -> NotificationServiceClient<Peer> {
        NotificationServiceClient::new(self.as_them(&self.callers.notification))
    }

    /// The token with which this caller comes to the gateway.
    pub fn gateway_token(&self) -> String {
        self.callers.token(self.role, &self.subject, "gateway")
    }
}
