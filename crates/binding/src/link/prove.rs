//! Evidence for a link, and the agency's word on papers.

use kernel::{DisplayLinkId, Reason, Refusal, Role, Timestamp, clock};
use policy::display::Evidence;
use policy::{Packs, display};
use sqlx::{PgConnection, PgPool};

use super::pair::Pair;
use super::{DisplayLink, Proof, State};
use crate::actor::Actor;
use crate::error::BindingError;
use crate::event;
use crate::keys::Keys;
use crate::store;

/// What is handed in for a link.
pub struct Prove {
    pub link: DisplayLinkId,
    pub kind: Evidence,
    pub digest: [u8; 32],
    pub by: Actor,
}

/// The agency's word on papers.
pub struct Review {
    pub link: DisplayLinkId,
    pub accept: bool,
    pub reason: Option<String>,
    pub by: Actor,
}

/// Takes evidence in. The relative's own face makes the link active; papers wait for the agency. The same evidence again
/// is answered how the link stands.
///
/// # Errors
/// `DISPLAY_LINK_UNKNOWN`, `NOT_YOURS`, `DISPLAY_LINK_NOT_WAITING`, `DISPLAY_EVIDENCE_UNFIT`, `RELATIVE_NOT_INSURED`,
/// `TOO_MANY_BINDERS`.
#[tracing::instrument(name = "binding.prove_link", skip_all, fields(link = %prove.link))]
pub async fn prove(
    db: &PgPool,
    packs: &Packs,
    keys: &Keys,
    prove: &Prove,
    now: Timestamp,
) -> Result<DisplayLink, BindingError> {
    let mut tx = chassis::db::begin(db).await?;
    let (link, pair) = locked(&mut tx, prove.link, |link| may_prove(prove, link)).await?;
    let requested = match &link.state {
        State::Requested(requested) => requested.clone(),
        _ if is_again(&link, prove) => return Ok(link),
        _ => return Err(Reason::DisplayLinkNotWaiting.into()),
    };
    let rules = pair.rules(packs, clock::business_day(now))?;
    let born = store::find_person(&mut tx, link.relative)
        .await?
        .ok_or(Reason::PersonUnknown)?
        .open(keys)?
        .certificate
        .birth_date();
    let wanted = display::wanted(born, clock::business_day(now), rules);
    display::check_evidence(prove.kind, wanted)?;
    let proof = Proof {
        kind: prove.kind,
        digest: prove.digest,
        at: now,
        by: (prove.by.caller.role, prove.by.caller.subject.clone()),
    };
    let link = if prove.kind == Evidence::Face {
        let state = State::Active(requested.prove(proof, now));
        become_active(&mut tx, packs, (link, pair), state, now).await?
    } else {
        link.next(State::InReview(requested.hand_in(proof)))
    };
    save(&mut tx, &link, &prove.by, None, now).await?;
    tx.commit().await?;
    Ok(link)
}

/// Accepts or rejects papers. A link that is past that is answered as it stands if it says the same.
///
/// # Errors
/// `DISPLAY_LINK_UNKNOWN`, `ACCESS_DENIED`, `REVIEW_BY_ANOTHER`, `DISPLAY_LINK_NOT_WAITING`, `RELATIVE_NOT_INSURED`,
/// `TOO_MANY_BINDERS`.
#[tracing::instrument(name = "binding.review_link", skip_all, fields(link = %review.link))]
pub async fn review(
    db: &PgPool,
    packs: &Packs,
    review: &Review,
    now: Timestamp,
) -> Result<DisplayLink, BindingError> {
    let mut tx = chassis::db::begin(db).await?;
    let (link, pair) = locked(&mut tx, review.link, |_| match review.by.caller.role {
        Role::Operator => Ok(()),
        _ => Err(Reason::AccessDenied.into()),
    })
    .await?;
    let papers = match (&link.state, review.accept) {
        (State::InReview(papers), _) => papers.clone(),
        (State::Active(_), true) | (State::Rejected(_), false) => return Ok(link),
        _ => return Err(Reason::DisplayLinkNotWaiting.into()),
    };
    papers.may_be_reviewed_by(&review.by)?;
    let link = if review.accept {
        let state = State::Active(papers.accept(now));
        become_active(&mut tx, packs, (link, pair), state, now).await?
    } else {
        link.next(State::Rejected(papers.reject(now)))
    };
    save(&mut tx, &link, &review.by, review.reason.as_deref(), now).await?;
    tx.commit().await?;
    Ok(link)
}

/// A link whose row and people are locked, for a caller who `may` change it.
pub(super) async fn locked(
    conn: &mut PgConnection,
    id: DisplayLinkId,
    may: impl FnOnce(&DisplayLink) -> Result<(), Refusal>,
) -> Result<(DisplayLink, Pair), BindingError> {
    // Who the two are never changes, so it may be read before the lock; everything else is read after it.
    let seen = store::find_link(conn, id)
        .await?
        .ok_or(Reason::DisplayLinkUnknown)?;
    may(&seen)?;
    let pair = Pair::locked(conn, seen.binder, seen.relative).await?;
    let link = store::lock_link(conn, id)
        .await?
        .ok_or(Reason::DisplayLinkUnknown)?;
    Ok((link, pair))
}

/// Stores the next version of a locked link, its history and its event.
pub(super) async fn save(
    conn: &mut PgConnection,
    link: &DisplayLink,
    by: &Actor,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), BindingError> {
    store::update_link(conn, link, by, note, now).await?;
    if let Some(event) = event::link_told(link, now) {
        chassis::outbox::record_all(conn, &[event]).await?;
    }
    Ok(())
}

/// The link in effect, decided again on the counts and standings of now. The evidence activates the relative, too.
async fn become_active(
    conn: &mut PgConnection,
    packs: &Packs,
    (link, pair): (DisplayLink, Pair),
    state: State,
    now: Timestamp,
) -> Result<DisplayLink, BindingError> {
    let facts = pair.facts(conn, false, now).await?;
    let [binder, relative] = pair.rules(packs, clock::business_day(now))?;
    let terms = display::check_active(&facts, binder, relative)?;
    let link = DisplayLink {
        terms,
        ..link.next(state)
    };
    if let Some(proof) = link.proof() {
        let trace = chassis::telemetry::trace_parent();
        store::insert_activation(conn, link.relative, proof, trace.as_deref(), now).await?;
    }
    Ok(link)
}

fn is_again(link: &DisplayLink, prove: &Prove) -> bool {
    let is_open = matches!(link.state, State::InReview(_) | State::Active(_));
    let is_same = |proof: &Proof| (proof.kind, proof.digest) == (prove.kind, prove.digest);
    is_open && link.proof().is_some_and(is_same)
}

/// A face is the relative's to show, in their own session or before the agency; papers may come from either side.
fn may_prove(prove: &Prove, link: &DisplayLink) -> Result<(), Refusal> {
    let caller = &prove.by.caller;
    let is_binder = caller.person() == Some(link.binder);
    if is_binder && prove.kind != Evidence::Face {
        return Ok(());
    }
    caller.may_act_for(link.relative)
}
