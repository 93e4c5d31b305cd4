//! A private Postgres: made, started, waited for, stopped.
//!
//! It listens on one free port of 127.0.0.1 and on no Unix socket, whose path could be too long for a checkout's directory.
//! Loopback is open to every user of the machine, and whoever is superuser of a database can run programs as
//! the user it runs as; so there is a password, made for the data directory and readable by its owner only. It is sent
//! plainly over loopback: hashing it by SCRAM would cost an unoptimised build tens of milliseconds per connection.

mod admin;
mod cluster;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};

pub use self::admin::AdminError;
use self::cluster::Cluster;
use crate::child::{self, Child, Signal};
use crate::locate::PostgresBinaries;
use crate::ports;

/// The superuser of the private server.
pub const SUPERUSER: &str = "gongji";

/// How long a start may take: recovery after a crash is part of it.
const START: Duration = Duration::from_mins(1);
/// How long one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// How long a fast shutdown may take: it writes a checkpoint.
const STOP: Duration = Duration::from_mins(1);
/// Another process may take the port between our choosing it and Postgres listening on it.
const PORTS_TRIED: usize = 5;

/// The server's settings. What is durable in production is durable here: the figures of a bench depend on it,
/// and the services refuse a database without it.
const SETTINGS: &[&str] = &[
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=256MB",
    // Fewer forced checkpoints while a bench or a test writes a lot.
    "max_wal_size=2GB",
    // The disks of today.
    "random_page_cost=1.1",
    // Compiling a query costs more than any statement of ours takes.
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "log_line_prefix=%m [%p] %d ",
];

/// A Postgres server that belongs to this process.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    binaries: PostgresBinaries,
    port: u16,
    password: String,
    log: PathBuf,
}

/// Why there is no Postgres.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// A file or directory of the server could not be made or read.
    #[error("cannot prepare {} for Postgres", .path.display())]
    Files {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program of Postgres could not be run.
    #[error("cannot run {}", .program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No port.
    #[error("no port for Postgres")]
    Port(#[source] io::Error),
    /// The data was made by another major version, which cannot read it.
    #[error(
        "the data in {} was made by PostgreSQL {made_by}, and the one found is {found}: \
         set GONGJI_POSTGRES_BIN to a version {made_by}, or delete the directory to begin anew", .data.display()
    )]
    OtherVersion {
        /// The data directory.
        data: PathBuf,
        /// The major version in the data.
        made_by: String,
        /// The major version of the server.
        found: u32,
    },
    /// initdb failed.
    #[error("Postgres could not make its data directory; its last words ({}):{said}", .log.display())]
    Initdb {
        /// Where initdb wrote.
        log: PathBuf,
        /// The end of that.
        said: String,
    },
    /// The server ended before it was ready.
    #[error("Postgres did not start; its last words ({}):{said}", .log.display())]
    Died {
        /// The server's log.
        log: PathBuf,
        /// The end of the log.
        said: String,
    },
    /// The server runs and is not ready.
    #[error("Postgres was not ready within {} s; its last words ({}):{said}", START.as_secs(), .log.display())]
    NotReady {
        /// The server's log.
        log: PathBuf,
        /// The end of the log.
        said: String,
    },
    /// The server answered, and will not let us in.
    #[error("Postgres refuses the connection")]
    Refused(#[source] sqlx::Error),
    /// The server did not end properly.
    #[error("cannot stop Postgres")]
    Stop(#[source] io::Error),
}

impl Postgres {
    /// Starts Postgres on the data in `home`, which is made if there is none, and answers when it accepts connections.
    pub async fn start(binaries: &PostgresBinaries, home: &Path) -> Result<Self, PostgresError> {
        let cluster = Cluster::open(binaries, home).await?;
        cluster.until_free().await;
        let mut ports_left = PORTS_TRIED;
        loop {
            let port = ports::free().map_err(PostgresError::Port)?;
            let mut server = Self {
                child: spawn(binaries, &cluster, port)?,
                binaries: binaries.clone(),
                port,
                password: cluster.password.clone(),
                log: cluster.log.clone(),
            };
            ports_left -= 1;
            match server.until_ready().await {
                Err(PostgresError::Died { .. }) if ports_left > 0 && !ports::is_free(port) => {}
                other => return other.map(|()| server),
            }
        }
    }

    /// The address of a database of this server, for the superuser. Contains the password.
    pub fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, database)
    }

    /// The address of a database of this server, for one of the roles that [`Postgres::create_database`] made.
    pub fn url_as(&self, role: &str, database: &str) -> String {
        // Without `sslmode`, clients ask for encryption first, and do what a variable of the user's says.
        let (password, port) = (&self.password, self.port);
        format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of the superuser and of the roles made here, for programs that take no address (`PGPASSWORD`).
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The programs this server was started with.
    pub fn binaries(&self) -> &PostgresBinaries {
        &self.binaries
    }

    /// The process id of the server.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the server has written about itself.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Ends all connections, writes a checkpoint and ends the server.
    pub async fn stop(self) -> Result<(), PostgresError> {
        self.child
            .stop(Signal::INT, STOP)
            .await
            .map_err(PostgresError::Stop)?;
        Ok(())
    }

    /// Ends the server as a crash would; what was committed is there after the next start.
    pub fn kill(mut self) -> Result<(), PostgresError> {
        self.child.kill().map_err(PostgresError::Stop)?;
        Ok(())
    }

    async fn until_ready(&mut self) -> Result<(), PostgresError> {
        let deadline = Instant::now() + START;
        let url = self.url("postgres");
        loop {
            let attempt = tokio::time::timeout(ATTEMPT, PgConnection::connect(&url)).await;
            // The child is asked after the attempt: if ours has ended, it was another server that answered.
            if self.child.ended().map_err(PostgresError::Stop)?.is_some() {
                return Err(PostgresError::Died {
                    log: self.log.clone(),
                    said: child::last_lines(&self.log),
                });
            }
            match attempt {
                Ok(Ok(connection)) => {
                    connection.close().await.map_err(PostgresError::Refused)?;
                    return Ok(());
                }
                Ok(Err(error)) if !is_starting(&error) => {
                    return Err(PostgresError::Refused(error));
                }
                Ok(Err(_)) | Err(_) if Instant::now() >= deadline => {
                    return Err(PostgresError::NotReady {
                        log: self.log.clone(),
                        said: child::last_lines(&self.log),
                    });
                }
                Ok(Err(_)) | Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// Whether a failed attempt to connect means that the server needs more time.
fn is_starting(error: &sqlx::Error) -> bool {
    const CANNOT_CONNECT_NOW: &str = "57P03";
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(refusal) => refusal
            .code()
            .is_some_and(|code| code == CANNOT_CONNECT_NOW),
        _ => false,
    }
}

fn spawn(
    binaries: &PostgresBinaries,
    cluster: &Cluster,
    port: u16,
) -> Result<Child, PostgresError> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&cluster.log);
    let log = log.map_err(PostgresError::files(&cluster.log))?;
    let program = binaries.program("postgres");
    let mut command = binaries.run_as.command(&program);
    command
        .arg("-D")
        .arg(&cluster.data)
        .arg("-p")
        .arg(port.to_string());
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    // An immediate shutdown: the server ends all of its processes and gives its shared memory back. Killed outright, it would not.
    Child::spawn(command, Signal::QUIT).map_err(|source| PostgresError::Run { program, source })
}

impl PostgresError {
    fn files(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Files {
            path: path.to_owned(),
            source,
        }
    }
}
