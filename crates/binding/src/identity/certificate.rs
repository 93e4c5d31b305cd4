//! A certificate: its kind and number, and what a resident ID number says about its holder (GB 11643-1999).

use kernel::{Date, Reason, Refusal};
use zeroize::Zeroizing;

use super::secret_text;

/// `psn_cert_type`: two characters of the national dictionary; unknown ones are kept as text (`domain.md` section 15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertType(String);

impl CertType {
    const RESIDENT_ID: &'static str = "01";
    /// psn_cert_type is C6.
    const LONGEST: usize = 6;

    /// The resident ID card.
    pub fn resident_id() -> Self {
        Self(Self::RESIDENT_ID.to_owned())
    }

    /// Reads the code.
    ///
    /// # Errors
    /// `FIELD_MISSING` or `UNKNOWN_CODE`, about `cert_type`.
    pub fn parse(code: &str) -> Result<Self, Refusal> {
        match code {
            "" => Err(Refusal::about(Reason::FieldMissing, "cert_type")),
            _ if code.len() <= Self::LONGEST
                && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
            {
                Ok(Self(code.to_owned()))
            }
            _ => Err(Refusal::about(Reason::UnknownCode, "cert_type")),
        }
    }

    /// The code as it was stored.
    pub(crate) const fn stored(code: String) -> Self {
        Self(code)
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_resident_id(&self) -> bool {
        self.0 == Self::RESIDENT_ID
    }
}

/// Which resident ID numbers are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Those that can exist: a real area and a right check digit.
    Real,
    /// Also those that cannot exist, for test data: area 000000 or a failing check digit.
    AlsoSynthetic,
}

/// `gend`: what the 17th digit of a resident ID number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gender {
    Male,
    Female,
}

impl Gender {
    /// The national code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Male => "1",
            Self::Female => "2",
        }
    }
}

secret_text! {
    /// A certificate's number, in capitals and without blanks.
    CertNo
}

/// A certificate: the key by which a human being is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    cert_type: CertType,
    number: CertNo,
}

impl Certificate {
    /// certno is C50.
    const LONGEST: usize = 50;

    /// Reads a certificate. The number of a resident ID card is checked on `today`; of others only the form is.
    ///
    /// # Errors
    /// `ID_NUMBER_INVALID`, or what is wrong with the type; the number itself is never repeated.
    pub fn parse(
        cert_type: CertType,
        number: &str,
        strictness: Strictness,
        today: Date,
    ) -> Result<Self, Refusal> {
        let invalid = || Refusal::about(Reason::IdNumberInvalid, "cert_no");
        let number = Zeroizing::new(number.trim().to_ascii_uppercase());
        let well_formed = if cert_type.is_resident_id() {
            is_resident_id(&number, strictness, today)
        } else {
            (1..=Self::LONGEST).contains(&number.len())
                && number
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-()".contains(&byte))
        };
        well_formed
            .then_some(Self {
                cert_type,
                number: CertNo(number),
            })
            .ok_or_else(invalid)
    }

    /// A certificate as it was stored; it was checked when it came in.
    pub(crate) const fn stored(cert_type: CertType, number: Zeroizing<String>) -> Self {
        Self {
            cert_type,
            number: CertNo::stored(number),
        }
    }

    /// The kind.
    pub const fn cert_type(&self) -> &CertType {
        &self.cert_type
    }

    /// The number.
    pub const fn number(&self) -> &CertNo {
        &self.number
    }

    /// The day of birth, if the number holds one.
    pub fn birth_date(&self) -> Option<Date> {
        self.cert_type
            .is_resident_id()
            .then(|| birth_date(self.number.reveal()))
            .flatten()
    }

    /// The gender, if the number holds one.
    pub fn gender(&self) -> Option<Gender> {
        let digit = self
            .number
            .reveal()
            .as_bytes()
            .get(16)
            .filter(|_| self.cert_type.is_resident_id())?;
        Some(if digit % 2 == 1 {
            Gender::Male
        } else {
            Gender::Female
        })
    }
}

