//! The beneficiary agrees, where the region asks both sides.

use kernel::{BindingId, Reason, Timestamp};
use policy::Packs;
use policy::bind::{BindTerms, Shown};
use sqlx::{PgConnection, PgPool};

use crate::actor::Actor;
use crate::binding::{Binding, State};
use crate::change::{locked, save};
use crate::circle::{Circle, Wish};
use crate::error::BindingError;
use crate::proof::{self, KinProof};
use crate::request::{check, ready, shown};
use crate::store;

/// The beneficiary's word, and what they hand in with it.
pub struct Confirm {
    pub id: BindingId,
    pub proofs: Vec<KinProof>,
    pub by: Actor,
}

/// Agrees to a binding that waits. It is decided again, on the rules, counts and standings of now.
///
/// A binding that is agreed already is answered as it is, so a repeated confirmation does no harm.
///
/// # Errors
/// `BINDING_UNKNOWN`, `NOT_YOURS`, `BINDING_NOT_PENDING`, and every refusal of a request.
#[tracing::instrument(name = "binding.confirm", skip_all, fields(binding = %confirm.id))]
pub async fn confirm(
    db: &PgPool,
    packs: &Packs,
    confirm: &Confirm,
    now: Timestamp,
) -> Result<Binding, BindingError> {
    let Confirm { id, proofs, by } = confirm;
    let mut tx = chassis::db::begin(db).await?;

    // ---- lock
    let binding = locked(&mut tx, *id, |binding| {
        let beneficiary = binding.asked.beneficiary.person;
        by.caller.may_act_for(beneficiary)?;
        proof::may_hand_in(proofs, by, Some(beneficiary))
    })
    .await?;
    let pending = match binding.state {
        State::Pending(pending) => pending,
        State::Review(_) | State::Bound(_) => return Ok(binding),
        State::Expired(_) => return Err(Reason::InvitationExpired.into()),
        _ => return Err(Reason::BindingNotPending.into()),
    };

    // ---- look, decide
    store::insert_proofs(&mut tx, binding.id, proofs, by, now).await?;
    let terms = decide(&mut tx, packs, &binding, now).await?;
    let binding = binding.decided(pending.confirm(now, &terms), terms.versions);

    // ---- write
    save(&mut tx, &binding, by, None, now).await?;
    tx.commit().await?;
    Ok(binding)
}

/// What the rules say now of a binding that waits for somebody's word. Its people must be locked.
pub(crate) async fn decide(
    conn: &mut PgConnection,
    packs: &Packs,
    binding: &Binding,
    now: Timestamp,
) -> Result<BindTerms, BindingError> {
    let (contributor, beneficiary) = (binding.asked.contributor, binding.asked.beneficiary);
    let people = [contributor.person, beneficiary.person];
    let circle = Circle {
        enrolments: store::enrolments_of(conn, &people).await?,
        open: store::open_bindings(conn, &people).await?,
        agreed: store::agreed_bindings(conn, contributor.person).await?,
        ready: ready(conn, contributor.person, &people).await?,
    };
    let enrolment = |account| {
        circle
            .enrolments
            .iter()
            .find(|enrolment| enrolment.account == account)
    };
    let contributor = enrolment(contributor.account).ok_or(Reason::EnrolmentUnknown)?;
    let beneficiary = enrolment(beneficiary.account).ok_or(Reason::EnrolmentUnknown)?;
    let committed = binding.asked.commitment.is_some();
    let proofs = store::proofs_of(conn, binding.id).await?;
    let mut shown = shown(&circle, committed, (contributor, beneficiary));
    shown.extend(proofs.into_iter().map(Shown::Proof));
    // Who waits for the agency has answered in time.
    let asked_at = match binding.state {
        State::Review(_) => now,
        _ => binding.asked.at,
    };
    let wish = Wish {
        contributor,
        beneficiary,
        relation: binding.asked.relation,
        until: binding.asked.until,
        shown: &shown,
        asked_at,
        waiting: Some(binding.id),
    };
    Ok(check(&circle, packs, &wish, now)?)
}
