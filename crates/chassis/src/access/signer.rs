//! Signing tokens: what `stack` and the gateway do for others, and every service for its own calls.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use jiff::{SignedDuration, Timestamp};
use kernel::{PersonId, Role};
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::keys::KeyError;
use super::token::{self, Audience, Body};

/// What a token says about its holder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claims {
    /// What they are.
    pub role: Role,
    /// Who they are: a person id, an institution's code, an operator's number or a service's name.
    pub subject: String,
    /// For whom the token is: the name of the service that is called.
    pub audience: String,
    /// The patient whose credential an institution presented.
    pub about: Option<PersonId>,
}

/// Signs tokens with one key.
#[derive(Clone)]
pub struct Signer(Arc<Inner>);

struct Inner {
    key: SigningKey,
    kid: String,
    issuer: String,
    /// The first part of every token, encoded once.
    header: String,
}

/// A key pair as it is handed out once: to those who sign, and to those who verify.
pub struct NewKey {
    /// Signs with it.
    pub signer: Signer,
    /// The public key, as the text of a JWKS file.
    pub jwks: String,
    /// The private key, PKCS #8 in PEM, as [`Signer::from_pem_file`] reads it.
    pub pem: SecretString,
}

impl Signer {
    /// Signs as `issuer` with the Ed25519 key of that file (PKCS #8, PEM).
    pub fn from_pem_file(path: &Path, issuer: &str) -> Result<Self, KeyError> {
        let pem = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|source| KeyError::Read {
                path: path.to_owned(),
                source,
            })?;
        SigningKey::from_pkcs8_pem(&pem)
            .map(|key| Self::with_key(key, issuer))
            .map_err(|source| KeyError::Pem {
                path: path.to_owned(),
                source,
            })
    }

    /// Makes a new key.
    pub fn generate(issuer: &str) -> Result<NewKey, KeyError> {
        let mut seed = Zeroizing::new([0; ed25519_dalek::SECRET_KEY_LENGTH]);
        getrandom::fill(seed.as_mut()).map_err(KeyError::Random)?;
        let signer = Self::with_key(SigningKey::from_bytes(&seed), issuer);
        // Without the public half: the older form of PKCS #8, which every tool reads.
        let pem = KeypairBytes {
            secret_key: *seed,
            public_key: None,
        }
        .to_pkcs8_pem(LineEnding::LF)
        .expect("32 bytes have a PKCS #8 form");
        Ok(NewKey {
            jwks: signer.jwks(),
            pem: SecretString::from(pem.as_str()),
            signer,
        })
    }

    fn with_key(key: SigningKey, issuer: &str) -> Self {
        let kid = thumbprint(&key);
        Self(Arc::new(Inner {
            header: token::header(&kid),
            issuer: issuer.to_owned(),
            kid,
            key,
        }))
    }

    /// A token with these claims that is good for `ttl` from `now`, in whole seconds.
    ///
    /// `now` is the machine's time, not the business time: a verifier may stand elsewhere and has only the machine's.
    pub fn token(&self, claims: &Claims, ttl: SignedDuration, now: Timestamp) -> String {
        let from = now.as_second();
        let body = Body {
            iss: self.0.issuer.clone(),
            sub: claims.subject.clone(),
            aud: Audience::One(claims.audience.clone()),
            exp: from.saturating_add(ttl.as_secs()),
            nbf: Some(from),
            iat: from,
            role: token::role_word(claims.role),
            about: claims.about.map(|person| person.to_string()),
        };
        token::encode(&self.0.header, &body, &self.0.key)
    }

    /// The public key, as the text of a JWKS file.
    pub fn jwks(&self) -> String {
        let set = json!({ "keys": [{
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "EdDSA",
            "use": "sig",
            "kid": self.0.kid,
            "x": public_half(&self.0.key),
        }] });
        format!("{set:#}\n")
    }

    #[cfg(test)]
    pub(super) fn key(&self) -> &SigningKey {
        &self.0.key
    }

    #[cfg(test)]
    pub(super) fn kid(&self) -> &str {
        &self.0.kid
    }
}

fn public_half(key: &SigningKey) -> String {
    BASE64.encode(key.verifying_key().as_bytes())
}

/// The name of a key: the hash of its public half in canonical form (RFC 7638), so that nobody has to think of one.
fn thumbprint(key: &SigningKey) -> String {
    let canonical = format!(
        r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
        public_half(key)
    );
    BASE64.encode(Sha256::digest(canonical))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        // The key pair of RFC 8037, appendix A.1 and A.3.
        let seed = BASE64
            .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
            .unwrap();
        let key = SigningKey::from_bytes(&seed.try_into().unwrap());
        assert_eq!(
            public_half(&key),
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        );
        assert_eq!(
            thumbprint(&key),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn a_new_key_is_read_back_from_its_pem() {
        let new = Signer::generate("gongji").unwrap();
        let read = SigningKey::from_pkcs8_pem(new.pem.expose_secret()).unwrap();
        assert_eq!(read.to_bytes(), new.signer.key().to_bytes());
        assert!(new.jwks.contains(new.signer.kid()));
    }

    #[test]
    fn a_file_that_is_no_key_says_how_to_make_one() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let error = Signer::from_pem_file(&manifest, "gongji")
            .err()
            .expect("a manifest is no key");
        assert!(error.to_string().contains("openssl genpkey"), "{error}");
    }
}
