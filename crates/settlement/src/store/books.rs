//! The books as they are checked and exported: block by block, out of one snapshot.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, column};
use crate::verify::rows::{
    AccountRow, AllocationRow, BenefitRow, BenefitUsedRow, BlockRow, CounterRow, KeyRow, LaneRow,
    LegRow, MovementRow, RefundRow, SettlementRow, Stray,
};

/// Makes the transaction see one moment only, change nothing, and take its time.
pub async fn hold_still(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY -- settlement.hold_still"
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        -- settlement.take_time
        SELECT set_config('statement_timeout', '0', true) AS statements,
               set_config('idle_in_transaction_session_timeout', '0', true) AS pauses
        "#,
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// Where all chains end.
pub async fn lanes(conn: &mut PgConnection) -> Result<Vec<LaneRow>, StoreError> {
    Ok(sqlx::query_as!(
        LaneRow,
        r#"
        -- settlement.books_lanes
        SELECT lane, height, encode(hash, 'hex') AS "hash!" FROM lane ORDER BY lane
        "#,
    )
    .fetch_all(conn)
    .await?)
}

/// The accounts after this one, by id.
pub async fn accounts(
    conn: &mut PgConnection,
    after: Uuid,
    most: i64,
) -> Result<Vec<AccountRow>, StoreError> {
    Ok(sqlx::query_as!(
        AccountRow,
        r#"
        -- settlement.books_accounts
        SELECT account_id, current_fen, prior_fen, current_floor, prior_floor, version, held_fen,
               (SELECT coalesce(sum(amount_fen), 0) FROM hold_leg l WHERE l.account_id = a.account_id AND is_open)::bigint
                   AS "aside_fen!"
        FROM account a WHERE account_id > $1 ORDER BY account_id LIMIT $2
        "#,
        after,
        most,
    )
    .fetch_all(conn)
    .await?)
}

/// The limit counters after this one, by binding or account.
pub async fn counters(
    conn: &mut PgConnection,
    after: Uuid,
    most: i64,
) -> Result<Vec<CounterRow>, StoreError> {
    Ok(sqlx::query_as!(
        CounterRow,
        r#"
        -- settlement.books_counters
        SELECT scope_id, scope, day::text AS "day!", year::text AS "year!", day_gross_fen, day_refunded_fen, month_gross_fen,
               month_refunded_fen, year_gross_fen, year_refunded_fen, total_gross_fen, total_refunded_fen
        FROM limit_used WHERE scope_id > $1 ORDER BY scope_id LIMIT $2
        "#,
        after,
        most,
    )
    .fetch_all(conn)
    .await?)
}

/// What persons used of deductible and fund, after this row, by key.
pub async fn benefits_used(
    conn: &mut PgConnection,
    after: Option<&BenefitUsedRow>,
    most: i64,
) -> Result<Vec<BenefitUsedRow>, StoreError> {
    Ok(sqlx::query_as!(
        BenefitUsedRow,
        r#"
        -- settlement.books_benefits_used
        SELECT account_id, medical_year, period_start::text AS "period_start!", deductible_fen, fund_fen
        FROM benefit_used
        WHERE (account_id, medical_year, period_start) > ($1, $2, $3::text::date)
        ORDER BY account_id, medical_year, period_start
        LIMIT $4
        "#,
        after.map_or(Uuid::nil(), |row| row.account_id),
        after.map_or(0, |row| row.medical_year),
        after.map_or("0001-01-01", |row| &row.period_start),
        most,
    )
    .fetch_all(conn)
    .await?)
}

/// The blocks of a lane after a height.
pub async fn blocks(
    conn: &mut PgConnection,
    lane: i16,
    after: i64,
    most: i64,
) -> Result<Vec<BlockRow>, StoreError> {
    Ok(sqlx::query_as!(
        BlockRow,
        r#"
        -- settlement.books_blocks
        SELECT lane, height, encode(previous, 'hex') AS "previous!", encode(hash, 'hex') AS "hash!",
               encode(entries, 'hex') AS "entries!", movements, settlements, refunds,
               (extract(epoch FROM posted_at) * 1000000)::bigint AS "posted_at!"
        FROM block WHERE lane = $1 AND height > $2 ORDER BY height LIMIT $3
        "#,
        lane,
        after,
        most,
    )
    .fetch_all(conn)
    .await?)
}

/// Some consecutive blocks of a lane, and when they were posted.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub lane: i16,
    pub first: i64,
    pub last: i64,
    /// Microseconds since 1970.
    pub from: i64,
    pub to: i64,
}

