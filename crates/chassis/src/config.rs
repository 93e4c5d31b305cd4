//! Configuration: one struct per process, its defaults a TOML text in the binary, a file on top, the environment on top of that.
//!
//! Unknown keys are refused and named, so that a typing mistake is an error at start and not a setting that silently does nothing.
//! This is the only place that reads the environment: everything else is given its settings.

mod environment;
mod error;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format as _, Toml};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::environment::Variable;
use crate::bus::Keep;

/// What separates the tables of a key in the name of an environment variable: `GONGJI_BINDING__DATABASE__URL`.
const SEPARATOR: &str = "__";

/// Where a service keeps its rows.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `postgres://user:password@host:port/name`.
    pub url: SecretString,
    /// How many connections the process may hold at once.
    pub max_connections: u32,
    /// Start although the server may lose what it has committed. For throw-away databases only.
    #[serde(default)]
    pub allow_unsafe_durability: bool,
}

/// Where facts are published and followed.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    /// `nats://host:port`.
    pub url: String,
    /// How many servers keep each stream: 1 alone, 3 in a cluster.
    pub replicas: usize,
    /// The file with the service's nkey seed; none where the server asks for no credentials.
    #[serde(default)]
    pub nkey: Option<PathBuf>,
    /// How long events are kept, and where.
    #[serde(default)]
    pub keep: Keep,
}

/// How callers are recognised, and how this process makes itself known to others.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The file with the public keys of those who may issue tokens (JWKS). It is read again when it changes, so keys rotate without a restart.
    pub jwks: PathBuf,
    /// Who must have issued a token.
    pub issuer: String,
    /// For whom a token must have been issued: this service's name.
    pub audience: String,
    /// The Ed25519 key (PKCS #8, PEM) with which this process signs its own calls; none where it calls nobody.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

/// What a process tells about itself while it runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// How a log line looks.
    #[serde(default)]
    pub format: LogFormat,
    /// What is logged, in the syntax of `tracing_subscriber::EnvFilter`: `info,sqlx=warn`.
    pub filter: String,
    /// Where traces are sent (OTLP over gRPC, `http://host:4317`); none keeps them in the process.
    #[serde(default)]
    pub otlp_endpoint: Option<String>,
    /// Where `/metrics` and `/health` are served; none serves neither.
    #[serde(default)]
    pub metrics_listen: Option<SocketAddr>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            filter: "info".to_owned(),
            otlp_endpoint: None,
            metrics_listen: None,
        }
    }
}

/// Reads `defaults`, then `file`, then the environment variables that begin with `prefix`; the later wins, key by key.
///
/// `GONGJI_SETTLEMENT__DATABASE__URL` sets `database.url` of a process with the prefix `GONGJI_SETTLEMENT`.
/// Give `C` and every table in it `#[serde(deny_unknown_fields)]`: that is what refuses unknown keys.
pub fn load<C: DeserializeOwned>(
    defaults: &str,
    file: Option<&Path>,
    prefix: &str,
) -> Result<C, ConfigError> {
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        // A variable that is not text cannot be one of ours.
        Some((name.into_string().ok()?, value.into_string().ok()?))
    });
    layered(defaults, file, prefix, environment)
}

