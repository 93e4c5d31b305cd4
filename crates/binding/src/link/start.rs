//! The binder asks to show a relative's code, and so starts the relative's activation where that is missing.

use kernel::{PersonId, Reason, Timestamp, clock};
use policy::{Packs, display};
use sqlx::{PgConnection, PgPool};

use super::pair::Pair;
use super::{DisplayLink, State, requested};
use crate::actor::Actor;
use crate::error::BindingError;
use crate::keys::Keys;
use crate::request::{Beneficiary, named};
use crate::store;

/// Who asks to show whose code.
pub struct Start {
    pub binder: PersonId,
    pub relative: Beneficiary,
    /// SHA-256 of the signed notice.
    pub commitment: [u8; 32],
    pub by: Actor,
}

/// Asks for a link. Whoever asks again while it waits is answered the link that waits.
///
/// # Errors
/// `NOT_YOURS`, `PERSON_UNKNOWN`, `IDENTITY_MISMATCH`, and what `policy::display` refuses.
#[tracing::instrument(name = "binding.link", skip_all, fields(binder = %start.binder))]
pub async fn start(
    db: &PgPool,
    packs: &Packs,
    keys: &Keys,
    start: &Start,
    now: Timestamp,
) -> Result<DisplayLink, BindingError> {
    start.by.caller.may_act_for(start.binder)?;
    let mut tx = chassis::db::begin(db).await?;
    let relative = resolve(&mut tx, keys, &start.relative).await?;

    // ---- lock
    let pair = Pair::locked(&mut tx, start.binder, relative).await?;

    // ---- look
    let open = store::open_link(&mut tx, start.binder, relative).await?;
    let linked = match open {
        Some(link) if matches!(link.state, State::Active(_)) => true,
        Some(waiting) => return Ok(waiting),
        None => false,
    };
    let facts = pair.facts(&mut tx, linked, now).await?;

    // ---- decide
    let [binder_rules, relative_rules] = pair.rules(packs, clock::business_day(now))?;
    let terms = display::check(&facts, binder_rules, relative_rules)?;
    let link = requested((start.binder, relative), start.commitment, terms, now);

    // ---- write
    store::insert_link(&mut tx, &link, &start.by, now).await?;
    tx.commit().await?;
    Ok(link)
}

async fn resolve(
    conn: &mut PgConnection,
    keys: &Keys,
    relative: &Beneficiary,
) -> Result<PersonId, BindingError> {
    let person = match relative {
        Beneficiary::Unreadable(refusal) => return Err(refusal.clone().into()),
        Beneficiary::Person(person) => store::find_person(conn, *person).await?,
        Beneficiary::Identity(certificate, _) => {
            let index = keys.index_certificate(certificate);
            let found = store::people_by_certificate(conn, &[index]).await?;
            match found.first() {
                Some((person, _)) => store::find_person(conn, *person).await?,
                None => None,
            }
        }
    };
    let person = person.ok_or(Reason::PersonUnknown)?;
    match relative {
        Beneficiary::Identity(_, name) => Ok(named(&person, name, keys)?),
        Beneficiary::Person(_) | Beneficiary::Unreadable(_) => Ok(person.id),
    }
}
