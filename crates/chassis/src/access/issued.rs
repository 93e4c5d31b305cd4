//! Tokens that were signed lately: signing costs twenty microseconds, and a token is good for a minute.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use kernel::Clock;

use super::{Claims, Signer};

/// How long a token for an inner call is good (ruling 46).
const TTL: SignedDuration = SignedDuration::from_secs(60);

/// How long before it expires a token is no longer used, so that a call that waits somewhere still arrives in time.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_secs(20);

/// How many are kept: a few megabytes.
const KEPT: usize = 16_384;

/// Signs and keeps tokens. Clones share them.
///
/// Like a verifier it lives on the machine's clock, whatever the business clock shows.
#[derive(Clone)]
pub(crate) struct Issued(Arc<Inner>);

struct Inner {
    signer: Signer,
    clock: Clock,
    kept: RwLock<HashMap<Claims, (HeaderValue, Timestamp)>>,
}

impl Issued {
    pub(crate) fn by(signer: Signer) -> Self {
        Self::on(signer, Clock::system())
    }

    fn on(signer: Signer, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            signer,
            clock,
            kept: RwLock::default(),
        }))
    }

    /// The value of an `authorization` header with these claims.
    pub(crate) fn header(&self, claims: &Claims) -> HeaderValue {
        let now = self.0.clock.now();
        let kept = self.0.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((header, renew_at)) = kept.get(claims)
            && now < *renew_at
        {
            return header.clone();
        }
        drop(kept);
        let header = bearer_header(&self.0.signer.token(claims, TTL, now))
            .expect("a token is base64 and dots");
        self.keep(claims, header.clone(), now);
        header
    }

    fn keep(&self, claims: &Claims, header: HeaderValue, now: Timestamp) {
        let mut kept = self.0.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.retain(|_, (_, renew_at)| now < *renew_at);
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(claims.clone(), (header, now + (TTL - RENEW_BEFORE)));
    }
}

/// The value of an `authorization` header with this token; none if it holds what a header cannot.
pub(crate) fn bearer_header(token: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Role;

    #[test]
    fn a_token_is_signed_again_before_it_expires_and_not_earlier() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let signer = Signer::generate("gongji").unwrap().signer;
        let issued = Issued::on(signer, clock.clone());
        let claims = Claims {
            role: Role::Service,
            subject: "settlement".to_owned(),
            audience: "authorization".to_owned(),
            about: None,
        };
        let first = issued.header(&claims);
        assert!(clock.advance(SignedDuration::from_secs(39)));
        assert_eq!(issued.header(&claims), first);
        assert!(clock.advance(SignedDuration::from_secs(1)));
        assert_ne!(issued.header(&claims), first);
    }
}
