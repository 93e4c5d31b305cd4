//! Erases a person: their own key goes, and with it everything that it sealed.
//!
//! What stays is what the books need: opaque ids, and that it was done, by whom and why. Backups that are older hold the
//! wrapped key; they become unreadable when the key that wraps it is destroyed after a rotation (`gongji keys rotate`).

use kernel::{PersonId, Reason, Standing, Timestamp};
use sqlx::PgPool;

use crate::actor::Actor;
use crate::error::BindingError;
use crate::store;

/// Who is to be erased, and why.
pub struct Erase {
    pub person: PersonId,
    pub reason: String,
    pub by: Actor,
}

/// Erases the identity of somebody who is insured nowhere and in no open binding or link.
///
/// # Errors
/// `PERSON_UNKNOWN`, also for somebody who was erased before; `PERSON_STILL_INSURED`.
#[tracing::instrument(name = "binding.erase", skip_all, fields(person = %erase.person))]
pub async fn erase(db: &PgPool, erase: &Erase, now: Timestamp) -> Result<(), BindingError> {
    let person = erase.person;
    let mut tx = chassis::db::begin(db).await?;

    // ---- lock
    store::lock_people(&mut tx, &[person]).await?;

    // ---- look
    store::find_person(&mut tx, person)
        .await?
        .ok_or(Reason::PersonUnknown)?;
    let enrolments = store::enrolments_of(&mut tx, &[person]).await?;
    let bindings = store::open_bindings(&mut tx, &[person]).await?;
    let links = store::list_links(&mut tx, person, None, false, 1).await?;

    // ---- decide
    let is_over = |standing| standing == Standing::Terminated;
    if !enrolments.iter().all(|it| is_over(it.standing))
        || !bindings.is_empty()
        || !links.is_empty()
    {
        return Err(Reason::PersonStillInsured.into());
    }

    // ---- write
    store::erase_person(&mut tx, person, now).await?;
    let change = store::PersonChange {
        facts: &["ERASED"],
        note: Some(&erase.reason),
    };
    store::record_person_change(&mut tx, person, &change, &erase.by, now).await?;
    tx.commit().await?;
    Ok(())
}
