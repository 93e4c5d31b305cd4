//! Pays the premiums of a list: each row is one settlement, decided by the writer like any other.
//!
//! A row names its settlement, by batch and row id, so a list may be sent again from the start after whatever happened: what was
//! decided is answered as it was, and what was not is decided now.

use std::collections::BTreeSet;

use chassis::access::Caller;
use futures::future::join_all;
use kernel::{Fen, PersonId, Reason, Refusal, Region, Role, Scheme, SettlementId, Usage};
use proto::convert::{self, wire_reason};
use proto::settlement::v1 as pb;
use proto::settlement::v1::premium_result::Outcome;

use crate::bill::Bill;
use crate::command::{Answer, Command, Origin, Presented, Settle};
use crate::deferral::Deduct;
use crate::premium::{self, Premium};
use crate::request::RequestKey;
use crate::store::StoreError;
use crate::store::premium::{Enrolment, enrolments};
use crate::writer::{Office, Writer};

const LONGEST_BATCH: usize = 100;
const LONGEST_ROW: usize = 50;

/// Pays premiums in somebody's name.
#[derive(Debug, Clone)]
pub struct Collector {
    pub office: Office,
    pub writer: Writer,
    pub origin: Origin,
    pub caller: Caller,
}

/// The list that rows are of.
#[derive(Debug, Clone)]
pub struct Batch {
    institution: String,
    id: String,
}

/// Somebody, as a row names them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    Person(PersonId),
    Number { person_no: String, region: Region },
}

/// A row that can be read.
#[derive(Debug)]
struct Row {
    key: RequestKey,
    id: String,
    contributor: Named,
    relative: Named,
    /// Where the relative is insured.
    region: Region,
    year: i16,
    amount: Fen,
}

impl Batch {
    /// The list that a request is of.
    ///
    /// # Errors
    /// Names the field that is missing or cannot be read.
    pub fn read(request: &pb::PayPremiumsRequest) -> Result<Self, Refusal> {
        for (field, text) in [
            ("institution", &request.institution),
            ("batch_id", &request.batch_id),
        ] {
            if text.is_empty() {
                return Err(Refusal::about(Reason::FieldMissing, field));
            }
            convert::text(field, text, LONGEST_BATCH)?;
        }
        Ok(Self {
            institution: request.institution.clone(),
            id: request.batch_id.clone(),
        })
    }
}

impl Collector {
    /// Pays what can be paid, and says of each row what became of it.
    ///
    /// # Errors
    /// The people could not be looked for. Nothing was paid.
    pub async fn pay(
        &self,
        batch: &Batch,
        rows: &[pb::PremiumRow],
    ) -> Result<Vec<pb::PremiumResult>, StoreError> {
        let read: Vec<_> = rows.iter().map(|row| self.read(batch, row)).collect();
        let found = self.find(read.iter().flatten()).await?;
        let found = &found;
        let paid = read.into_iter().map(|row| async move {
            let settle = self.bill(batch, row?, found)?;
            let key = settle.key.clone();
            let command = Command::Settle(Box::new(settle));
            let answer = self.writer.submit_in_turn(command, self.origin.clone());
            Ok::<_, Refusal>(outcome(&key, answer.await?))
        });
        let results = rows.iter().zip(join_all(paid).await);
        Ok(results
            .map(|(row, paid)| pb::PremiumResult {
                row_id: row.row_id.clone(),
                outcome: Some(
                    paid.unwrap_or_else(|refusal| Outcome::Refused(wire_reason(&told(refusal)))),
                ),
            })
            .collect())
    }

    fn read(&self, batch: &Batch, row: &pb::PremiumRow) -> Result<Row, Refusal> {
        if row.row_id.is_empty() {
            return Err(Refusal::about(Reason::FieldMissing, "row_id"));
        }
        let id = convert::text("row_id", &row.row_id, LONGEST_ROW)?.to_owned();
        let region = convert::region("region", &row.region)?;
        let year = i16::try_from(row.year).ok();
        let year = year.filter(|year| (2000..=9998).contains(year));
        Ok(Row {
            key: premium::key(&batch.institution, self.caller.person(), (&batch.id, &id))?,
            contributor: self.contributor(row)?,
            relative: named("person_id", &row.person_id, &row.person_no, || Ok(region))?,
            id,
            region,
            year: year.ok_or_else(|| Refusal::about(Reason::PremiumYearInvalid, "year"))?,
            amount: convert::amount("amount_fen", row.amount_fen)?,
        })
    }

    /// Whose account is to pay: a citizen's own when nothing is said.
    fn contributor(&self, row: &pb::PremiumRow) -> Result<Named, Refusal> {
        let nothing = row.contributor_person_id.is_empty() && row.contributor_no.is_empty();
        if let (true, Some(own)) = (nothing, self.caller.person()) {
            return Ok(Named::Person(own));
        }
        let region = || {
            let region = convert::region("contributor_region", &row.contributor_region)?;
            Ok(region)
        };
        named(
            "contributor_person_id",
            &row.contributor_person_id,
            &row.contributor_no,
            region,
        )
    }

