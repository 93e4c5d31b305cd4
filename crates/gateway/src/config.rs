//! What the gateway is told at start.

use std::net::SocketAddr;
use std::path::Path;

use chassis::config::{self, ConfigError};
use serde::Deserialize;

use crate::rate::Rates;

/// The gateway's configuration; every key is explained in `config.default.toml`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub listen: SocketAddr,
    pub access: config::Access,
    pub binding_url: String,
    pub authorization_url: String,
    pub settlement_url: String,
    pub notification_url: String,
    pub request_timeout_seconds: u16,
    pub rates: Rates,
}

impl Config {
    /// The defaults, overlaid by `file` and by `GONGJI_GATEWAY__…` variables.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        config::load(
            include_str!("../config.default.toml"),
            file,
            "GONGJI_GATEWAY",
        )
    }
}
