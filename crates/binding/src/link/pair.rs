//! The two people of a link, their rows locked, and what the rules need to know of them.

use kernel::{Date, PersonId, Reason, Refusal, Timestamp, clock};
use policy::display::LinkFacts;
use policy::{Packs, Rules};
use sqlx::PgConnection;

use crate::error::BindingError;
use crate::person::{Enrolment, enrolment_to_aid};
use crate::store;

/// Who shows, and whose code it is.
pub struct Pair {
    pub binder: PersonId,
    pub relative: PersonId,
    enrolments: Vec<Enrolment>,
}

impl Pair {
    /// Locks the two until the transaction ends: months and binders are counted under these locks.
    pub async fn locked(
        conn: &mut PgConnection,
        binder: PersonId,
        relative: PersonId,
    ) -> Result<Self, BindingError> {
        store::lock_people(conn, &[binder, relative]).await?;
        Self::seen(conn, binder, relative).await
    }

    /// The two as they are now, without a lock.
    pub async fn seen(
        conn: &mut PgConnection,
        binder: PersonId,
        relative: PersonId,
    ) -> Result<Self, BindingError> {
        let enrolments = store::enrolments_of(conn, &[binder, relative]).await?;
        Ok(Self {
            binder,
            relative,
            enrolments,
        })
    }

    /// What the rules need to know. Counts leave out the link between the two themselves where that could be meant.
    pub async fn facts(
        &self,
        conn: &mut PgConnection,
        linked: bool,
        now: Timestamp,
    ) -> Result<LinkFacts, BindingError> {
        let (binder, relative) = (self.binder, self.relative);
        Ok(LinkFacts {
            binder,
            relative,
            binder_activated: store::activated_at(conn, binder).await?.is_some(),
            relative_standing: self.enrolment(relative).map(|it| it.standing),
            links_this_month: store::links_since(conn, binder, month_began(now)?).await?,
            other_binders: store::other_binders(conn, relative, binder).await?,
            linked,
        })
    }

    /// The rules of the two places on `today`, the binder's first.
    ///
    /// # Errors
    /// `ENROLMENT_UNKNOWN` for a binder without a place of insurance, `RELATIVE_NOT_INSURED`.
    pub fn rules<'p>(&self, packs: &'p Packs, today: Date) -> Result<[&'p Rules; 2], Refusal> {
        let binder = self
            .enrolment(self.binder)
            .ok_or_else(|| Refusal::about(Reason::EnrolmentUnknown, "binder"))?;
        let relative = self
            .enrolment(self.relative)
            .ok_or(Reason::RelativeNotInsured)?;
        Ok([
            packs.rules(binder.region, today)?,
            packs.rules(relative.region, today)?,
        ])
    }

    fn enrolment(&self, person: PersonId) -> Option<&Enrolment> {
        enrolment_to_aid(&self.enrolments, person, None)
    }
}

/// The first instant of the calendar month of `now` in Shanghai.
fn month_began(now: Timestamp) -> Result<Timestamp, Refusal> {
    let today = clock::business_day(now);
    clock::start_of(today.first_of_month())
        .ok_or_else(|| Refusal::about(Reason::OutsideValidity, today.to_string()))
}
