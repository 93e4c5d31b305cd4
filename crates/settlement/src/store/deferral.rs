//! Bills that are deducted after the visit. The settlement's row is their lock.

use std::collections::BTreeMap;

use jiff_sqlx::ToSqlx;
use kernel::{AccountId, BindingId, Fen, PersonId, SettlementId, Timestamp, Usage};
use prost::Message as _;
use proto::settlement::v1 as pb;
use sqlx::{PgConnection, PgExecutor};

use super::{StoreError, column, touched, word};
use crate::deduct::Deduction;
use crate::deferral::{Deferral, State};

/// Locks settlements, in the order of their ids, and reads which of them are deducted after the visit, and how far they are.
pub async fn lock(
    conn: &mut PgConnection,
    wanted: &[SettlementId],
) -> Result<BTreeMap<SettlementId, Deferral>, StoreError> {
    let ids = column(wanted, |id| id.uuid());
    sqlx::query!(
        r#"
        -- settlement.lock_deferrals
        SELECT settlement_id FROM settlement WHERE settlement_id = ANY ($1) ORDER BY settlement_id FOR UPDATE
        "#,
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"
        -- settlement.look_at_deferrals
        SELECT s.settlement_id, s.institution, s.patient_person_id, s.usage, s.own_fen, s.aid_fen, s.cash_fen, s.open_fen, s.open_back_fen,
               d.state, d.without_aid, d.chosen_binding_id, d.accepted_at, d.look_again_at, d.give_up_at, d.deductions,
               d.closed_at, d.shown,
               (SELECT coalesce(max(leg_no), 0::smallint) FROM leg WHERE leg.settlement_id = s.settlement_id) AS "legs!"
        FROM deferral d
        JOIN settlement s USING (settlement_id)
        WHERE d.settlement_id = ANY ($1)
        "#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let id = SettlementId::from_uuid(row.settlement_id);
        let state =
            State::from_stored(&row.state, row.closed_at.map(jiff_sqlx::Timestamp::to_jiff));
        let deferral = Deferral {
            settlement: id,
            institution: row.institution,
            patient: PersonId::from_uuid(row.patient_person_id),
            usage: word("settlement", "usage", id, Usage::from_code(&row.usage))?,
            without_aid: row.without_aid,
            chosen: row.chosen_binding_id.map(BindingId::from_uuid),
            state: word("deferral", "state", id, state)?,
            accepted_at: row.accepted_at.to_jiff(),
            look_again_at: row.look_again_at.to_jiff(),
            give_up_at: row.give_up_at.to_jiff(),
            own: Fen::new(row.own_fen),
            aid: Fen::new(row.aid_fen),
            cash: Fen::new(row.cash_fen),
            open: Fen::new(row.open_fen).less(Fen::new(row.open_back_fen)),
            open_back: Fen::new(row.open_back_fen),
            legs: row.legs,
            deductions: row.deductions,
            shown: word("deferral", "shown", id, shown(&row.shown))?,
        };
        found.insert(id, deferral);
    }
    Ok(found)
}

/// What is shown is stored as its answer was, so that whoever reads one can read the other.
fn shown(stored: &[u8]) -> Option<pb::Settlement> {
    match pb::SettleResponse::decode(stored).ok()?.outcome? {
        pb::settle_response::Outcome::Settlement(settlement) => Some(settlement),
        pb::settle_response::Outcome::Declined(_) | pb::settle_response::Outcome::Stale(_) => None,
    }
}

fn to_show(settlement: &pb::Settlement) -> Vec<u8> {
    let outcome = pb::settle_response::Outcome::Settlement(settlement.clone());
    pb::SettleResponse {
        outcome: Some(outcome),
    }
    .encode_to_vec()
}

