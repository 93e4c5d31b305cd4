//! The keys that protect identities: one ring that seals, one key that indexes. They live in a file, never in the database.
//!
//! Every person has a key of their own that seals their identity; a key of the ring only wraps it. So a rotation wraps
//! small keys anew and touches no identity. Erasing one person's key makes that person unreadable in this database at once, and in
//! its older backups when the key that wrapped it is destroyed after a rotation.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

mod index;
mod seal;

pub use index::BlindIndex;
pub use seal::{Column, DataKey, Unsealable};

/// The bytes of every key: AES-256 and HMAC-SHA256.
const KEY_BYTES: usize = 32;

/// A key; its memory is wiped when it is dropped.
type Key = Zeroizing<[u8; KEY_BYTES]>;

/// The keys of a binding service.
pub struct Keys {
    sealing: BTreeMap<u8, Key>,
    /// Which one of them wraps new keys.
    current: u8,
    index_id: u8,
    index: Key,
}

/// Redacted.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Keys(sealing with {}, indexing with {})",
            self.current, self.index_id
        )
    }
}

/// Why there are no keys. Nothing of the file's content is repeated.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("could not read the key file {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not the JSON of a key file. The parser's own words are dropped: they quote what they found, and so the key.
    #[error(
        "line {line} of the key file is not as expected: it holds sealing.current, sealing.keys, index.id and index.key"
    )]
    Form {
        /// Counted from 1.
        line: usize,
    },
    /// A key that is not 32 bytes in hexadecimal digits.
    #[error("key {0} of the key file is not 64 hexadecimal digits")]
    Digits(String),
    /// The ring has as many keys as there are numbers.
    #[error("sealing.keys has used up its 255 numbers")]
    NoNumber,
    /// The ring has no key with the number that is to be used.
    #[error("sealing.current is {0}, and sealing.keys has no such key")]
    NoCurrent(u8),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// For whoever opens the file.
    #[serde(default, rename = "about")]
    _about: String,
    sealing: Ring,
    index: Indexing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ring {
    current: u8,
    keys: BTreeMap<String, SecretString>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Indexing {
    id: u8,
    key: SecretString,
}

impl Keys {
    /// The keys of that file.
    pub fn load(path: &Path) -> Result<Self, KeysError> {
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|source| KeysError::Read {
                path: path.to_owned(),
                source,
            })?;
        Self::read(&text)
    }

    /// The keys that `text`, the content of a key file, holds.
    pub fn read(text: &str) -> Result<Self, KeysError> {
        let file: File =
            serde_json::from_str(text).map_err(|error| KeysError::Form { line: error.line() })?;
        let sealing = file
            .sealing
            .keys
            .iter()
            .map(|(id, digits)| {
                let number = id
                    .parse()
                    .map_err(|_: std::num::ParseIntError| KeysError::Digits(id.clone()))?;
                Ok((number, key(id, digits)?))
            })
            .collect::<Result<BTreeMap<u8, Key>, KeysError>>()?;
        let current = file.sealing.current;
        if !sealing.contains_key(&current) {
            return Err(KeysError::NoCurrent(current));
        }
        Ok(Self {
            sealing,
            current,
            index_id: file.index.id,
            index: key("index", &file.index.key)?,
        })
    }
}

impl Keys {
    /// The number of the key that wraps new keys.
    pub const fn current(&self) -> u8 {
        self.current
    }
}

fn key(name: &str, digits: &SecretString) -> Result<Key, KeysError> {
    let mut key = Key::default();
    hex::decode_to_slice(digits.expose_secret(), key.as_mut_slice())
        .ok()
        .ok_or_else(|| KeysError::Digits(name.to_owned()))?;
    Ok(key)
}

