//! Verifying tokens, once each: a verified token is remembered until it expires (ruling 11).
//!
//! Tokens live on the machine's clock, never on the business clock: a demo whose business clock stands at noon, or crosses
//! a midnight in a second, neither keeps a token alive for ever nor kills those of everybody.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use kernel::{Clock, Reason, Refusal};

use super::Caller;
use super::keys::{Edition, KeyError, KeyFile};
use super::token::{self, Expected, LEEWAY};
use crate::config;

/// How many verified tokens are remembered: a few megabytes.
const REMEMBERED: usize = 16_384;

/// Verifies the tokens of those who call one service. Clones share what was verified.
#[derive(Clone, Debug)]
pub struct Verifier(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuer: String,
    audience: String,
    clock: Clock,
    keys: KeyFile,
    verified: RwLock<Verified>,
}

/// What was verified with the keys of `edition`.
#[derive(Debug, Default)]
struct Verified {
    edition: u64,
    tokens: HashMap<String, (Caller, i64)>,
}

impl Verifier {
    /// The verifier of the service that `config` describes. Reads the key file.
    pub fn new(config: &config::Access) -> Result<Self, KeyError> {
        Self::on(config, Clock::system())
    }

    fn on(config: &config::Access, clock: Clock) -> Result<Self, KeyError> {
        Ok(Self(Arc::new(Inner {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            clock,
            keys: KeyFile::open(&config.jwks)?,
            verified: RwLock::default(),
        })))
    }

    /// Who holds this token (the bare token: [`super::bearer`] takes it out of a header).
    ///
    /// Refuses with `ACCESS_TOKEN_MISSING`, `ACCESS_TOKEN_EXPIRED` or `ACCESS_TOKEN_INVALID`, the last naming the wrong part.
    pub fn verify(&self, token: &str) -> Result<Caller, Refusal> {
        if token.is_empty() {
            return Err(Reason::AccessTokenMissing.into());
        }
        let edition = self.0.keys.edition(false);
        let now = self.0.clock.now().as_second();
        match self.recall(token, edition.number) {
            Some((caller, until)) if now <= until.saturating_add(LEEWAY) => Ok(caller),
            Some(_) => Err(Reason::AccessTokenExpired.into()),
            None => self.verify_anew(token, &edition, now),
        }
    }

    fn verify_anew(&self, token: &str, edition: &Edition, now: i64) -> Result<Caller, Refusal> {
        let expected = Expected {
            issuer: &self.0.issuer,
            audience: &self.0.audience,
            now,
        };
        let (number, verdict) = match token::verify(token, &edition.keys, &expected) {
            // The token may be signed with a key that was published a moment ago.
            Err(refusal) if refusal.about.as_deref() == Some(token::KID) => {
                let newest = self.0.keys.edition(true);
                let verdict = token::verify(token, &newest.keys, &expected);
                (newest.number, verdict)
            }
            verdict => (edition.number, verdict),
        };
        let (caller, until) = verdict?;
        self.remember(token, number, (caller.clone(), until));
        Ok(caller)
    }

    fn recall(&self, token: &str, edition: u64) -> Option<(Caller, i64)> {
        let verified = self
            .0
            .verified
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        (verified.edition == edition)
            .then(|| verified.tokens.get(token).cloned())
            .flatten()
    }

    fn remember(&self, token: &str, edition: u64, verdict: (Caller, i64)) {
        let mut verified = self
            .0
            .verified
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // A slow thread may still come with an older edition: what it verified is not worth remembering.
        if edition < verified.edition {
            return;
        }
        if edition > verified.edition {
            verified.tokens.clear();
            verified.edition = edition;
        }
        if verified.tokens.len() >= REMEMBERED {
            let now = self.0.clock.now().as_second();
            verified
                .tokens
                .retain(|_, (_, until)| now <= until.saturating_add(LEEWAY));
        }
        if verified.tokens.len() >= REMEMBERED {
            verified.tokens.clear();
        }
        verified.tokens.insert(token.to_owned(), verdict);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Claims, NewKey, Signer};
    use jiff::{SignedDuration, Timestamp};
    use kernel::Role;
    use std::path::{Path, PathBuf};

    /// A key file of its own that goes when the test is over.
    struct Keys(PathBuf);

    impl Keys {
        fn with(jwks: &str) -> Self {
            let name = format!("gongji-jwks-{}", kernel::EventId::generate());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, jwks).unwrap();
            Self(path)
        }

        fn replace(&self, jwks: &str) {
            // Another length, so that the change is seen however coarse the file system's clock is.
            std::fs::write(&self.0, format!("{jwks}\n")).unwrap();
        }
    }

    impl Drop for Keys {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).unwrap();
        }
    }

    fn verifier(jwks: &Path, clock: Clock) -> Verifier {
        let config = config::Access {
            jwks: jwks.to_owned(),
            issuer: "gongji".to_owned(),
            audience: "binding".to_owned(),
            key: None,
        };
        Verifier::on(&config, clock).unwrap()
    }

    fn minute(signer: &Signer, now: Timestamp) -> String {
        let claims = Claims {
            role: Role::Operator,
            subject: "op-7".to_owned(),
            audience: "binding".to_owned(),
            about: None,
        };
        signer.token(&claims, SignedDuration::from_mins(1), now)
    }

    #[test]
    fn a_remembered_token_still_expires() {
        let NewKey { signer, jwks, .. } = Signer::generate("gongji").unwrap();
        let keys = Keys::with(&jwks);
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let verifier = verifier(&keys.0, clock.clone());
        let token = minute(&signer, clock.now());
        assert_eq!(verifier.verify(&token).unwrap().subject, "op-7");
        assert!(clock.advance(SignedDuration::from_secs(90)));
        assert!(verifier.verify(&token).is_ok());
        assert!(clock.advance(SignedDuration::from_secs(1)));
        assert_eq!(
            verifier.verify(&token),
            Err(Reason::AccessTokenExpired.into())
        );
        assert_eq!(verifier.verify(""), Err(Reason::AccessTokenMissing.into()));
    }

    #[test]
    fn keys_rotate_without_a_restart() {
        let (old, new) = (
            Signer::generate("gongji").unwrap(),
            Signer::generate("gongji").unwrap(),
        );
        let keys = Keys::with(&old.jwks);
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let verifier = verifier(&keys.0, clock.clone());
        let of_old = minute(&old.signer, clock.now());
        let of_new = minute(&new.signer, clock.now());
        assert!(verifier.verify(&of_old).is_ok());
        assert!(verifier.verify(&of_new).is_err());

        keys.replace(&new.jwks);
        assert!(verifier.verify(&of_new).is_ok());
        assert_eq!(
            verifier.verify(&of_old).unwrap_err().reason,
            Reason::AccessTokenInvalid
        );

        keys.replace("half a fi");
        assert!(verifier.verify(&of_new).is_ok());
    }

    #[test]
    fn a_file_without_a_key_is_refused_at_start() {
        let keys = Keys::with(r#"{ "keys": [{ "kty": "RSA", "kid": "r", "n": "AQAB" }] }"#);
        let config = config::Access {
            jwks: keys.0.clone(),
            issuer: "gongji".to_owned(),
            audience: "binding".to_owned(),
            key: None,
        };
        let error = Verifier::new(&config).unwrap_err();
        assert!(error.to_string().contains("nobody could call"), "{error}");
    }
}
