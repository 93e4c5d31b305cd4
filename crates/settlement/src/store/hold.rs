//! Holds and their legs. Guarded by the accounts of the patient and of every leg.

use std::collections::BTreeMap;

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::{AccountId, Bucket, Fen, HoldId, PersonId, SettlementId, Timestamp, Usage};
use policy::plan::Payer;
use prost::Message as _;
use proto::settlement::v1 as pb;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, column, payer, touched, word};
use crate::hold::place::Placed;
use crate::hold::{Ended, HeldLeg, Hold, State};

struct Row {
    hold_id: Uuid,
    institution: String,
    state: String,
    patient_person_id: Uuid,
    patient_account_id: Uuid,
    usage: String,
    total_fen: i64,
    cash_only_fen: i64,
    placed_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
    sandbox: bool,
    answer: Vec<u8>,
    ended_at: Option<jiff_sqlx::Timestamp>,
    captured_fen: Option<i64>,
    settlement_id: Option<Uuid>,
}

impl Row {
    fn state(&self) -> Option<State> {
        let at = self.ended_at.map(jiff_sqlx::Timestamp::to_jiff);
        match (&*self.state, at) {
            ("HELD", None) => Some(State::Held),
            ("REJECTED", None) => Some(State::Rejected),
            ("RELEASED", Some(at)) => Some(State::Released { at }),
            ("EXPIRED", Some(at)) => Some(State::Expired { at }),
            ("CAPTURED", Some(at)) => Some(State::Captured {
                settlement: SettlementId::from_uuid(self.settlement_id?),
                amount: Fen::new(self.captured_fen?),
                at,
            }),
            _ => None,
        }
    }
}

impl TryFrom<Row> for Hold {
    type Error = Corrupt;

    fn try_from(row: Row) -> Result<Self, Corrupt> {
        let id = HoldId::from_uuid(row.hold_id);
        let answer = pb::PlaceHoldResponse::decode(&*row.answer);
        let answer = word("hold", "answer", id, answer.ok())?;
        Ok(Self {
            id,
            state: word("hold", "state", id, row.state())?,
            institution: row.institution,
            patient: PersonId::from_uuid(row.patient_person_id),
            patient_account: AccountId::from_uuid(row.patient_account_id),
            usage: word("hold", "usage", id, Usage::from_code(&row.usage))?,
            total: Fen::new(row.total_fen),
            cash_only: Fen::new(row.cash_only_fen),
            placed_at: row.placed_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
            sandbox: row.sandbox,
            legs: Vec::new(),
            split: match answer.outcome {
                Some(pb::place_hold_response::Outcome::Hold(hold)) => hold.split,
                _ => None,
            },
        })
    }
}

/// The holds of these ids, with their legs. Which accounts are theirs never changes; how they stand is certain only in a later
/// statement than the locks on those accounts.
pub async fn find(
    conn: &mut PgConnection,
    ids: &[HoldId],
) -> Result<BTreeMap<HoldId, Hold>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.find_holds
        SELECT hold_id, institution, state::text AS "state!", patient_person_id, patient_account_id, usage, total_fen,
               cash_only_fen, placed_at, expires_at, sandbox, answer, ended_at, captured_fen, settlement_id
        FROM hold
        WHERE hold_id = ANY ($1)
        "#,
        &column(ids, |id| id.uuid()),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let hold = Hold::try_from(row)?;
        found.insert(hold.id, hold);
    }
    for (id, leg) in legs(conn, ids).await? {
        if let Some(hold) = found.get_mut(&id) {
            hold.legs.push(leg);
        }
    }
    Ok(found)
}

struct LegRow {
    hold_id: Uuid,
    account_id: Uuid,
    person_id: Uuid,
    bucket: String,
    amount_fen: i64,
    binding_id: Option<Uuid>,
    mandate_version: Option<i64>,
    medical_year: i16,
}

impl TryFrom<LegRow> for HeldLeg {
    type Error = Corrupt;

    fn try_from(row: LegRow) -> Result<Self, Corrupt> {
        let id = HoldId::from_uuid(row.hold_id);
        Ok(Self {
            payer: word(
                "hold_leg",
                "mandate_version",
                id,
                payer(row.binding_id, row.mandate_version),
            )?,
            account: AccountId::from_uuid(row.account_id),
            person: PersonId::from_uuid(row.person_id),
            bucket: word("hold_leg", "bucket", id, Bucket::from_code(&row.bucket))?,
            amount: Fen::new(row.amount_fen),
            medical_year: row.medical_year,
        })
    }
}

