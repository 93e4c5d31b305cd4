//! The settings of the service; `config.default.toml` explains each.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chassis::config::{self, ConfigError};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::writer::Settings;

const DEFAULTS: &str = include_str!("../config.default.toml");

/// Everything the service is told at start.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens for gRPC.
    pub listen: SocketAddr,
    /// Its rows.
    pub database: config::Database,
    /// Where facts are published and followed.
    pub bus: config::Bus,
    /// How callers are recognised, and how it signs its calls to authorization.
    pub access: config::Access,
    /// Where authorization is.
    pub authorization_url: String,
    /// An overlay on the shipped rule packs.
    #[serde(default)]
    pub policy_overlay: Option<PathBuf>,
    /// Between two looks at the ledger's partitions, by the machine's clock.
    pub maintenance: SignedDuration,
    /// For how many months partitions are made ahead.
    pub partitions_ahead: u8,
    /// Between two looks for accepted bills that are due although no event told of it, by the machine's clock.
    pub after_visit_sweep: SignedDuration,
    /// For how long is kept what may be forgotten.
    pub retention: Retention,
    /// How the writer is laid out.
    pub writer: Settings,
}

/// For how long is kept what may be forgotten.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// A quote that has expired; below zero is as zero.
    pub quotes: SignedDuration,
}

impl Config {
    /// The defaults, then `file`, then `GONGJI_SETTLEMENT__…` of the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        config::load(DEFAULTS, file, "GONGJI_SETTLEMENT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_a_whole_configuration() {
        let config = Config::load(None).unwrap();
        assert_eq!(config.writer.batch, 256);
        let held = u32::try_from(config.writer.lanes).unwrap() + 1;
        assert!(config.database.max_connections > held + 4);
    }
}
