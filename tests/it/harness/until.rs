//! Waiting for something to be so.

use std::time::{Duration, Instant};

/// How long anything may take. Much longer than it does.
pub const DEADLINE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(10);

/// Waits until `condition` holds, and fails the story with `what` if it does not come to that.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < DEADLINE, "still waiting: {what}");
        tokio::time::sleep(LOOK).await;
    }
}
