//! Bulk imports: rows are read, their accounts found, and each becomes an allocation in the lane for imports.
//!
//! A row that cannot be read or posted is its own answer, and the others go on. A row names its allocation, by id or by
//! batch and number, so a file may be sent again from the start after whatever happened: what is in is not posted again.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use kernel::clock::business_day;
use kernel::{AccountId, AllocationId, Bucket, Fen, PersonKind, Reason, Refusal, Region};
use policy::allocation::{Bases, compute};
use proto::convert::{self, wire_reason};
use proto::settlement::v1 as pb;
use sha2::{Digest as _, Sha256};

use crate::allocation::AllocationKind;
use crate::command::{self, Allocate, Command, Origin};
use crate::store::{StoreError, account};
use crate::writer::{Office, Writer};

/// The most characters of a batch's name.
const LONGEST_BATCH: usize = 100;

/// Posts the rows of imports in somebody's name.
#[derive(Debug, Clone)]
pub struct Importer {
    pub office: Office,
    pub writer: Writer,
    pub origin: Origin,
}

/// An account, as a row names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    Id(AccountId),
    Number { person_no: String, region: Region },
}

/// An account that rows name.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    pub id: AccountId,
    pub region: Region,
    pub kind: PersonKind,
}

/// A row that can be read.
#[derive(Debug)]
struct Row {
    id: AllocationId,
    account: Named,
    kind: AllocationKind,
    bucket: Bucket,
    amount: Amount,
    period: String,
}

#[derive(Debug)]
enum Amount {
    Given(Fen),
    Computed(Bases),
}

impl Row {
    /// The account, if it must be looked for: rows that name theirs and its amount need nothing.
    fn wanted(&self) -> Option<&Named> {
        match (&self.account, &self.amount) {
            (Named::Id(_), Amount::Given(_)) => None,
            (account, _) => Some(account),
        }
    }
}

impl Importer {
    /// Posts rows; says how many are in, and what is wrong with the others.
    ///
    /// # Errors
    /// The accounts could not be looked for. Nothing was posted.
    pub async fn post(
        &self,
        rows: &[pb::AllocationRow],
    ) -> Result<pb::ImportAllocationsResponse, StoreError> {
        let rows: Vec<_> = rows.iter().map(Row::try_from).collect();
        let found = self.find(rows.iter().flatten()).await?;
        let posted = rows.into_iter().map(|row| {
            let allocate = row.and_then(|row| self.complete(row, &found));
            async {
                let command = Command::Allocate(allocate?);
                self.writer
                    .submit_in_turn(command, self.origin.clone())
                    .await
            }
        });
        let mut response = pb::ImportAllocationsResponse::default();
        for (index, answer) in (0..).zip(join_all(posted).await) {
            match answer {
                Ok(_) => response.posted = response.posted.saturating_add(1),
                Err(refusal) => response.refused.push(pb::RefusedAllocation {
                    index,
                    reason: Some(wire_reason(&refusal)),
                }),
            }
        }
        Ok(response)
    }

    async fn find(
        &self,
        rows: impl Iterator<Item = &Row>,
    ) -> Result<BTreeMap<Named, Found>, StoreError> {
        let wanted: BTreeSet<&Named> = rows.filter_map(Row::wanted).collect();
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        account::find_named(&self.office.db, &wanted.into_iter().collect::<Vec<_>>()).await
    }

    /// The row with its account and its amount.
    fn complete(&self, row: Row, found: &BTreeMap<Named, Found>) -> Result<Allocate, Refusal> {
        let known = found.get(&row.account);
        let unknown = || Refusal::from(Reason::AccountUnknown);
        let account = match row.account {
            Named::Id(id) => id,
            Named::Number { .. } => known.ok_or_else(unknown)?.id,
        };
        let amount = match row.amount {
            Amount::Given(amount) => amount,
            Amount::Computed(bases) => {
                let known = known.ok_or_else(unknown)?;
                let day = command::month(&row.period)
                    .unwrap_or_else(|| business_day(self.office.clock.now()));
                let rules = self.office.packs.rules(known.region, day)?;
                compute(rules, known.kind, bases)?
            }
        };
        Ok(Allocate {
            id: row.id,
            account,
            kind: row.kind,
            bucket: row.bucket,
            amount,
            period: row.period,
        })
    }
}

impl TryFrom<&pb::AllocationRow> for Row {
    type Error = Refusal;

    fn try_from(row: &pb::AllocationRow) -> Result<Self, Refusal> {
        let kind = command::kind(row.kind)?;
        let amount = match &row.bases {
            None => Amount::Given(command::amount(kind, row.amount_fen)?),
            Some(_) if row.amount_fen != 0 => {
                let both = "amount_fen and bases";
                return Err(Refusal::about(Reason::MalformedRequest, both));
            }
            Some(bases) => Amount::Computed(bases_of(kind, bases)?),
        };
        Ok(Self {
            id: id_of(row)?,
            account: account_of(row)?,
            kind,
            bucket: command::bucket(kind, row.bucket)?,
            amount,
            period: command::period(kind, &row.period)?,
        })
    }
}

