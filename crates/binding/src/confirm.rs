//! The beneficiary agrees, where the region asks both sides.

use kernel::{BindingId, Reason, Timestamp};
use policy::Packs;
use policy::bind::BindTerms;
use sqlx::{PgConnection, PgPool};

use crate::actor::Actor;
use crate::binding::{Binding, State};
use crate::change::{locked, save};
use crate::circle::{Circle, Wish};
use crate::error::BindingError;
use crate::request::{check, ready, shown};
use crate::store;

/// Agrees to a binding that waits. It is decided again, on the rules, counts and standings of now.
///
/// A binding that is agreed already is answered as it is, so a repeated confirmation does no harm.
///
/// # Errors
/// `BINDING_UNKNOWN`, `NOT_YOURS`, `BINDING_NOT_PENDING`, and every refusal of a request.
#[tracing::instrument(name = "binding.confirm", skip_all, fields(binding = %id))]
pub async fn confirm(
    db: &PgPool,
    packs: &Packs,
    id: BindingId,
    by: &Actor,
    now: Timestamp,
) -> Result<Binding, BindingError> {
    let mut tx = chassis::db::begin(db).await?;

    // ---- lock
    let binding = locked(&mut tx, id, |binding| {
        by.caller.may_act_for(binding.asked.beneficiary.person)
    })
    .await?;
    let pending = match binding.state {
        State::Pending(pending) => pending,
        State::Bound(_) => return Ok(binding),
        State::Ending(_) | State::Ended(_) | State::Declined(_) => {
            return Err(Reason::BindingNotPending.into());
        }
    };

    // ---- look, decide
    let terms = decide(&mut tx, packs, &binding, now).await?;
    let binding = binding.decided(State::Bound(pending.confirm(now, &terms)), terms.versions);

    // ---- write
    save(&mut tx, &binding, by, None, now).await?;
    tx.commit().await?;
    Ok(binding)
}

async fn decide(
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
    let shown = shown(&circle, committed, (contributor, beneficiary));
    let wish = Wish {
        contributor,
        beneficiary,
        relation: binding.asked.relation,
        until: binding.asked.until,
        shown: &shown,
        asked_at: binding.asked.at,
        waiting: Some(binding.id),
    };
    Ok(check(&circle, packs, &wish, now)?)
}
