//! Who a human being is: certificate, name, phone, card. Plain only in memory, and only here.
//!
//! These types have no `Display` and no `Serialize`, their `Debug` is redacted and their memory is wiped, so that an
//! identity cannot slip into a log, an event, a trace or an error (ruling 44 of the design). Whoever needs the text says
//! `reveal`, and a reader can list those places.

mod certificate;
mod contact;
mod name;
mod text;

pub use certificate::{CertType, Certificate, Gender, Strictness};
pub use contact::{CardNo, Phone};
pub use name::PersonName;

/// Declares a text that is wiped from memory when dropped and never printed.
macro_rules! secret_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(zeroize::Zeroizing<String>);

        impl $name {
            /// The text itself, for sealing, for a keyed index, or for somebody who may see it.
            pub fn reveal(&self) -> &str {
                &self.0
            }

            /// The text as it was stored; it was checked when it came in.
            pub(crate) const fn stored(text: zeroize::Zeroizing<String>) -> Self {
                Self(text)
            }
        }

        /// Redacted.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

use secret_text;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_identity_shows_in_debug_output() {
        let name = PersonName::parse("测试甲").unwrap();
        let phone = Phone::parse("13800000000").unwrap();
        let card = CardNo::parse("T00000001").unwrap();
        let shown = format!("{name:?} {phone:?} {card:?}");
        assert_eq!(shown, "PersonName(…) Phone(…) CardNo(…)");
    }
}
