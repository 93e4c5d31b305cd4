//! What a patient shows to prove who they are: e-credential tokens, made here and kept only as fingerprints.
//!
//! A token is short-lived and means one person. That it pays one bill only is settlement's to say, in the transaction
//! that moves the money (ruling 8 of the design); here it is only ever read.

use std::fmt;

use jiff::SignedDuration;
use kernel::{DisplayLinkId, PersonId, Region, Timestamp};
use sha2::{Digest, Sha256};

/// How many random bytes a token carries: 160 bits in 32 characters.
pub const ENTROPY: usize = 20;

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The text that a patient's code shows: six digits of region, `ec`, and 32 characters nobody can guess.
///
/// It opens visits, so it has no `Debug` and no `Display`: it leaves through [`Token::reveal`] once.
pub struct Token(String);

/// The SHA-256 of a token: what is stored instead of it. The token has 160 bits of chance, so the hash needs no salt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

/// What a token was issued for (`businessType` of the national interface).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// 01301: it may pay a bill.
    Settlement,
    /// 04106: it says who somebody is, and pays nothing.
    Identity,
}

/// An issued token, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub fingerprint: Fingerprint,
    /// Whose it is: the patient.
    pub person_id: PersonId,
    /// Who showed it.
    pub presenter: PersonId,
    /// The display link it is shown under, where that is not the patient themselves.
    pub under: Option<Under>,
    pub purpose: Purpose,
    pub issued_at: Timestamp,
    /// The instant from which it is expired.
    pub expires_at: Timestamp,
}

/// That a code is shown by a relative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Under {
    pub link: DisplayLinkId,
    /// Whether it pays at a counter only, with the patient present.
    pub counter_only: bool,
}

impl Token {
    /// The longest text that can be a token (`ecToken`, `domain.md` 14.11).
    pub const LONGEST: usize = 50;

    /// A new token to be shown in `region`, out of chance that the caller supplies.
    pub fn new(region: Region, chance: [u8; ENTROPY]) -> Self {
        let digits = chance.chunks_exact(5).flat_map(|five| {
            let bits = five
                .iter()
                .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            (0..8).rev().map(move |place| {
                let [digit, ..] = (bits >> (5 * place)).to_le_bytes();
                char::from(DIGITS[usize::from(digit & 31)])
            })
        });
        Self(format!("{region}ec").chars().chain(digits).collect())
    }

    /// The text, for the one answer that hands it out.
    pub fn reveal(self) -> String {
        self.0
    }

    /// What is stored of it.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0).expect("a new token is no longer than a token may be")
    }
}

impl Fingerprint {
    /// The fingerprint of a text that was shown; none for what cannot be a token.
    pub fn of(shown: &str) -> Option<Self> {
        (!shown.is_empty() && shown.len() <= Token::LONGEST)
            .then(|| Self(Sha256::digest(shown).into()))
    }

    /// A fingerprint as stored; none if it is not 32 bytes.
    pub fn stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Enough of it to tell two apart in a log.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.iter().take(4) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…")
    }
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 2] = [Self::Settlement, Self::Identity];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Settlement => "SETTLEMENT",
            Self::Identity => "IDENTITY",
        }
    }

    /// The purpose with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.code() == code)
    }
}

impl Credential {
    /// What is stored of `token`, issued at `at` for a person who shows it themselves.
    pub fn issue(
        token: &Token,
        person_id: PersonId,
        purpose: Purpose,
        (at, ttl): (Timestamp, SignedDuration),
    ) -> Self {
        Self {
            fingerprint: token.fingerprint(),
            person_id,
            presenter: person_id,
            under: None,
            purpose,
            issued_at: at,
            expires_at: at.checked_add(ttl).unwrap_or(Timestamp::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn region() -> Region {
        "320600".parse().unwrap()
    }

    #[test]
    fn a_token_is_region_ec_and_thirty_two_characters() {
        let text = Token::new(region(), [0xff; ENTROPY]).reveal();
        assert_eq!(text, format!("320600ec{}", "z".repeat(32)));
        assert!(text.len() <= Token::LONGEST);
        assert_eq!(
            Token::new(region(), [0; ENTROPY]).reveal(),
            format!("320600ec{}", "0".repeat(32))
        );
    }

    #[test]
    fn every_bit_of_chance_shows_in_the_token() {
        let tokens: BTreeSet<_> = (0..ENTROPY)
            .flat_map(|byte| (0..8).map(move |bit| (byte, bit)))
            .map(|(byte, bit)| {
                let mut chance = [0; ENTROPY];
                chance[byte] = 1 << bit;
                Token::new(region(), chance).reveal()
            })
            .collect();
        assert_eq!(tokens.len(), ENTROPY * 8);
    }

    #[test]
    fn what_was_shown_has_the_fingerprint_of_what_was_issued() {
        let token = Token::new(region(), [7; ENTROPY]);
        let stored = token.fingerprint();
        assert_eq!(Fingerprint::of(&token.reveal()), Some(stored));
        assert_eq!(Fingerprint::stored(stored.as_bytes()), Some(stored));
        assert_eq!(Fingerprint::stored(&[0; 31]), None);
    }

    #[test]
    fn what_cannot_be_a_token_has_no_fingerprint() {
        assert_eq!(Fingerprint::of(""), None);
        assert_eq!(Fingerprint::of(&"x".repeat(51)), None);
    }

    #[test]
    fn a_log_shows_too_little_of_a_fingerprint_to_find_anything_by() {
        assert_eq!(format!("{:?}", Fingerprint([0xab; 32])), "abababab…");
    }

    #[test]
    fn it_expires_after_its_time() {
        let token = Token::new(region(), [7; ENTROPY]);
        let lived = (Timestamp::UNIX_EPOCH, SignedDuration::from_mins(10));
        let credential =
            Credential::issue(&token, PersonId::generate(), Purpose::Settlement, lived);
        assert_eq!(credential.expires_at.as_second(), 600);
        assert_eq!(credential.presenter, credential.person_id);
    }
}
