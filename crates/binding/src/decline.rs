//! The beneficiary does not agree, where the region asks both sides.

use kernel::{BindingId, Reason, Timestamp};
use sqlx::PgPool;

use crate::actor::Actor;
use crate::binding::{Binding, State};
use crate::change::{locked, save};
use crate::error::BindingError;

/// Declines a binding that waits. A declined one is answered as it is.
///
/// # Errors
/// `BINDING_UNKNOWN`, `NOT_YOURS`, `BINDING_NOT_PENDING`.
#[tracing::instrument(name = "binding.decline", skip_all, fields(binding = %id))]
pub async fn decline(
    db: &PgPool,
    id: BindingId,
    by: &Actor,
    now: Timestamp,
) -> Result<Binding, BindingError> {
    let mut tx = chassis::db::begin(db).await?;
    let binding = locked(&mut tx, id, |binding| {
        by.caller.may_act_for(binding.asked.beneficiary.person)
    })
    .await?;
    let pending = match binding.state {
        State::Pending(pending) => pending,
        State::Declined(_) => return Ok(binding),
        _ => return Err(Reason::BindingNotPending.into()),
    };
    let binding = binding.next(State::Declined(pending.decline(now)));
    save(&mut tx, &binding, by, None, now).await?;
    tx.commit().await?;
    Ok(binding)
}
