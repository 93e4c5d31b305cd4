//! The text of a token: a compact JWS (RFC 7515) with JWT claims (RFC 7519), signed with Ed25519 (RFC 8037).
//!
//! Written here and not taken from a JWT library because one algorithm is all we accept, and the libraries bring RSA.
//! Nothing of a token is believed before its signature is verified with a key of the JWKS that its `kid` names.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use kernel::{PersonId, Reason, Refusal, Role};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::Caller;
use super::keys::Keys;

/// The only algorithm. `none`, HMAC with a public key and the rest are refused by not being this.
const ALGORITHM: &str = "EdDSA";

/// No token of ours is a quarter of this; a larger one is refused before anything is computed.
const LONGEST: usize = 4096;

/// The part that is wrong when a key is not known.
pub(super) const KID: &str = "kid";

/// How far the clocks of issuer and verifier may differ, in seconds.
pub(super) const LEEWAY: i64 = 30;

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    #[serde(skip_serializing)]
    crit: Option<IgnoredAny>,
}

/// What a token says. Times are seconds since the epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Body {
    pub iss: String,
    pub sub: String,
    pub aud: Audience,
    pub exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    pub iat: i64,
    /// The role's code in lower case: `institution`.
    pub role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// One audience or several: the standard allows both.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn includes(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(several) => several.iter().any(|one| one == name),
        }
    }
}

/// What a verifier expects of every token.
pub(super) struct Expected<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    /// Seconds since the epoch.
    pub now: i64,
}

/// The word for `role` in a token.
pub(super) fn role_word(role: Role) -> String {
    role.code().to_ascii_lowercase()
}

fn role_of(word: &str) -> Option<Role> {
    Role::ALL
        .iter()
        .copied()
        .find(|role| role_word(*role) == word)
}

/// The first part of every token that the key `kid` signs.
pub(super) fn header(kid: &str) -> String {
    let header = serde_json::json!({ "alg": ALGORITHM, "typ": "JWT", "kid": kid });
    BASE64.encode(header.to_string())
}

/// A signed token.
pub(super) fn encode(header: &str, body: &Body, key: &SigningKey) -> String {
    let body = serde_json::to_vec(body).expect("claims are text and numbers");
    let mut token = format!("{header}.{}", BASE64.encode(body));
    let signature = key.sign(token.as_bytes());
    token.push('.');
    BASE64.encode_string(signature.to_bytes(), &mut token);
    token
}

/// Who holds `token`, and until when (seconds since the epoch, leeway not included).
pub(super) fn verify(
    token: &str,
    keys: &Keys,
    expected: &Expected<'_>,
) -> Result<(Caller, i64), Refusal> {
    let body = signed_body(token, keys)?;
    if body.iss != expected.issuer {
        return Err(invalid("iss"));
    }
    if !body.aud.includes(expected.audience) {
        return Err(invalid("aud"));
    }
    if expected.now > body.exp.saturating_add(LEEWAY) {
        return Err(Reason::AccessTokenExpired.into());
    }
    if body
        .nbf
        .is_some_and(|from| expected.now < from.saturating_sub(LEEWAY))
    {
        return Err(invalid("nbf"));
    }
    Ok((caller(&body)?, body.exp))
}

