//! Reading: people, by id or by card; masked names; bindings.

use std::collections::BTreeMap;

use kernel::{BindingId, PersonId, Reason};
use sqlx::PgPool;

use crate::binding::Binding;
use crate::error::{BindingError, unopened};
use crate::identity::{CardNo, Certificate};
use crate::keys::{Keys, Unsealable};
use crate::person::{Enrolment, Person, SealedPerson, open_name};
use crate::store;

/// A physical card, as presented.
pub enum Card {
    Id(Certificate),
    SocialSecurity(CardNo),
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// How many, at most.
    pub size: u16,
    /// The last one of the page before.
    pub after: Option<BindingId>,
}

impl Page {
    /// What was found, of which one more than wanted was asked for, and the last one's id if there are more.
    fn cut(self, mut found: Vec<Binding>) -> (Vec<Binding>, Option<BindingId>) {
        let size = usize::from(self.size);
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().map(|binding| binding.id).filter(|_| more);
        (found, last)
    }
}

/// A person in the clear, with their enrolments.
///
/// # Errors
/// `PERSON_UNKNOWN`, also for erased people.
pub async fn person(
    db: &PgPool,
    keys: &Keys,
    id: PersonId,
) -> Result<(Person, Vec<Enrolment>), BindingError> {
    let mut conn = db.acquire().await?;
    let person = store::find_person(&mut conn, id)
        .await?
        .ok_or(Reason::PersonUnknown)?;
    let enrolments = store::enrolments_of(&mut conn, &[id]).await?;
    Ok((person.open(keys)?, enrolments))
}

/// Whose card this is.
///
/// # Errors
/// `CREDENTIAL_UNKNOWN`.
pub async fn person_by_card(
    db: &PgPool,
    keys: &Keys,
    card: &Card,
) -> Result<PersonId, BindingError> {
    let mut conn = db.acquire().await?;
    let found = match card {
        Card::Id(certificate) => {
            let found =
                store::people_by_certificate(&mut conn, &[keys.index_certificate(certificate)])
                    .await?;
            found.first().map(|(id, _)| *id)
        }
        Card::SocialSecurity(card) => {
            store::person_by_card(&mut conn, &keys.index_card(card)).await?
        }
    };
    Ok(found.ok_or(Reason::CredentialUnknown)?)
}

/// Names as screens may show them; unknown and erased people are left out, and those whose row does not open.
pub async fn masked_names(
    db: &PgPool,
    keys: &Keys,
    people: &[PersonId],
) -> Result<BTreeMap<PersonId, String>, BindingError> {
    let people = store::people_by_id(&mut *db.acquire().await?, people).await?;
    Ok(people
        .iter()
        .filter_map(|person| {
            let name = masked_name(keys, person).map_err(|error| unopened(&error));
            Some((person.id, name.ok()?))
        })
        .collect())
}

fn masked_name(keys: &Keys, person: &SealedPerson) -> Result<String, Unsealable> {
    Ok(open_name(&person.key(keys)?, &person.name)?.masked())
}

/// One binding.
///
/// # Errors
/// `BINDING_UNKNOWN`.
pub async fn binding(db: &PgPool, id: BindingId) -> Result<Binding, BindingError> {
    let binding = store::find_binding(&mut *db.acquire().await?, id).await?;
    Ok(binding.ok_or(Reason::BindingUnknown)?)
}

/// One page of the bindings that wait for the agency, oldest first, and the last one's id if there are more.
pub async fn in_review(
    db: &PgPool,
    page: Page,
) -> Result<(Vec<Binding>, Option<BindingId>), BindingError> {
    let mut conn = db.acquire().await?;
    let found = store::list_in_review(&mut conn, page.after, i64::from(page.size) + 1).await?;
    Ok(page.cut(found))
}

/// One page of a person's bindings in either role, newest first, and the last one's id if there are more.
pub async fn bindings(
    db: &PgPool,
    person: PersonId,
    page: Page,
    include_ended: bool,
) -> Result<(Vec<Binding>, Option<BindingId>), BindingError> {
    let mut conn = db.acquire().await?;
    let found = store::list_bindings(
        &mut conn,
        person,
        page.after,
        include_ended,
        i64::from(page.size) + 1,
    )
    .await?;
    Ok(page.cut(found))
}
