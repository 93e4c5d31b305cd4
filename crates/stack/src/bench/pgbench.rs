//! The neighbour: `pgbench` (TPC-B-like) on the same Postgres, as the bar of the design wants it.
//!
//! Prepared statements, 32 clients, 2 threads, scale 20. Each of its transactions is three updates, one read and one
//! insert with a commit of its own, which is about what a service does that moves money one charge at a time.

use std::io;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use servers::postgres::{Postgres, SUPERUSER};
use tokio::process::Command;

const SCALE: &str = "20";
const CLIENTS: &str = "32";
const THREADS: &str = "2";
/// The database it works in.
pub const DATABASE: &str = "pgbench";

/// Why the neighbour could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum PgbenchError {
    /// There is none.
    #[error(
        "pgbench is missing, and the figure is a ratio to it: install it (Debian: apt-get install postgresql; \
         Fedora: postgresql-contrib), or set GONGJI_POSTGRES_BIN to a Postgres that has it beside the server"
    )]
    Missing,
    /// It could not be started.
    #[error("cannot run {}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("pgbench failed: {0}")]
    Failed(String),
    /// It did not say how fast it was.
    #[error("pgbench did not say how many transactions a second it did: {0}")]
    NoFigure(String),
}

/// `pgbench` on one server.
#[derive(Debug)]
pub struct Pgbench<'a> {
    postgres: &'a Postgres,
    program: PathBuf,
}

impl<'a> Pgbench<'a> {
    /// The program beside the server, or in the PATH.
    pub fn of(postgres: &'a Postgres) -> Result<Self, PgbenchError> {
        let program = postgres.binaries().pgbench().ok_or(PgbenchError::Missing)?;
        Ok(Self { postgres, program })
    }

    /// Fills the tables. The database must be there.
    pub async fn fill(&self) -> Result<(), PgbenchError> {
        self.run(&["-i", "-q", "-s", SCALE]).await?;
        Ok(())
    }

    /// Runs for so long, and answers the transactions a second, the time for connecting left out.
    pub async fn measure(&self, seconds: u32) -> Result<f64, PgbenchError> {
        let seconds = seconds.to_string();
        let said = self
            .run(&[
                "-M", "prepared", "-c", CLIENTS, "-j", THREADS, "-T", &seconds,
            ])
            .await?;
        tps(&said).ok_or_else(|| PgbenchError::NoFigure(said.trim().replace('\n', " | ")))
    }

    async fn run(&self, arguments: &[&str]) -> Result<String, PgbenchError> {
        let mut command = Command::from(self.postgres.binaries().run_as.command(&self.program));
        command
            .args(["-h", "127.0.0.1", "-U", SUPERUSER, "-p"])
            .arg(self.postgres.port().to_string())
            .args(arguments)
            .arg(DATABASE)
            .env("PGPASSWORD", self.postgres.password())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().await.map_err(|source| PgbenchError::Run {
            program: self.program.clone(),
            source,
        })?;
        if !status.success() {
            let said = String::from_utf8_lossy(&stderr);
            return Err(PgbenchError::Failed(
                said.lines().last().unwrap_or("without a word").to_owned(),
            ));
        }
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }
}

/// The figure in `tps = 2730.123456 (without initial connection time)`.
fn tps(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace()
        .next()?
        .parse()
        .ok()
        .filter(|tps: &f64| *tps > 0.0)
}

#[cfg(test)]
mod tests {
    use super::tps;

    #[test]
    fn the_figure_is_found_in_what_it_says() {
        let said = "number of clients: 32\nlatency average = 11.7 ms\ntps = 2730.5 (without initial connection time)\n";
        assert_eq!(tps(said), Some(2730.5));
        assert_eq!(tps("tps = 0.0 (without initial connection time)"), None);
        assert_eq!(tps("pgbench: error"), None);
    }
}