fn layered<C: DeserializeOwned>(
    defaults: &str,
    file: Option<&Path>,
    prefix: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<C, ConfigError> {
    let mut figment = Figment::from(Toml::string(defaults));
    if let Some(file) = file {
        if !file.is_file() {
            return Err(ConfigError::NoFile(file.to_owned()));
        }
        figment = figment.merge(Toml::file_exact(file));
    }
    environment
        .filter_map(|(name, value)| Variable::of(prefix, &name, &value))
        .fold(figment, Figment::merge)
        .extract()
        .map_err(|error| ConfigError::Setting(error::sentence(&error, prefix)))
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting is missing, unknown or of the wrong kind. The sentence names it, where it stands and what to do; never its value,
    /// which may be a secret.
    #[error("{0}")]
    Setting(String),
    /// The file that was named does not exist.
    #[error("the configuration file {} does not exist: name another, or leave it out to use the defaults", .0.display())]
    NoFile(PathBuf),
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    const DEFAULTS: &str = r#"
        listen = "127.0.0.1:7003"
        [database]
        max_connections = 8
        [telemetry]
        filter = "info"
    "#;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Service {
        listen: SocketAddr,
        database: Database,
        telemetry: Telemetry,
    }

    /// What a process gets that has this file and these variables.
    fn loaded(file: &str, environment: &[(&str, &str)]) -> Result<Service, String> {
        let name = format!("gongji-config-{}.toml", kernel::EventId::generate());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, file).unwrap();
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let loaded = layered(DEFAULTS, Some(&path), "GONGJI_SETTLEMENT", environment);
        std::fs::remove_file(&path).unwrap();
        loaded.map_err(|error| {
            error
                .to_string()
                .replace(&path.display().to_string(), "service.toml")
        })
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let service = loaded(
            "[database]\nurl = \"postgres://file\"\nmax_connections = 16\n",
            &[
                ("GONGJI_SETTLEMENT__DATABASE__URL", "postgres://environment"),
                ("GONGJI_SETTLEMENT__TELEMETRY__FORMAT", "json"),
            ],
        )
        .unwrap();
        assert_eq!(
            service.database.url.expose_secret(),
            "postgres://environment"
        );
        assert_eq!(service.database.max_connections, 16);
        assert_eq!(service.telemetry.format, LogFormat::Json);
        assert_eq!(service.listen.port(), 7003);
    }

    #[test]
    fn what_is_missing_is_named_with_both_ways_to_give_it() {
        assert_eq!(
            loaded("", &[]).err().unwrap(),
            "the setting `database.url` is missing: give it in the configuration file or as GONGJI_SETTLEMENT__DATABASE__URL"
        );
    }

    #[test]
    fn an_unknown_key_is_refused_where_it_stands() {
        assert_eq!(
            loaded("[database]\nurll = \"postgres://x\"\n", &[])
                .err()
                .unwrap(),
            "the setting `database.urll` in the file service.toml is not known: use one of url, max_connections, allow_unsafe_durability"
        );
        assert_eq!(
            loaded(
                "[database]\nurl = \"postgres://x\"\n",
                &[("GONGJI_SETTLEMENT__LISTN", "127.0.0.1:1")]
            )
            .err()
            .unwrap(),
            "the setting `listn` in the environment is not known: use one of listen, database, telemetry"
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_not_repeated() {
        assert_eq!(
            loaded(
                "[database]\nurl = \"postgres://x\"\n",
                &[("GONGJI_SETTLEMENT__DATABASE__MAX_CONNECTIONS", "hunter2")]
            )
            .err()
            .unwrap(),
            "the setting `database.max_connections` in the environment must be u32"
        );
        assert_eq!(
            loaded(
                "listen = \"everywhere\"\n[database]\nurl = \"postgres://x\"\n",
                &[]
            )
            .err()
            .unwrap(),
            "the setting `listen` in the file service.toml cannot be used: invalid socket address syntax"
        );
        assert_eq!(
            loaded(
                "[telemetry]\nformat = \"loud\"\n",
                &[("GONGJI_SETTLEMENT__DATABASE__URL", "postgres://x")]
            )
            .err()
            .unwrap(),
            "the setting `telemetry.format` in the file service.toml must be one of auto, human, json"
        );
    }

    #[test]
    fn a_file_that_is_not_toml_and_one_that_is_not_there_are_told_apart() {
        let broken = loaded("[database\nurl = \"hunter2\"", &[]).err().unwrap();
        assert!(
            broken.starts_with("the file service.toml cannot be read: TOML parse error at line 1"),
            "{broken}"
        );
        assert!(!broken.contains("hunter2"), "{broken}");
        let missing = load::<Service>(DEFAULTS, Some(Path::new("/nowhere.toml")), "GONGJI_X")
            .err()
            .unwrap();
        assert!(missing.to_string().contains("/nowhere.toml does not exist"));
    }
}
