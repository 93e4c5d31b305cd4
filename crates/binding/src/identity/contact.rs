//! A phone number and the number of a social-security card.

use kernel::{Reason, Refusal};
use zeroize::Zeroizing;

use super::secret_text;

secret_text! {
    /// A mobile number of mainland China.
    Phone
}

impl Phone {
    /// Reads a mobile number: 11 digits, the first a 1. Blanks around it are dropped.
    ///
    /// # Errors
    /// `PHONE_INVALID`.
    pub fn parse(number: &str) -> Result<Self, Refusal> {
        let number = number.trim();
        let is_mobile = number.len() == 11
            && number.starts_with('1')
            && number.bytes().all(|byte| byte.is_ascii_digit());
        is_mobile
            .then(|| Self(Zeroizing::new(number.to_owned())))
            .ok_or_else(|| Refusal::about(Reason::PhoneInvalid, "phone"))
    }
}

secret_text! {
    /// The number of a social-security card, in capitals.
    CardNo
}

impl CardNo {
    /// The shortest and the longest number in use: 9 characters on the card, 32 in its chip.
    const LENGTHS: std::ops::RangeInclusive<usize> = 6..=32;

    /// Reads a card number: ASCII letters and digits. Case and blanks around it do not matter.
    ///
    /// # Errors
    /// `CARD_NUMBER_INVALID`.
    pub fn parse(number: &str) -> Result<Self, Refusal> {
        let number = number.trim();
        let is_card = Self::LENGTHS.contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_card
            .then(|| Self(Zeroizing::new(number.to_ascii_uppercase())))
            .ok_or_else(|| Refusal::about(Reason::CardNumberInvalid, "social_security_card"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_has_eleven_digits_and_begins_with_one() {
        assert_eq!(
            Phone::parse(" 13800000000 ").unwrap().reveal(),
            "13800000000"
        );
        for number in [
            "",
            "1380000000",
            "23800000000",
            "138000000001",
            "1380000000a",
            "１３８００００００００",
        ] {
            assert_eq!(
                Phone::parse(number).unwrap_err().reason,
                Reason::PhoneInvalid
            );
        }
    }

    #[test]
    fn one_card_is_one_number_however_it_is_typed() {
        assert_eq!(
            CardNo::parse("t00000001").unwrap(),
            CardNo::parse(" T00000001").unwrap()
        );
        for number in ["", "12345", "T-0000001", "测试000001"] {
            assert_eq!(
                CardNo::parse(number).unwrap_err().reason,
                Reason::CardNumberInvalid
            );
        }
    }
}
