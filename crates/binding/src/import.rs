//! Adds or updates one person and their enrolments. Repeating a row changes nothing.
//!
//! Each row is a transaction of its own: a wrong row harms no other, and rows of one batch are stored side by side.

use kernel::{
    AccountId, PersonId, PersonKind, Reason, Refusal, Region, Scheme, Standing, Timestamp,
};
use sqlx::{PgConnection, PgPool};

use crate::actor::Actor;
use crate::error::BindingError;
use crate::event;
use crate::identity::{CardNo, Certificate, PersonName, Phone};
use crate::keys::{Column, Keys};
use crate::person::{Enrolment, Person, PersonNo, SealedPerson};
use crate::store;

/// A row of an import, read and checked.
#[derive(Debug)]
pub struct Row {
    pub certificate: Certificate,
    pub name: PersonName,
    pub phone: Option<Phone>,
    pub card: Option<CardNo>,
    pub sandbox: bool,
    pub enrolments: Vec<EnrolmentRow>,
}

/// An enrolment as a row gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentRow {
    pub person_no: PersonNo,
    pub region: Region,
    pub scheme: Scheme,
    pub kind: PersonKind,
    pub standing: Standing,
}

/// A person and all of their enrolments after the import.
#[derive(Debug)]
pub struct Imported {
    pub person: Person,
    pub enrolments: Vec<Enrolment>,
}

/// Stores what the row says that was not known: a new person, a new phone number or card, new or changed enrolments.
///
/// # Errors
/// `IDENTITY_MISMATCH` if the certificate is known under another name; `CARD_CONTRADICTS` and `ENROLMENT_CONTRADICTS` if
/// the card or person number is somebody else's; `MALFORMED_REQUEST` if test data is to become real or the other way round.
#[tracing::instrument(name = "binding.import", skip_all)]
pub async fn import(
    db: &PgPool,
    keys: &Keys,
    row: &Row,
    by: &Actor,
    now: Timestamp,
) -> Result<Imported, BindingError> {
    let mut tx = chassis::db::begin(db).await?;

    // ---- lock: two imports of one human being meet at the index of the certificate
    let certificate = keys.index_certificate(&row.certificate);
    let known = match store::lock_person_by_certificate(&mut tx, &certificate).await? {
        Some(known) => Some(known),
        None if insert(&mut tx, keys, row, now).await? => None,
        None => store::lock_person_by_certificate(&mut tx, &certificate).await?,
    };
    let newcomer = known.is_none();
    let stored = match known {
        Some(known) => known,
        None => store::lock_person_by_certificate(&mut tx, &certificate)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?,
    };

    // ---- look
    let person = stored.open(keys)?;
    let enrolments = store::enrolments_of(&mut tx, &[person.id]).await?;

    // ---- decide
    row.agrees_with(&person)?;
    let changed = changes(&enrolments, &row.enrolments, person.id);

    // ---- write
    let facts = change_contacts(&mut tx, keys, row, (&stored, &person)).await?;
    let facts = if newcomer { vec!["PERSON"] } else { facts };
    if !facts.is_empty() {
        let change = store::PersonChange {
            facts: &facts,
            note: None,
        };
        store::record_person_change(&mut tx, person.id, &change, by, now).await?;
    }
    write_enrolments(&mut tx, &changed, by, now).await?;
    let events: Vec<_> = changed
        .iter()
        .map(|enrolment| event::enrolled(enrolment, person.sandbox, now))
        .collect();
    if !events.is_empty() {
        chassis::outbox::record_all(&mut tx, &events).await?;
    }
    let enrolments = store::enrolments_of(&mut tx, &[person.id]).await?;
    tx.commit().await?;
    Ok(Imported { person, enrolments })
}

/// Stores a new person; `false` if somebody else has just done so.
async fn insert(
    conn: &mut PgConnection,
    keys: &Keys,
    row: &Row,
    now: Timestamp,
) -> Result<bool, BindingError> {
    let newcomer = Person {
        id: PersonId::generate(),
        certificate: row.certificate.clone(),
        name: row.name.clone(),
        phone: row.phone.clone(),
        card: row.card.clone(),
        sandbox: row.sandbox,
    };
    let (certificate, card) = (newcomer.cert_index(keys), newcomer.card_index(keys));
    store::insert_person(conn, &newcomer.seal(keys), &certificate, card.as_ref(), now).await
}

