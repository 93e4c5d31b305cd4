//! What the end of an enrolment means: its bindings end with it (`domain.md` 6.3), and with the last enrolment the display
//! links, since there is nobody's code to show any more, and nobody to show it.
//!
//! The end is noted in the transaction that stores it; the bindings are ended afterwards, each under the locks of its two
//! people, which the import of one of them cannot take in order. Settlement pays nothing meanwhile: it hears of the
//! enrolment itself, and judges by it. Interruptions end nothing: whether one stops payments is a rule of the region,
//! which settlement asks at every charge, so a resumed enrolment needs no deed here.

use chassis::telemetry::Chain;
use kernel::{AccountId, BindingId, PersonId, Standing, Timestamp};
use sqlx::{PgConnection, PgPool};

use crate::actor::Actor;
use crate::binding::State;
use crate::change::{locked, save};
use crate::error::BindingError;
use crate::{link, store};

/// How many enrolments one round looks at.
const MOST: i64 = 50;

const NOTE: &str = "参保终止 / the insurance ended";

/// Ends the bindings and links of enrolments that ended; says of how many enrolments.
///
/// A binding that cannot be ended is logged; its enrolment is looked at again in the next round.
pub async fn end_terminated(db: &PgPool, now: Timestamp) -> Result<usize, BindingError> {
    let accounts = store::ended_enrolments(&mut *db.acquire().await?, MOST).await?;
    let by = Actor::service("binding", None);
    let mut done = 0;
    for account in accounts {
        match end_bindings_of(db, account, &by, now).await {
            Ok(()) => done += 1,
            Err(error) => tracing::error!(
                account = %account,
                error = %Chain(&error),
                "what an enrolment that ended leaves could not be ended"
            ),
        }
    }
    Ok(done)
}

async fn end_bindings_of(
    db: &PgPool,
    account: AccountId,
    by: &Actor,
    now: Timestamp,
) -> Result<(), BindingError> {
    let mut conn = db.acquire().await?;
    let enrolment = store::find_enrolment(&mut conn, account).await?;
    // It may have begun anew meanwhile.
    if let Some(it) = enrolment.filter(|it| it.standing == Standing::Terminated) {
        for id in store::open_bindings_of_account(&mut conn, account).await? {
            end(db, id, by, now).await?;
        }
        end_links_of(db, &mut conn, it.person, (by, now)).await?;
    }
    store::forget_ended_enrolment(&mut conn, account).await?;
    Ok(())
}

/// Ends the display links of somebody who is insured nowhere any more.
async fn end_links_of(
    db: &PgPool,
    conn: &mut PgConnection,
    person: PersonId,
    (by, now): (&Actor, Timestamp),
) -> Result<(), BindingError> {
    let enrolments = store::enrolments_of(conn, &[person]).await?;
    if enrolments
        .iter()
        .any(|enrolment| enrolment.standing != Standing::Terminated)
    {
        return Ok(());
    }
    for id in store::open_links_of(conn, person).await? {
        link::end::end(db, id, by, now).await?;
    }
    Ok(())
}

async fn end(db: &PgPool, id: BindingId, by: &Actor, now: Timestamp) -> Result<(), BindingError> {
    let mut tx = chassis::db::begin(db).await?;
    let binding = locked(&mut tx, id, |_| Ok(())).await?;
    let next = match binding.state {
        State::Bound(bound) => State::Ending(bound.end(now)),
        State::Pending(pending) => State::Ended(pending.withdraw(now)),
        State::Review(review) => State::Ended(review.withdraw(now)),
        _ => return Ok(()),
    };
    save(&mut tx, &binding.next(next), by, Some(NOTE), now).await?;
    Ok(tx.commit().await?)
}
