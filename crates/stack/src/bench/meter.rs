//! What a round costs the machine: processor time by program, and write-ahead log.
//!
//! Processor time is read from `/proc`; where there is none, it is left out.

use std::fs;

use sqlx::PgConnection;

use super::BenchError;

/// What was spent between two readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// None on a system that does not tell.
    pub cpu: Option<Cpu>,
    /// Bytes of write-ahead log, of everything that wrote meanwhile.
    pub wal: u64,
}

/// Microseconds of processor time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cpu {
    /// This process: all services, and the callers that make the load.
    pub ours: u64,
    /// Postgres with all of its processes.
    pub postgres: u64,
    /// nats-server.
    pub nats: u64,
}

/// The programs whose processor time is counted.
#[derive(Debug, Clone, Copy)]
pub struct Programs {
    /// The process id of the first process of Postgres.
    pub postgres: u32,
    /// The process id of nats-server.
    pub nats: Option<u32>,
}

/// How far the meters stood.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    cpu: Option<Cpu>,
    wal: i64,
}

impl Reading {
    /// Reads the meters.
    pub async fn take(database: &mut PgConnection, programs: Programs) -> Result<Self, BenchError> {
        let wal = sqlx::query_scalar(
            "-- bench.wal_position\nSELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint",
        )
        .fetch_one(database)
        .await
        .map_err(BenchError::sql("ask how much write-ahead log there is"))?;
        Ok(Self {
            cpu: Cpu::so_far(programs),
            wal,
        })
    }

    /// What was spent since `earlier`.
    pub fn since(self, earlier: Self) -> Spent {
        let cpu = self.cpu.zip(earlier.cpu).map(|(now, then)| Cpu {
            ours: now.ours.saturating_sub(then.ours),
            postgres: now.postgres.saturating_sub(then.postgres),
            nats: now.nats.saturating_sub(then.nats),
        });
        Spent {
            cpu,
            wal: u64::try_from(self.wal.saturating_sub(earlier.wal)).unwrap_or(0),
        }
    }
}

impl Cpu {
    fn so_far(programs: Programs) -> Option<Self> {
        Some(Self {
            ours: Usage::of("self")?.own,
            postgres: family(programs.postgres)?,
            nats: match programs.nats {
                Some(nats) => Usage::of(&nats.to_string())?.own,
                None => 0,
            },
        })
    }

    /// All of it.
    pub const fn total(self) -> u64 {
        self.ours
            .saturating_add(self.postgres)
            .saturating_add(self.nats)
    }
}

/// A process and its children, those that have ended included.
fn family(first: u32) -> Option<u64> {
    let parent = Usage::of(&first.to_string())?;
    let children = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let usage = Usage::of(entry.file_name().to_str()?)?;
        (usage.parent == first).then_some(usage.own)
    });
    Some(children.fold(
        parent.own.saturating_add(parent.ended_children),
        u64::saturating_add,
    ))
}

/// One line of `/proc/<pid>/stat`, in microseconds.
#[derive(Debug, PartialEq, Eq)]
struct Usage {
    parent: u32,
    own: u64,
    ended_children: u64,
}

impl Usage {
    fn of(process: &str) -> Option<Self> {
        Self::read(
            &fs::read_to_string(format!("/proc/{process}/stat")).ok()?,
            rustix::param::clock_ticks_per_second(),
        )
    }

    /// The fields are counted from behind the name, which may contain anything (proc(5): 4, 14 to 17).
    fn read(stat: &str, ticks_per_second: u64) -> Option<Self> {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let micros = |ticks: u64| ticks.checked_mul(1_000_000)?.checked_div(ticks_per_second);
        Some(Self {
            parent: u32::try_from(field(4)?).ok()?,
            own: micros(field(14)?.checked_add(field(15)?)?)?,
            ended_children: micros(field(16)?.checked_add(field(17)?)?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn a_process_may_have_any_name() {
        let stat = "4711 (a (b) 7) S 42 4711 4711 0 -1 4194560 1 2 3 4 100 50 7 3 20 0 1 0 5 6 7";
        let usage = Usage {
            parent: 42,
            own: 1_500_000,
            ended_children: 100_000,
        };
        assert_eq!(Usage::read(stat, 100), Some(usage));
        assert_eq!(Usage::read("4711 (short) S 1", 100), None);
    }
}