/// What these blocks posted, in order.
pub async fn movements(
    conn: &mut PgConnection,
    span: Span,
) -> Result<Vec<MovementRow>, StoreError> {
    Ok(sqlx::query_as!(
        MovementRow,
        r#"
        -- settlement.books_movements
        SELECT height, position, (extract(epoch FROM posted_at) * 1000000)::bigint AS "posted_at!", movement_id, kind,
               debit, credit, amount_fen, account_id, bucket, account_version, current_after_fen, prior_after_fen,
               settlement_id, refund_id, allocation_id, beneficiary_person_id, binding_id, mandate_version,
               reverses, caller_role, caller, reason, trace_parent, sandbox
        FROM movement
        WHERE lane = $1 AND height BETWEEN $2 AND $3
            AND posted_at BETWEEN 'epoch'::timestamptz + $4::bigint * interval '1 microsecond'
                              AND 'epoch'::timestamptz + $5::bigint * interval '1 microsecond'
        ORDER BY height, position, movement_id
        "#,
        span.lane,
        span.first,
        span.last,
        span.from,
        span.to,
    )
    .fetch_all(conn)
    .await?)
}

/// The bills these blocks decided, in order.
pub async fn settlements(
    conn: &mut PgConnection,
    span: Span,
) -> Result<Vec<SettlementRow>, StoreError> {
    Ok(sqlx::query_as!(
        SettlementRow,
        r#"
        -- settlement.books_settlements
        SELECT height, (extract(epoch FROM settled_at) * 1000000)::bigint AS "settled_at!", settlement_id, institution,
               msgid, outcome, decline_reason, patient_person_id, patient_account_id, usage, total_fen, pooled_fen,
               own_fen, aid_fen, cash_fen, open_fen, array_to_string(rules, ' ') AS "rules!", sandbox,
               encode(sha256(answer), 'hex') AS "answer!", cash_back_fen, pooled_back_fen, open_back_fen, cancellation_id,
               EXISTS (SELECT FROM deferral d WHERE d.settlement_id = s.settlement_id) AS "deferred!",
               (SELECT p.replaces FROM replacement p WHERE p.settlement_id = s.settlement_id) AS replaces
        FROM settlement s
        WHERE lane = $1 AND height BETWEEN $2 AND $3
            AND settled_at BETWEEN 'epoch'::timestamptz + $4::bigint * interval '1 microsecond'
                               AND 'epoch'::timestamptz + $5::bigint * interval '1 microsecond'
        ORDER BY height, settlement_id
        "#,
        span.lane,
        span.first,
        span.last,
        span.from,
        span.to,
    )
    .fetch_all(conn)
    .await?)
}

/// What these blocks gave back, in order.
pub async fn refunds(conn: &mut PgConnection, span: Span) -> Result<Vec<RefundRow>, StoreError> {
    Ok(sqlx::query_as!(
        RefundRow,
        r#"
        -- settlement.books_refunds
        SELECT height, (extract(epoch FROM refunded_at) * 1000000)::bigint AS "refunded_at!", refund_id, settlement_id, way,
               institution, msgid, total_fen, pooled_fen, own_fen, aid_fen, cash_fen, open_fen,
               encode(sha256(answer), 'hex') AS "answer!"
        FROM refund
        WHERE lane = $1 AND height BETWEEN $2 AND $3
            AND refunded_at BETWEEN 'epoch'::timestamptz + $4::bigint * interval '1 microsecond'
                                AND 'epoch'::timestamptz + $5::bigint * interval '1 microsecond'
        ORDER BY height, refund_id
        "#,
        span.lane,
        span.first,
        span.last,
        span.from,
        span.to,
    )
    .fetch_all(conn)
    .await?)
}

