//! Facts in, notices out: a batch of any size is three statements.

use chassis::inbox::{Delivery, Failure, Handle};
use jiff::Timestamp;
use kernel::{Clock, NoticeId};
use proto::event::Fact;
use sqlx::PgConnection;

use crate::store::{self, NewRow};
use crate::tell::{changes_of, notices_of};

/// Stores the notices of the facts that arrive, in the transaction that records them as handled.
#[derive(Debug, Clone)]
pub struct Teller {
    clock: Clock,
}

impl Teller {
    /// A teller that measures its delay by this clock.
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl Handle for Teller {
    async fn handle(
        &self,
        conn: &mut PgConnection,
        deliveries: &[Delivery],
        now: Timestamp,
    ) -> Result<(), Failure> {
        let (mut rows, mut changes) = (Vec::new(), Vec::new());
        for delivery in deliveries {
            let fact = Fact::decode(&delivery.subject, &delivery.payload)?;
            let notices = notices_of(&fact)?;
            changes.extend(changes_of(&fact, &notices)?);
            rows.extend(notices.into_iter().map(|notice| NewRow {
                id: NoticeId::generate(),
                event: delivery.event_id,
                happened_at: delivery.occurred_at,
                trace_parent: delivery.trace_parent.as_deref(),
                notice,
            }));
        }
        store::insert_notices(conn, &rows, now).await?;
        store::completeness::record(conn, &changes, now).await?;
        self.count(deliveries, &rows);
        Ok(())
    }
}

impl Teller {
    /// Figures for operators: how many notices of each kind, and how long after the fact they were stored.
    fn count(&self, deliveries: &[Delivery], rows: &[NewRow<'_>]) {
        for row in rows {
            let template = row.notice.told.template().code();
            metrics::counter!("gongji_notices_stored_total", "template" => template).increment(1);
        }
        let lag = metrics::histogram!("gongji_notice_lag_seconds");
        let stored = self.clock.now();
        for delivery in deliveries {
            lag.record(stored.duration_since(delivery.occurred_at).as_secs_f64());
        }
    }
}
