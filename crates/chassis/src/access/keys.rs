//! The public keys of those who may issue tokens: a JWKS file, read again when it changes, so keys rotate without a restart.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;

use crate::telemetry::Chain;

/// How long the file is trusted not to have changed, in milliseconds.
const LOOK_EVERY: u64 = 1_000;

/// Keys by their `kid`.
pub(super) type Keys = HashMap<String, VerifyingKey>;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("could not read the key file {}: does it exist, and may this process read it?", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a JWKS.
    #[error("{} is not a JSON Web Key Set", .path.display())]
    Jwks {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Nobody could call with these keys.
    #[error("{} holds no Ed25519 key (kty OKP, crv Ed25519, with kid and x): nobody could call", .0.display())]
    NoKey(PathBuf),
    /// The file is not a private key.
    #[error("{} is not an Ed25519 key in PKCS #8 and PEM: make one with `openssl genpkey -algorithm ed25519`", .path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ed25519_dalek::pkcs8::Error,
    },
    /// The machine gave no random bytes.
    #[error("the machine gave no random bytes for a new key")]
    Random(#[source] getrandom::Error),
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    crv: Option<String>,
    kid: Option<String>,
    x: Option<String>,
}

impl Key {
    /// Keys of other kinds are left alone: a standard issuer publishes those too.
    fn named(self) -> Option<(String, VerifyingKey)> {
        if self.kty != "OKP" || self.crv.as_deref() != Some("Ed25519") {
            return None;
        }
        let bytes = BASE64.decode(self.x?).ok()?;
        let key = VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()?;
        Some((self.kid?, key))
    }
}

/// The Ed25519 keys of a JWKS.
pub(super) fn parse(jwks: &str) -> Result<Keys, serde_json::Error> {
    let set: KeySet = serde_json::from_str(jwks)?;
    Ok(set.keys.into_iter().filter_map(Key::named).collect())
}

/// The file and what it held when it was last read.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    opened: Instant,
    /// When to look at the file again, in milliseconds after `opened`.
    look_at: AtomicU64,
    held: RwLock<Held>,
}

#[derive(Debug)]
struct Held {
    stamp: Stamp,
    edition: Edition,
}

/// The keys, and how often the file has changed: what was verified with an earlier edition is verified again.
#[derive(Clone, Debug)]
pub(super) struct Edition {
    pub number: u64,
    pub keys: Arc<Keys>,
}

/// What tells a changed file from an unchanged one.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

impl KeyFile {
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        let (stamp, keys) = read(path)?;
        Ok(Self {
            path: path.to_owned(),
            opened: Instant::now(),
            look_at: AtomicU64::new(LOOK_EVERY),
            held: RwLock::new(Held {
                stamp,
                edition: Edition {
                    number: 0,
                    keys: Arc::new(keys),
                },
            }),
        })
    }

    /// The keys of now; looks at the file at most once a second, unless `anew` is asked for.
    ///
    /// Reading is done in place: the file is a few hundred bytes and changes a few times a year.
    /// A file that cannot be read leaves the keys as they were, since half a rotation must not lock everybody out.
    pub fn edition(&self, anew: bool) -> Edition {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        if anew || now >= self.look_at.load(Ordering::Relaxed) {
            self.look_at
                .store(now.saturating_add(LOOK_EVERY), Ordering::Relaxed);
            self.look();
        }
        self.held
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .edition
            .clone()
    }

    fn look(&self) {
        let seen = stamp_of(&self.path).ok();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref() == Some(&held.stamp) {
            return;
        }
        match read(&self.path) {
            Ok((stamp, keys)) => {
                held.stamp = stamp;
                held.edition = Edition {
                    number: held.edition.number + 1,
                    keys: Arc::new(keys),
                };
                tracing::info!(
                    keys = held.edition.keys.len(),
                    "the access keys were read again"
                );
            }
            Err(error) => tracing::warn!(
                error = %Chain(&error),
                "the access keys cannot be read again; the earlier ones stay"
            ),
        }
    }
}

fn stamp_of(path: &Path) -> Result<Stamp, std::io::Error> {
    let metadata = std::fs::metadata(path)?;
    Ok(Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
    })
}

fn read(path: &Path) -> Result<(Stamp, Keys), KeyError> {
    let unreadable = |source| KeyError::Read {
        path: path.to_owned(),
        source,
    };
    // The stamp first: a change between the two is then seen at the next look.
    let stamp = stamp_of(path).map_err(unreadable)?;
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let keys = parse(&text).map_err(|source| KeyError::Jwks {
        path: path.to_owned(),
        source,
    })?;
    if keys.is_empty() {
        return Err(KeyError::NoKey(path.to_owned()));
    }
    Ok((stamp, keys))
}
