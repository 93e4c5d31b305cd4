//! Withdraws a mandate for good. The binding goes on without one; only a new binding brings a new mandate.

use chassis::access::Caller;
use kernel::{BindingId, Timestamp};
use sqlx::PgPool;
use tracing::instrument;

use crate::change::{MandateError, known};
use crate::mandate::Mandate;
use crate::record::record;
use crate::store;

/// Revokes a mandate and answers how it stands then: `REVOKING` until settlement has fenced it.
#[instrument(name = "authorization.revoke", skip_all, fields(binding.id = %binding_id))]
pub async fn revoke(
    db: &PgPool,
    binding_id: BindingId,
    caller: &Caller,
    now: Timestamp,
) -> Result<Mandate, MandateError> {
    let mut tx = chassis::db::begin(db).await?;
    let mandate = known(store::lock_one(&mut tx, binding_id).await?)?;
    mandate.may_be_stopped_by(caller)?;
    let decision = mandate.revoke(now);
    let decided = [decision.into()];
    record(&mut tx, &decided, &caller.into()).await?;
    tx.commit().await?;
    let [decided] = decided;
    Ok(decided.decision.into_mandate())
}
