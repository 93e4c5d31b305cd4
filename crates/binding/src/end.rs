//! What ends a binding without a caller: settlement's fence, and the last day.

use kernel::{BindingId, Timestamp};
use sqlx::{PgConnection, PgPool};

use crate::actor::Actor;
use crate::binding::State;
use crate::change::{locked, save};
use crate::error::{BindingError, StoreError};
use crate::event;
use crate::store;

/// How many bindings one round ends at most.
const MOST: i64 = 200;

/// Settlement has fenced a binding for ever: it is ended, and that is told.
///
/// A fence that comes twice, or for a binding that is unknown or was never asked to end, changes nothing.
pub async fn fenced(
    conn: &mut PgConnection,
    id: BindingId,
    by: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let binding = store::lock_binding(conn, id).await?;
    let Some((binding, ending)) = binding.and_then(|binding| match binding.state {
        State::Ending(ending) => Some((binding, ending)),
        _ => None,
    }) else {
        tracing::debug!(binding = %id, "a fence for a binding that is not ending was passed over");
        return Ok(());
    };
    let binding = binding.next(State::Ended(ending.fenced(now)));
    store::update_binding(conn, &binding, by, None, now).await?;
    chassis::outbox::record_all(conn, &[event::told(&binding, now)]).await?;
    Ok(())
}

/// Asks settlement for the fence of bindings whose last day is over; says how many there were.
///
/// Settlement stopped paying from them at that instant by their terms; this makes it final, and frees the place they take.
pub async fn end_overdue(db: &PgPool, now: Timestamp) -> Result<usize, BindingError> {
    let due = store::due_bindings(&mut *db.acquire().await?, now, MOST).await?;
    let by = Actor::service("binding", None);
    for id in &due {
        let mut tx = db.begin().await?;
        let binding = locked(&mut tx, *id, |_| Ok(())).await?;
        // Somebody else, or another replica, may have ended it meanwhile.
        if let State::Bound(bound) = binding.state
            && bound.terms.is_over(now)
        {
            let binding = binding.next(State::Ending(bound.end(now)));
            save(&mut tx, &binding, &by, None, now).await?;
        }
        tx.commit().await?;
    }
    Ok(due.len())
}
