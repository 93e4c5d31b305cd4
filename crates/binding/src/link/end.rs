//! Either side ends a link, at once: no money follows from it, so there is nothing to fence.

use kernel::{DisplayLinkId, Refusal, Timestamp};
use sqlx::PgPool;

use super::DisplayLink;
use super::prove::{locked, save};
use crate::actor::Actor;
use crate::error::BindingError;

/// Ends it, or takes it back where it waits. One that is over is answered as it is.
///
/// Codes that were shown under it are good no longer once authorization has heard `display_unlinked`.
///
/// # Errors
/// `DISPLAY_LINK_UNKNOWN`, `NOT_YOURS`.
#[tracing::instrument(name = "binding.unlink", skip_all, fields(link = %id))]
pub async fn end(
    db: &PgPool,
    id: DisplayLinkId,
    by: &Actor,
    now: Timestamp,
) -> Result<DisplayLink, BindingError> {
    let mut tx = chassis::db::begin(db).await?;
    let (link, _) = locked(&mut tx, id, |link| may_see(by, link)).await?;
    let Some(link) = link.over(now) else {
        return Ok(link);
    };
    save(&mut tx, &link, by, None, now).await?;
    tx.commit().await?;
    Ok(link)
}

/// Whether the caller is one of the two, or acts for them.
pub fn may_see(by: &Actor, link: &DisplayLink) -> Result<(), Refusal> {
    match by.caller.person() {
        Some(person) if link.concerns(person) => Ok(()),
        _ => by.caller.may_act_for(link.binder),
    }
}