/// How the pooled fund saw settlements, in order.
pub async fn benefits(conn: &mut PgConnection, of: &[Uuid]) -> Result<Vec<BenefitRow>, StoreError> {
    Ok(sqlx::query_as!(
        BenefitRow,
        r#"
        -- settlement.books_benefits
        SELECT settlement_id, account_id, deductible_fen, pooled_fen, deductible_returned_fen, pooled_returned_fen,
               medical_year, period_start::text AS "period_start!", movement_id
        FROM benefit WHERE settlement_id = ANY ($1) ORDER BY settlement_id
        "#,
        of,
    )
    .fetch_all(conn)
    .await?)
}

/// The legs of settlements, in order.
pub async fn legs(conn: &mut PgConnection, of: &[Uuid]) -> Result<Vec<LegRow>, StoreError> {
    Ok(sqlx::query_as!(
        LegRow,
        r#"
        -- settlement.books_legs
        SELECT settlement_id, leg_no, kind, account_id, person_id, bucket, amount_fen, refunded_fen, binding_id,
               mandate_version, medical_year, limit_day::text, limit_year::text, movement_id
        FROM leg WHERE settlement_id = ANY ($1) ORDER BY settlement_id, leg_no
        "#,
        of,
    )
    .fetch_all(conn)
    .await?)
}

/// What was allocated.
pub async fn allocations(
    conn: &mut PgConnection,
    wanted: &[Uuid],
) -> Result<Vec<AllocationRow>, StoreError> {
    Ok(sqlx::query_as!(
        AllocationRow,
        r#"
        -- settlement.books_allocations
        SELECT allocation_id, account_id, bucket, amount_fen FROM allocation WHERE allocation_id = ANY ($1)
        ORDER BY allocation_id
        "#,
        wanted,
    )
    .fetch_all(conn)
    .await?)
}

/// What these request keys, institution and message number, lead to.
pub async fn keys(
    conn: &mut PgConnection,
    wanted: &[(&str, &str)],
) -> Result<Vec<KeyRow>, StoreError> {
    Ok(sqlx::query_as!(
        KeyRow,
        r#"
        -- settlement.books_keys
        SELECT key.institution, key.msgid, key.operation, key.outcome_id
        FROM unnest($1::text[], $2::text[]) AS wanted (institution, msgid)
        JOIN request_key key ON key.institution = wanted.institution AND key.msgid = wanted.msgid
        ORDER BY key.institution, key.msgid
        "#,
        &column(wanted, |(institution, _)| (*institution).to_owned()),
        &column(wanted, |(_, msgid)| (*msgid).to_owned()),
    )
    .fetch_all(conn)
    .await?)
}

