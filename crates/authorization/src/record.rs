//! Writes what was decided: how each mandate stands, every version with who made it so, and the facts that tell of them.

use std::collections::BTreeMap;

use chassis::outbox;
use sqlx::PgConnection;

use crate::actor::Actor;
use crate::event;
use crate::mandate::{Decision, Mandate};
use crate::store::{self, StoreError};

/// A decision, and the trace of what led to it; none for the current span's.
pub struct Decided<'a> {
    pub decision: Decision,
    pub trace_parent: Option<&'a str>,
}

impl From<Decision> for Decided<'_> {
    fn from(decision: Decision) -> Self {
        Self {
            decision,
            trace_parent: None,
        }
    }
}

/// Records decisions in the order in which they were made, in the caller's transaction, which has locked their mandates.
///
/// What stands as it was leaves no trace. What was granted is stored already: storing it is how its binding was claimed.
pub async fn record(
    conn: &mut PgConnection,
    decided: &[Decided<'_>],
    actor: &Actor,
) -> Result<(), StoreError> {
    let (mut versions, mut entries) = (Vec::new(), Vec::new());
    let mut latest: BTreeMap<_, &Mandate> = BTreeMap::new();
    for Decided {
        decision,
        trace_parent,
    } in decided
    {
        let Some(entry) = event::entry(decision) else {
            continue;
        };
        let mandate = decision.mandate();
        entries.push(match trace_parent {
            Some(_) => entry.in_trace(trace_parent.map(str::to_owned)),
            None => entry,
        });
        versions.push(mandate);
        if mandate.facts().version > crate::mandate::Version::FIRST {
            latest.insert(mandate.facts().binding_id, mandate);
        }
    }
    if versions.is_empty() {
        return Ok(());
    }
    let latest: Vec<_> = latest.into_values().collect();
    if !latest.is_empty() {
        store::update(conn, &latest).await?;
    }
    store::insert_versions(conn, &versions, actor).await?;
    outbox::record_all(conn, &entries).await?;
    Ok(())
}
