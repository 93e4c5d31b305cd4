//! Ends a binding, in two phases: it is ending when the end was asked for, and ended when settlement has fenced it.
//!
//! Unbinding races with settlement, which decides on its own copy. So `unbinding` asks settlement for a fence under the
//! lock that charges take, and only its `fenced` makes the binding ENDED and tells `unbound` (promise P2 of the design).
//!
//! A pack that ends bindings on the next day (`unbind_effective = NEXT_DAY`; no shipped one does) ends them at once here:
//! never later than was asked for.

use kernel::{BindingId, Reason, Refusal, Role, Timestamp, clock};
use policy::Packs;
use policy::bind::{ReleaseFacts, ReleaseSide, Stage, check_release};
use sqlx::PgPool;
use tokio::time::{Duration, Instant, sleep};

use crate::actor::Actor;
use crate::binding::{Binding, Bound, Phase, State};
use crate::change::{locked, save};
use crate::error::BindingError;
use crate::store;

/// How often the waiting call looks at its own row. The replica that hears the fence may be another one (ruling 15).
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is to be ended, and what is said to the other side.
pub struct Unbind {
    pub binding: BindingId,
    pub note: Option<String>,
    pub by: Actor,
}

/// Asks for the end. Whoever asks again, or for what has ended already, is answered how it stands.
///
/// A request that waits for its confirmation is taken back at once: settlement never heard of it.
///
/// # Errors
/// `BINDING_UNKNOWN`, `NOT_YOURS`, `RELEASE_BY_CONTRIBUTOR`, `MIN_BIND_NOT_MET`; `BINDING_ENDED` for a declined one.
#[tracing::instrument(name = "binding.unbind", skip_all, fields(binding = %unbind.binding))]
pub async fn unbind(
    db: &PgPool,
    packs: &Packs,
    unbind: &Unbind,
    now: Timestamp,
) -> Result<Binding, BindingError> {
    let mut tx = chassis::db::begin(db).await?;
    let binding = locked(&mut tx, unbind.binding, |binding| {
        side(&unbind.by, binding).map(|_| ())
    })
    .await?;
    let side = side(&unbind.by, &binding)?;
    let next = match (binding.state, side) {
        (State::Pending(pending), ReleaseSide::Contributor) => State::Ended(pending.withdraw(now)),
        (State::Pending(pending), ReleaseSide::Beneficiary) => {
            State::Declined(pending.decline(now))
        }
        (State::Review(review), _) => State::Ended(review.withdraw(now)),
        (State::Bound(bound), _) => {
            may_end(packs, &binding, bound, side, now)?;
            State::Ending(bound.end(now))
        }
        (State::Ending(_) | State::Ended(_), _) => return Ok(binding),
        (State::Declined(_) | State::Expired(_) | State::Rejected(_), _) => {
            return Err(Reason::BindingEnded.into());
        }
    };
    let binding = binding.next(next);
    save(&mut tx, &binding, &unbind.by, unbind.note.as_deref(), now).await?;
    tx.commit().await?;
    Ok(binding)
}

/// Waits at most `patience` for an ending binding's fence, and answers how it stands then.
pub async fn await_fence(
    db: &PgPool,
    ending: Binding,
    patience: Duration,
) -> Result<Binding, BindingError> {
    let deadline = Instant::now() + patience;
    let mut binding = ending;
    while matches!(binding.state, State::Ending(_)) && Instant::now() < deadline {
        sleep(LOOK_EVERY).await;
        let mut conn = db.acquire().await?;
        binding = store::find_binding(&mut conn, binding.id)
            .await?
            .ok_or(Reason::BindingUnknown)?;
    }
    Ok(binding)
}

/// In whose name the caller asks. Staff of the agency act on the contributor's application.
fn side(by: &Actor, binding: &Binding) -> Result<ReleaseSide, Refusal> {
    let beneficiary = binding.asked.beneficiary.person;
    if by.caller.role == Role::Citizen && by.caller.person() == Some(beneficiary) {
        return Ok(ReleaseSide::Beneficiary);
    }
    by.caller.may_act_for(binding.asked.contributor.person)?;
    Ok(ReleaseSide::Contributor)
}

fn may_end(
    packs: &Packs,
    binding: &Binding,
    bound: Bound,
    by: ReleaseSide,
    now: Timestamp,
) -> Result<(), Refusal> {
    let today = clock::business_day(now);
    let stage = match binding.phase(now) {
        Phase::Scheduled => Stage::NotYetInEffect,
        _ => Stage::InEffect {
            bound_at: bound.terms.bound_at,
        },
    };
    let contributor = packs.rules(binding.asked.contributor.region, today)?;
    let beneficiary = packs.rules(binding.asked.beneficiary.region, today)?;
    check_release(&ReleaseFacts { by, stage, now }, contributor, beneficiary).map(|_| ())
}