    async fn find(&self, rows: impl Iterator<Item = &Row>) -> Result<Vec<Enrolment>, StoreError> {
        let (mut people, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        for row in rows {
            if let Named::Person(person) = row.relative {
                people.insert(person);
            }
            for named in [&row.contributor, &row.relative] {
                if let Named::Number { person_no, .. } = named {
                    numbers.insert(person_no.clone());
                }
            }
        }
        if people.is_empty() && numbers.is_empty() {
            return Ok(Vec::new());
        }
        let people: Vec<_> = people.into_iter().collect();
        let numbers: Vec<_> = numbers.into_iter().collect();
        enrolments(&self.office.db, &people, &numbers).await
    }

    /// The bill that a row is.
    fn bill(&self, batch: &Batch, row: Row, found: &[Enrolment]) -> Result<Settle, Refusal> {
        let contributor = match &row.contributor {
            Named::Person(person) => *person,
            Named::Number { person_no, region } => {
                found
                    .iter()
                    .find(|known| {
                        known.scheme == Scheme::Employee
                            && known.person_no == *person_no
                            && known.region == *region
                    })
                    .ok_or_else(|| Refusal::about(Reason::AccountUnknown, "contributor_no"))?
                    .person
            }
        };
        self.caller.may_act_for(contributor)?;
        let relative = found.iter().find(|known| {
            known.scheme == Scheme::Resident
                && known.region == row.region
                && match &row.relative {
                    Named::Person(person) => known.person == *person,
                    Named::Number { person_no, .. } => known.person_no == *person_no,
                }
        });
        let relative = relative.ok_or_else(|| self.unknown_relative())?;
        if relative.person == contributor {
            return Err(Reason::SamePerson.into());
        }
        Ok(Settle {
            id: SettlementId::generate(),
            key: row.key,
            patient: Presented {
                person: relative.person,
                expires_at: None,
                fingerprint: Vec::new(),
            },
            bill: Bill {
                person_no: Some(relative.person_no.clone()),
                scheme: Some(Scheme::Resident),
                usage: Usage::ResidentPremium,
                total: row.amount,
                lines: Vec::new(),
                without_account: false,
                without_aid: false,
                chosen: None,
                premium: Some(Premium {
                    contributor,
                    year: row.year,
                    batch: batch.id.clone(),
                    row: row.id,
                }),
            },
            quote: None,
            replaces: None,
            deduct: Deduct::AtOnce,
        })
    }

    /// A citizen does not learn whether somebody who is not bound to them is insured.
    fn unknown_relative(&self) -> Refusal {
        match self.caller.role {
            Role::Citizen => Reason::BindingUnknown.into(),
            _ => Refusal::about(Reason::EnrolmentUnknown, "person_id or person_no, region"),
        }
    }
}

fn named(
    field: &str,
    id: &str,
    person_no: &str,
    region: impl FnOnce() -> Result<Region, Refusal>,
) -> Result<Named, Refusal> {
    if !id.is_empty() {
        return Ok(Named::Person(convert::id(field, id)?));
    }
    let number = field
        .replace("_person_id", "_no")
        .replace("person_id", "person_no");
    if person_no.is_empty() {
        let about = format!("{field} or {number}");
        return Err(Refusal::about(Reason::FieldMissing, about));
    }
    Ok(Named::Number {
        person_no: convert::text(&number, person_no, 30)?.to_owned(),
        region: region()?,
    })
}

/// A repeated row is spoken of as a row, not as a message.
fn told(refusal: Refusal) -> Refusal {
    let reason = match refusal.reason {
        Reason::MsgidReused => Reason::PremiumRowContradicts,
        other => other,
    };
    Refusal { reason, ..refusal }
}

fn outcome(key: &RequestKey, answer: Answer) -> Outcome {
    use pb::settle_response::Outcome as Settled;
    let Answer::Settle(answer) = answer else {
        return Outcome::Refused(wire_reason(&Reason::Internal.into()));
    };
    match answer.outcome {
        Some(Settled::Settlement(settlement)) => {
            let split = settlement.split.unwrap_or_default();
            Outcome::Paid(pb::PaidPremium {
                settlement_id: settlement.settlement_id,
                msgid: key.msgid.clone(),
                aid_fen: split.aid_fen,
                own_fen: split.own_fen,
                paid_at: settlement.settled_at,
            })
        }
        Some(Settled::Declined(reason)) => Outcome::Refused(reason),
        Some(Settled::Stale(_)) | None => Outcome::Refused(wire_reason(&Reason::Internal.into())),
    }
}
