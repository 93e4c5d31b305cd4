//! Somebody shows a relative's code, under a display link (亲情账户) that binding keeps.
//!
//! The code is the relative's: it opens the relative's visit and pays from the relative's account. It records who showed it,
//! and pays at a counter only where the link says so. A link that ends takes its codes with it: issuing and ending meet on
//! the link's row here, so no code outlives the end that was heard.

use chassis::access::Caller;
use chassis::grpc::{Peer, refusal_of};
use jiff::SignedDuration;
use kernel::{DisplayLinkId, PersonId, Reason, Refusal, Timestamp};
use proto::binding::v1 as pb;
use proto::binding::v1::display_link_service_client::DisplayLinkServiceClient;
use proto::convert::{id, required};
use sqlx::{PgConnection, PgPool};
use tonic::Status;
use tracing::instrument;

use crate::credential::{Credential, Under};
use crate::issue::{Issue, IssueError, new_token};
use crate::store::{self, StoreError};

/// A display link as binding says it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub id: DisplayLinkId,
    /// Who shows the code.
    pub binder: PersonId,
    /// Whose code it is.
    pub relative: PersonId,
    pub is_active: bool,
    /// Whether the code is for a counter, with the patient present.
    pub counter_only: bool,
}

/// Where display links are asked for.
#[derive(Clone)]
pub struct Links {
    binding: DisplayLinkServiceClient<Peer>,
}

impl Links {
    /// Links come from binding.
    pub fn new(binding: Peer) -> Self {
        Self {
            binding: DisplayLinkServiceClient::new(binding),
        }
    }

    /// How a link stands now.
    ///
    /// # Errors
    /// `DISPLAY_LINK_UNKNOWN`, or that binding did not answer.
    pub async fn find(&self, link: DisplayLinkId) -> Result<Link, IssueError> {
        let request = pb::GetDisplayLinkRequest {
            display_link_id: link.to_string(),
        };
        let answer = self.binding.clone().get_display_link(request).await;
        let answer = answer.map_err(refused)?.into_inner();
        let link = required("display_link", answer.display_link).map_err(IssueError::Answer)?;
        Ok(Link {
            id: id("display_link_id", &link.display_link_id).map_err(IssueError::Answer)?,
            binder: id("binder_person_id", &link.binder_person_id).map_err(IssueError::Answer)?,
            relative: id("relative_person_id", &link.relative_person_id)
                .map_err(IssueError::Answer)?,
            is_active: link.state() == pb::DisplayLinkState::Active,
            // Whatever this build does not know is for a counter.
            counter_only: link.presence() != pb::Presence::Anywhere,
        })
    }
}

/// Issues a code of the relative's that `caller`, the binder, shows. It is good for `ttl` from `now`.
///
/// # Errors
/// `NOT_YOURS` for anybody but the binder, and for another relative; `DISPLAY_LINK_NOT_ACTIVE`.
#[instrument(name = "authorization.display", skip_all, fields(link.id = %link.id))]
pub async fn display(
    db: &PgPool,
    (wanted, link): (Issue, Link),
    caller: &Caller,
    ttl: SignedDuration,
    now: Timestamp,
) -> Result<(crate::credential::Token, Credential), IssueError> {
    may_show(&wanted, &link, caller)?;
    let token = new_token(wanted.region)?;
    let credential = Credential {
        presenter: link.binder,
        under: Some(Under {
            link: link.id,
            counter_only: link.counter_only,
        }),
        ..Credential::issue(&token, wanted.person_id, wanted.purpose, (now, ttl))
    };
    let mut tx = chassis::db::begin(db).await.map_err(StoreError::from)?;
    if store::lock_shown_link(&mut tx, link.id).await?.is_some() {
        return Err(Refusal::from(Reason::DisplayLinkNotActive).into());
    }
    store::insert_credential(&mut tx, &credential, &caller.into()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok((token, credential))
}

/// The link is over: the codes that were shown under it are good no longer, in the caller's transaction.
pub async fn unlinked(
    conn: &mut PgConnection,
    link: DisplayLinkId,
    now: Timestamp,
) -> Result<(), StoreError> {
    if store::lock_shown_link(conn, link).await?.is_none() {
        store::end_shown_link(conn, link, now).await?;
    }
    Ok(())
}

fn may_show(wanted: &Issue, link: &Link, caller: &Caller) -> Result<(), Refusal> {
    if caller.person() != Some(link.binder) || wanted.person_id != link.relative {
        return Err(Reason::NotYours.into());
    }
    if !link.is_active {
        return Err(Reason::DisplayLinkNotActive.into());
    }
    Ok(())
}

fn refused(status: Status) -> IssueError {
    match refusal_of(&status).and_then(|seen| seen.refusal()) {
        Some(refusal) if refusal.reason == Reason::DisplayLinkUnknown => refusal.into(),
        _ => IssueError::Binding(status),
    }
}
