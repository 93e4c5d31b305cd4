//! Identifiers: a UUID v7 inside, a prefixed text outside (`acc_01k…`), one type per kind.
//!
//! The prefix makes a pasted id say what it is, and keeps an account from being taken for a person.
//! The text is the prefix, an underscore and the 128 bits in 26 lower-case Crockford base-32 digits, so texts sort by age.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of the form {prefix}_ and 26 digits")]
pub struct MalformedId {
    /// What was given.
    pub text: String,
    /// The prefix that was expected.
    pub prefix: &'static str,
}

fn write(f: &mut fmt::Formatter<'_>, prefix: &str, id: Uuid) -> fmt::Result {
    let mut bits = id.as_u128();
    let mut text = [b'0'; 26];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[usize::from(bits.to_le_bytes()[0] & 31)];
        bits >>= 5;
    }
    f.write_str(prefix)?;
    f.write_str("_")?;
    f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

fn decode(text: &str) -> Option<Uuid> {
    // 26 digits hold 130 bits; the first digit may only use three of its five.
    if text.len() != 26 || text.as_bytes().first().is_none_or(|first| *first > b'7') {
        return None;
    }
    let bits = text.bytes().try_fold(0_u128, |bits, byte| {
        let digit = DIGITS.iter().position(|candidate| *candidate == byte)?;
        Some(bits << 5 | u128::try_from(digit).ok()?)
    })?;
    Some(Uuid::from_u128(bits))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What every text form begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, later in order than those made before it on this machine.
            #[expect(clippy::disallowed_methods, reason = "this is where ids are made")]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id with these bits, as stored.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The bits, for storing.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(f, $prefix, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or_else(|| MalformedId { text: text.to_owned(), prefix: $prefix })
            }
        }
    )*};
}

ids! {
    /// A human being, opaque: names and ID numbers live only in the binding database.
    PersonId = "psn";
    /// One enrolment of a person and the personal account that belongs to it (residents have one too, empty).
    AccountId = "acc";
    /// One aid binding. Re-binding the same two people makes a new one.
    BindingId = "bnd";
    /// One display link: somebody may show another's insurance code. It never moves money.
    DisplayLinkId = "lnk";
    /// One decided bill.
    SettlementId = "stl";
    /// One answer to "what would it cost", for as long as it is good.
    QuoteId = "quo";
    /// Money set aside for one bill.
    HoldId = "hld";
    /// One row of the ledger.
    MovementId = "mov";
    /// One credit posted by an operator or an import; the key of its idempotency.
    AllocationId = "alc";
    /// One look at a person's data.
    ReadId = "rea";
    /// One event of the outbox; also its `Nats-Msg-Id`.
    EventId = "evt";
    /// One notice to one person.
    NoticeId = "ntc";
    /// Somebody's address to which notices are announced.
    EndpointId = "whe";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let account = AccountId::generate().to_string();
        assert_eq!(
            account.parse::<PersonId>(),
            Err(MalformedId {
                text: account,
                prefix: "psn"
            })
        );
    }

    #[test]
    fn digits_that_do_not_fit_into_128_bits_are_refused() {
        assert!(
            "acc_7zzzzzzzzzzzzzzzzzzzzzzzzz"
                .parse::<AccountId>()
                .is_ok()
        );
        assert!(
            "acc_80000000000000000000000000"
                .parse::<AccountId>()
                .is_err()
        );
        assert!(
            "acc_0000000000000000000000000"
                .parse::<AccountId>()
                .is_err()
        );
        assert!(
            "acc_0000000000000000000000000I"
                .parse::<AccountId>()
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn the_text_names_the_same_bits_and_sorts_like_them(a in any::<u128>(), b in any::<u128>()) {
            let (a, b) = (AccountId(Uuid::from_u128(a)), AccountId(Uuid::from_u128(b)));
            prop_assert_eq!(a.to_string().parse(), Ok(a));
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
        }
    }
}