async fn legs(
    conn: &mut PgConnection,
    of: &[HoldId],
) -> Result<Vec<(HoldId, HeldLeg)>, StoreError> {
    let rows = sqlx::query_as!(
        LegRow,
        r#"
        -- settlement.legs_of_holds
        SELECT hold_id, account_id, person_id, bucket, amount_fen, binding_id, mandate_version, medical_year
        FROM hold_leg
        WHERE hold_id = ANY ($1)
        ORDER BY hold_id, leg_no
        "#,
        &column(of, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    read(rows)
}

/// The legs that set money aside on these accounts, of holds that have not expired at `at`.
pub async fn open_on(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    at: Timestamp,
) -> Result<Vec<(HoldId, HeldLeg)>, StoreError> {
    let rows = sqlx::query_as!(
        LegRow,
        r#"
        -- settlement.open_holds
        SELECT l.hold_id, l.account_id, l.person_id, l.bucket, l.amount_fen, l.binding_id, l.mandate_version, l.medical_year
        FROM hold_leg l
        JOIN hold h ON h.hold_id = l.hold_id
        WHERE l.account_id = ANY ($1) AND l.is_open AND h.expires_at > $2
        "#,
        &column(accounts, |id| id.uuid()),
        at.to_sqlx() as jiff_sqlx::Timestamp,
    )
    .fetch_all(conn)
    .await?;
    read(rows)
}

fn read(rows: Vec<LegRow>) -> Result<Vec<(HoldId, HeldLeg)>, StoreError> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let id = HoldId::from_uuid(row.hold_id);
        found.push((id, HeldLeg::try_from(row)?));
    }
    Ok(found)
}

/// Stores holds that were placed or declined.
pub async fn insert(
    conn: &mut PgConnection,
    placed: &[(&Placed, &pb::PlaceHoldResponse)],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_holds
        INSERT INTO hold
            (hold_id, institution, msgid, state, patient_person_id, patient_account_id, usage, total_fen, cash_only_fen,
             held_fen, expires_at, sandbox, answer, placed_at)
        SELECT hold_id, institution, msgid, state::hold_state, patient_person_id, patient_account_id, usage, total_fen,
               cash_only_fen, held_fen, expires_at, sandbox, answer, $14
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::timestamptz[], $12::boolean[], $13::bytea[])
            AS placed (hold_id, institution, msgid, state, patient_person_id, patient_account_id, usage, total_fen,
                       cash_only_fen, held_fen, expires_at, sandbox, answer)
        "#,
        &column(placed, |(row, _)| row.hold.id.uuid()),
        &column(placed, |(row, _)| row.key.institution.clone()),
        &column(placed, |(row, _)| row.key.msgid.clone()),
        &column(placed, |(row, _)| row.hold.state.code().to_owned()),
        &column(placed, |(row, _)| row.hold.patient.uuid()),
        &column(placed, |(row, _)| row.hold.patient_account.uuid()),
        &column(placed, |(row, _)| row.hold.usage.code().to_owned()),
        &column(placed, |(row, _)| row.hold.total.get()),
        &column(placed, |(row, _)| row.hold.cash_only.get()),
        &column(placed, |(row, _)| row.hold.held().map_or(-1, Fen::get)),
        &column(placed, |(row, _)| row.hold.expires_at.to_sqlx()) as &[jiff_sqlx::Timestamp],
        &column(placed, |(row, _)| row.hold.sandbox),
        &column(placed, |(_, answer)| answer.encode_to_vec()),
        at.to_sqlx() as jiff_sqlx::Timestamp,
    )
    .execute(&mut *conn)
    .await?;
    let legs: Vec<(HoldId, i16, &HeldLeg)> = placed
        .iter()
        .flat_map(|(row, _)| numbered(&row.hold))
        .collect();
    if legs.is_empty() {
        return Ok(());
    }
    insert_legs(conn, &legs).await
}

/// The legs of a hold, numbered from 1.
fn numbered(hold: &Hold) -> impl Iterator<Item = (HoldId, i16, &HeldLeg)> {
    (1..).zip(&hold.legs).map(|(no, leg)| (hold.id, no, leg))
}

