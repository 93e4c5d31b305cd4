//! A person activates their own e-credential.

use kernel::{PersonId, Reason, Timestamp};
use policy::display::Evidence;
use sqlx::PgPool;

use crate::actor::Actor;
use crate::error::BindingError;
use crate::link::Proof;
use crate::store;

/// Activates it, by the face whose verification has this hash; says since when it is active. Again changes nothing.
///
/// # Errors
/// `NOT_YOURS`, `PERSON_UNKNOWN`.
#[tracing::instrument(name = "binding.activate", skip_all, fields(person = %person))]
pub async fn activate(
    db: &PgPool,
    person: PersonId,
    face: [u8; 32],
    by: &Actor,
    now: Timestamp,
) -> Result<Timestamp, BindingError> {
    by.caller.may_act_for(person)?;
    let mut tx = chassis::db::begin(db).await?;
    store::lock_people(&mut tx, &[person]).await?;
    store::find_person(&mut tx, person)
        .await?
        .ok_or(Reason::PersonUnknown)?;
    let proof = Proof {
        kind: Evidence::Face,
        digest: face,
        at: now,
        by: (by.caller.role, by.caller.subject.clone()),
    };
    let since = store::insert_activation(&mut tx, person, &proof, by.trace.as_deref(), now).await?;
    tx.commit().await?;
    Ok(since)
}
