//! What ends a binding without a caller: settlement's fence, and the last day.

use chassis::telemetry::Chain;
use kernel::{BindingId, Timestamp};
use sqlx::{PgConnection, PgPool, PgTransaction};

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
    if let Some(event) = event::told(&binding, now) {
        chassis::outbox::record_all(conn, &[event]).await?;
    }
    Ok(())
}

/// Asks settlement for the fence of bindings whose last day is over, and closes invitations that nobody answered in time;
/// says how many there were.
///
/// One that cannot be ended is logged, and the others are. Settlement stopped paying from them at that instant by their
/// terms; this makes it final, and frees the place they take.
pub async fn end_overdue(db: &PgPool, now: Timestamp) -> Result<usize, BindingError> {
    let due = store::due_bindings(&mut *db.acquire().await?, now, MOST).await?;
    let by = Actor::service("binding", None);
    let mut ended = 0;
    for id in due {
        // Without a connection nothing can be ended: that fails the round.
        let tx = chassis::db::begin(db).await?;
        match end_if_over(tx, id, &by, now).await {
            Ok(()) => ended += 1,
            Err(error) => tracing::error!(
                binding = %id,
                error = %Chain(&error),
                "an overdue binding could not be ended"
            ),
        }
    }
    Ok(ended)
}

async fn end_if_over(
    mut tx: PgTransaction<'_>,
    id: BindingId,
    by: &Actor,
    now: Timestamp,
) -> Result<(), BindingError> {
    let binding = locked(&mut tx, id, |_| Ok(())).await?;
    // Somebody else, or another replica, may have ended it meanwhile.
    let next = match binding.state {
        State::Bound(bound) if bound.terms.is_over(now) => State::Ending(bound.end(now)),
        State::Pending(pending) if pending.confirm_by.is_some_and(|by| by <= now) => {
            State::Expired(pending.expire(now))
        }
        _ => return Ok(()),
    };
    save(&mut tx, &binding.next(next), by, None, now).await?;
    Ok(tx.commit().await?)
}