async fn insert_legs(
    conn: &mut PgConnection,
    legs: &[(HoldId, i16, &HeldLeg)],
) -> Result<(), StoreError> {
    let aid = |leg: &HeldLeg| match leg.payer {
        Payer::Own => None,
        Payer::Aid { binding, mandate } => Some((binding.uuid(), mandate)),
    };
    sqlx::query!(
        r#"
        -- settlement.insert_hold_legs
        INSERT INTO hold_leg
            (hold_id, leg_no, account_id, person_id, bucket, amount_fen, binding_id, mandate_version, medical_year)
        SELECT * FROM unnest(
            $1::uuid[], $2::smallint[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::uuid[], $8::bigint[],
            $9::smallint[])
        "#,
        &column(legs, |(id, _, _)| id.uuid()),
        &column(legs, |(_, no, _)| *no),
        &column(legs, |(_, _, leg)| leg.account.uuid()),
        &column(legs, |(_, _, leg)| leg.person.uuid()),
        &column(legs, |(_, _, leg)| leg.bucket.to_string()),
        &column(legs, |(_, _, leg)| leg.amount.get()),
        &column(legs, |(_, _, leg)| aid(leg).map(|(binding, _)| binding)) as &[Option<Uuid>],
        &column(legs, |(_, _, leg)| aid(leg).map(|(_, mandate)| mandate)) as &[Option<i64>],
        &column(legs, |(_, _, leg)| leg.medical_year),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends holds, closes their legs with what was captured of each, and keeps the answers to releases.
pub async fn end(
    conn: &mut PgConnection,
    ended: &[(&Ended, Option<&pb::ReleaseHoldResponse>)],
    at: Timestamp,
) -> Result<(), StoreError> {
    let captured = |row: &Ended| match row.hold.state {
        State::Captured {
            settlement, amount, ..
        } => Some((settlement.uuid(), amount.get())),
        _ => None,
    };
    let done = sqlx::query!(
        r#"
        -- settlement.end_holds
        UPDATE hold SET
            state = ended.state::hold_state, settlement_id = ended.settlement_id, captured_fen = ended.captured_fen,
            release_answer = ended.release_answer, ended_at = $6
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[], $5::bytea[])
            AS ended (hold_id, state, settlement_id, captured_fen, release_answer)
        WHERE hold.hold_id = ANY ($1) AND hold.hold_id = ended.hold_id
        "#,
        &column(ended, |(row, _)| row.hold.id.uuid()),
        &column(ended, |(row, _)| row.hold.state.code().to_owned()),
        &column(ended, |(row, _)| captured(row).map(|(id, _)| id)) as &[Option<Uuid>],
        &column(ended, |(row, _)| captured(row).map(|(_, fen)| fen)) as &[Option<i64>],
        &column(ended, |(_, answer)| answer.map(pb::ReleaseHoldResponse::encode_to_vec)) as &[Option<Vec<u8>>],
        at.to_sqlx() as jiff_sqlx::Timestamp,
    )
    .execute(&mut *conn)
    .await?;
    touched("settlement.end_holds", done.rows_affected(), ended.len())?;
    let legs: Vec<(HoldId, i16, Fen)> = ended
        .iter()
        .flat_map(|(row, _)| {
            let captured = row.captured.iter();
            numbered(&row.hold)
                .zip(captured)
                .map(|((id, no, _), fen)| (id, no, *fen))
        })
        .collect();
    let done = sqlx::query!(
        r#"
        -- settlement.close_hold_legs
        UPDATE hold_leg SET is_open = false, captured_fen = closed.captured_fen
        FROM unnest($1::uuid[], $2::smallint[], $3::bigint[]) AS closed (hold_id, leg_no, captured_fen)
        WHERE hold_leg.hold_id = ANY ($1) AND hold_leg.hold_id = closed.hold_id AND hold_leg.leg_no = closed.leg_no
        "#,
        &column(&legs, |(id, _, _)| id.uuid()),
        &column(&legs, |(_, no, _)| *no),
        &column(&legs, |(_, _, fen)| fen.get()),
    )
    .execute(conn)
    .await?;
    touched(
        "settlement.close_hold_legs",
        done.rows_affected(),
        legs.len(),
    )
}
