//! Signatures after Standard Webhooks 1.0.0, symmetric (`v1`).
//!
//! The secret of an endpoint is derived from one key of the installation, the endpoint's id and the generation, so no secret
//! is stored, none is in a backup of the database, and a rotation is a number that grows.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use kernel::EndpointId;
use secrecy::SecretString;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Endpoint;

/// What a secret begins with, so that it is known for one wherever it turns up.
const PREFIX: &str = "whsec_";
/// The bytes of the installation's key.
const KEY_BYTES: usize = 32;
/// Part of what every secret is derived from; can never change.
const CONTEXT: &str = "gongji webhook secret v1";

/// The installation's key, from which the secrets of all endpoints are derived.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

/// Redacted.
impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// Why there is no key. Nothing of the file's content is repeated.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read.
    #[error("could not read the key of the webhooks, {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error(
        "{} is not a key: it holds 32 bytes as 64 hexadecimal digits (`openssl rand -hex 32`)",
        .0.display()
    )]
    NotAKey(PathBuf),
}

/// A new key, as its file holds it.
pub fn generate() -> Zeroizing<String> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(key.as_mut_slice()).expect("the system has chance");
    Zeroizing::new(hex::encode(key.as_slice()))
}

impl MasterKey {
    /// The key in a file: 64 hexadecimal digits.
    pub fn from_file(path: &Path) -> Result<Self, MasterKeyError> {
        let text = std::fs::read_to_string(path).map_err(|source| MasterKeyError::Read {
            path: path.to_owned(),
            source,
        })?;
        let text = Zeroizing::new(text);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.trim(), key.as_mut_slice())
            .ok()
            .ok_or_else(|| MasterKeyError::NotAKey(path.to_owned()))?;
        Ok(Self(key))
    }

    /// The secret of an endpoint, of a generation.
    pub fn secret(&self, endpoint: EndpointId, generation: i32) -> Secret {
        let context = format!("{CONTEXT}/{endpoint}/{generation}");
        Secret(mac(self.0.as_slice(), &[context.as_bytes()]))
    }

    /// The signatures of one attempt: by the endpoint's secret, and while it is being rotated by the one before it too.
    pub fn signatures(&self, endpoint: &Endpoint, attempt: Attempt<'_>, now: Timestamp) -> String {
        let previous = endpoint
            .previous_until
            .filter(|until| now < *until && endpoint.generation > 1)
            .and_then(|_| endpoint.generation.checked_sub(1));
        let generations = std::iter::once(endpoint.generation).chain(previous);
        let signatures =
            generations.map(|generation| self.secret(endpoint.id, generation).sign(attempt));
        signatures.collect::<Vec<_>>().join(" ")
    }
}

/// The secret that an endpoint and we share.
pub struct Secret(Zeroizing<Vec<u8>>);

/// One attempt to post a message, as it is signed.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The id of the message: the same for every attempt.
    pub message: &'a str,
    /// When it is made.
    pub at: Timestamp,
    /// What is posted.
    pub body: &'a str,
}

impl Secret {
    /// The signature of an attempt, as the header carries it.
    pub fn sign(&self, attempt: Attempt<'_>) -> String {
        let Attempt { message, at, body } = attempt;
        let head = format!("{message}.{}.", at.as_second());
        let signature = mac(&self.0, &[head.as_bytes(), body.as_bytes()]);
        format!("v1,{}", STANDARD.encode(signature.as_slice()))
    }

    /// As it is shown to whoever subscribes.
    pub fn shown(&self) -> SecretString {
        format!("{PREFIX}{}", STANDARD.encode(self.0.as_slice())).into()
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is one");
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use uuid::Uuid;

    fn endpoint(generation: i32, previous_until: Option<Timestamp>) -> Endpoint {
        Endpoint {
            id: EndpointId::from_uuid(Uuid::from_u128(5)),
            url: "https://example.org/hook".into(),
            kinds: vec![],
            generation,
            previous_until,
            disabled: None,
            created_at: Timestamp::UNIX_EPOCH,
            failures: 0,
            in_order: false,
        }
    }

    fn attempt(at: i64) -> Attempt<'static> {
        Attempt {
            message: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at: Timestamp::from_second(at).unwrap(),
            body: r#"{"test": 2432232314}"#,
        }
    }

    /// The vector that the libraries of Standard Webhooks are tested with.
    #[test]
    fn the_published_vector_is_signed_as_published() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let secret = Secret(Zeroizing::new(key));
        assert_eq!(
            secret.sign(attempt(1_614_265_330)),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(
            secret.shown().expose_secret(),
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        );
    }

    #[test]
    fn both_secrets_sign_while_one_is_being_rotated_and_then_only_the_new_one() {
        let master = MasterKey(Zeroizing::new([9; KEY_BYTES]));
        let until = Timestamp::from_second(1_000).unwrap();
        let rotated = endpoint(2, Some(until));
        let of = |generation| master.secret(rotated.id, generation);
        let both = master.signatures(&rotated, attempt(999), attempt(999).at);
        let expected = [of(2).sign(attempt(999)), of(1).sign(attempt(999))].join(" ");
        assert_eq!(both, expected);
        let after = master.signatures(&rotated, attempt(1_000), until);
        assert_eq!(after, of(2).sign(attempt(1_000)));
        let first = master.signatures(&endpoint(1, None), attempt(5), attempt(5).at);
        assert_eq!(first, of(1).sign(attempt(5)));
    }

    #[test]
    fn a_new_key_is_read_back_and_no_other_text_is_a_key() {
        let path = std::env::temp_dir().join(format!("gongji-{}", EndpointId::generate()));
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            MasterKey::from_file(&path)
        };
        assert!(read(&generate()).is_ok());
        for text in ["", "5a5a", &"zz".repeat(KEY_BYTES)] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.contains("is not a key"), "{said}");
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn no_two_endpoints_and_no_two_generations_share_a_secret() {
        let master = MasterKey(Zeroizing::new([9; KEY_BYTES]));
        let shown = |endpoint: u128, generation| {
            let id = EndpointId::from_uuid(Uuid::from_u128(endpoint));
            master
                .secret(id, generation)
                .shown()
                .expose_secret()
                .to_owned()
        };
        assert_ne!(shown(1, 1), shown(2, 1));
        assert_ne!(shown(1, 1), shown(1, 2));
        assert_eq!(shown(1, 1), shown(1, 1));
    }
}
