//! The agency's word on a binding, where a region reviews them: two people look, never the one who asked or confirmed.

use kernel::{BindingId, Reason, Role, Timestamp};
use policy::Packs;
use sqlx::PgPool;

use crate::actor::Actor;
use crate::binding::{Binding, State};
use crate::change::{locked, save};
use crate::confirm::decide;
use crate::error::BindingError;
use crate::store;

/// What the agency says.
pub struct Review {
    pub binding: BindingId,
    pub approve: bool,
    /// Why; kept with the version it makes.
    pub reason: String,
    pub by: Actor,
}

/// Approves or rejects a binding that waits for it. It is decided again, on the rules, counts and standings of now.
///
/// One that is past it is answered as it stands if that is what was said.
///
/// # Errors
/// `BINDING_UNKNOWN`, `ACCESS_DENIED`, `REVIEW_BY_ANOTHER`, `BINDING_NOT_PENDING`, and every refusal of a request.
#[tracing::instrument(name = "binding.review", skip_all, fields(binding = %review.binding))]
pub async fn review(
    db: &PgPool,
    packs: &Packs,
    review: &Review,
    now: Timestamp,
) -> Result<Binding, BindingError> {
    let mut tx = chassis::db::begin(db).await?;

    // ---- lock
    let caller = &review.by.caller;
    let binding = locked(&mut tx, review.binding, |_| match caller.role {
        Role::Operator => Ok(()),
        _ => Err(Reason::AccessDenied.into()),
    })
    .await?;
    let waiting = match (&binding.state, review.approve) {
        (State::Review(waiting), _) => *waiting,
        (State::Bound(_), true) | (State::Rejected(_), false) => return Ok(binding),
        _ => return Err(Reason::BindingNotPending.into()),
    };

    // ---- look, decide
    if store::has_acted(&mut tx, binding.id, caller).await? {
        return Err(Reason::ReviewByAnother.into());
    }
    let binding = if review.approve {
        let terms = decide(&mut tx, packs, &binding, now).await?;
        binding.decided(State::Bound(waiting.approve(now, &terms)), terms.versions)
    } else {
        binding.next(State::Rejected(waiting.reject(now)))
    };

    // ---- write
    save(&mut tx, &binding, &review.by, Some(&review.reason), now).await?;
    tx.commit().await?;
    Ok(binding)
}