/// Stores accepted bills. What is shown of them at first is what was answered.
pub async fn insert(
    conn: &mut PgConnection,
    accepted: &[(&Deferral, Vec<u8>)],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_deferrals
        INSERT INTO deferral
            (settlement_id, patient_person_id, state, without_aid, chosen_binding_id, accepted_at, look_again_at, give_up_at,
             deductions, shown)
        SELECT settlement_id, patient_person_id, 'OPEN', without_aid, chosen_binding_id, accepted_at, look_again_at,
               give_up_at, 0, shown
        FROM unnest(
            $1::uuid[], $2::uuid[], $3::boolean[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[],
            $8::bytea[])
            AS told (settlement_id, patient_person_id, without_aid, chosen_binding_id, accepted_at, look_again_at,
                     give_up_at, shown)
        "#,
        &column(accepted, |(row, _)| row.settlement.uuid()),
        &column(accepted, |(row, _)| row.patient.uuid()),
        &column(accepted, |(row, _)| row.without_aid),
        &column(accepted, |(row, _)| row.chosen.map(BindingId::uuid)) as &[Option<uuid::Uuid>],
        &column(accepted, |(row, _)| row.accepted_at.to_sqlx()) as &[jiff_sqlx::Timestamp],
        &column(accepted, |(row, _)| row.look_again_at.to_sqlx()) as &[jiff_sqlx::Timestamp],
        &column(accepted, |(row, _)| row.give_up_at.to_sqlx()) as &[jiff_sqlx::Timestamp],
        &column(accepted, |(_, answer)| answer.clone()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes locked bills as they stand now, and what was taken.
pub async fn write(
    conn: &mut PgConnection,
    changed: &[&Deferral],
    taken: &[&Deduction],
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.write_deferrals
        UPDATE deferral SET
            state = now.state, closed_at = now.closed_at, look_again_at = now.look_again_at, deductions = now.deductions,
            shown = now.shown
        FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::smallint[], $6::bytea[])
            AS now (settlement_id, state, closed_at, look_again_at, deductions, shown)
        WHERE deferral.settlement_id = ANY ($1) AND deferral.settlement_id = now.settlement_id
        "#,
        &column(changed, |row| row.settlement.uuid()),
        &column(changed, |row| row.state.code().to_owned()),
        &column(changed, |row| row.state.closed_at().map(ToSqlx::to_sqlx)) as &[Option<jiff_sqlx::Timestamp>],
        &column(changed, |row| row.look_again_at.to_sqlx()) as &[jiff_sqlx::Timestamp],
        &column(changed, |row| row.deductions),
        &column(changed, |row| to_show(&row.shown)),
    )
    .execute(&mut *conn)
    .await?;
    touched(
        "settlement.write_deferrals",
        done.rows_affected(),
        changed.len(),
    )?;
    let done = sqlx::query!(
        r#"
        -- settlement.write_deferred_splits
        UPDATE settlement SET
            own_fen = now.own_fen, aid_fen = now.aid_fen, cash_fen = now.cash_fen, open_fen = now.open_fen + open_back_fen
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
            AS now (settlement_id, own_fen, aid_fen, cash_fen, open_fen)
        WHERE settlement.settlement_id = ANY ($1) AND settlement.settlement_id = now.settlement_id
        "#,
        &column(changed, |row| row.settlement.uuid()),
        &column(changed, |row| row.own.get()),
        &column(changed, |row| row.aid.get()),
        &column(changed, |row| row.cash.get()),
        &column(changed, |row| row.open.get()),
    )
    .execute(&mut *conn)
    .await?;
    touched(
        "settlement.write_deferred_splits",
        done.rows_affected(),
        changed.len(),
    )?;
    if taken.is_empty() {
        return Ok(());
    }
    insert_deductions(conn, taken).await
}

async fn insert_deductions(
    conn: &mut PgConnection,
    taken: &[&Deduction],
) -> Result<(), StoreError> {
    let last_leg = |row: &&Deduction| {
        let legs = i16::try_from(row.settled.legs.len()).unwrap_or(i16::MAX);
        row.first_leg.saturating_add(legs).saturating_sub(1)
    };
    sqlx::query!(
        r#"
        -- settlement.insert_deductions
        INSERT INTO deduction (settlement_id, deduction_no, deducted_at, own_fen, aid_fen, first_leg, last_leg, rules)
        SELECT settlement_id, deduction_no, deducted_at, own_fen, aid_fen, first_leg, last_leg, string_to_array(rules, ' ')
        FROM unnest(
            $1::uuid[], $2::smallint[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::smallint[], $7::smallint[],
            $8::text[])
            AS taken (settlement_id, deduction_no, deducted_at, own_fen, aid_fen, first_leg, last_leg, rules)
        "#,
        &column(taken, |row| row.settled.id.uuid()),
        &column(taken, |row| row.number),
        &column(taken, |row| row.settled.at.to_sqlx()) as &[jiff_sqlx::Timestamp],
        &column(taken, |row| row.settled.split.own.get()),
        &column(taken, |row| row.settled.split.aid.get()),
        &column(taken, |row| row.first_leg),
        &column(taken, last_leg),
        &column(taken, |row| row.settled.rules().join(" ")),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Of these accounts those for which an open bill waits, with their owners: the bill of the owner, or of somebody whom
/// the owner may aid. For a decision this must be a later statement than the accounts' lock.
pub async fn waited_for(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, PersonId)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.waited_for
        SELECT account_id, person_id
        FROM account a
        WHERE account_id = ANY ($1) AND EXISTS (
            SELECT FROM deferral d
            WHERE d.state = 'OPEN' AND d.patient_person_id = ANY (ARRAY(
                SELECT a.person_id
                UNION
                SELECT beneficiary_person_id FROM enforced e
                WHERE e.contributor_account_id = a.account_id AND NOT e.fenced_for_ever)))
        ORDER BY account_id
        "#,
        &column(accounts, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let ids = rows.into_iter().map(|row| {
        let (account, person) = (row.account_id, row.person_id);
        (AccountId::from_uuid(account), PersonId::from_uuid(person))
    });
    Ok(ids.collect())
}

/// The open bills that facts may help, those that were accepted first in front: these settlements, those of these patients,
/// and those of whom these accounts may aid.
pub async fn waiting(
    conn: &mut PgConnection,
    settlements: &[SettlementId],
    patients: &[PersonId],
    contributors: &[AccountId],
) -> Result<Vec<SettlementId>, StoreError> {
    let rows = sqlx::query_scalar!(
        r#"
        -- settlement.waiting_deferrals
        SELECT settlement_id AS "settlement_id!" FROM (
            SELECT settlement_id, accepted_at FROM deferral WHERE settlement_id = ANY ($1) AND state = 'OPEN'
            UNION
            SELECT settlement_id, accepted_at FROM deferral
            WHERE state = 'OPEN' AND patient_person_id = ANY (ARRAY(
                SELECT unnest($2::uuid[])
                UNION
                SELECT beneficiary_person_id FROM enforced
                WHERE contributor_account_id = ANY ($3) AND NOT fenced_for_ever))) open
        ORDER BY accepted_at, settlement_id
        "#,
        &column(settlements, |id| id.uuid()),
        &column(patients, |id| id.uuid()),
        &column(contributors, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(SettlementId::from_uuid).collect())
}

/// Open bills whose time to be looked at has come, at most `most`, the earliest first.
pub async fn due(
    db: impl PgExecutor<'_>,
    now: Timestamp,
    most: i64,
) -> Result<Vec<SettlementId>, StoreError> {
    let rows = sqlx::query_scalar!(
        r#"
        -- settlement.due_deferrals
        SELECT settlement_id FROM deferral
        WHERE state = 'OPEN' AND look_again_at <= $1
        ORDER BY look_again_at, settlement_id
        LIMIT $2
        "#,
        now.to_sqlx() as _,
        most,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(SettlementId::from_uuid).collect())
}
