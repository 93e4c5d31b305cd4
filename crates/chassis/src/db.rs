//! The database of a service: opened only if it keeps what it commits and has the tables this build knows.
//!
//! Each database holds two sets of migrations with a table of versions each: the tables of this crate
//! (`_chassis_migrations`) and the service's own (`_sqlx_migrations`). Both only go forward. A build works on the
//! newest version it knows and on the one before it, so that a migration and a deployment need not be one step.

mod begin;
mod schema;

use std::fmt;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::config;

pub use begin::begin;
pub use schema::SchemaError;

static CHASSIS: Migrator = sqlx::migrate!();

/// How long one statement of a service may run. A batch takes milliseconds; what takes this long is lost anyway.
const STATEMENT_TIMEOUT: &str = "15s";
/// How long a statement waits for a lock: longer than any transaction of ours holds one.
const LOCK_TIMEOUT: &str = "5s";
/// How long a transaction may stand open without a statement: its client is gone.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "30s";
/// How long a caller waits for a connection before it hears that the service is overloaded.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that rested this long is asked whether it still lives before it is handed out.
const RESTED: Duration = Duration::from_secs(1);
/// The oldest server these statements are written for.
const OLDEST_SERVER: i32 = 150_000;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error("the database address cannot be read: write it like postgres://user@host:5432/name")]
    Address(#[source] sqlx::Error),
    /// It cannot be reached, or does not let us in.
    #[error("the database cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// It is older than our statements.
    #[error("the database server is older than PostgreSQL 15: it says {0}")]
    TooOld(String),
    /// It may lose what it has committed.
    #[error(
        "the database runs with {} = off and may lose what it has committed: switch it on, or set allow_unsafe_durability for a throw-away database",
        .0.join(" = off, ")
    )]
    Unsafe(Vec<&'static str>),
    /// It has other tables than this build needs.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The address cannot be read.
    #[error("the database address cannot be read: write it like postgres://user@host:5432/name")]
    Address(#[source] sqlx::Error),
    /// It cannot be reached, or does not let us in.
    #[error("the database cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// A migration failed; those before it stay.
    #[error("the migrations of {set} could not be applied")]
    Failed {
        /// Whose migrations: `chassis` or `service`.
        set: &'static str,
        /// What went wrong.
        source: sqlx::migrate::MigrateError,
    },
}

/// Opens a pool on the database, or says why it must not be used.
///
/// Statements, locks and forgotten transactions have time limits on every connection of the pool.
pub async fn open(
    config: &config::Database,
    migrations: &'static Migrator,
) -> Result<PgPool, OpenError> {
    let options = address(config).map_err(OpenError::Address)?.options([
        ("statement_timeout", STATEMENT_TIMEOUT),
        ("lock_timeout", LOCK_TIMEOUT),
        (
            "idle_in_transaction_session_timeout",
            IDLE_IN_TRANSACTION_TIMEOUT,
        ),
    ]);
    let mut conn = PgConnection::connect_with(&options)
        .await
        .map_err(OpenError::Unreachable)?;
    guard(&mut conn, config.allow_unsafe_durability).await?;
    schema::check(&mut conn, "chassis", &CHASSIS).await?;
    schema::check(&mut conn, "service", migrations).await?;
    // The pool makes its own connections; an error while this one says goodbye changes nothing.
    let _ = conn.close().await;

    Ok(PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|conn, about| {
            Box::pin(async move {
                if about.idle_for < RESTED {
                    return Ok(true);
                }
                Ok(conn.ping().await.is_ok())
            })
        })
        .connect_lazy_with(options))
}

/// Brings the database up to date: the tables of this crate first, then the service's.
///
/// Processes that do this at once wait for each other. A migration has no time limit.
pub async fn migrate(
    config: &config::Database,
    migrations: &'static Migrator,
) -> Result<(), MigrateError> {
    let options = address(config).map_err(MigrateError::Address)?;
    let mut conn = PgConnection::connect_with(&options)
        .await
        .map_err(MigrateError::Unreachable)?;
    for (set, migrations) in [("chassis", &CHASSIS), ("service", migrations)] {
        migrations
            .run(&mut conn)
            .await
            .map_err(|source| MigrateError::Failed { set, source })?;
    }
    conn.close().await.map_err(MigrateError::Unreachable)
}

fn address(config: &config::Database) -> Result<PgConnectOptions, sqlx::Error> {
    config.url.expose_secret().parse()
}

/// Refuses a server that is too old or may lose what it has committed.
async fn guard(conn: &mut PgConnection, allow_unsafe: bool) -> Result<(), OpenError> {
    let server = sqlx::query!(
        r#"
        -- chassis.durability
        SELECT
            current_setting('server_version') AS "version!",
            current_setting('server_version_num')::int AS "version_number!",
            current_setting('fsync') = 'off' AS "no_fsync!",
            current_setting('full_page_writes') = 'off' AS "no_full_page_writes!",
            current_setting('synchronous_commit') = 'off' AS "no_synchronous_commit!",
            current_setting('data_checksums') = 'off' AS "no_checksums!"
        "#
    )
    .fetch_one(conn)
    .await
    .map_err(OpenError::Unreachable)?;

    if server.version_number < OLDEST_SERVER {
        return Err(OpenError::TooOld(server.version));
    }
    if server.no_checksums {
        tracing::warn!("the database has no data checksums: it would not notice a damaged disk");
    }
    let off: Vec<&'static str> = [
        ("fsync", server.no_fsync),
        ("full_page_writes", server.no_full_page_writes),
        ("synchronous_commit", server.no_synchronous_commit),
    ]
    .into_iter()
    .filter_map(|(name, off)| off.then_some(name))
    .collect();
    match off.as_slice() {
        [] => Ok(()),
        off if allow_unsafe => {
            tracing::warn!(
                ?off,
                "the database may lose what it has committed; allowed because it is a throw-away"
            );
            Ok(())
        }
        _ => Err(OpenError::Unsafe(off)),
    }
}

/// Turns the violation of a constraint into an error of the use case, by the name of the constraint.
pub trait OnConstraint<T> {
    /// If the statement broke the constraint `name`, the error is `error()`.
    fn on_constraint<E: From<sqlx::Error>>(
        self,
        name: &str,
        error: impl FnOnce() -> E,
    ) -> Result<T, E>;
}

impl<T> OnConstraint<T> for Result<T, sqlx::Error> {
    fn on_constraint<E: From<sqlx::Error>>(
        self,
        name: &str,
        error: impl FnOnce() -> E,
    ) -> Result<T, E> {
        self.map_err(|failed| match &failed {
            sqlx::Error::Database(said) if said.constraint() == Some(name) => error(),
            _ => failed.into(),
        })
    }
}

/// A stored value that cannot be read: the row names itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {id} of {table} has an unreadable {column}")]
pub struct Corrupt {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// Which row.
    pub id: String,
}

impl Corrupt {
    /// The value of `column` in the row `id` of `table` cannot be read.
    pub fn new(table: &'static str, column: &'static str, id: impl fmt::Display) -> Self {
        Self {
            table,
            column,
            id: id.to_string(),
        }
    }
}

/// Whether the database, not the statement, is the trouble: the same statement may well succeed once it is back.
pub(crate) fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // 08 connection, 53 out of resources, 57P shutting down or starting up, 25006 a standby.
        sqlx::Error::Database(said) => said.code().is_some_and(|code| {
            code.starts_with("08")
                || code.starts_with("53")
                || code.starts_with("57P")
                || code == "25006"
        }),
        _ => false,
    }
}