/// Its own id, or the one that its place in its batch makes.
fn id_of(row: &pb::AllocationRow) -> Result<AllocationId, Refusal> {
    if !row.allocation_id.is_empty() {
        return Ok(convert::id("allocation_id", &row.allocation_id)?);
    }
    let batch = convert::text("batch_id", &row.batch_id, LONGEST_BATCH)?;
    if batch.is_empty() {
        return Err(Refusal::about(
            Reason::FieldMissing,
            "allocation_id or batch_id",
        ));
    }
    if row.row_no <= 0 {
        return Err(Refusal::about(Reason::FieldMissing, "row_no"));
    }
    Ok(derived(batch, row.row_no))
}

/// The id of a row: the same for ever, and another one for any other row.
fn derived(batch: &str, row: i64) -> AllocationId {
    let digest = Sha256::new()
        .chain_update(b"gongji allocation row\0")
        .chain_update(row.to_be_bytes())
        .chain_update(batch)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    AllocationId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn account_of(row: &pb::AllocationRow) -> Result<Named, Refusal> {
    if !row.account_id.is_empty() {
        return Ok(Named::Id(convert::id("account_id", &row.account_id)?));
    }
    if row.person_no.is_empty() {
        return Err(Refusal::about(
            Reason::FieldMissing,
            "account_id or person_no",
        ));
    }
    let person_no = convert::text("person_no", &row.person_no, 30)?;
    Ok(Named::Number {
        person_no: person_no.to_owned(),
        region: convert::region("region", &row.region)?,
    })
}

fn bases_of(kind: AllocationKind, bases: &pb::AllocationBases) -> Result<Bases, Refusal> {
    if !matches!(kind, AllocationKind::Monthly | AllocationKind::Pre) {
        return Err(Refusal::about(Reason::MalformedRequest, "bases"));
    }
    let given = |field, fen: i64| (fen != 0).then(|| convert::amount(field, fen)).transpose();
    let age = u8::try_from(bases.age).ok();
    Ok(Bases {
        own_wage: given("bases.wage_base_fen", bases.wage_base_fen)?,
        city_average: given("bases.city_average_fen", bases.city_average_fen)?,
        age: age.ok_or_else(|| Refusal::about(Reason::MalformedRequest, "bases.age"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_batch_has_one_id_and_no_other_row_has_it() {
        let mut ids = BTreeSet::new();
        for batch in ["2026-03", "2026-04", "2026-0"] {
            for row in [1, 2, 31] {
                assert_eq!(derived(batch, row), derived(batch, row));
                assert!(ids.insert(derived(batch, row)));
            }
        }
        // Written down, because files that are in must be recognised for ever.
        assert_eq!(
            derived("2026-03", 1).to_string(),
            "alc_2dk3kpazncgnersec61w3j9mcz"
        );
    }

    #[test]
    fn a_row_says_whose_how_much_and_which() {
        let whole = pb::AllocationRow {
            batch_id: "b".into(),
            row_no: 1,
            person_no: "320600000001".into(),
            region: "320600".into(),
            kind: pb::AllocationKind::Monthly.into(),
            amount_fen: 5,
            period: "2026-03".into(),
            ..Default::default()
        };
        assert!(Row::try_from(&whole).is_ok());
        let refused = |row: pb::AllocationRow| Row::try_from(&row).unwrap_err().reason;
        let bases = Some(pb::AllocationBases {
            wage_base_fen: 1,
            ..Default::default()
        });
        for (row, reason) in [
            (
                pb::AllocationRow {
                    batch_id: String::new(),
                    ..whole.clone()
                },
                Reason::FieldMissing,
            ),
            (
                pb::AllocationRow {
                    row_no: 0,
                    ..whole.clone()
                },
                Reason::FieldMissing,
            ),
            (
                pb::AllocationRow {
                    person_no: String::new(),
                    ..whole.clone()
                },
                Reason::FieldMissing,
            ),
            (
                pb::AllocationRow {
                    region: "32".into(),
                    ..whole.clone()
                },
                Reason::RegionUnknown,
            ),
            (
                pb::AllocationRow {
                    amount_fen: 0,
                    ..whole.clone()
                },
                Reason::AmountZero,
            ),
            (
                pb::AllocationRow {
                    bases,
                    ..whole.clone()
                },
                Reason::MalformedRequest,
            ),
        ] {
            assert_eq!(refused(row), reason);
        }
    }
}
