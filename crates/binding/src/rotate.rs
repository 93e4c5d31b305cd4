//! Wraps every person's key anew, after a new key has become the current one of the ring. No identity is touched.
//!
//! It runs beside the service, stops anywhere and goes on where it was: what is wrapped by the current key is done.

use kernel::PersonId;
use sqlx::PgPool;

use crate::error::BindingError;
use crate::keys::Keys;
use crate::store;

/// How many keys are wrapped in one transaction.
const BATCH: i64 = 500;

/// How many people's keys are still wrapped by another key than the current one.
pub async fn left(db: &PgPool, keys: &Keys) -> Result<i64, BindingError> {
    let mut conn = db.acquire().await?;
    Ok(store::count_old_keys(&mut conn, keys.current()).await?)
}

/// What one batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    pub keys: usize,
    /// Where the next batch begins.
    pub last: PersonId,
}

/// Wraps the keys of the next people after `after` with the current key. None: there are no more.
///
/// # Errors
/// A key that does not open with the ring at hand: nothing of this batch is changed.
pub async fn rotate(
    db: &PgPool,
    keys: &Keys,
    after: Option<PersonId>,
) -> Result<Option<Rotated>, BindingError> {
    let mut tx = chassis::db::begin(db).await?;
    let old = store::lock_old_keys(&mut tx, keys.current(), after, BATCH).await?;
    let mut wrapped: Vec<(PersonId, Vec<u8>)> = Vec::with_capacity(old.len());
    for (person, key) in old {
        wrapped.push((person, keys.wrap_again(person, &key)?));
    }
    store::replace_keys(&mut tx, &wrapped).await?;
    tx.commit().await?;
    Ok(wrapped.last().map(|(last, _)| Rotated {
        keys: wrapped.len(),
        last: *last,
    }))
}