/// The text of a key file with one more sealing key, which is the current one from then on.
///
/// Every service that seals must read the new file before anything is wrapped by the new key (`rotate`). Old keys stay: they
/// may go when nothing is wrapped by them any more, and with them every older backup becomes unreadable.
///
/// # Errors
/// Not a key file, or one that has used up all 255 numbers.
pub fn with_another(text: &str) -> Result<String, KeysError> {
    let keys = Keys::read(text)?;
    let last = keys.sealing.keys().next_back().copied().unwrap_or_default();
    let number = last.checked_add(1).ok_or(KeysError::NoNumber)?;
    let mut file: serde_json::Value =
        serde_json::from_str(text).map_err(|error| KeysError::Form { line: error.line() })?;
    let digits = hex::encode(random().as_slice());
    file["sealing"]["keys"][number.to_string()] = digits.into();
    file["sealing"]["current"] = number.into();
    let written = serde_json::to_string_pretty(&file);
    written.map_err(|error| KeysError::Form { line: error.line() })
}

/// The text of a new key file.
///
/// Whoever holds it and the database reads every identity; without it nobody does. It belongs into a secret store, apart
/// from the backups, readable by the service's user only.
pub fn generate() -> String {
    let digits = || Zeroizing::new(hex::encode(random().as_slice()));
    format!(
        r#"{{
 "about": "Seals names and ID numbers (AES-256-GCM, each person's key under sealing.keys[current]) and finds people by them (HMAC-SHA256). Keep it apart from the database and its backups; without it they are unreadable. Keep old sealing keys as long as they wrap anything.",
 "sealing": {{
  "current": 1,
  "keys": {{"1": "{}"}}
 }},
 "index": {{"id": 1, "key": "{}"}}
}}
"#,
        *digits(),
        *digits(),
    )
}

/// Bytes nobody can guess.
fn random() -> Key {
    let mut bytes = Key::default();
    getrandom::fill(bytes.as_mut_slice()).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_file_is_read_and_no_two_are_the_same() {
        let text = generate();
        let keys = Keys::read(&text).unwrap();
        assert_eq!(format!("{keys:?}"), "Keys(sealing with 1, indexing with 1)");
        assert_ne!(text, generate());
    }

    #[test]
    fn another_key_becomes_the_current_one_and_the_old_ones_still_open() {
        let first = generate();
        let second = with_another(&first).unwrap();
        let (old, new) = (Keys::read(&first).unwrap(), Keys::read(&second).unwrap());
        assert_eq!((old.current(), new.current()), (1, 2));
        let person = kernel::PersonId::generate();
        let (key, wrapped) = old.new_data_key(person);
        let sealed = key.seal(Column::Name, "测试甲");
        let again = new.wrap_again(person, &wrapped).unwrap();
        assert_eq!((wrapped[0], again[0]), (1, 2));
        let opened = new.open_data_key(person, &again).unwrap();
        assert_eq!(
            opened.open(Column::Name, &sealed).unwrap().as_str(),
            "测试甲"
        );
        assert!(old.open_data_key(person, &again).is_err());
    }

    #[test]
    fn a_wrong_file_is_refused_without_repeating_a_key() {
        let digits = "ab".repeat(KEY_BYTES);
        let file = |current: &str, key: &str| {
            format!(
                r#"{{"sealing": {{"current": {current},
                "keys": {{"1": "{key}"}}}}, "index": {{"id": 1, "key": "{digits}"}}}}"#
            )
        };
        assert!(Keys::read(&file("1", &digits)).is_ok());
        let form = Keys::read(&file(&format!("\"{digits}\""), &digits)).unwrap_err();
        assert!(matches!(form, KeysError::Form { line: 1 }), "{form}");
        let short = Keys::read(&file("1", "abab")).unwrap_err();
        assert!(matches!(&short, KeysError::Digits(id) if id == "1"));
        let absent = Keys::read(&file("2", &digits)).unwrap_err();
        assert!(matches!(absent, KeysError::NoCurrent(2)));
        for error in [form, short, absent] {
            assert!(!format!("{error} {error:?}").contains("abab"));
        }
    }
}
