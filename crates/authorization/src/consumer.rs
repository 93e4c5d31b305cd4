//! Follows binding and settlement: parses what arrived and hands it to [`crate::follow`].

use std::sync::Arc;

use chassis::inbox::{Delivery, Failure, Follow, Handle};
use kernel::{DisplayLinkId, Timestamp};
use policy::Packs;
use proto::Event;
use proto::Unreadable;
use proto::binding::v1::{BindingTerms, Bound, DisplayUnlinked, Unbound};
use proto::convert::{id, region, required, time};
use proto::event;
use proto::settlement::v1::{FenceScope, Fenced};
use sqlx::PgConnection;

use crate::actor::Actor;
use crate::display;
use crate::follow::{Agreed, Fact, Heard, follow};
use crate::mandate::{Side, Version};

/// What is followed of binding: with it a mandate begins and ends, and the codes of a display link end.
pub const BINDING: Follow = Follow {
    service: "binding",
    subjects: &[Bound::SUBJECT, Unbound::SUBJECT, DisplayUnlinked::SUBJECT],
};

/// What is followed of settlement: it completes what was tightened.
pub const SETTLEMENT: Follow = Follow {
    service: "settlement",
    subjects: &[Fenced::SUBJECT],
};

/// Handles the facts of one service.
#[derive(Debug)]
pub struct Follower {
    packs: Arc<Packs>,
    actor: Actor,
}

impl Follower {
    /// A follower of the service that `follow` names.
    pub fn new(follow: Follow, packs: Arc<Packs>) -> Self {
        Self {
            packs,
            actor: Actor::following(follow.service),
        }
    }
}

impl Handle for Follower {
    async fn handle(
        &self,
        conn: &mut PgConnection,
        deliveries: &[Delivery],
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut heard = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            if delivery.subject == DisplayUnlinked::SUBJECT {
                display::unlinked(conn, unlinked(delivery)?, now).await?;
                continue;
            }
            if let Some(fact) = read(delivery)? {
                heard.push(Heard {
                    fact,
                    trace_parent: delivery.trace_parent.clone(),
                });
            }
        }
        follow(conn, &self.packs, &heard, &self.actor, now).await?;
        Ok(())
    }
}

/// What a delivery says about a mandate; none if it says nothing.
fn read(delivery: &Delivery) -> Result<Option<Fact>, Failure> {
    match event::Fact::decode(&delivery.subject, &delivery.payload)? {
        event::Fact::Bound(it) => {
            let agreed = agreed(it.terms)?;
            required("bound_at", agreed.bound_at)?;
            Ok(Some(Fact::Bound(agreed)))
        }
        event::Fact::Unbound(it) => Ok(Some(Fact::Unbound(agreed(it.terms)?))),
        event::Fact::Fenced(it) => Ok(fence(&it)?),
        _ => Err(Failure::park(format!(
            "nothing here follows {}",
            delivery.subject
        ))),
    }
}

/// Which display link a delivery says is over.
fn unlinked(delivery: &Delivery) -> Result<DisplayLinkId, Failure> {
    match event::Fact::decode(&delivery.subject, &delivery.payload)? {
        event::Fact::DisplayUnlinked(it) => Ok(id("display_link_id", &it.display_link_id)?),
        _ => Err(Failure::park("no end of a display link")),
    }
}

fn agreed(terms: Option<BindingTerms>) -> Result<Agreed, Failure> {
    let terms = required("terms", terms)?;
    let agreed = Agreed {
        binding_id: id("binding_id", &terms.binding_id)?,
        contributor: Side {
            person_id: id("contributor_person_id", &terms.contributor_person_id)?,
            account_id: id("contributor_account_id", &terms.contributor_account_id)?,
            region: region("contributor_region", &terms.contributor_region)?,
        },
        beneficiary: Side {
            person_id: id("beneficiary_person_id", &terms.beneficiary_person_id)?,
            account_id: id("beneficiary_account_id", &terms.beneficiary_account_id)?,
            region: region("beneficiary_region", &terms.beneficiary_region)?,
        },
        bound_at: terms.bound_at.map(|at| time("bound_at", &at)).transpose()?,
    };
    if agreed.contributor.person_id == agreed.beneficiary.person_id {
        return Err(Failure::park("a binding of a person to themselves"));
    }
    Ok(agreed)
}

