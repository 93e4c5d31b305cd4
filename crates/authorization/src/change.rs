//! Changes the terms of a mandate: at once where they allow more, through settlement's fence where they allow less.

use kernel::clock::business_day;
use kernel::{BindingId, Reason, Refusal, Timestamp};
use policy::Packs;
use sqlx::PgPool;
use tracing::instrument;

use crate::mandate::{Mandate, Terms, Version};
use crate::record::record;
use crate::store::{self, StoreError};
use chassis::access::Caller;

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Change {
    pub binding_id: BindingId,
    /// The version they saw when they decided.
    pub seen: Version,
    /// All terms as they shall be.
    pub terms: Terms,
}

/// Why a mandate was not changed, paused, resumed, revoked or shown.
#[derive(Debug, thiserror::Error)]
pub enum MandateError {
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be stored or read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for MandateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The mandate that was asked for, or `MANDATE_UNKNOWN`.
pub(crate) fn known(mandate: Option<Mandate>) -> Result<Mandate, Refusal> {
    mandate.ok_or_else(|| Reason::MandateUnknown.into())
}

/// Changes a mandate and answers how it stands then: `CHANGING` if the new terms wait for settlement's fence.
#[instrument(name = "authorization.change", skip_all, fields(binding.id = %change.binding_id))]
pub async fn change(
    db: &PgPool,
    packs: &Packs,
    change: Change,
    caller: &Caller,
    now: Timestamp,
) -> Result<Mandate, MandateError> {
    let mut tx = chassis::db::begin(db).await?;

    // The row is the lock: two changes of one mandate meet here, and the second sees the version of the first.
    let mandate = known(store::lock_one(&mut tx, change.binding_id).await?)?;
    let rules = packs.rules(mandate.facts().beneficiary.region, business_day(now))?;
    mandate.may_be_changed_by(caller, &change.terms, rules.rank_set_by)?;
    let decision = mandate.change(change.terms, change.seen, now)?;

    let decided = [decision.into()];
    record(&mut tx, &decided, &caller.into()).await?;
    tx.commit().await?;
    let [decided] = decided;
    Ok(decided.decision.into_mandate())
}
