//! The gRPC interface of webhooks.

use chassis::grpc::{caller, refuse};
use kernel::{Clock, EndpointId, PersonId, Reason, Refusal, Timestamp};
use proto::convert::{id, time, wire_time};
use proto::notification::v1 as pb;
use proto::notification::v1::webhook_service_server::WebhookService;
use secrecy::ExposeSecret as _;
use tonic::{Request, Response, Status};

use super::{failure, page_size};
use crate::endpoints::{SubscribeError, Subscriptions, Wish};
use crate::store::deliveries::{self, After, Dead, Wanted};
use crate::store::endpoints;
use crate::webhook::Endpoint;
use crate::webhook::post;

/// How many dead letters one call replays at most.
const AT_ONCE: i64 = 10_000;

/// Webhooks as callers see them. Without a key there are none, and every call says so.
pub struct WebhookApi {
    subscriptions: Option<Subscriptions>,
    clock: Clock,
}

impl WebhookApi {
    /// `subscriptions` are none where the settings name no key.
    pub fn new(subscriptions: Option<Subscriptions>, clock: Clock) -> Self {
        Self {
            subscriptions,
            clock,
        }
    }

    fn subscriptions(&self) -> Result<&Subscriptions, Status> {
        let off = || refuse(Reason::WebhooksOff);
        self.subscriptions.as_ref().ok_or_else(off)
    }
}

#[tonic::async_trait]
impl WebhookService for WebhookApi {
    async fn subscribe_webhook(
        &self,
        request: Request<pb::SubscribeWebhookRequest>,
    ) -> Result<Response<pb::SubscribeWebhookResponse>, Status> {
        let by = caller(&request)?.subject.clone();
        let asked = request.into_inner();
        let wish = Wish {
            url: &asked.url,
            kinds: &asked.kinds,
            in_order: asked.in_order,
        };
        let (endpoint, secret) = self
            .subscriptions()?
            .subscribe(wish, &by, self.clock.now())
            .await
            .map_err(|error| refused(&error))?;
        Ok(Response::new(pb::SubscribeWebhookResponse {
            webhook: Some(endpoint.into()),
            secret: secret.expose_secret().to_owned(),
        }))
    }

    async fn list_webhooks(
        &self,
        request: Request<pb::ListWebhooksRequest>,
    ) -> Result<Response<pb::ListWebhooksResponse>, Status> {
        let page = request.into_inner().page.unwrap_or_default();
        let size = page_size(page.size)?;
        let after = if page.cursor.is_empty() {
            None
        } else {
            Some(
                page.cursor
                    .parse()
                    .map_err(|_| refuse(Reason::CursorMalformed))?,
            )
        };
        let db = &self.subscriptions()?.db;
        let mut found = endpoints::list(db, after, size.saturating_add(1))
            .await
            .map_err(|failed| failure(&failed))?;
        let more = cut(&mut found, size);
        let next_cursor = found
            .last()
            .filter(|_| more)
            .map(|last| last.id.to_string());
        Ok(Response::new(pb::ListWebhooksResponse {
            webhooks: found.into_iter().map(Into::into).collect(),
            next_cursor: next_cursor.unwrap_or_default(),
        }))
    }

    async fn rotate_webhook_secret(
        &self,
        request: Request<pb::RotateWebhookSecretRequest>,
    ) -> Result<Response<pb::RotateWebhookSecretResponse>, Status> {
        let asked = request.into_inner();
        let endpoint = endpoint(&asked.endpoint_id)?;
        let (endpoint, secret) = self
            .subscriptions()?
            .rotate(endpoint, asked.generation, self.clock.now())
            .await
            .map_err(|error| refused(&error))?;
        Ok(Response::new(pb::RotateWebhookSecretResponse {
            webhook: Some(endpoint.into()),
            secret: secret.expose_secret().to_owned(),
        }))
    }

