//! How a binding is changed: its two people are locked, then itself; what it becomes is stored with its event.

use kernel::{BindingId, Reason, Refusal, Timestamp};
use sqlx::PgConnection;

use crate::actor::Actor;
use crate::binding::Binding;
use crate::error::BindingError;
use crate::event;
use crate::store;

/// A binding whose row and people are locked until the transaction ends, for a caller who `may` change it.
///
/// # Errors
/// `BINDING_UNKNOWN`, or why the caller may not.
pub async fn locked(
    conn: &mut PgConnection,
    id: BindingId,
    may: impl FnOnce(&Binding) -> Result<(), Refusal>,
) -> Result<Binding, BindingError> {
    // Who the two are never changes, so it may be read before the lock; everything else is read after it.
    let seen = store::find_binding(conn, id)
        .await?
        .ok_or(Reason::BindingUnknown)?;
    may(&seen)?;
    store::lock_people(
        conn,
        &[seen.asked.contributor.person, seen.asked.beneficiary.person],
    )
    .await?;
    Ok(store::lock_binding(conn, id)
        .await?
        .ok_or(Reason::BindingUnknown)?)
}

/// Stores the next version of a locked binding, its history and its event.
pub async fn save(
    conn: &mut PgConnection,
    binding: &Binding,
    by: &Actor,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), BindingError> {
    store::update_binding(conn, binding, by, note, now).await?;
    if let Some(event) = event::told(binding, now) {
        chassis::outbox::record_all(conn, &[event]).await?;
    }
    Ok(())
}
