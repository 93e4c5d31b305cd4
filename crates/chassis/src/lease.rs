//! Work that one process at a time may do, as long as it says that it is still there.
//!
//! A lease is a row with a token and a counter of renewals. No clock is written into it and none is compared: whoever
//! wants the work watches the row, and takes it over when it has seen neither a new token nor a renewal for as long
//! as a renewal may take, by its own monotonic clock. Clocks that differ or jump between machines change nothing,
//! and a demo whose business time stands still loses no lease.
//!
//! A holder that was held up may believe for a moment that the work is still its own. What it does must be harmless
//! then, or ask [`Lease::is_held`] in the transaction that has the effect.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use sqlx::{PgConnection, PgPool};

/// A holder renews its lease this many times in the time after which it would be lost.
const RENEWALS: u32 = 4;
/// How often a watcher looks at the row in that time.
const LOOKS: u32 = 20;

/// A lease that this process holds.
#[derive(Debug)]
pub struct Lease {
    db: PgPool,
    name: String,
    token: i64,
    ttl: Duration,
    renewed: Instant,
}

/// What a watcher sees of a lease that somebody holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sign {
    token: i64,
    renewals: i64,
}

impl Lease {
    /// The lease `name`, or none if its holder has shown itself within `ttl`.
    ///
    /// A lease that is free is had at once. One that is held is watched for `ttl` at most: long enough to know that
    /// a holder that is gone is gone. `holder` is for people who look at the table.
    pub async fn acquire(
        db: &PgPool,
        name: &str,
        holder: &str,
        ttl: SignedDuration,
    ) -> Result<Option<Self>, sqlx::Error> {
        let ttl = ttl.unsigned_abs();
        let begun = Instant::now();
        let mut first = None;
        loop {
            let renewed = Instant::now();
            if let Some(token) = take_free(db, name, holder).await? {
                return Ok(Some(Self {
                    db: db.clone(),
                    name: name.to_owned(),
                    token,
                    ttl,
                    renewed,
                }));
            }
            let sign = look(db, name).await?;
            if *first.get_or_insert(sign) != sign {
                return Ok(None);
            }
            if begun.elapsed() >= ttl {
                let taken = take_over(db, name, holder, sign).await?;
                return Ok(taken.map(|token| Self {
                    db: db.clone(),
                    name: name.to_owned(),
                    token,
                    ttl,
                    renewed,
                }));
            }
            tokio::time::sleep(ttl / LOOKS).await;
        }
    }

    /// Whether it is time to renew.
    pub fn is_due(&self) -> bool {
        self.renewed.elapsed() >= self.ttl / RENEWALS
    }

    /// Whether nobody can have taken it over yet, as far as this process can tell without asking.
    pub fn is_fresh(&self) -> bool {
        self.renewed.elapsed() < self.ttl
    }

    /// Shows that this process is still there. `false`: somebody else has taken over.
    pub async fn renew(&mut self) -> Result<bool, sqlx::Error> {
        let asked = Instant::now();
        let row = sqlx::query!(
            r#"
            -- chassis.renew_lease
            UPDATE lease SET renewals = renewals + 1 WHERE name = $1 AND token = $2 AND NOT released
            "#,
            self.name,
            self.token,
        )
        .execute(&self.db)
        .await?;
        let held = row.rows_affected() == 1;
        if held {
            self.renewed = asked;
        }
        Ok(held)
    }

    /// Whether this process still holds it, in the caller's transaction: until that ends, nobody can take it over.
    pub async fn is_held(&self, conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let row = sqlx::query!(
            r#"
            -- chassis.hold_lease
            SELECT token FROM lease WHERE name = $1 AND token = $2 AND NOT released FOR SHARE
            "#,
            self.name,
            self.token,
        )
        .fetch_optional(conn)
        .await?;
        Ok(row.is_some())
    }

    /// Which holding of this name it is; grows with every holder.
    pub fn token(&self) -> i64 {
        self.token
    }

    /// Lets the next one have it at once.
    pub async fn release(self) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            -- chassis.release_lease
            UPDATE lease SET released = true WHERE name = $1 AND token = $2
            "#,
            self.name,
            self.token,
        )
        .execute(&self.db)
        .await?;
        Ok(())
    }
}

/// Takes a lease that nobody holds.
async fn take_free(db: &PgPool, name: &str, holder: &str) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        -- chassis.take_free_lease
        INSERT INTO lease (name, holder, token, renewals, released) VALUES ($1, $2, 1, 0, false)
        ON CONFLICT (name) DO UPDATE
            SET holder = EXCLUDED.holder, token = lease.token + 1, renewals = 0, released = false
            WHERE lease.released
        RETURNING token
        "#,
        name,
        holder,
    )
    .fetch_optional(db)
    .await
}

/// Takes a lease whose holder has shown nothing since `sign`.
async fn take_over(
    db: &PgPool,
    name: &str,
    holder: &str,
    sign: Sign,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        -- chassis.take_over_lease
        UPDATE lease SET holder = $2, token = token + 1, renewals = 0, released = false
        WHERE name = $1 AND token = $3 AND renewals = $4
        RETURNING token
        "#,
        name,
        holder,
        sign.token,
        sign.renewals,
    )
    .fetch_optional(db)
    .await
}

async fn look(db: &PgPool, name: &str) -> Result<Sign, sqlx::Error> {
    sqlx::query_as!(
        Sign,
        r#"
        -- chassis.look_at_lease
        SELECT token, renewals FROM lease WHERE name = $1
        "#,
        name,
    )
    .fetch_one(db)
    .await
}
