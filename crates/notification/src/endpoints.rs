//! Subscribing, rotating and disabling: who is told by webhook.

use jiff::{SignedDuration, Timestamp};
use kernel::clock::shifted;
use kernel::{EndpointId, Reason, Refusal};
use secrecy::SecretString;
use sqlx::PgPool;

use crate::notice::Template;
use crate::store::endpoints::{self, NewEndpoint};
use crate::webhook::Endpoint;
use crate::webhook::guard::Target;
use crate::webhook::sign::MasterKey;

/// The most kinds a subscription names: more is all of them.
const KINDS: usize = 100;

/// What subscriptions are made with.
#[derive(Debug, Clone)]
pub struct Subscriptions {
    /// Where they are.
    pub db: PgPool,
    /// What secrets are derived from.
    pub key: MasterKey,
    /// The receivers inside the house that the settings name.
    pub allowed: Vec<String>,
    /// How long both secrets sign after a rotation.
    pub overlap: SignedDuration,
}

/// What an operator asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The address.
    pub url: &'a str,
    /// The kinds of notices; none means all.
    pub kinds: &'a [String],
    /// Whether the messages about one person come one after the other.
    pub in_order: bool,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not do it.
    #[error("the subscription could not be stored")]
    Store(#[from] sqlx::Error),
}

impl From<Reason> for SubscribeError {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}

/// An endpoint and the secret that signs.
pub type WithSecret = (Endpoint, SecretString);

impl Subscriptions {
    /// Announces notices of these kinds to an address from now on.
    pub async fn subscribe(
        &self,
        Wish {
            url,
            kinds,
            in_order,
        }: Wish<'_>,
        by: &str,
        now: Timestamp,
    ) -> Result<WithSecret, SubscribeError> {
        Target::read(url, &self.allowed)
            .map_err(|unfit| Refusal::about(Reason::WebhookAddressRefused, unfit.to_string()))?;
        if kinds.len() > KINDS {
            return Err(Reason::PageTooLarge.into());
        }
        let mut known = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let template = Template::ALL
                .iter()
                .find(|template| template.code() == kind);
            let unknown = || Refusal::about(Reason::UnknownCode, "kinds");
            known.push(template.ok_or_else(unknown)?.code());
        }
        let new = NewEndpoint {
            id: EndpointId::generate(),
            url,
            kinds: &known,
            by,
            in_order,
        };
        let mut tx = chassis::db::begin(&self.db).await?;
        let endpoint = endpoints::upsert(&mut tx, new, now).await?;
        tx.commit().await?;
        Ok(self.with_secret(endpoint))
    }

    /// Makes the secret after `generation` sign. Asked again, it answers the same.
    pub async fn rotate(
        &self,
        id: EndpointId,
        generation: i32,
        now: Timestamp,
    ) -> Result<WithSecret, SubscribeError> {
        let mut tx = chassis::db::begin(&self.db).await?;
        let mut endpoint = endpoints::lock(&mut tx, id)
            .await?
            .ok_or(Reason::WebhookUnknown)?;
        let next = generation.checked_add(1).ok_or(Reason::WebhookRotated)?;
        if endpoint.generation == next {
            return Ok(self.with_secret(endpoint));
        }
        if endpoint.generation != generation {
            return Err(Reason::WebhookRotated.into());
        }
        let until = shifted(now, self.overlap);
        endpoints::rotate(&mut tx, id, next, until).await?;
        tx.commit().await?;
        endpoint.generation = next;
        endpoint.previous_until = Some(until);
        Ok(self.with_secret(endpoint))
    }

    /// Sends nothing more to an endpoint.
    pub async fn disable(
        &self,
        id: EndpointId,
        now: Timestamp,
    ) -> Result<Endpoint, SubscribeError> {
        let mut tx = chassis::db::begin(&self.db).await?;
        endpoints::disable(&mut tx, id, "BY_OPERATOR", now).await?;
        let endpoint = endpoints::lock(&mut tx, id)
            .await?
            .ok_or(Reason::WebhookUnknown)?;
        tx.commit().await?;
        Ok(endpoint)
    }

    fn with_secret(&self, endpoint: Endpoint) -> WithSecret {
        let secret = self.key.secret(endpoint.id, endpoint.generation).shown();
        (endpoint, secret)
    }
}
