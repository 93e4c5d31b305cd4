//! Follows binding and authorization: opens accounts, copies permissions, and sets fences.
//!
//! A fence is set under the lock of the contributor's account, the same lock that charges take, and `fenced` is recorded
//! in the same transaction. So when it is told, every charge that could still use the old permission has committed or
//! will find the new one (promise P2).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chassis::inbox::{Delivery, Failure, Follow, Handle};
use chassis::outbox;
use kernel::clock::business_day;
use kernel::{AccountId, BindingId, Timestamp};
use policy::Packs;
use policy::plan::Permission;
use proto::Event as _;
use proto::authorization::v1::{MandateChanged, MandateGranted, MandateTightening};
use proto::binding::v1::{Bound, Enrolled, Unbinding, Unbound};
use sqlx::PgConnection;

use crate::account::{Enrolment, medical_year};
use crate::enforced::{BindingState, Enforced, Fence, FenceScope};
use crate::event;
use crate::project::{NotFollowed, Told, read};
use crate::store::{account, deferral, enforced, fence};

/// What of binding is followed.
pub const BINDING: Follow = Follow {
    service: "binding",
    subjects: &[
        Enrolled::SUBJECT,
        Bound::SUBJECT,
        Unbinding::SUBJECT,
        Unbound::SUBJECT,
    ],
};

/// What of authorization is followed.
pub const AUTHORIZATION: Follow = Follow {
    service: "authorization",
    subjects: &[
        MandateGranted::SUBJECT,
        MandateTightening::SUBJECT,
        MandateChanged::SUBJECT,
    ],
};

/// Applies facts of other services.
#[derive(Debug, Clone)]
pub struct Projection {
    packs: Arc<Packs>,
}

impl Projection {
    /// New accounts begin in the medical year of their region's rules.
    pub fn new(packs: Arc<Packs>) -> Self {
        Self { packs }
    }
}

impl From<NotFollowed> for Failure {
    fn from(error: NotFollowed) -> Self {
        match error {
            NotFollowed::Malformed(malformed) => malformed.into(),
            NotFollowed::Unreadable(unreadable) => unreadable.into(),
        }
    }
}

impl Handle for Projection {
    async fn handle(
        &self,
        conn: &mut PgConnection,
        deliveries: &[Delivery],
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut told = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            told.push(read(delivery)?);
        }

        // ---- lock: accounts first, then permissions, each sorted, as charges do
        account::lock_for_projection(conn, &accounts(&told)).await?;
        self.enrol(conn, &told, now).await?;
        let mut entries = self.waited_for(conn, &told, now).await?;
        let wanted = bindings(&told);
        if wanted.is_empty() {
            outbox::record_all(conn, &entries).await?;
            return Ok(());
        }
        let mut known: BTreeMap<BindingId, Enforced> = enforced::lock(conn, &wanted)
            .await?
            .into_iter()
            .map(|enforced| (enforced.id, enforced))
            .collect();

        // ---- apply
        let mut fences = Vec::new();
        for (told, delivery) in told.iter().zip(deliveries) {
            let before = told.binding().and_then(|id| known.get(&id).cloned());
            if let Some((binding, scope, version)) = apply(&mut known, told) {
                fences.push(Fence {
                    binding,
                    scope,
                    version,
                    trace_parent: delivery.trace_parent.clone(),
                });
            }
            let after = told.binding().and_then(|id| known.get(&id));
            if let Some(enforced) =
                after.filter(|after| before.as_ref() != Some(after) && pays(after))
            {
                let beneficiary = enforced.parties.beneficiary;
                let came = event::permission_came(enforced.id, beneficiary, now);
                entries
                    .push(outbox::Entry::new(&came, now).in_trace(delivery.trace_parent.clone()));
            }
        }

        // ---- write
        let written: Vec<Enforced> = known.into_values().collect();
        enforced::write(conn, &written).await?;
        if !fences.is_empty() {
            tell(conn, fences, now).await?;
        }
        outbox::record_all(conn, &entries).await?;
        Ok(())
    }
}

