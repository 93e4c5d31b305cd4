//! Settlements of which something is given back, and what was.

use std::collections::{BTreeMap, BTreeSet};

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::{AccountId, Bucket, Fen, MovementId, PersonId, SettlementId, Timestamp, Usage};
use policy::plan::limits::Windows;
use sqlx::PgConnection;

use super::{StoreError, column, payer, touched, word};
use crate::movement::Movement;
use crate::refund::Refunded;
use crate::reverse::Reversed;
use crate::seal::{self, Place, RefundEntry, Sealer};
use crate::settlement::{PaidLeg, PaidLine, Split, Stored};

/// Locks settlements of which something is to be given back, in the order of their ids, with their legs. Declined bills are
/// not among them.
pub async fn lock(
    conn: &mut PgConnection,
    wanted: &[SettlementId],
) -> Result<BTreeMap<SettlementId, Stored>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.lock_settlements
        SELECT settlement_id, institution, patient_person_id, patient_account_id, person_no, usage, total_fen,
               pooled_fen, own_fen, aid_fen, cash_fen, open_fen, settled_at, sandbox, cash_back_fen, pooled_back_fen,
               open_back_fen, cancellation_id,
               (SELECT p.replaces FROM replacement p WHERE p.settlement_id = settlement.settlement_id) AS replaces
        FROM settlement
        WHERE settlement_id = ANY ($1) AND outcome = 'SETTLED'
        ORDER BY settlement_id
        FOR UPDATE
        "#,
        &column(wanted, |id| id.uuid()),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let id = SettlementId::from_uuid(row.settlement_id);
        let stored = Stored {
            id,
            institution: row.institution,
            patient: PersonId::from_uuid(row.patient_person_id),
            patient_account: AccountId::from_uuid(row.patient_account_id),
            person_no: row.person_no,
            usage: word("settlement", "usage", id, Usage::from_code(&row.usage))?,
            split: Split {
                total: Fen::new(row.total_fen),
                pooled: Fen::new(row.pooled_fen),
                own: Fen::new(row.own_fen),
                aid: Fen::new(row.aid_fen),
                cash: Fen::new(row.cash_fen),
                open: Fen::new(row.open_fen),
            },
            settled_at: row.settled_at.to_jiff(),
            sandbox: row.sandbox,
            cash_back: Fen::new(row.cash_back_fen),
            pooled_back: Fen::new(row.pooled_back_fen),
            open_back: Fen::new(row.open_back_fen),
            cancellation: row.cancellation_id.map(SettlementId::from_uuid),
            replaces: row.replaces.map(SettlementId::from_uuid),
            legs: Vec::new(),
            lines: Vec::new(),
        };
        found.insert(id, stored);
    }
    for (id, leg) in legs(conn, wanted).await? {
        if let Some(stored) = found.get_mut(&id) {
            stored.legs.push(leg);
        }
    }
    Ok(found)
}

struct LegRow {
    settlement_id: uuid::Uuid,
    leg_no: i16,
    account_id: uuid::Uuid,
    person_id: uuid::Uuid,
    bucket: String,
    amount_fen: i64,
    refunded_fen: i64,
    binding_id: Option<uuid::Uuid>,
    mandate_version: Option<i64>,
    medical_year: i16,
    limit_day: Option<jiff_sqlx::Date>,
    limit_year: Option<jiff_sqlx::Date>,
    movement_id: uuid::Uuid,
}

impl TryFrom<LegRow> for PaidLeg {
    type Error = Corrupt;

    fn try_from(row: LegRow) -> Result<Self, Corrupt> {
        let id = SettlementId::from_uuid(row.settlement_id);
        Ok(Self {
            no: row.leg_no,
            payer: word(
                "leg",
                "mandate_version",
                id,
                payer(row.binding_id, row.mandate_version),
            )?,
            account: AccountId::from_uuid(row.account_id),
            person: PersonId::from_uuid(row.person_id),
            bucket: word("leg", "bucket", id, Bucket::from_code(&row.bucket))?,
            amount: Fen::new(row.amount_fen),
            refunded: Fen::new(row.refunded_fen),
            medical_year: row.medical_year,
            counted_in: row
                .limit_day
                .zip(row.limit_year)
                .map(|(day, year)| Windows {
                    day: day.to_jiff(),
                    year: year.to_jiff(),
                }),
            movement: MovementId::from_uuid(row.movement_id),
        })
    }
}

