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
    /// Where facts are followed.
    pub bus: config::Bus,
    /// How callers are recognised, and how it signs its calls to binding.
    pub access: config::Access,
    /// Where binding is.
    pub binding_url: String,
    /// Where settlement is, whose books are compared with what was told.
    pub settlement_url: String,
    /// How that is compared.
    pub audit: Audit,
    /// How long a page waits for masked names. Measured by the machine's clock: a person waits for it.
    pub names_wait: SignedDuration,
    /// A folder with a place's own files of words; none for those that are shipped.
    #[serde(default)]
    pub words: Option<PathBuf>,
    /// How other machines are told.
    pub webhooks: Webhooks,
    /// The time between two looks at the notices of those who are watching.
    pub watch_poll: SignedDuration,
}

/// How what was told is compared with settlement's books.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// The time between two pages of accounts.
    pub page_every: SignedDuration,
    /// The time between two rounds through all accounts.
    pub round_every: SignedDuration,
    /// How long a change may take until somebody is told.
    pub grace: SignedDuration,
}

/// How other machines are told.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// The file with the key that secrets are derived from; without one there are no webhooks.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// The longest that one attempt takes.
    pub timeout: SignedDuration,
    /// The time between two looks for messages.
    pub poll: SignedDuration,
    /// How long both secrets sign after a rotation.
    pub rotation: SignedDuration,
    /// Receivers inside the house, as `host:port`: private addresses and plain HTTP are allowed for these.
    pub allow: Vec<String>,
}

impl Config {
    /// The defaults, then `file`, then `GONGJI_NOTIFICATION__…` of the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        config::load(DEFAULTS, file, "GONGJI_NOTIFICATION")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_whole() {
        let config = Config::load(None).expect("every setting has a default");
        assert_eq!(config.access.audience, crate::SERVICE);
        assert!(config.watch_poll.is_positive() && config.names_wait.is_positive());
    }
}