fn is_resident_id(number: &str, strictness: Strictness, today: Date) -> bool {
    let Some((body, check)) = number.split_at_checked(17) else {
        return false;
    };
    let is_number = body.bytes().all(|byte| byte.is_ascii_digit())
        && check.len() == 1
        && check
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'X')
        && birth_date(number).is_some_and(|born| born <= today);
    let can_exist = !number.starts_with("000000") && check_digit(body) == check.chars().next();
    is_number && (can_exist || strictness == Strictness::AlsoSynthetic)
}

/// Digits 7 to 14, if they are a day of the calendar.
fn birth_date(number: &str) -> Option<Date> {
    let part = |range: std::ops::Range<usize>| number.get(range)?.parse::<i16>().ok();
    let (year, month, day) = (part(6..10)?, part(10..12)?, part(12..14)?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// The check digit of ISO 7064 mod 11-2 over the first 17 digits.
fn check_digit(body: &str) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const DIGITS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    let digits = body
        .chars()
        .map(|digit| digit.to_digit(10))
        .collect::<Option<Vec<_>>>()?;
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum();
    DIGITS.get(usize::try_from(sum % 11).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// A number with a right check digit is only ever made, never written down: it could be somebody's.
    fn valid(body: &str) -> String {
        format!("{body}{}", check_digit(body).unwrap())
    }

    fn invalid(body: &str) -> String {
        let check = check_digit(body).unwrap();
        format!("{body}{}", if check == '0' { '1' } else { '0' })
    }

    fn parse(number: &str, strictness: Strictness) -> Result<Certificate, Reason> {
        Certificate::parse(
            CertType::resident_id(),
            number,
            strictness,
            date(2026, 1, 1),
        )
        .map_err(|refusal| refusal.reason)
    }

    #[test]
    fn the_check_digit_is_that_of_the_standard() {
        // The two examples printed in GB 11643-1999.
        assert_eq!(check_digit("11010519491231002"), Some('X'));
        assert_eq!(check_digit("44052418800101001"), Some('4'));
    }

    #[test]
    fn a_number_says_when_its_holder_was_born_and_of_what_gender() {
        let woman = parse(&valid("11010119900307002"), Strictness::Real).unwrap();
        assert_eq!(woman.birth_date(), Some(date(1990, 3, 7)));
        assert_eq!(woman.gender(), Some(Gender::Female));
        let man = parse(&valid("11010119900307003"), Strictness::Real).unwrap();
        assert_eq!(man.gender(), Some(Gender::Male));
    }

    #[test]
    fn numbers_that_cannot_exist_are_taken_as_test_data_only() {
        for number in [valid("00000019900307002"), invalid("11010119900307002")] {
            assert_eq!(
                parse(&number, Strictness::Real),
                Err(Reason::IdNumberInvalid)
            );
            assert!(parse(&number, Strictness::AlsoSynthetic).is_ok());
        }
        assert!(parse(&valid("11010119900307002"), Strictness::AlsoSynthetic).is_ok());
    }

    #[test]
    fn what_is_not_a_number_with_a_day_of_birth_is_refused_as_test_data_too() {
        let unborn = valid("00000020260102002");
        let no_day = valid("00000019900230002");
        for number in [
            unborn.as_str(),
            &no_day,
            "",
            "00000019900307",
            "00000019900307002Y",
            "０0000019900307002",
            "测试",
        ] {
            assert_eq!(
                parse(number, Strictness::AlsoSynthetic),
                Err(Reason::IdNumberInvalid),
                "{number}"
            );
        }
    }

    #[test]
    fn one_certificate_is_one_number_however_it_is_typed() {
        let body = (0..1_000)
            .map(|serial| format!("00000019900307{serial:03}"))
            .find(|body| check_digit(body) == Some('X'))
            .unwrap();
        let small = parse(&format!(" {body}x "), Strictness::AlsoSynthetic).unwrap();
        assert_eq!(
            small,
            parse(&format!("{body}X"), Strictness::AlsoSynthetic).unwrap()
        );
    }

    #[test]
    fn other_certificates_hold_no_day_of_birth() {
        let passport = CertType::parse("03").unwrap();
        let passport =
            Certificate::parse(passport, "t0000001", Strictness::Real, date(2026, 1, 1)).unwrap();
        assert_eq!((passport.birth_date(), passport.gender()), (None, None));
        assert_eq!(passport.number().reveal(), "T0000001");
        assert_eq!(
            CertType::parse("证件").unwrap_err().reason,
            Reason::UnknownCode
        );
    }
}
