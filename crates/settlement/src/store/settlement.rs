//! Decided bills, their legs, and the credentials they used up.

use std::collections::BTreeMap;

use jiff_sqlx::ToSqlx;
use kernel::{Fen, MovementId, SettlementId, Timestamp};
use policy::plan::Payer;
use prost::Message as _;
use proto::settlement::v1 as pb;
use sqlx::PgConnection;

use super::{StoreError, column};
use crate::account::Account;
use crate::request::RequestKey;
use crate::seal::{self, LegEntry, Place, Sealer, SettlementEntry};
use crate::settlement::{Declined, Leg, Settled, Split};

/// One row of `settlement`.
#[derive(Debug)]
pub struct Row<'a> {
    id: SettlementId,
    key: &'a RequestKey,
    decline_reason: Option<String>,
    patient: &'a Account,
    usage: &'static str,
    split: Split,
    /// Whether it is deducted after the visit.
    deferred: bool,
    rules: String,
    answer: Vec<u8>,
}

impl<'a> Row<'a> {
    /// The row of a settled bill with its answer.
    pub fn settled(settled: &'a Settled, answer: &pb::SettleResponse) -> Self {
        Self {
            id: settled.id,
            key: &settled.key,
            decline_reason: None,
            patient: &settled.patient,
            usage: settled.usage.code(),
            split: settled.split,
            deferred: settled.deferral.is_some(),
            rules: settled.rules().join(" "),
            answer: answer.encode_to_vec(),
        }
    }

    /// The row of a declined bill with its answer.
    pub fn declined(declined: &'a Declined, answer: &pb::SettleResponse) -> Self {
        let nothing = Fen::ZERO;
        Self {
            id: declined.id,
            key: &declined.key,
            decline_reason: Some(declined.why.reason.code().to_owned()),
            patient: &declined.patient,
            usage: declined.usage.code(),
            split: Split {
                total: declined.total,
                pooled: nothing,
                own: nothing,
                aid: nothing,
                cash: nothing,
                open: nothing,
            },
            deferred: false,
            rules: String::new(),
            answer: answer.encode_to_vec(),
        }
    }
}

impl Row<'_> {
    /// What orders the settlements of a block.
    pub fn id(&self) -> SettlementId {
        self.id
    }

    /// Seals the row as it is stored.
    pub fn seal(&self, sealer: &mut Sealer) {
        sealer.settlement(&SettlementEntry {
            settlement_id: self.id.uuid(),
            institution: &self.key.institution,
            msgid: &self.key.msgid,
            outcome: if self.decline_reason.is_none() {
                "SETTLED"
            } else {
                "DECLINED"
            },
            decline_reason: self.decline_reason.as_deref(),
            patient_person_id: self.patient.person.uuid(),
            patient_account_id: self.patient.id.uuid(),
            usage: self.usage,
            total_fen: self.split.total.get(),
            pooled_fen: self.split.pooled.get(),
            rest: seal::Rest::of(
                [self.split.total, self.split.pooled].map(Fen::get),
                [self.split.own, self.split.aid, self.split.cash].map(Fen::get),
                self.deferred,
            ),
            rules: &self.rules,
            sandbox: self.patient.sandbox,
            answer: seal::digest(&self.answer),
        });
    }
}

/// Stores decided bills.
pub async fn insert(
    conn: &mut PgConnection,
    rows: &[Row<'_>],
    place: Place,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_settlements
        INSERT INTO settlement
            (settlement_id, institution, msgid, outcome, decline_reason, patient_person_id, patient_account_id,
             person_no, region, scheme, usage, total_fen, pooled_fen, own_fen, aid_fen, cash_fen, open_fen, rules, sandbox,
             answer, settled_at, lane, height)
        SELECT settlement_id, institution, msgid, CASE WHEN decline_reason IS NULL THEN 'SETTLED' ELSE 'DECLINED' END,
               decline_reason, patient_person_id, patient_account_id, person_no, region, scheme, usage, total_fen,
               pooled_fen, own_fen, aid_fen, cash_fen, open_fen, string_to_array(rules, ' '), sandbox, answer, $20, $21, $22
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[],
            $17::text[], $18::boolean[], $19::bytea[])
            AS decided (settlement_id, institution, msgid, decline_reason, patient_person_id, patient_account_id,
                        person_no, region, scheme, usage, total_fen, pooled_fen, own_fen, aid_fen, cash_fen,
                        open_fen, rules, sandbox, answer)
        "#,
        &column(rows, |row| row.id.uuid()),
        &column(rows, |row| row.key.institution.clone()),
        &column(rows, |row| row.key.msgid.clone()),
        &column(rows, |row| row.decline_reason.clone()) as &[Option<String>],
        &column(rows, |row| row.patient.person.uuid()),
        &column(rows, |row| row.patient.id.uuid()),
        &column(rows, |row| row.patient.person_no.clone()),
        &column(rows, |row| row.patient.region.to_string()),
        &column(rows, |row| row.patient.scheme.to_string()),
        &column(rows, |row| row.usage.to_owned()),
        &column(rows, |row| row.split.total.get()),
        &column(rows, |row| row.split.pooled.get()),
        &column(rows, |row| row.split.own.get()),
        &column(rows, |row| row.split.aid.get()),
        &column(rows, |row| row.split.cash.get()),
        &column(rows, |row| row.split.open.get()),
        &column(rows, |row| row.rules.clone()),
        &column(rows, |row| row.patient.sandbox),
        &column(rows, |row| row.answer.clone()),
        at.to_sqlx(),
        place.lane,
        place.height,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One row of `leg`.
#[derive(Debug)]
pub struct LegRow<'a> {
    pub settlement: SettlementId,
    /// From 1, in the order of the plan.
    pub no: i16,
    pub leg: &'a Leg,
    pub movement: MovementId,
}

