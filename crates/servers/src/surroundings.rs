//! What this crate takes from the environment, read once.
//!
//! Development only: a deployed service reads its configuration through `chassis`.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The variables that decide which servers are run and where they are kept.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `GONGJI_POSTGRES_BIN`: a directory with `postgres` and `initdb`, or `postgres` itself.
    pub postgres_bin: Option<PathBuf>,
    /// `GONGJI_NATS_BIN`: `nats-server`, or the directory it is in.
    pub nats_bin: Option<PathBuf>,
    /// The directories of `PATH`, in order.
    pub path: Vec<PathBuf>,
    /// Where the user's caches are: `XDG_CACHE_HOME`, else `.cache` in `HOME`.
    pub user_cache: Option<PathBuf>,
}

impl Surroundings {
    /// Reads the environment. A variable that is empty counts as not set.
    pub fn read() -> Self {
        let home = directory("HOME");
        Self {
            postgres_bin: directory("GONGJI_POSTGRES_BIN"),
            nats_bin: directory("GONGJI_NATS_BIN"),
            path: variable("PATH")
                .map(|path| env::split_paths(&path).collect())
                .unwrap_or_default(),
            user_cache: directory("XDG_CACHE_HOME")
                .filter(|cache| cache.is_absolute())
                .or_else(|| home.map(|home| home.join(".cache"))),
        }
    }
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn directory(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}