/// Rows that belong to nothing that is checked block by block: none are, in sound books.
pub async fn strays(conn: &mut PgConnection) -> Result<Vec<Stray>, StoreError> {
    Ok(sqlx::query_as!(
        Stray,
        r#"
        -- settlement.books_strays
        SELECT 'movement' AS "of!", movement_id::text AS "key!", 'it is in no block' AS "what!" FROM movement m
        WHERE NOT EXISTS (SELECT FROM block b WHERE b.lane = m.lane AND b.height = m.height)
        UNION ALL
        SELECT 'settlement', settlement_id::text, 'it is in no block' FROM settlement s
        WHERE NOT EXISTS (SELECT FROM block b WHERE b.lane = s.lane AND b.height = s.height)
        UNION ALL
        SELECT 'leg', settlement_id || ' ' || leg_no, 'its settlement is missing' FROM leg l
        WHERE NOT EXISTS (SELECT FROM settlement s WHERE s.settlement_id = l.settlement_id)
        UNION ALL
        SELECT 'refund', refund_id::text, 'it is in no block' FROM refund r
        WHERE NOT EXISTS (SELECT FROM block b WHERE b.lane = r.lane AND b.height = r.height)
        UNION ALL
        SELECT 'reversal', reversal_id::text, 'what it undid was not given back' FROM reversal v
        WHERE effect = 'UNDONE' AND NOT EXISTS (
            SELECT FROM refund r WHERE r.refund_id = v.reversal_id AND r.settlement_id = v.settlement_id)
        UNION ALL
        SELECT 'refunded_line', settlement_id || ' ' || line_no, 'its settlement is missing' FROM refunded_line l
        WHERE NOT EXISTS (SELECT FROM settlement s WHERE s.settlement_id = l.settlement_id)
        UNION ALL
        SELECT 'benefit', settlement_id::text, 'its settlement is missing' FROM benefit n
        WHERE NOT EXISTS (SELECT FROM settlement s WHERE s.settlement_id = n.settlement_id)
        UNION ALL
        SELECT 'movement', movement_id::text, 'nobody looks after what it put into suspense' FROM movement m
        WHERE credit = 'suspense:refund_unclaimed' AND NOT EXISTS (
            SELECT FROM refund_task t WHERE t.task_id = m.movement_id AND t.account_id = m.account_id
                AND t.bucket = m.bucket AND t.amount_fen = m.amount_fen)
        UNION ALL
        SELECT 'refund_task', task_id::text, 'nothing of it is in suspense' FROM refund_task t
        WHERE NOT EXISTS (SELECT FROM movement m WHERE m.movement_id = t.task_id AND credit = 'suspense:refund_unclaimed')
        UNION ALL
        SELECT 'hold', hold_id::text, 'it is not what its legs set aside' FROM hold h
        WHERE (held_fen, coalesce(captured_fen, 0), 0) <> (
            SELECT coalesce(sum(amount_fen), 0), coalesce(sum(l.captured_fen), 0),
                   count(*) FILTER (WHERE is_open <> (h.state = 'HELD'))
            FROM hold_leg l WHERE l.hold_id = h.hold_id)
        UNION ALL
        SELECT 'hold', hold_id::text, 'it is not what its bill was paid with' FROM hold h
        WHERE state = 'CAPTURED' AND NOT EXISTS (
            SELECT FROM settlement s WHERE s.settlement_id = h.settlement_id AND own_fen + aid_fen = captured_fen)
        UNION ALL
        SELECT 'hold_leg', hold_id || ' ' || leg_no, 'its hold is missing' FROM hold_leg l
        WHERE NOT EXISTS (SELECT FROM hold h WHERE h.hold_id = l.hold_id)
        UNION ALL
        SELECT 'request_key', institution || ' ' || msgid, 'it leads to no outcome' FROM request_key k
        WHERE NOT EXISTS (SELECT FROM settlement s WHERE s.settlement_id = k.outcome_id)
            AND NOT EXISTS (SELECT FROM refund r WHERE r.refund_id = k.outcome_id)
            AND NOT EXISTS (SELECT FROM reversal v WHERE v.reversal_id = k.outcome_id)
            AND NOT EXISTS (SELECT FROM hold h WHERE h.hold_id = k.outcome_id)
        UNION ALL
        SELECT 'credential_use', encode(fingerprint, 'hex'), 'its request was never answered' FROM credential_use u
        WHERE NOT EXISTS (SELECT FROM request_key k WHERE k.institution = u.institution AND k.msgid = u.msgid)
        UNION ALL
        SELECT 'allocation', allocation_id::text, 'it moved nothing' FROM allocation a
        WHERE NOT EXISTS (SELECT FROM movement m WHERE m.allocation_id = a.allocation_id)
        LIMIT 100
        "#,
    )
    .fetch_all(conn)
    .await?)
}

/// The same of bills that are deducted after the visit.
pub async fn strays_after_visits(conn: &mut PgConnection) -> Result<Vec<Stray>, StoreError> {
    Ok(sqlx::query_as!(
        Stray,
        r#"
        -- settlement.books_strays_after_visits
        SELECT 'deferral' AS "of!", settlement_id::text AS "key!", 'it is not what its bill still waits for' AS "what!"
        FROM deferral d
        WHERE NOT EXISTS (
            SELECT FROM settlement s WHERE s.settlement_id = d.settlement_id
                AND (open_fen > open_back_fen) = (d.state = 'OPEN')
                AND (own_fen + aid_fen, d.deductions) = (
                    SELECT coalesce(sum(n.own_fen + n.aid_fen), 0), count(*) FROM deduction n
                    WHERE n.settlement_id = s.settlement_id))
        UNION ALL
        SELECT 'deduction', settlement_id || ' ' || deduction_no, 'its bill is not deducted later' FROM deduction n
        WHERE NOT EXISTS (SELECT FROM deferral d WHERE d.settlement_id = n.settlement_id)
        LIMIT 100
        "#,
    )
    .fetch_all(conn)
    .await?)
}
