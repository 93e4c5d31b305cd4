//! The people of the day, once they are known to the services: names for the tables, ids for the calls.

use std::collections::BTreeMap;

use kernel::{AccountId, PersonId};
use proto::binding::v1::{ImportPeopleRequest, ImportPeopleResponse, imported_person::Outcome};

/// One person with one enrolment; the demo gives nobody two.
#[derive(Debug, Clone)]
pub struct Member {
    pub person: PersonId,
    pub account: AccountId,
    pub name: String,
    pub region: String,
    /// Type and number of their card, with which a relative names them.
    pub cert: (String, String),
}

/// Everybody, by `psn_no`.
#[derive(Debug)]
pub struct Cast(BTreeMap<String, Member>);

/// Why the cast is not complete.
#[derive(Debug, thiserror::Error)]
pub enum Miscast {
    /// The import refused somebody.
    #[error("the import refused {name}: {code}")]
    Refused {
        /// Who.
        name: String,
        /// Why.
        code: String,
    },
    /// The script names somebody who is not in it.
    #[error("{0} is not in people.json")]
    Unknown(String),
    /// An id cannot be read.
    #[error("an answer holds no id")]
    Id,
}

impl Cast {
    /// Joins what was imported with what came back.
    pub fn of(
        request: &ImportPeopleRequest,
        answer: ImportPeopleResponse,
    ) -> Result<Self, Miscast> {
        let mut members = BTreeMap::new();
        for (row, result) in request.rows.iter().zip(answer.results) {
            let person = match result.outcome {
                Some(Outcome::Person(person)) => person,
                Some(Outcome::Refused(reason)) => {
                    return Err(Miscast::Refused {
                        name: row.name.clone(),
                        code: reason.code,
                    });
                }
                None => return Err(Miscast::Id),
            };
            for enrolment in &person.enrolments {
                let member = Member {
                    person: person.person_id.parse().ok().ok_or(Miscast::Id)?,
                    account: enrolment.account_id.parse().ok().ok_or(Miscast::Id)?,
                    name: row.name.clone(),
                    region: enrolment.region.clone(),
                    cert: (row.cert_type.clone(), row.cert_no.clone()),
                };
                members.insert(enrolment.person_no.clone(), member);
            }
        }
        Ok(Self(members))
    }

    /// The person with this number.
    pub fn member(&self, person_no: &str) -> Result<&Member, Miscast> {
        self.0
            .get(person_no)
            .ok_or_else(|| Miscast::Unknown(person_no.to_owned()))
    }

    /// The `psn_no` behind an account.
    pub fn number_of(&self, account: &str) -> Option<&str> {
        let found = self
            .0
            .iter()
            .find(|(_, member)| member.account.to_string() == account);
        found.map(|(person_no, _)| person_no.as_str())
    }

    /// Everybody, in order of `psn_no`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.0
            .iter()
            .map(|(person_no, member)| (person_no.as_str(), member))
    }
}