    async fn disable_webhook(
        &self,
        request: Request<pb::DisableWebhookRequest>,
    ) -> Result<Response<pb::DisableWebhookResponse>, Status> {
        let endpoint = endpoint(&request.into_inner().endpoint_id)?;
        let endpoint = self
            .subscriptions()?
            .disable(endpoint, self.clock.now())
            .await
            .map_err(|error| refused(&error))?;
        Ok(Response::new(pb::DisableWebhookResponse {
            webhook: Some(endpoint.into()),
        }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<pb::ListDeadLettersRequest>,
    ) -> Result<Response<pb::ListDeadLettersResponse>, Status> {
        let asked = request.into_inner();
        let wanted = wanted(asked.filter.unwrap_or_default())?;
        let page = asked.page.unwrap_or_default();
        let size = page_size(page.size)?;
        let after = after(&page.cursor)?;
        let db = &self.subscriptions()?.db;
        let mut dead = deliveries::list_dead(db, &wanted, after, size.saturating_add(1))
            .await
            .map_err(|failed| failure(&failed))?;
        let more = cut(&mut dead, size);
        let next_cursor = dead.last().filter(|_| more).map(cursor);
        Ok(Response::new(pb::ListDeadLettersResponse {
            dead_letters: dead.into_iter().map(Into::into).collect(),
            next_cursor: next_cursor.unwrap_or_default(),
        }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<pb::ReplayDeadLettersRequest>,
    ) -> Result<Response<pb::ReplayDeadLettersResponse>, Status> {
        let filter = request.into_inner().filter.unwrap_or_default();
        if filter == pb::DeadLetterFilter::default() {
            return Err(refuse(Refusal::about(Reason::FieldMissing, "filter")));
        }
        let wanted = wanted(filter)?;
        let db = &self.subscriptions()?.db;
        let replayed = deliveries::replay(db, &wanted, AT_ONCE, self.clock.now())
            .await
            .map_err(|failed| failure(&failed))?;
        Ok(Response::new(pb::ReplayDeadLettersResponse {
            replayed: i64::try_from(replayed).unwrap_or(i64::MAX),
        }))
    }
}

fn refused(error: &SubscribeError) -> Status {
    match error {
        SubscribeError::Refused(refusal) => refuse(refusal.clone()),
        SubscribeError::Store(failed) => failure(failed),
    }
}

fn endpoint(text: &str) -> Result<EndpointId, Status> {
    id("endpoint_id", text).map_err(|unreadable| refuse(unreadable.0))
}

/// Leaves a page of `size`, and says whether there was more.
fn cut<T>(found: &mut Vec<T>, size: i64) -> bool {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = found.len() > size;
    found.truncate(size);
    more
}

fn wanted(filter: pb::DeadLetterFilter) -> Result<Wanted, Status> {
    let unreadable = |unreadable: proto::Unreadable| refuse(unreadable.0);
    let at =
        |field: &str, at: Option<&_>| at.map(|at| time(field, at)).transpose().map_err(unreadable);
    let (from, until) = (
        at("filter.from", filter.from.as_ref())?,
        at("filter.until", filter.until.as_ref())?,
    );
    let one = |text: &str| !text.is_empty();
    if one(&filter.reason)
        && !post::Reason::ALL
            .iter()
            .any(|known| known.code() == filter.reason)
    {
        return Err(refuse(Refusal::about(Reason::UnknownCode, "filter.reason")));
    }
    let person: Option<PersonId> = one(&filter.person_id)
        .then(|| id("filter.person_id", &filter.person_id))
        .transpose()
        .map_err(unreadable)?;
    if person.is_none() && filter.sequence != 0 {
        return Err(refuse(Refusal::about(
            Reason::FieldMissing,
            "filter.person_id",
        )));
    }
    Ok(Wanted {
        endpoint: one(&filter.endpoint_id)
            .then(|| endpoint(&filter.endpoint_id))
            .transpose()?,
        reason: one(&filter.reason).then_some(filter.reason),
        from,
        until,
        notice: person.map(|person| (person, filter.sequence)),
    })
}

/// A cursor names the last dead letter of the page before.
fn cursor(last: &Dead) -> String {
    format!(
        "{}~{}~{}~{}",
        last.dead_at.as_microsecond(),
        last.endpoint,
        last.person,
        last.sequence
    )
}

fn after(cursor: &str) -> Result<Option<After>, Status> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let read = || {
        let mut parts = cursor.split('~');
        let at = Timestamp::from_microsecond(parts.next()?.parse().ok()?).ok()?;
        let after = (
            at,
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        );
        parts.next().is_none().then_some(after)
    };
    read()
        .map(Some)
        .ok_or_else(|| refuse(Reason::CursorMalformed))
}

impl From<Endpoint> for pb::Webhook {
    fn from(endpoint: Endpoint) -> Self {
        let (disabled_at, disabled_because) = endpoint.disabled.unzip();
        Self {
            endpoint_id: endpoint.id.to_string(),
            url: endpoint.url,
            kinds: endpoint.kinds,
            generation: endpoint.generation,
            previous_until: endpoint.previous_until.map(wire_time),
            disabled_at: disabled_at.map(wire_time),
            disabled_because: disabled_because.unwrap_or_default(),
            created_at: Some(wire_time(endpoint.created_at)),
            failures: endpoint.failures,
            in_order: endpoint.in_order,
        }
    }
}

impl From<Dead> for pb::DeadLetter {
    fn from(dead: Dead) -> Self {
        Self {
            endpoint_id: dead.endpoint.to_string(),
            person_id: dead.person.to_string(),
            sequence: dead.sequence,
            notice_id: dead.notice.to_string(),
            template: dead.kind,
            attempts: dead.attempts,
            reason: dead.reason,
            detail: dead.detail,
            dead_at: Some(wire_time(dead.dead_at)),
        }
    }
}
