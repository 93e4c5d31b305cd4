//! What binding hears of others: that settlement has fenced a binding.

use chassis::inbox::{Delivery, Failure, Follow, Handle};
use kernel::{BindingId, Timestamp};
use proto::convert;
use proto::event::Fact;
use proto::settlement::v1::FenceScope;
use sqlx::PgConnection;

use crate::actor::Actor;
use crate::end;

/// What is followed.
pub const FOLLOWED: Follow = Follow {
    service: "settlement",
    subjects: &["gongji.v1.settlement.fenced"],
};

/// Applies what is heard.
pub struct Listener;

impl Handle for Listener {
    async fn handle(
        &self,
        conn: &mut PgConnection,
        deliveries: &[Delivery],
        now: Timestamp,
    ) -> Result<(), Failure> {
        for delivery in deliveries {
            let Fact::Fenced(fenced) = Fact::decode(&delivery.subject, &delivery.payload)? else {
                return Err(Failure::park("a fact that binding does not follow"));
            };
            match FenceScope::try_from(fenced.scope) {
                Ok(FenceScope::Binding) => {
                    let id: BindingId = convert::id("binding_id", &fenced.binding_id)?;
                    let by = Actor::service(FOLLOWED.service, delivery.trace_parent.clone());
                    end::fenced(conn, id, &by, now).await?;
                }
                // The terms of a mandate are authorization's affair.
                Ok(FenceScope::Mandate) => {}
                Ok(FenceScope::Unspecified) | Err(_) => {
                    return Err(Failure::park("a fence of no scope that this build knows"));
                }
            }
        }
        Ok(())
    }
}
