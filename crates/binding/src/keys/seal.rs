//! The envelope: AES-256-GCM under a person's own key, which a key of the ring wraps.
//!
//! What is sealed names where it belongs (column and person) as associated data, so a value that is copied into another row
//! or column does not open. The first byte of a wrapped key is the id of the key that wraps it; the first byte of a sealed
//! value is its format, so that another cipher can come beside this one.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use kernel::PersonId;
use zeroize::Zeroizing;

use super::{Key, Keys, random};

const NONCE_BYTES: usize = 12;
/// The format of a sealed value: AES-256-GCM, 12 bytes of nonce, ciphertext, 16 bytes of tag.
const AES_256_GCM: u8 = 1;
const DATA_KEY: &str = "person.data_key";

/// Where a sealed value stands; part of what is authenticated, so these texts can never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Name,
    CertNo,
    Phone,
    Card,
}

impl Column {
    /// Table and column.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Name => "person.name",
            Self::CertNo => "person.cert_no",
            Self::Phone => "person.phone",
            Self::Card => "person.card",
        }
    }
}

/// A sealed value or wrapped key that does not open: another key, another row, or damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{column} of {person} does not open with the keys at hand")]
pub struct Unsealable {
    /// Table and column.
    pub column: &'static str,
    /// Whose.
    pub person: PersonId,
}

/// The key of one person's identity.
pub struct DataKey {
    person: PersonId,
    key: Key,
}

impl Keys {
    /// A new key for a new person, and how it is stored.
    pub fn new_data_key(&self, person: PersonId) -> (DataKey, Vec<u8>) {
        let key = DataKey {
            person,
            key: random(),
        };
        let wrapped = self.wrap(&key);
        (key, wrapped)
    }

    /// A person's wrapped key, wrapped by the current key of the ring.
    pub fn wrap_again(&self, person: PersonId, wrapped: &[u8]) -> Result<Vec<u8>, Unsealable> {
        Ok(self.wrap(&self.open_data_key(person, wrapped)?))
    }

    fn wrap(&self, key: &DataKey) -> Vec<u8> {
        let wrapping = self
            .sealing
            .get(&self.current)
            .expect("the current key is in the ring");
        let context = context(DATA_KEY, key.person);
        seal(wrapping, self.current, &context, key.key.as_slice())
    }

    /// The key of a person, out of how it is stored.
    pub fn open_data_key(&self, person: PersonId, wrapped: &[u8]) -> Result<DataKey, Unsealable> {
        let open = || {
            let wrapping = self.sealing.get(wrapped.first()?)?;
            let bytes = unseal(wrapping, &context(DATA_KEY, person), wrapped)?;
            Some(Zeroizing::new(
                <[u8; super::KEY_BYTES]>::try_from(bytes.as_slice()).ok()?,
            ))
        };
        open().map(|key| DataKey { person, key }).ok_or(Unsealable {
            column: DATA_KEY,
            person,
        })
    }
}

impl DataKey {
    /// Seals a text for one column of this person's row. Sealing the same text again gives other bytes.
    pub fn seal(&self, column: Column, text: &str) -> Vec<u8> {
        seal(
            &self.key,
            AES_256_GCM,
            &context(column.code(), self.person),
            text.as_bytes(),
        )
    }

    /// Opens what was sealed for this column of this person's row.
    pub fn open(&self, column: Column, sealed: &[u8]) -> Result<Zeroizing<String>, Unsealable> {
        let open = || {
            let bytes = unseal(&self.key, &context(column.code(), self.person), sealed)
                .filter(|_| sealed.first() == Some(&AES_256_GCM))?;
            Some(Zeroizing::new(std::str::from_utf8(&bytes).ok()?.to_owned()))
        };
        open().ok_or(Unsealable {
            column: column.code(),
            person: self.person,
        })
    }
}

fn context(column: &str, person: PersonId) -> String {
    format!("{column}/{person}")
}

/// `first`, nonce, ciphertext and tag.
fn seal(key: &Key, first: u8, context: &str, plain: &[u8]) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).expect("the operating system gives random bytes");
    let payload = Payload {
        msg: plain,
        aad: context.as_bytes(),
    };
    let sealed = Aes256Gcm::new(&(**key).into())
        .encrypt(&nonce.into(), payload)
        .expect("an identity is shorter than AES-GCM's 64 GiB");
    [[first].as_slice(), &nonce, &sealed].concat()
}

fn unseal(key: &Key, context: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.get(1..)?.split_at_checked(NONCE_BYTES)?;
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    let payload = Payload {
        msg: sealed,
        aad: context.as_bytes(),
    };
    Aes256Gcm::new(&(**key).into())
        .decrypt(&nonce.into(), payload)
        .ok()
        .map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::read(&super::super::generate()).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_again_and_never_looks_the_same() {
        let (keys, person) = (keys(), PersonId::generate());
        let (key, wrapped) = keys.new_data_key(person);
        let sealed = key.seal(Column::Name, "测试𠮷");
        assert_ne!(sealed, key.seal(Column::Name, "测试𠮷"));
        let again = keys.open_data_key(person, &wrapped).unwrap();
        assert_eq!(
            again.open(Column::Name, &sealed).unwrap().as_str(),
            "测试𠮷"
        );
    }

    #[test]
    fn what_was_moved_to_another_row_or_column_does_not_open() {
        let (keys, person, other) = (keys(), PersonId::generate(), PersonId::generate());
        let (key, wrapped) = keys.new_data_key(person);
        let sealed = key.seal(Column::Name, "测试甲");
        assert_eq!(
            key.open(Column::CertNo, &sealed),
            Err(Unsealable {
                column: "person.cert_no",
                person
            })
        );
        assert!(keys.open_data_key(other, &wrapped).is_err());
    }

    #[test]
    fn damage_and_foreign_keys_are_noticed() {
        let (keys, person) = (keys(), PersonId::generate());
        let (key, wrapped) = keys.new_data_key(person);
        let sealed = key.seal(Column::Phone, "13800000000");
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(key.open(Column::Phone, &damaged).is_err(), "byte {at}");
        }
        assert!(key.open(Column::Phone, &[]).is_err());
        assert!(
            Keys::read(&super::super::generate())
                .unwrap()
                .open_data_key(person, &wrapped)
                .is_err()
        );
    }
}
