//! Shows mandates to those they concern.

use chassis::access::Caller;
use kernel::{BindingId, PersonId};
use sqlx::PgPool;

use crate::change::{MandateError, known};
use crate::mandate::Mandate;
use crate::page::Page;
use crate::store;

/// The mandate of a binding, for either side.
pub async fn get(
    db: &PgPool,
    binding_id: BindingId,
    caller: &Caller,
) -> Result<Mandate, MandateError> {
    let mut conn = db.acquire().await?;
    let mandate = known(store::find(&mut conn, binding_id).await?)?;
    mandate.may_be_seen_by(caller)?;
    Ok(mandate)
}

/// One page of the mandates in which a person is contributor or beneficiary, newest first, and where the next begins.
pub async fn list(
    db: &PgPool,
    person_id: PersonId,
    page: Page,
    caller: &Caller,
) -> Result<(Vec<Mandate>, Option<BindingId>), MandateError> {
    caller.may_see(person_id)?;
    let mut conn = db.acquire().await?;
    let mandates = store::list(&mut conn, person_id, page.after, page.one_more()).await?;
    Ok(page.cut(mandates, |mandate| mandate.facts().binding_id))
}
