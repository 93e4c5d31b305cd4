//! Transactions of a pool, begun so that giving up leaves nothing behind.

use sqlx::{PgPool, Postgres, Transaction};

/// Begins a transaction on a connection of `db`; dropped without a commit, it is rolled back.
///
/// Whoever waits for this may be gone before it is done: a client hangs up, a time limit strikes, a task is aborted. The pool's
/// own `begin` would then put its connection back *inside* a transaction that nobody ends (sqlx 0.9.0, issues 4385 and 4393):
/// what the next borrower writes is never committed, and the locks it takes are never freed. So beginning is a
/// task of its own, which always ends, and ends with a transaction that is rolled back if nobody wants it.
///
/// # Errors
/// Those of acquiring a connection and of `BEGIN`.
pub async fn begin(db: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let db = db.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "one round trip that must not be given up half-way; this is the function the ban points to"
    )]
    let begun = tokio::spawn(async move { db.begin().await });
    match begun.await {
        Ok(begun) => begun,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_stopping) => Err(sqlx::Error::PoolClosed),
        },
    }
}