/// Stores the phone number and the card that the row gives, where they are others than before; says which.
async fn change_contacts(
    conn: &mut PgConnection,
    keys: &Keys,
    row: &Row,
    (stored, person): (&SealedPerson, &Person),
) -> Result<Vec<&'static str>, BindingError> {
    let mut facts = Vec::new();
    let key = stored.key(keys)?;
    if let Some(phone) = row
        .phone
        .as_ref()
        .filter(|phone| person.phone.as_ref() != Some(phone))
    {
        store::change_phone(conn, person.id, &key.seal(Column::Phone, phone.reveal())).await?;
        facts.push("PHONE");
    }
    if let Some(card) = row
        .card
        .as_ref()
        .filter(|card| person.card.as_ref() != Some(card))
    {
        let (index, value) = (keys.index_card(card), key.seal(Column::Card, card.reveal()));
        store::change_card(
            conn,
            person.id,
            store::Sealed {
                index: &index,
                value: &value,
            },
        )
        .await?;
        facts.push("CARD");
    }
    Ok(facts)
}

async fn write_enrolments(
    conn: &mut PgConnection,
    changed: &[Enrolment],
    by: &Actor,
    now: Timestamp,
) -> Result<(), BindingError> {
    for enrolment in changed {
        if enrolment.version > 1 {
            store::update_enrolment(conn, enrolment, by, now).await?;
            if enrolment.standing == Standing::Terminated {
                store::note_ended_enrolment(conn, enrolment.account, now).await?;
            }
            continue;
        }
        if store::claim_number(conn, enrolment).await? != enrolment.person {
            let place = format!("person_no in {}", enrolment.region);
            return Err(Refusal::about(Reason::EnrolmentContradicts, place).into());
        }
        store::insert_enrolment(conn, enrolment, by, now).await?;
    }
    Ok(())
}

impl Row {
    /// Whether the row speaks of the person that its certificate belongs to.
    fn agrees_with(&self, person: &Person) -> Result<(), Refusal> {
        if self.name != person.name {
            return Err(Reason::IdentityMismatch.into());
        }
        if self.sandbox != person.sandbox {
            return Err(Refusal::about(Reason::MalformedRequest, "sandbox"));
        }
        Ok(())
    }
}

/// The enrolments that are new or say something else than before, in the order in which their numbers are claimed.
fn changes(known: &[Enrolment], rows: &[EnrolmentRow], person: PersonId) -> Vec<Enrolment> {
    let mut rows: Vec<_> = rows.iter().collect();
    // One order for all, so that two imports never wait for each other's person numbers.
    rows.sort_by_key(|row| (row.region, &row.person_no, row.scheme));
    rows.into_iter()
        .filter_map(|row| {
            let same = |enrolment: &&Enrolment| {
                (enrolment.region, &enrolment.person_no, enrolment.scheme)
                    == (row.region, &row.person_no, row.scheme)
            };
            let Some(before) = known.iter().find(same) else {
                return Some(row.first(person));
            };
            let unchanged = (before.kind, before.standing) == (row.kind, row.standing);
            let version = before.version + 1;
            (!unchanged).then(|| Enrolment {
                kind: row.kind,
                standing: row.standing,
                version,
                ..before.clone()
            })
        })
        .collect()
}

impl EnrolmentRow {
    /// This enrolment as a new one, with a new account.
    fn first(&self, person: PersonId) -> Enrolment {
        Enrolment {
            account: AccountId::generate(),
            person,
            person_no: self.person_no.clone(),
            region: self.region,
            scheme: self.scheme,
            kind: self.kind,
            standing: self.standing,
            version: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(person_no: &str, scheme: Scheme, standing: Standing) -> EnrolmentRow {
        let kind = match scheme {
            Scheme::Employee => PersonKind::Working,
            Scheme::Resident => PersonKind::Resident,
        };
        let person_no = PersonNo::parse(person_no).unwrap();
        EnrolmentRow {
            person_no,
            region: "320600".parse().unwrap(),
            scheme,
            kind,
            standing,
        }
    }

    #[test]
    fn only_what_is_new_or_different_is_a_change() {
        let person = PersonId::generate();
        let employee = row("P-TEST-1", Scheme::Employee, Standing::Normal);
        let first = changes(&[], std::slice::from_ref(&employee), person);
        assert_eq!(
            (first.len(), first[0].version, first[0].person),
            (1, 1, person)
        );
        assert_eq!(changes(&first, &[employee], person), []);

        let paused = row("P-TEST-1", Scheme::Employee, Standing::Paused);
        let second = changes(&first, &[paused], person);
        assert_eq!(
            (second[0].account, second[0].version, second[0].standing),
            (first[0].account, 2, Standing::Paused)
        );

        let resident = row("P-TEST-1", Scheme::Resident, Standing::Normal);
        let other = changes(&first, &[resident], person);
        assert_eq!(other[0].version, 1);
        assert_ne!(other[0].account, first[0].account);
    }
}
