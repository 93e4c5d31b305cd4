//! A person as the database holds them: sealed; and their enrolments.

use kernel::{AccountId, PersonId, PersonKind, Region, Scheme, Standing};
use zeroize::Zeroizing;

use crate::identity::{CardNo, CertType, Certificate, PersonName, Phone};
use crate::keys::{BlindIndex, Column, DataKey, Keys, Unsealable};

/// A person's row: what identifies them is sealed with a key of their own.
pub struct SealedPerson {
    pub id: PersonId,
    pub cert_type: String,
    /// The person's key, wrapped.
    pub data_key: Vec<u8>,
    pub cert_no: Vec<u8>,
    pub name: Vec<u8>,
    pub phone: Option<Vec<u8>>,
    pub card: Option<Vec<u8>>,
    pub sandbox: bool,
}

/// A person's row in the clear. It lives for one request.
#[derive(Debug)]
pub struct Person {
    pub id: PersonId,
    pub certificate: Certificate,
    pub name: PersonName,
    pub phone: Option<Phone>,
    pub card: Option<CardNo>,
    pub sandbox: bool,
}

/// One enrolment, and the account that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    pub account: AccountId,
    pub person: PersonId,
    /// The region's number for the person (`psn_no`).
    pub person_no: PersonNo,
    pub region: Region,
    pub scheme: Scheme,
    pub kind: PersonKind,
    pub standing: Standing,
    /// Grows by one with every change.
    pub version: i64,
}

/// A region's number for a person: opaque, and part of events, so it never is an ID number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonNo(String);

impl PersonNo {
    /// psn_no is C30.
    const LONGEST: usize = 30;

    /// Reads a person number: ASCII letters, digits, hyphens and underscores.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::LONGEST).contains(&text.len());
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (fits && is_plain).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The enrolment in which somebody is aided: of the wanted scheme, or else the one in normal standing, employees' first.
///
/// The oldest account decides between equals, so that the choice is the same each time.
pub fn enrolment_to_aid(
    enrolments: &[Enrolment],
    person: PersonId,
    wanted: Option<Scheme>,
) -> Option<&Enrolment> {
    enrolments
        .iter()
        .filter(|enrolment| enrolment.person == person)
        .filter(|enrolment| wanted.is_none_or(|scheme| enrolment.scheme == scheme))
        .min_by_key(|enrolment| (enrolment.standing, enrolment.scheme, enrolment.account))
}

impl Person {
    /// Seals this person under a new key, for a new row.
    pub fn seal(&self, keys: &Keys) -> SealedPerson {
        let (key, data_key) = keys.new_data_key(self.id);
        SealedPerson {
            id: self.id,
            cert_type: self.certificate.cert_type().as_str().to_owned(),
            data_key,
            cert_no: key.seal(Column::CertNo, self.certificate.number().reveal()),
            name: key.seal(Column::Name, self.name.reveal()),
            phone: self
                .phone
                .as_ref()
                .map(|phone| key.seal(Column::Phone, phone.reveal())),
            card: self
                .card
                .as_ref()
                .map(|card| key.seal(Column::Card, card.reveal())),
            sandbox: self.sandbox,
        }
    }

    /// The index by which this person is found by certificate.
    pub fn cert_index(&self, keys: &Keys) -> BlindIndex {
        keys.index_certificate(&self.certificate)
    }

    /// The index by which this person is found by card.
    pub fn card_index(&self, keys: &Keys) -> Option<BlindIndex> {
        self.card.as_ref().map(|card| keys.index_card(card))
    }
}

impl SealedPerson {
    /// The person's own key.
    pub fn key(&self, keys: &Keys) -> Result<DataKey, Unsealable> {
        keys.open_data_key(self.id, &self.data_key)
    }

    /// The person in the clear.
    pub fn open(&self, keys: &Keys) -> Result<Person, Unsealable> {
        let key = self.key(keys)?;
        let number = key.open(Column::CertNo, &self.cert_no)?;
        let phone = self
            .phone
            .as_ref()
            .map(|sealed| key.open(Column::Phone, sealed))
            .transpose()?;
        let card = self
            .card
            .as_ref()
            .map(|sealed| key.open(Column::Card, sealed))
            .transpose()?;
        Ok(Person {
            id: self.id,
            certificate: Certificate::stored(CertType::stored(self.cert_type.clone()), number),
            name: open_name(&key, &self.name)?,
            phone: phone.map(Phone::stored),
            card: card.map(CardNo::stored),
            sandbox: self.sandbox,
        })
    }
}

/// A name out of its sealed form.
pub fn open_name(key: &DataKey, sealed: &[u8]) -> Result<PersonName, Unsealable> {
    key.open(Column::Name, sealed)
        .map(|text: Zeroizing<String>| PersonName::stored(text))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::identity::Strictness;
    use jiff::civil::date;

    fn enrolment(person: PersonId, scheme: Scheme, standing: Standing) -> Enrolment {
        Enrolment {
            account: AccountId::generate(),
            person,
            person_no: PersonNo::parse("P-TEST-1").unwrap(),
            region: "320600".parse().unwrap(),
            scheme,
            kind: PersonKind::Resident,
            standing,
            version: 1,
        }
    }

    #[test]
    fn aid_goes_to_the_enrolment_in_normal_standing_and_then_to_the_employees() {
        let (person, other) = (PersonId::generate(), PersonId::generate());
        let paused = enrolment(person, Scheme::Employee, Standing::Paused);
        let resident = enrolment(person, Scheme::Resident, Standing::Normal);
        let employee = enrolment(person, Scheme::Employee, Standing::Normal);
        let foreign = enrolment(other, Scheme::Employee, Standing::Normal);
        let all = [foreign, paused.clone(), resident.clone(), employee.clone()];
        assert_eq!(enrolment_to_aid(&all, person, None), Some(&employee));
        assert_eq!(enrolment_to_aid(&all[..3], person, None), Some(&resident));
        assert_eq!(enrolment_to_aid(&all[..2], person, None), Some(&paused));
        assert_eq!(
            enrolment_to_aid(&all, person, Some(Scheme::Resident)),
            Some(&resident)
        );
        assert_eq!(enrolment_to_aid(&all[..1], person, None), None);
    }

    pub(crate) fn somebody() -> Person {
        let number = "000000199003070020";
        let certificate = Certificate::parse(
            CertType::resident_id(),
            number,
            Strictness::AlsoSynthetic,
            date(2026, 1, 1),
        )
        .unwrap();
        Person {
            id: PersonId::generate(),
            certificate,
            name: PersonName::parse("测试甲").unwrap(),
            phone: Some(Phone::parse("13800000000").unwrap()),
            card: None,
            sandbox: false,
        }
    }

    #[test]
    fn a_sealed_person_opens_whole() {
        let keys = Keys::read(&crate::keys::generate()).unwrap();
        let person = somebody();
        let opened = person.seal(&keys).open(&keys).unwrap();
        assert_eq!(
            (opened.certificate, opened.name, opened.phone, opened.card),
            (person.certificate, person.name, person.phone, None)
        );
    }

    #[test]
    fn a_person_number_is_plain_and_at_most_thirty_long() {
        assert!(PersonNo::parse("P-TEST_1").is_some());
        assert!(PersonNo::parse(&"1".repeat(30)).is_some());
        for text in ["", "测试", "1 2", &"1".repeat(31)] {
            assert_eq!(PersonNo::parse(text), None);
        }
    }
}