/// The fence of a mandate; none for that of a binding, which ends its mandate through `unbound`.
fn fence(fenced: &Fenced) -> Result<Option<Fact>, Unreadable> {
    match fenced.scope() {
        FenceScope::Unspecified => Err(Unreadable::missing("scope")),
        FenceScope::Binding => Ok(None),
        FenceScope::Mandate => {
            let version = required("version", Version::new(fenced.version))?;
            Ok(Some(Fact::Fenced(
                id("binding_id", &fenced.binding_id)?,
                version,
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kernel::{AccountId, BindingId, EventId, PersonId};
    use proto::convert::wire_time;

    use super::*;

    fn delivery<E: Event>(event: &E) -> Delivery {
        Delivery {
            event_id: EventId::generate(),
            subject: E::SUBJECT.to_owned(),
            key: event.key().to_owned(),
            payload: Bytes::from(event.encode_to_vec()),
            occurred_at: Timestamp::UNIX_EPOCH,
            trace_parent: None,
        }
    }

    fn terms() -> BindingTerms {
        BindingTerms {
            binding_id: BindingId::generate().to_string(),
            version: 1,
            contributor_person_id: PersonId::generate().to_string(),
            contributor_account_id: AccountId::generate().to_string(),
            contributor_region: "610100".to_owned(),
            beneficiary_person_id: PersonId::generate().to_string(),
            beneficiary_account_id: AccountId::generate().to_string(),
            beneficiary_region: "610200".to_owned(),
            bound_at: Some(wire_time(Timestamp::UNIX_EPOCH)),
            ..BindingTerms::default()
        }
    }

    fn parked<E: Event>(event: &E) -> bool {
        matches!(read(&delivery(event)), Err(Failure::Park(_)))
    }

    #[test]
    fn a_binding_is_read_with_both_sides_and_their_regions() {
        let terms = Some(terms());
        let Ok(Some(Fact::Bound(agreed))) = read(&delivery(&Bound { terms })) else {
            panic!("it is whole");
        };
        assert_eq!(agreed.contributor.region.as_str(), "610100");
        assert_eq!(agreed.beneficiary.region.as_str(), "610200");
        assert_eq!(agreed.bound_at, Some(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn only_an_end_can_come_without_an_agreement() {
        let terms = BindingTerms {
            bound_at: None,
            ..terms()
        };
        assert!(parked(&Bound {
            terms: Some(terms.clone())
        }));
        let end = Unbound {
            terms: Some(terms),
            ended_at: None,
        };
        assert!(matches!(read(&delivery(&end)), Ok(Some(Fact::Unbound(_)))));
    }

    #[test]
    fn what_will_never_make_sense_is_parked() {
        assert!(parked(&Bound { terms: None }));
        let somebody = PersonId::generate().to_string();
        let with_oneself = BindingTerms {
            contributor_person_id: somebody.clone(),
            beneficiary_person_id: somebody,
            ..terms()
        };
        assert!(parked(&Bound {
            terms: Some(with_oneself)
        }));
        assert!(parked(&proto::settlement::v1::Charged::default()));
        assert!(parked(&Fenced::default()));
    }

    #[test]
    fn the_fence_of_a_binding_says_nothing_about_a_mandate() {
        let fence = |scope: FenceScope, version| Fenced {
            binding_id: BindingId::generate().to_string(),
            scope: scope.into(),
            version,
            fenced_at: None,
        };
        assert!(matches!(
            read(&delivery(&fence(FenceScope::Binding, 3))),
            Ok(None)
        ));
        assert!(matches!(
            read(&delivery(&fence(FenceScope::Mandate, 3))),
            Ok(Some(Fact::Fenced(_, version))) if version.get() == 3
        ));
        assert!(parked(&fence(FenceScope::Mandate, 0)));
    }
}
