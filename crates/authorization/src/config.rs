//! The settings of the service; `config.default.toml` explains each.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chassis::config::{self, ConfigError};
use jiff::SignedDuration;
use serde::Deserialize;

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
    /// How callers are recognised, and how it signs its calls to binding.
    pub access: config::Access,
    /// Where binding is.
    pub binding_url: String,
    /// An overlay on the shipped rule packs.
    #[serde(default)]
    pub policy_overlay: Option<PathBuf>,
    /// The wait for settlement's fence.
    pub fence: Fence,
    /// How long e-credentials live.
    pub credential: Credential,
    /// The queue in front of the token reads.
    pub lookup: Lookup,
}

/// How long an answer waits for settlement's fence. Measured by the machine's clock: a person waits for it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fence {
    /// After this the answer says what is true by then.
    pub wait: SignedDuration,
    /// The time between two looks at the row.
    pub poll: SignedDuration,
}

/// How long e-credentials live.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// From issue to expiry, in business time.
    pub ttl: SignedDuration,
    /// From expiry to deletion, in business time.
    pub retention: SignedDuration,
    /// Between two deletions, by the machine's clock.
    pub sweep: SignedDuration,
    /// How many are deleted in one statement.
    pub sweep_batch: i64,
}

/// The queue in front of the token reads.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// How many calls may wait.
    pub queue: usize,
    /// How many of them one query answers.
    pub batch: usize,
}

impl Config {
    /// The defaults, then `file`, then `GONGJI_AUTHORIZATION__…` of the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        config::load(DEFAULTS, file, "GONGJI_AUTHORIZATION")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_a_whole_configuration() {
        let config = Config::load(None).unwrap();
        assert_eq!(config.credential.ttl, SignedDuration::from_mins(10));
        assert_eq!(
            config.credential.retention,
            SignedDuration::from_hours(7 * 24)
        );
        assert!(config.fence.poll < config.fence.wait);
    }
}
