//! Ends holds that nobody may use any more: those whose time is over, and long ones that rest on a withdrawn permission.
//!
//! Nothing depends on its punctuality: an expired hold counts as gone wherever it is read. What waits for it are fences.

use std::time::Duration;

use chassis::health::{Health, Progress};
use chassis::tasks::{BoxError, Stop, Tasks};
use futures::future::join_all;
use jiff::SignedDuration;
use kernel::{Clock, Reason, Role};
use sqlx::PgPool;

use crate::SERVICE;
use crate::command::{Command, Origin};
use crate::hold::command::Command as OfHold;
use crate::store::{self, StoreError};
use crate::writer::{Office, Writer};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// The name of the task.
const NAME: &str = "settlement sweep of holds";

/// How long it may go without a round before it counts as stuck.
const STUCK_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// How many holds one round ends at most.
const MOST: i64 = 500;

/// Ends what is due, once, through the writer; says how many holds that were.
pub async fn round(db: &PgPool, writer: &Writer, clock: &Clock) -> Result<usize, StoreError> {
    let due = store::aside::due(db, clock.now(), MOST).await?;
    let origin = Origin {
        role: Role::Service,
        caller: SERVICE.to_owned(),
        trace_parent: None,
    };
    let ends = due.into_iter().map(|(hold, why)| {
        let free = Command::Hold(OfHold::Free { hold, why });
        writer.submit(free, origin.clone())
    });
    let mut ended = 0_usize;
    for answer in join_all(ends).await {
        match answer {
            Ok(_) => ended = ended.saturating_add(1),
            // Captured, released or swept by another replica in between.
            Err(refusal) if refusal.reason == Reason::HoldUnknown => {}
            Err(refusal) => {
                tracing::warn!(%refusal, "a hold could not be ended; it is tried again");
            }
        }
    }
    Ok(ended)
}

/// Starts the sweeper; it stops before the lanes that it sends to.
pub(crate) fn start(office: &Office, writer: &Writer, health: &Health, tasks: &mut Tasks) {
    let progress = health.background(NAME, STUCK_AFTER);
    let parts = (office.db.clone(), writer.clone(), office.clock.clone());
    tasks.add(NAME, run(parts, progress, tasks.stop()));
}

/// Goes round until it is stopped.
async fn run(
    (db, writer, clock): (PgPool, Writer, Clock),
    progress: Progress,
    stop: Stop,
) -> Result<(), BoxError> {
    loop {
        progress.made();
        tokio::select! {
            () = stop.requested() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Err(error) = round(&db, &writer, &clock).await {
            tracing::error!(error = %chassis::telemetry::Chain(&error), "holds could not be swept");
        }
    }
}
