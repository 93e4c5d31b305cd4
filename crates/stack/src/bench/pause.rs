//! Holding back the relay of settlement during a round, so that what is measured is the charge and not what follows it.
//!
//! The bench takes the relay's lease, as another replica would: the relay finds that it has lost it, and waits. When the round
//! is over the lease is given back, and everything that was recorded meanwhile is told.

use std::time::Duration;

use chassis::tasks::Tasks;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::BenchError;

/// More often than the relay would wait before it takes the lease over.
const RENEW: Duration = Duration::from_millis(500);
/// After this a relay that lost its lease has noticed.
const NOTICED: Duration = Duration::from_secs(1);

/// The relay while it is held back.
#[derive(Debug)]
pub struct Pause {
    database: PgPool,
    renewing: Tasks,
}

impl Pause {
    /// Takes the lease, and returns when the relay has stopped.
    pub async fn begin(url: &str) -> Result<Self, BenchError> {
        let failed = || BenchError::sql("hold back the relay");
        let database = PgPoolOptions::new()
            .max_connections(1)
            .connect(url)
            .await
            .map_err(failed())?;
        sqlx::query(
            "-- bench.take_relay_lease
             UPDATE lease SET holder = 'bench', token = token + 1, renewals = 0, released = false WHERE name = 'relay'",
        )
        .execute(&database)
        .await
        .map_err(failed())?;
        let mut renewing = Tasks::new();
        let (renewer, stop) = (database.clone(), renewing.stop());
        renewing.add("relay lease of the bench", async move {
            let mut due = tokio::time::interval(RENEW);
            loop {
                tokio::select! {
                    _ = due.tick() => {}
                    () = stop.requested() => return Ok(()),
                }
                sqlx::query("-- bench.renew_relay_lease\nUPDATE lease SET renewals = renewals + 1 WHERE name = 'relay'")
                    .execute(&renewer)
                    .await?;
            }
        });
        tokio::time::sleep(NOTICED).await;
        Ok(Self { database, renewing })
    }

    /// Gives the lease back.
    pub async fn end(self) -> Result<(), BenchError> {
        drop(self.renewing);
        sqlx::query(
            "-- bench.release_relay_lease\nUPDATE lease SET released = true WHERE name = 'relay'",
        )
        .execute(&self.database)
        .await
        .map_err(BenchError::sql("let the relay go on"))?;
        self.database.close().await;
        Ok(())
    }
}
