//! What a figure was reached on. Without it, a figure says nothing.

use std::fmt;
use std::fs;

use serde::Serialize;
use sqlx::PgConnection;

use super::BenchError;
use crate::whole::Stack;

/// The machine, and the settings that decide how durable its commits are.
#[derive(Debug, Serialize)]
pub struct Machine {
    cores: usize,
    /// Absent where the system does not tell.
    cpu: Option<String>,
    memory_mib: Option<u64>,
    /// How many processes wanted to run before this one began: a machine with other work gives other figures.
    load_before: Option<String>,
    postgres: String,
    fsync: String,
    synchronous_commit: String,
    full_page_writes: String,
    nats: String,
    optimised: bool,
}

impl Machine {
    /// Looks at the machine, and at the settings as the running server has them.
    pub async fn look(
        stack: &Stack,
        load_before: Option<String>,
        database: &mut PgConnection,
    ) -> Result<Self, BenchError> {
        let (fsync, synchronous_commit, full_page_writes) = sqlx::query_as(
            "-- bench.durability
             SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes')",
        )
        .fetch_one(database)
        .await
        .map_err(BenchError::sql("ask Postgres for its settings"))?;
        let nats = async_nats::connect(&stack.layout.nats_url)
            .await
            .map_err(BenchError::Bus)?;
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            cpu: line_of("/proc/cpuinfo", "model name"),
            memory_mib: line_of("/proc/meminfo", "MemTotal").and_then(|text| mebibytes(&text)),
            load_before,
            postgres: stack.servers().postgres.binaries().version.to_string(),
            fsync,
            synchronous_commit,
            full_page_writes,
            nats: nats.server_info().version,
            optimised: !cfg!(debug_assertions),
        })
    }

    /// Whether the build is one whose figures mean anything.
    pub const fn is_optimised(&self) -> bool {
        self.optimised
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cores", self.cores)?;
        if let Some(cpu) = &self.cpu {
            write!(f, " ({cpu})")?;
        }
        if let Some(memory) = self.memory_mib {
            write!(f, ", {memory} MiB")?;
        }
        if let Some(load) = &self.load_before {
            write!(f, ", load {load} before")?;
        }
        write!(
            f,
            "; PostgreSQL {} (fsync {}, synchronous_commit {}, full_page_writes {}); nats-server {}; {} build",
            self.postgres,
            self.fsync,
            self.synchronous_commit,
            self.full_page_writes,
            self.nats,
            if self.optimised {
                "optimised"
            } else {
                "UNOPTIMISED"
            }
        )
    }
}

/// What stands behind the first `name :` of a file of `/proc`.
fn line_of(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// `16384000 kB` in MiB.
fn mebibytes(text: &str) -> Option<u64> {
    Some(text.strip_suffix(" kB")?.parse::<u64>().ok()? / 1024)
}

/// The average of the last minute.
pub fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::mebibytes;

    #[test]
    fn memory_is_told_in_kilobytes() {
        assert_eq!(mebibytes("16384000 kB"), Some(16_000));
        assert_eq!(mebibytes("lots"), None);
    }
}
