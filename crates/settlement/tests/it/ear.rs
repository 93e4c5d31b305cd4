//! What settlement hears of itself, as its consumer does: each fact after its commit, and as often as a story wants.

#![expect(clippy::unwrap_used, reason = "an ear that cannot hear fails its test")]

use std::collections::BTreeSet;
use std::sync::Mutex;

use bytes::Bytes;
use chassis::inbox::{Delivery, Handle};
use kernel::{EventId, Timestamp};
use settlement::collect::{Collector, ITSELF};
use settlement::writer::Office;

use crate::scene::Scene;

/// Hears what settlement tells itself, as its consumer does.
pub struct Ear {
    collector: Collector,
    /// A set, as the relay's is: a fact may be committed after one with a higher position.
    heard: Mutex<BTreeSet<i64>>,
}

impl Ear {
    pub fn of(scene: &Scene) -> Self {
        Self {
            collector: Collector::new(scene.writer.clone()),
            heard: Mutex::default(),
        }
    }

    /// The facts that were told and are not among these, in their order.
    pub async fn told(&self, scene: &Scene, but: &BTreeSet<i64>) -> Vec<(i64, Delivery)> {
        let rows: Vec<(i64, String, String, Vec<u8>)> = sqlx::query_as(
            "SELECT position, subject, key, body FROM outbox WHERE position <> ALL ($1) AND subject = ANY ($2)
             ORDER BY position",
        )
        .bind(but.iter().copied().collect::<Vec<_>>())
        .bind(ITSELF.subjects.iter().map(|subject| (*subject).to_owned()).collect::<Vec<_>>())
        .fetch_all(&scene.db)
        .await
        .unwrap();
        let delivery = |(position, subject, key, body)| {
            let delivery = Delivery {
                event_id: EventId::generate(),
                subject,
                key,
                payload: Bytes::from(body),
                occurred_at: Timestamp::UNIX_EPOCH,
                trace_parent: None,
            };
            (position, delivery)
        };
        rows.into_iter().map(delivery).collect()
    }

    /// Handles these facts.
    pub async fn handle(&self, scene: &Scene, deliveries: &[Delivery]) {
        let mut tx = chassis::db::begin(&scene.db).await.unwrap();
        self.collector
            .handle(&mut tx, deliveries, scene.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Handles what was told since it last listened; says how many facts there were.
    pub async fn listen(&self, scene: &Scene) -> usize {
        let mut facts = 0;
        loop {
            let heard = self.heard.lock().unwrap().clone();
            let told = self.told(scene, &heard).await;
            if told.is_empty() {
                return facts;
            }
            let positions = told.iter().map(|(position, _)| *position);
            self.heard.lock().unwrap().extend(positions);
            facts += told.len();
            let deliveries: Vec<_> = told.into_iter().map(|(_, delivery)| delivery).collect();
            self.handle(scene, &deliveries).await;
        }
    }

    pub async fn sweep(&self, scene: &Scene) -> usize {
        let office = Office {
            db: scene.db.clone(),
            packs: std::sync::Arc::new(policy::Packs::shipped()),
            clock: scene.clock.clone(),
            catalogue: settlement::catalogue::Catalogue::default(),
        };
        self.collector.sweep(&office).await.unwrap()
    }
}
