//! Environment variables as settings. Handed in as a list, so that a test needs no environment of its own.

use figment::util::nest;
use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

use super::SEPARATOR;

/// What errors call the place where such a setting stands.
pub(super) const ENVIRONMENT: &str = "the environment";

/// One variable that is a setting of this process.
pub(super) struct Variable {
    /// `database.url`
    key: String,
    /// As TOML reads it: `8` is a number and `true` a truth; what is neither is a text.
    value: Value,
}

impl Variable {
    /// The setting that a variable is, if its name begins with `prefix` and the separator.
    pub fn of(prefix: &str, name: &str, value: &str) -> Option<Self> {
        let key = name.strip_prefix(prefix)?.strip_prefix(SEPARATOR)?;
        Some(Self {
            key: key.to_ascii_lowercase().replace(SEPARATOR, "."),
            value: value.parse().unwrap_or_else(|never| match never {}),
        })
    }
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(ENVIRONMENT)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let settings = nest(&self.key, self.value.clone())
            .into_dict()
            .unwrap_or_default();
        Ok(Map::from([(Profile::Default, settings)]))
    }
}