/// The legs of settlements, in the order in which they were paid.
async fn legs(
    conn: &mut PgConnection,
    of: &[SettlementId],
) -> Result<Vec<(SettlementId, PaidLeg)>, StoreError> {
    let rows = sqlx::query_as!(
        LegRow,
        r#"
        -- settlement.legs_of_settlements
        SELECT settlement_id, leg_no, account_id, person_id, bucket, amount_fen, refunded_fen, binding_id,
               mandate_version, medical_year, limit_day, limit_year, movement_id
        FROM leg
        WHERE settlement_id = ANY ($1)
        ORDER BY settlement_id, leg_no
        "#,
        &column(of, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push((
            SettlementId::from_uuid(row.settlement_id),
            PaidLeg::try_from(row)?,
        ));
    }
    Ok(found)
}

/// Which of these ids are refunds: somebody took them for settlements.
pub async fn are_refunds(
    conn: &mut PgConnection,
    ids: &[SettlementId],
) -> Result<BTreeSet<SettlementId>, StoreError> {
    let refunds = sqlx::query_scalar!(
        r#"
        -- settlement.are_refunds
        SELECT refund_id FROM refund WHERE refund_id = ANY ($1)
        "#,
        &column(ids, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    Ok(refunds.into_iter().map(SettlementId::from_uuid).collect())
}

/// The fee lines of locked settlements, with what came back of each; they stand in the request as it was asked.
pub async fn look_at_lines(
    conn: &mut PgConnection,
    of: &[SettlementId],
) -> Result<Vec<(SettlementId, PaidLine)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.look_at_lines
        SELECT s.settlement_id AS "settlement_id!", line ->> 0 AS "line_no!", (line ->> 2)::bigint AS "amount_fen!",
               coalesce(r.refunded_fen, 0) AS "refunded_fen!"
        FROM settlement s
        JOIN request_key key ON key.institution = s.institution AND key.msgid = s.msgid
        CROSS JOIN LATERAL json_array_elements(key.request -> 'lines') AS line
        LEFT JOIN refunded_line r ON r.settlement_id = s.settlement_id AND r.line_no = line ->> 0
        WHERE s.settlement_id = ANY ($1)
        "#,
        &column(of, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let lines = rows.into_iter().map(|row| {
        let line = PaidLine {
            no: row.line_no,
            amount: Fen::new(row.amount_fen),
            refunded: Fen::new(row.refunded_fen),
        };
        (SettlementId::from_uuid(row.settlement_id), line)
    });
    Ok(lines.collect())
}

impl Refunded {
    /// Seals the row as it is stored.
    pub fn seal(&self, answer: &[u8], sealer: &mut Sealer) {
        sealer.refund(&RefundEntry {
            refund_id: self.id.uuid(),
            settlement_id: self.settlement.id.uuid(),
            way: self.way.code(),
            institution: &self.key.institution,
            msgid: &self.key.msgid,
            total_fen: self.split.total.get(),
            pooled_fen: self.split.pooled.get(),
            own_fen: self.split.own.get(),
            aid_fen: self.split.aid.get(),
            cash_fen: self.split.cash.get(),
            open_fen: self.split.open.get(),
            answer: seal::digest(answer),
        });
    }
}

/// Stores what was given back, each with its encoded answer.
pub async fn insert(
    conn: &mut PgConnection,
    refunds: &[(&Refunded, Vec<u8>)],
    place: Place,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_refunds
        INSERT INTO refund
            (refund_id, settlement_id, way, institution, msgid, total_fen, pooled_fen, own_fen, aid_fen, cash_fen, open_fen,
             answer, refunded_at, lane, height)
        SELECT told.*, $13, $14, $15
        FROM unnest(
            $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[]) AS told
        "#,
        &column(refunds, |(row, _)| row.id.uuid()),
        &column(refunds, |(row, _)| row.settlement.id.uuid()),
        &column(refunds, |(row, _)| row.way.code().to_owned()),
        &column(refunds, |(row, _)| row.key.institution.clone()),
        &column(refunds, |(row, _)| row.key.msgid.clone()),
        &column(refunds, |(row, _)| row.split.total.get()),
        &column(refunds, |(row, _)| row.split.pooled.get()),
        &column(refunds, |(row, _)| row.split.own.get()),
        &column(refunds, |(row, _)| row.split.aid.get()),
        &column(refunds, |(row, _)| row.split.cash.get()),
        &column(refunds, |(row, _)| row.split.open.get()),
        &column(refunds, |(_, answer)| answer.clone()),
        at.to_sqlx(),
        place.lane,
        place.height,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what came back of locked settlements, as it stands now: totals, legs, and the fee lines that refunds named.
pub async fn write(conn: &mut PgConnection, settlements: &[&Stored]) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.write_given_back
        UPDATE settlement
        SET cash_back_fen = now.cash_back_fen, pooled_back_fen = now.pooled_back_fen,
            open_back_fen = now.open_back_fen, cancellation_id = now.cancellation_id
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[])
            AS now (settlement_id, cash_back_fen, pooled_back_fen, open_back_fen, cancellation_id)
        WHERE settlement.settlement_id = ANY ($1) AND settlement.settlement_id = now.settlement_id
        "#,
        &column(settlements, |row| row.id.uuid()),
        &column(settlements, |row| row.cash_back.get()),
        &column(settlements, |row| row.pooled_back.get()),
        &column(settlements, |row| row.open_back.get()),
        &column(settlements, |row| row.cancellation.map(SettlementId::uuid))
            as &[Option<uuid::Uuid>],
    )
    .execute(&mut *conn)
    .await?;
    let statement = "settlement.write_given_back";
    touched(statement, done.rows_affected(), settlements.len())?;
    write_legs(conn, settlements).await?;
    write_lines(conn, settlements).await
}

async fn write_legs(conn: &mut PgConnection, settlements: &[&Stored]) -> Result<(), StoreError> {
    let legs: Vec<(SettlementId, PaidLeg)> = settlements
        .iter()
        .flat_map(|row| row.legs.iter().map(|leg| (row.id, *leg)))
        .collect();
    if legs.is_empty() {
        return Ok(());
    }
    let done = sqlx::query!(
        r#"
        -- settlement.write_refunded_legs
        UPDATE leg SET refunded_fen = now.refunded_fen
        FROM unnest($1::uuid[], $2::smallint[], $3::bigint[]) AS now (settlement_id, leg_no, refunded_fen)
        WHERE leg.settlement_id = ANY ($1) AND leg.settlement_id = now.settlement_id AND leg.leg_no = now.leg_no
        "#,
        &column(&legs, |(id, _)| id.uuid()),
        &column(&legs, |(_, leg)| leg.no),
        &column(&legs, |(_, leg)| leg.refunded.get()),
    )
    .execute(conn)
    .await?;
    let statement = "settlement.write_refunded_legs";
    touched(statement, done.rows_affected(), legs.len())
}

async fn write_lines(conn: &mut PgConnection, settlements: &[&Stored]) -> Result<(), StoreError> {
    let lines: Vec<(SettlementId, &PaidLine)> = settlements
        .iter()
        .flat_map(|row| row.lines.iter().map(|line| (row.id, line)))
        .filter(|(_, line)| line.refunded.is_positive())
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        -- settlement.write_refunded_lines
        INSERT INTO refunded_line (settlement_id, line_no, amount_fen, refunded_fen)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[])
        ON CONFLICT (settlement_id, line_no) DO UPDATE SET refunded_fen = EXCLUDED.refunded_fen
        "#,
        &column(&lines, |(id, _)| id.uuid()),
        &column(&lines, |(_, line)| line.no.clone()),
        &column(&lines, |(_, line)| line.amount.get()),
        &column(&lines, |(_, line)| line.refunded.get()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores what became of reversals, each with its encoded answer.
pub async fn insert_reversals(
    conn: &mut PgConnection,
    reversals: &[(&Reversed, Vec<u8>)],
    at: Timestamp,
) -> Result<(), StoreError> {
    let undone = |row: &Reversed| {
        let refunded = row.refunded.as_ref();
        refunded.map(|refunded| refunded.settlement.id.uuid())
    };
    sqlx::query!(
        r#"
        -- settlement.insert_reversals
        INSERT INTO reversal
            (reversal_id, institution, msgid, original_msgid, effect, settlement_id, answer, reversed_at)
        SELECT told.*, $8
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::bytea[]) AS told
        "#,
        &column(reversals, |(row, _)| row.id.uuid()),
        &column(reversals, |(row, _)| row.key.institution.clone()),
        &column(reversals, |(row, _)| row.key.msgid.clone()),
        &column(reversals, |(row, _)| row.original.msgid.clone()),
        &column(reversals, |(row, _)| row.effect.code().to_owned()),
        &column(reversals, |(row, _)| undone(row)) as &[Option<uuid::Uuid>],
        &column(reversals, |(_, answer)| answer.clone()),
        at.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Opens a task for each movement into suspense: an operator finds out where the money may go.
pub async fn open_tasks(
    conn: &mut PgConnection,
    waiting: &[(&Movement<'_>, &'static str)],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.open_refund_tasks
        INSERT INTO refund_task
            (task_id, settlement_id, refund_id, account_id, bucket, amount_fen, why, sandbox, opened_at)
        SELECT told.*, $9
        FROM unnest(
            $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::boolean[]) AS told
        "#,
        &column(waiting, |(row, _)| row.id.uuid()),
        &column(waiting, |(row, _)| row.settlement()) as &[Option<uuid::Uuid>],
        &column(waiting, |(row, _)| row.refund()) as &[Option<uuid::Uuid>],
        &column(waiting, |(row, _)| row.account.uuid()),
        &column(waiting, |(row, _)| row.bucket.to_string()),
        &column(waiting, |(row, _)| row.amount.get()),
        &column(waiting, |(_, why)| (*why).to_owned()),
        &column(waiting, |(row, _)| row.sandbox),
        at.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
