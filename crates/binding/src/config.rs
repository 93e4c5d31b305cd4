//! The settings of the service; `config.default.toml` documents each.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chassis::config::{self, ConfigError};
use serde::Deserialize;

/// The settings of the binding service.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where gRPC is served; port 0 picks a free one.
    pub listen: SocketAddr,
    pub database: config::Database,
    pub bus: config::Bus,
    pub access: config::Access,
    /// The key file ([`crate::keys`]).
    pub keys: PathBuf,
    /// Whether ID numbers that cannot exist are taken as well.
    pub synthetic_identities: bool,
    /// A labelled overlay over the shipped rule packs.
    #[serde(default)]
    pub policy_overlay: Option<PathBuf>,
    /// How long `RequestUnbind` waits for settlement's fence, in milliseconds.
    pub unbind_wait_ms: u64,
    /// How often bindings whose last day is over are looked for, in milliseconds.
    pub overdue_every_ms: u64,
}

impl Config {
    /// The defaults, then `file`, then the environment (`GONGJI_BINDING__…`).
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        config::load(
            include_str!("../config.default.toml"),
            file,
            "GONGJI_BINDING",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_complete() {
        let config = Config::load(None).unwrap();
        assert_eq!(
            (config.access.audience.as_str(), config.synthetic_identities),
            ("binding", false)
        );
    }
}