impl LegRow<'_> {
    fn kind(&self) -> String {
        match self.leg.payer {
            Payer::Own => "OWN",
            Payer::Aid { .. } => "AID",
        }
        .to_owned()
    }

    fn binding(&self) -> Option<uuid::Uuid> {
        match self.leg.payer {
            Payer::Own => None,
            Payer::Aid { binding, .. } => Some(binding.uuid()),
        }
    }

    fn mandate(&self) -> Option<i64> {
        match self.leg.payer {
            Payer::Own => None,
            Payer::Aid { mandate, .. } => Some(mandate),
        }
    }

    fn limit_day(&self) -> Option<String> {
        let windows = self.leg.counted_in;
        windows.map(|windows| windows.day.to_string())
    }

    fn limit_year(&self) -> Option<String> {
        let windows = self.leg.counted_in;
        windows.map(|windows| windows.year.to_string())
    }
}

impl LegRow<'_> {
    /// Seals the row as it is stored.
    pub fn seal(&self, sealer: &mut Sealer) {
        let (day, year) = (self.limit_day(), self.limit_year());
        sealer.leg(&LegEntry {
            settlement_id: self.settlement.uuid(),
            leg_no: self.no,
            kind: &self.kind(),
            account_id: self.leg.account.uuid(),
            person_id: self.leg.person.uuid(),
            bucket: self.leg.bucket.code(),
            amount_fen: self.leg.amount.get(),
            binding_id: self.binding(),
            mandate_version: self.mandate(),
            medical_year: self.leg.medical_year,
            limit_day: day.as_deref(),
            limit_year: year.as_deref(),
            movement_id: self.movement.uuid(),
        });
    }
}

/// Stores legs.
pub async fn insert_legs(conn: &mut PgConnection, rows: &[LegRow<'_>]) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_legs
        INSERT INTO leg
            (settlement_id, leg_no, kind, account_id, person_id, bucket, amount_fen, binding_id, mandate_version,
             medical_year, limit_day, limit_year, movement_id)
        SELECT settlement_id, leg_no, kind, account_id, person_id, bucket, amount_fen, binding_id, mandate_version,
               medical_year, limit_day::date, limit_year::date, movement_id
        FROM unnest(
            $1::uuid[], $2::smallint[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::uuid[],
            $9::bigint[], $10::smallint[], $11::text[], $12::text[], $13::uuid[])
            AS paid (settlement_id, leg_no, kind, account_id, person_id, bucket, amount_fen, binding_id,
                     mandate_version, medical_year, limit_day, limit_year, movement_id)
        "#,
        &column(rows, |row| row.settlement.uuid()),
        &column(rows, |row| row.no),
        &column(rows, LegRow::kind),
        &column(rows, |row| row.leg.account.uuid()),
        &column(rows, |row| row.leg.person.uuid()),
        &column(rows, |row| row.leg.bucket.to_string()),
        &column(rows, |row| row.leg.amount.get()),
        &column(rows, LegRow::binding) as &[Option<uuid::Uuid>],
        &column(rows, LegRow::mandate) as &[Option<i64>],
        &column(rows, |row| row.leg.medical_year),
        &column(rows, LegRow::limit_day) as &[Option<String>],
        &column(rows, LegRow::limit_year) as &[Option<String>],
        &column(rows, |row| row.movement.uuid()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which requests these credentials already paid for.
pub async fn look_at_credentials(
    conn: &mut PgConnection,
    fingerprints: &[Vec<u8>],
) -> Result<BTreeMap<Vec<u8>, RequestKey>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.look_at_credentials
        SELECT fingerprint, institution, msgid FROM credential_use WHERE fingerprint = ANY ($1)
        "#,
        fingerprints,
    )
    .fetch_all(conn)
    .await?;
    let used = rows.into_iter().map(|row| {
        (
            row.fingerprint,
            RequestKey {
                institution: row.institution,
                msgid: row.msgid,
            },
        )
    });
    Ok(used.collect())
}

/// The constraint that two batches break which use one credential at the same moment.
pub const CREDENTIAL_ONCE: &str = "credential_use_pkey";

/// Remembers that credentials were used up; sorted by fingerprint.
pub async fn use_credentials(
    conn: &mut PgConnection,
    used: &[(&[u8], &RequestKey)],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.use_credentials
        INSERT INTO credential_use (fingerprint, institution, msgid, used_at)
        SELECT used.*, $4 FROM unnest($1::bytea[], $2::text[], $3::text[]) AS used
        "#,
        &column(used, |(fingerprint, _)| fingerprint.to_vec()),
        &column(used, |(_, key)| key.institution.clone()),
        &column(used, |(_, key)| key.msgid.clone()),
        at.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
