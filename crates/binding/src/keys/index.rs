//! The blind index: finds a person by a number that the database does not hold.
//!
//! A keyed digest, because ID numbers are few enough to be tried one after the other: without the key, which is not in the
//! database, the index says nothing.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Keys;
use crate::identity::{CardNo, Certificate};

/// The id of the key, and the digest: what is stored and compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlindIndex(Vec<u8>);

impl BlindIndex {
    /// The index as it was stored.
    pub(crate) const fn stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes that are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Keys {
    /// The index of a certificate: of its type and number together.
    pub fn index_certificate(&self, certificate: &Certificate) -> BlindIndex {
        self.digest(
            "certificate",
            &[
                certificate.cert_type().as_str(),
                certificate.number().reveal(),
            ],
        )
    }

    /// The index of a social-security card.
    pub fn index_card(&self, card: &CardNo) -> BlindIndex {
        self.digest("card", &[card.reveal()])
    }

    /// A keyed digest of parts that may hold an identity, to tell whether a request is the same as before.
    pub fn digest(&self, kind: &str, parts: &[&str]) -> BlindIndex {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.index.as_slice())
            .expect("HMAC takes a key of any length");
        for part in std::iter::once(&kind).chain(parts) {
            // The length in front keeps "1" + "23" from "12" + "3".
            let length = u64::try_from(part.len()).expect("a length fits into 64 bits");
            mac.update(&length.to_be_bytes());
            mac.update(part.as_bytes());
        }
        BlindIndex([[self.index_id].as_slice(), &mac.finalize().into_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_equal_indexes_under_one_key_only() {
        let keys = Keys::read(&super::super::generate()).unwrap();
        let card = CardNo::parse("T00000001").unwrap();
        assert!(keys.index_card(&card) == keys.index_card(&CardNo::parse("t00000001").unwrap()));
        assert!(keys.index_card(&card) != keys.digest("certificate", &["T00000001"]));
        assert!(keys.digest("x", &["1", "23"]) != keys.digest("x", &["12", "3"]));
        let other = Keys::read(&super::super::generate()).unwrap();
        assert!(keys.index_card(&card) != other.index_card(&card));
    }
}