fn signed_body(token: &str, keys: &Keys) -> Result<Body, Refusal> {
    if token.len() > LONGEST {
        return Err(invalid("size"));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or_else(|| invalid("form"))?;
    let (header, body) = signed.split_once('.').ok_or_else(|| invalid("form"))?;
    let header: Header = part(header, "header")?;
    if header.alg != ALGORITHM {
        return Err(invalid("alg"));
    }
    // An extension that must be understood is one that is not.
    if header.crit.is_some() {
        return Err(invalid("crit"));
    }
    let key = header
        .kid
        .and_then(|kid| keys.get(&kid))
        .ok_or_else(|| invalid(KID))?;
    let signature = BASE64
        .decode(signature)
        .ok()
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
        .ok_or_else(|| invalid("signature"))?;
    key.verify_strict(signed.as_bytes(), &signature)
        .ok()
        .ok_or_else(|| invalid("signature"))?;
    part(body, "claims")
}

fn part<T: DeserializeOwned>(text: &str, name: &'static str) -> Result<T, Refusal> {
    let bytes = BASE64.decode(text).ok().ok_or_else(|| invalid(name))?;
    serde_json::from_slice(&bytes)
        .ok()
        .ok_or_else(|| invalid(name))
}

fn caller(body: &Body) -> Result<Caller, Refusal> {
    let role = role_of(&body.role).ok_or_else(|| invalid("role"))?;
    if body.sub.is_empty() || (role == Role::Citizen && body.sub.parse::<PersonId>().is_err()) {
        return Err(invalid("sub"));
    }
    let about = body
        .about
        .as_ref()
        .map(|about| about.parse().ok().ok_or_else(|| invalid("about")))
        .transpose()?;
    Ok(Caller {
        role,
        subject: body.sub.clone(),
        about,
    })
}

/// Names the part that is wrong, for whoever issues tokens, and never its value.
fn invalid(part: &str) -> Refusal {
    Refusal::about(Reason::AccessTokenInvalid, part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Claims, NewKey, Signer};
    use jiff::{SignedDuration, Timestamp};

    const NOW: i64 = 1_800_000_000;
    const EXPECTED: Expected<'static> = Expected {
        issuer: "gongji",
        audience: "settlement",
        now: NOW,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn new_key() -> (Signer, Keys) {
        let NewKey { signer, jwks, .. } = Signer::generate("gongji").unwrap();
        (signer, crate::access::keys::parse(&jwks).unwrap())
    }

    fn pharmacy() -> Claims {
        Claims {
            role: Role::Institution,
            subject: "P32010000001".to_owned(),
            audience: "settlement".to_owned(),
            about: Some(PersonId::generate()),
        }
    }

    fn minute(signer: &Signer, claims: &Claims) -> String {
        signer.token(claims, SignedDuration::from_mins(1), at(NOW))
    }

    fn part_refused(token: &str, keys: &Keys) -> Option<String> {
        let refusal = verify(token, keys, &EXPECTED).unwrap_err();
        assert_eq!(refusal.reason, Reason::AccessTokenInvalid);
        refusal.about
    }

    /// The token with another header, its claims untouched, signed by whoever signs.
    fn with_header(header: &serde_json::Value, signer: &Signer, claims: &Claims) -> String {
        let token = minute(signer, claims);
        let body = token.split('.').nth(1).unwrap();
        let body = serde_json::from_slice(&BASE64.decode(body).unwrap()).unwrap();
        encode(&BASE64.encode(header.to_string()), &body, signer.key())
    }

    #[test]
    fn a_token_says_who_holds_it() {
        let (signer, keys) = new_key();
        let claims = pharmacy();
        let (caller, until) = verify(&minute(&signer, &claims), &keys, &EXPECTED).unwrap();
        assert_eq!(
            (caller.role, &caller.subject, caller.about),
            (claims.role, &claims.subject, claims.about)
        );
        assert_eq!(until, NOW + 60);
    }

    #[test]
    fn a_token_lives_from_half_a_minute_before_to_half_a_minute_after() {
        let (signer, keys) = new_key();
        let token = minute(&signer, &pharmacy());
        let verdict = |now| verify(&token, &keys, &Expected { now, ..EXPECTED }).map(|_| ());
        assert_eq!(verdict(NOW - LEEWAY), Ok(()));
        assert_eq!(verdict(NOW - LEEWAY - 1), Err(invalid("nbf")));
        assert_eq!(verdict(NOW + 60 + LEEWAY), Ok(()));
        assert_eq!(
            verdict(NOW + 60 + LEEWAY + 1),
            Err(Reason::AccessTokenExpired.into())
        );
    }

    #[test]
    fn another_algorithm_is_refused_whatever_signed_it() {
        let (signer, keys) = new_key();
        for alg in ["none", "None", "HS256", "RS256", "eddsa", ""] {
            let header = serde_json::json!({ "alg": alg, "kid": signer.kid() });
            let token = with_header(&header, &signer, &pharmacy());
            assert_eq!(part_refused(&token, &keys).as_deref(), Some("alg"), "{alg}");
        }
        let unsigned = minute(&signer, &pharmacy());
        let (signed, _) = unsigned.rsplit_once('.').unwrap();
        assert_eq!(
            part_refused(&format!("{signed}."), &keys).as_deref(),
            Some("signature")
        );
    }

    #[test]
    fn a_key_that_is_not_published_cannot_sign() {
        let (signer, keys) = new_key();
        let (stranger, _) = new_key();
        let token = minute(&stranger, &pharmacy());
        assert_eq!(part_refused(&token, &keys).as_deref(), Some("kid"));
        let borrowed = serde_json::json!({ "alg": ALGORITHM, "kid": signer.kid() });
        let token = with_header(&borrowed, &stranger, &pharmacy());
        assert_eq!(part_refused(&token, &keys).as_deref(), Some("signature"));
        let nameless = serde_json::json!({ "alg": ALGORITHM });
        let token = with_header(&nameless, &signer, &pharmacy());
        assert_eq!(part_refused(&token, &keys).as_deref(), Some("kid"));
    }

    #[test]
    fn an_extension_that_must_be_understood_is_refused() {
        let (signer, keys) = new_key();
        let header = serde_json::json!({ "alg": ALGORITHM, "kid": signer.kid(), "crit": ["b64"] });
        let token = with_header(&header, &signer, &pharmacy());
        assert_eq!(part_refused(&token, &keys).as_deref(), Some("crit"));
    }

    #[test]
    fn a_token_for_another_service_or_of_another_issuer_is_refused() {
        let (signer, keys) = new_key();
        let claims = Claims {
            audience: "binding".to_owned(),
            ..pharmacy()
        };
        assert_eq!(
            part_refused(&minute(&signer, &claims), &keys).as_deref(),
            Some("aud")
        );
        let token = minute(&signer, &pharmacy());
        let elsewhere = Expected {
            issuer: "somebody",
            ..EXPECTED
        };
        assert_eq!(
            verify(&token, &keys, &elsewhere).unwrap_err(),
            invalid("iss")
        );
    }

    #[test]
    fn no_byte_of_a_token_can_be_changed() {
        let (signer, keys) = new_key();
        let token = minute(&signer, &pharmacy());
        for at in (0..token.len()).step_by(7) {
            let mut tampered = token.clone().into_bytes();
            tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
            let tampered = String::from_utf8(tampered).unwrap();
            assert!(verify(&tampered, &keys, &EXPECTED).is_err(), "byte {at}");
        }
        for text in ["", ".", "..", "a.b", "a.b.c.d", "……"] {
            assert!(verify(text, &keys, &EXPECTED).is_err(), "{text}");
        }
        assert_eq!(
            part_refused(&"x".repeat(LONGEST + 1), &keys).as_deref(),
            Some("size")
        );
    }

    #[test]
    fn a_citizen_is_a_person() {
        let (signer, keys) = new_key();
        let claims = Claims {
            role: Role::Citizen,
            subject: "somebody".to_owned(),
            ..pharmacy()
        };
        assert_eq!(
            part_refused(&minute(&signer, &claims), &keys).as_deref(),
            Some("sub")
        );
    }
}
