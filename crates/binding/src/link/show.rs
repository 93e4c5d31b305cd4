//! Reading links, and what may be handed in for one that waits.

use kernel::{DisplayLinkId, PersonId, Reason, Timestamp, clock};
use policy::Packs;
use policy::display::{self, Evidence};
use sqlx::PgPool;

use super::end::may_see;
use super::pair::Pair;
use super::{DisplayLink, State};
use crate::actor::Actor;
use crate::error::BindingError;
use crate::keys::Keys;
use crate::store;

/// One link, for one of the two or whoever acts for them.
///
/// # Errors
/// `DISPLAY_LINK_UNKNOWN`, `NOT_YOURS`.
pub async fn get(db: &PgPool, id: DisplayLinkId, by: &Actor) -> Result<DisplayLink, BindingError> {
    let link = store::find_link(&mut *db.acquire().await?, id)
        .await?
        .ok_or(Reason::DisplayLinkUnknown)?;
    may_see(by, &link)?;
    Ok(link)
}

/// What may be handed in for a link that waits for it; nothing for any other.
pub async fn wanted(
    db: &PgPool,
    packs: &Packs,
    keys: &Keys,
    link: &DisplayLink,
    now: Timestamp,
) -> Result<&'static [Evidence], BindingError> {
    if !matches!(link.state, State::Requested(_)) {
        return Ok(&[]);
    }
    let mut conn = db.acquire().await?;
    let pair = Pair::seen(&mut conn, link.binder, link.relative).await?;
    let Some(person) = store::find_person(&mut conn, link.relative).await? else {
        return Ok(&[]);
    };
    let today = clock::business_day(now);
    // Whoever is insured no longer is told so when the evidence comes in.
    let Ok(rules) = pair.rules(packs, today) else {
        return Ok(&[]);
    };
    let born = person.open(keys)?.certificate.birth_date();
    Ok(display::wanted(born, today, rules))
}

/// One page of a person's links in either role, newest first, and the last one's id if there are more.
pub async fn list(
    db: &PgPool,
    person: PersonId,
    (size, after): (u16, Option<DisplayLinkId>),
    include_ended: bool,
) -> Result<(Vec<DisplayLink>, Option<DisplayLinkId>), BindingError> {
    let mut conn = db.acquire().await?;
    let most = i64::from(size) + 1;
    let mut found = store::list_links(&mut conn, person, after, include_ended, most).await?;
    let more = found.len() > usize::from(size);
    found.truncate(usize::from(size));
    let last = found.last().map(|link| link.id).filter(|_| more);
    Ok((found, last))
}