impl Projection {
    /// Opens and updates accounts: of several versions in one batch the newest.
    async fn enrol(
        &self,
        conn: &mut PgConnection,
        told: &[Told],
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut newest: BTreeMap<AccountId, &Enrolment> = BTreeMap::new();
        for told in told {
            let Told::Enrolled(enrolment) = told else {
                continue;
            };
            let known = newest.entry(enrolment.account).or_insert(enrolment);
            if known.version < enrolment.version {
                *known = enrolment;
            }
        }
        if newest.is_empty() {
            return Ok(());
        }
        let day = business_day(now);
        let enrolments: Vec<Enrolment> = newest.into_values().cloned().collect();
        let mut years = Vec::with_capacity(enrolments.len());
        for enrolment in &enrolments {
            // A place without rules is parked: it is replayed once there are some.
            let rules = self
                .packs
                .rules(enrolment.region, day)
                .map_err(Failure::park)?;
            years.push(medical_year(day, rules.medical_year_start));
        }
        account::enrol(conn, &enrolments, &years).await?;
        Ok(())
    }

    /// An enrolment that changed may let its account pay what it did not: told where somebody waits for it.
    async fn waited_for(
        &self,
        conn: &mut PgConnection,
        told: &[Told],
        now: Timestamp,
    ) -> Result<Vec<outbox::Entry>, Failure> {
        let enrolled = told.iter().filter_map(|told| match told {
            Told::Enrolled(enrolment) => Some(enrolment.account),
            _ => None,
        });
        let enrolled: Vec<AccountId> = enrolled.collect();
        if enrolled.is_empty() {
            return Ok(Vec::new());
        }
        let waited_for = deferral::waited_for(conn, &enrolled).await?.into_iter();
        Ok(waited_for
            .map(|(account, person)| event::money_came(account, person, now))
            .collect())
    }
}

/// Whether a permission lets money flow.
fn pays(enforced: &Enforced) -> bool {
    enforced.permission() == Permission::InForce
}

/// The accounts that a batch changes or fences.
fn accounts(told: &[Told]) -> Vec<AccountId> {
    let accounts: BTreeSet<AccountId> = told
        .iter()
        .filter_map(|told| match told {
            Told::Enrolled(enrolment) => Some(enrolment.account),
            Told::Binding {
                parties, binding, ..
            } if binding.state != BindingState::Bound => Some(parties.contributor_account),
            Told::Mandate {
                parties,
                fence: true,
                ..
            } => Some(parties.contributor_account),
            Told::Binding { .. } | Told::Mandate { .. } | Told::Nothing => None,
        })
        .collect();
    accounts.into_iter().collect()
}

/// The bindings that a batch concerns, each once, as they are before anything is heard of them.
fn bindings(told: &[Told]) -> Vec<Enforced> {
    let mut wanted = BTreeMap::new();
    for told in told {
        if let Told::Binding { id, parties, .. } | Told::Mandate { id, parties, .. } = told {
            wanted
                .entry(*id)
                .or_insert_with(|| Enforced::unheard(*id, *parties));
        }
    }
    wanted.into_values().collect()
}

/// Tells fences, but for those whose binding has money set aside: they are told when the last of its holds has ended.
/// They hold from now on all the same, so nothing new is set aside.
async fn tell(conn: &mut PgConnection, fences: Vec<Fence>, now: Timestamp) -> Result<(), Failure> {
    let bindings: BTreeSet<BindingId> = fences.iter().map(|fence| fence.binding).collect();
    let bindings: Vec<BindingId> = bindings.into_iter().collect();
    let held = fence::held(conn, &bindings).await?;
    let (waiting, free): (Vec<_>, Vec<_>) = fences
        .into_iter()
        .partition(|fence| held.contains(&fence.binding));
    if !waiting.is_empty() {
        fence::wait(conn, &waiting, now).await?;
    }
    let entries: Vec<_> = free.iter().map(|fence| event::fenced(fence, now)).collect();
    outbox::record_all(conn, &entries).await?;
    Ok(())
}

/// Applies one fact; the answer is the fence that was set and must be told. A fence that was asked for again is told again.
fn apply(
    known: &mut BTreeMap<BindingId, Enforced>,
    told: &Told,
) -> Option<(BindingId, FenceScope, i64)> {
    match told {
        Told::Binding { id, binding, .. } => {
            known.get_mut(id)?.apply_binding(*binding);
            (binding.state == BindingState::Ending).then_some((
                *id,
                FenceScope::Binding,
                binding.version,
            ))
        }
        Told::Mandate {
            id, mandate, fence, ..
        } => {
            let enforced = known.get_mut(id)?;
            if !fence {
                enforced.apply_mandate(mandate.clone());
                return None;
            }
            enforced.tighten(mandate.clone());
            Some((*id, FenceScope::Mandate, mandate.version))
        }
        Told::Enrolled(_) | Told::Nothing => None,
    }
}
