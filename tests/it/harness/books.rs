//! The books: what the ledger's rows say about each other, and a fingerprint of them all.

use sqlx::AssertSqlSafe;

use super::Stack;

/// Counts of rows that contradict others. All are zero, whatever happened.
const CONTRADICTIONS: &[(&str, &str)] = &[
    (
        "a bucket is not the sum of its movements",
        "SELECT count(*) FROM account a WHERE (current_fen, prior_fen) <> (
            SELECT coalesce(sum(signed) FILTER (WHERE bucket = 'current'), 0),
                   coalesce(sum(signed) FILTER (WHERE bucket = 'prior'), 0)
            FROM (SELECT split_part(credit, ':', 3) AS bucket, amount_fen AS signed
                  FROM movement m WHERE m.account_id = a.account_id AND credit LIKE 'pa:%'
                  UNION ALL
                  SELECT split_part(debit, ':', 3), -amount_fen
                  FROM movement m WHERE m.account_id = a.account_id AND debit LIKE 'pa:%') moved)",
    ),
    (
        "an allocation is not what its movement moved",
        "SELECT count(*) FROM movement m FULL JOIN allocation l USING (allocation_id)
         WHERE (m.allocation_id IS NULL) <> (l.allocation_id IS NULL) AND m.settlement_id IS NULL
            OR l.account_id <> m.account_id OR l.bucket <> m.bucket
            OR l.amount_fen <> CASE WHEN credit LIKE 'pa:%:' || lower(m.bucket) THEN m.amount_fen ELSE -m.amount_fen END",
    ),
    (
        "a bucket is below zero and nothing was cleared",
        "SELECT count(*) FROM account a WHERE least(current_fen, prior_fen) < 0 AND NOT EXISTS (
            SELECT FROM movement m WHERE m.account_id = a.account_id AND kind IN ('CLEARING_DELTA', 'PRE_TO_ACTUAL_ADJ'))",
    ),
    (
        "an approved correction was not posted, or another one was",
        "SELECT count(*) FROM correction c FULL JOIN (SELECT * FROM allocation WHERE kind = 'CORRECTION') l
            USING (allocation_id)
         WHERE (coalesce(c.state, '') = 'APPROVED') <> (l.allocation_id IS NOT NULL)
            OR (c.account_id, c.bucket, c.amount_fen) <> (l.account_id, l.bucket, l.amount_fen)",
    ),
    (
        "the versions of an account have a gap",
        "SELECT count(*) FROM account a WHERE version <> (
            SELECT count(DISTINCT account_version) FROM movement m
            WHERE m.account_id = a.account_id AND account_version <= a.version)",
    ),
    (
        "a movement after the account's version",
        "SELECT count(*) FROM account a JOIN movement m USING (account_id) WHERE m.account_version > a.version",
    ),
    (
        "the last movement shows another balance than the account",
        "SELECT count(*) FROM account a JOIN movement m ON m.account_id = a.account_id AND m.account_version = a.version
         WHERE (m.current_after_fen, m.prior_after_fen) <> (a.current_fen, a.prior_fen)",
    ),
    (
        "legs and cash are not the bill",
        "SELECT count(*) FROM settlement s WHERE outcome = 'SETTLED' AND total_fen <> pooled_fen + cash_fen + open_fen + (
            SELECT coalesce(sum(amount_fen), 0) FROM leg WHERE leg.settlement_id = s.settlement_id)",
    ),
    (
        "own and aid are not the sums of their legs",
        "SELECT count(*) FROM settlement s WHERE outcome = 'SETTLED' AND (own_fen, aid_fen) <> (
            SELECT coalesce(sum(amount_fen) FILTER (WHERE kind = 'OWN'), 0),
                   coalesce(sum(amount_fen) FILTER (WHERE kind = 'AID'), 0)
            FROM leg WHERE leg.settlement_id = s.settlement_id)",
    ),
    (
        "more was refunded than was paid, or a cancelled bill is not refunded whole",
        "SELECT count(*) FROM leg JOIN settlement s USING (settlement_id)
         WHERE refunded_fen > amount_fen OR (cancellation_id IS NOT NULL AND refunded_fen <> amount_fen)",
    ),
    (
        "what came back of a leg is not what moved back",
        "SELECT count(*) FROM leg WHERE refunded_fen <> (
            SELECT coalesce(sum(amount_fen), 0) FROM movement m WHERE m.reverses = leg.movement_id)",
    ),
    (
        "what came back of a bill is not the sum of its refunds",
        "SELECT count(*) FROM settlement s WHERE (cash_back_fen, pooled_back_fen, open_back_fen) <> (
            SELECT coalesce(sum(cash_fen), 0), coalesce(sum(pooled_fen), 0), coalesce(sum(open_fen), 0) FROM refund r
            WHERE r.settlement_id = s.settlement_id)",
    ),
    (
        "a refund is not what it moved",
        "SELECT count(*) FROM refund r WHERE (own_fen + aid_fen, pooled_fen) <> (
            SELECT coalesce(sum(amount_fen) FILTER (WHERE account_id IS NOT NULL), 0),
                   coalesce(sum(amount_fen) FILTER (WHERE account_id IS NULL), 0)
            FROM movement m WHERE m.refund_id = r.refund_id)",
    ),
    (
        "money in suspense that nobody looks after",
        "SELECT count(*) FROM movement m WHERE credit LIKE 'suspense:%' AND NOT EXISTS (
            SELECT FROM refund_task t WHERE t.task_id = m.movement_id AND t.amount_fen = m.amount_fen)",
    ),
    (
        "what is open after a visit is not what its state says",
        "SELECT count(*) FROM settlement s LEFT JOIN deferral d USING (settlement_id)
         WHERE (open_fen > open_back_fen) <> coalesce(d.state = 'OPEN', false)",
    ),
    (
        "deductions are not what the accounts paid after a visit",
        "SELECT count(*) FROM settlement s JOIN deferral d USING (settlement_id)
         WHERE (own_fen, aid_fen, d.deductions) <> (
            SELECT coalesce(sum(own_fen), 0), coalesce(sum(aid_fen), 0), count(*) FROM deduction
            WHERE deduction.settlement_id = s.settlement_id)",
    ),
    (
        "a limit's counter is not what its legs took",
        "SELECT count(*) FROM limit_used u CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount_fen) FILTER (WHERE limit_day = u.day), 0) AS day_gross,
                   coalesce(sum(refunded_fen) FILTER (WHERE limit_day = u.day), 0) AS day_refunded,
                   coalesce(sum(amount_fen) FILTER (WHERE date_trunc('month', limit_day) = date_trunc('month', u.day)), 0)
                       AS month_gross,
                   coalesce(sum(refunded_fen) FILTER (WHERE date_trunc('month', limit_day) = date_trunc('month', u.day)), 0)
                       AS month_refunded,
                   coalesce(sum(amount_fen) FILTER (WHERE limit_year = u.year), 0) AS year_gross,
                   coalesce(sum(refunded_fen) FILTER (WHERE limit_year = u.year), 0) AS year_refunded,
                   coalesce(sum(amount_fen), 0) AS total_gross, coalesce(sum(refunded_fen), 0) AS total_refunded
            FROM leg WHERE kind = 'AID'
                AND CASE u.scope WHEN 'PAIR' THEN leg.binding_id ELSE leg.account_id END = u.scope_id) legs
         WHERE (day_gross_fen, day_refunded_fen, month_gross_fen, month_refunded_fen, year_gross_fen, year_refunded_fen,
                total_gross_fen, total_refunded_fen)
            <> (day_gross, day_refunded, month_gross, month_refunded, year_gross, year_refunded,
                total_gross, total_refunded)",
    ),
    (
        "a leg was counted in no limit",
        "SELECT count(*) FROM leg WHERE kind = 'AID' AND NOT EXISTS (
            SELECT FROM limit_used u JOIN limit_used a ON a.scope_id = leg.account_id
            WHERE u.scope_id = leg.binding_id AND leg.limit_day <= u.day AND u.day <= a.day)",
    ),
    (
        "a leg has no movement",
        "SELECT count(*) FROM leg WHERE NOT EXISTS (
            SELECT FROM movement m WHERE m.movement_id = leg.movement_id AND m.amount_fen = leg.amount_fen
                AND m.account_id = leg.account_id AND m.bucket = leg.bucket)",
    ),
    (
        "a request key has no outcome",
        "SELECT count(*) FROM request_key k WHERE NOT EXISTS (
            SELECT FROM settlement s WHERE s.settlement_id = k.outcome_id
            UNION ALL SELECT FROM refund r WHERE r.refund_id = k.outcome_id
            UNION ALL SELECT FROM reversal v WHERE v.reversal_id = k.outcome_id
            UNION ALL SELECT FROM hold h WHERE h.hold_id = k.outcome_id)",
    ),
    (
        "what is held on an account is not what its open holds set aside",
        "SELECT count(*) FROM account a WHERE held_fen <> (
            SELECT coalesce(sum(amount_fen), 0) FROM hold_leg l WHERE l.account_id = a.account_id AND is_open)",
    ),
    (
        "more is held than is there",
        "SELECT count(*) FROM account WHERE held_fen > greatest(current_fen + prior_fen, 0)
            AND current_floor = 0 AND prior_floor = 0 AND closed_at IS NULL",
    ),
    (
        "a hold is not the sum of its legs, or open in part",
        "SELECT count(*) FROM hold h WHERE (held_fen, coalesce(captured_fen, 0), 0) <> (
            SELECT coalesce(sum(amount_fen), 0), coalesce(sum(l.captured_fen), 0),
                   count(*) FILTER (WHERE is_open <> (h.state = 'HELD'))
            FROM hold_leg l WHERE l.hold_id = h.hold_id)",
    ),
    (
        "a capture is not its settlement",
        "SELECT count(*) FROM hold h LEFT JOIN settlement s USING (settlement_id)
         WHERE h.state = 'CAPTURED' AND captured_fen IS DISTINCT FROM own_fen + aid_fen",
    ),
    (
        "what the fund paid of a bill is not what its benefit says",
        "SELECT count(*) FROM settlement s WHERE outcome = 'SETTLED' AND pooled_fen <> (
            SELECT coalesce(sum(pooled_fen), 0) FROM benefit b WHERE b.settlement_id = s.settlement_id)",
    ),
    (
        "the fund's movements are not what its benefits say",
        "SELECT count(*) FROM benefit b WHERE pooled_fen - pooled_returned_fen <> (
            SELECT coalesce(sum(CASE kind WHEN 'FUND_PAY' THEN amount_fen ELSE -amount_fen END), 0)
            FROM movement m WHERE m.settlement_id = b.settlement_id AND m.account_id IS NULL)",
    ),
    (
        "a benefit's counter is not what its bills used",
        "SELECT count(*) FROM benefit_used u WHERE (deductible_fen, fund_fen) <> (
            SELECT coalesce(sum(deductible_fen - deductible_returned_fen), 0),
                   coalesce(sum(pooled_fen - pooled_returned_fen), 0)
            FROM benefit b WHERE b.account_id = u.account_id AND b.medical_year = u.medical_year
                AND b.period_start = u.period_start)",
    ),
    ("a movement has no partition of its month", "SELECT count(*) FROM movement_default"),
];

/// Everything that a refused request must leave as it was.
const TABLES: &[&str] = &[
    "account",
    "account_mark",
    "allocation",
    "benefit",
    "benefit_line",
    "benefit_used",
    "correction",
    "catalogue_item",
    "catalogue_version",
    "credential_use",
    "deduction",
    "deferral",
    "enforced",
    "fence_waiting",
    "hold",
    "hold_leg",
    "leg",
    "limit_used",
    "movement",
    "outbox",
    "refund",
    "refund_task",
    "refunded_line",
    "replacement",
    "request_key",
    "reversal",
    "settlement",
    "year_end",
];

impl Stack {
    /// Everything that can be derived from the ledger's rows is what is stored.
    pub async fn books_balance(&self) {
        assert_eq!(self.contradictions().await, [""; 0]);
    }

    /// What the ledger's rows say against each other.
    pub async fn contradictions(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        for (what, sql) in CONTRADICTIONS {
            if self.count(sql).await > 0 {
                found.push(*what);
            }
        }
        found
    }

    /// One number out of settlement's database.
    pub async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&self.settlement)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Changes settlement's tables behind its back, and without the triggers that forbid it.
    pub async fn tamper(&self, sql: &'static str) {
        let mut tx = chassis::db::begin(&self.settlement)
            .await
            .expect("settlement's database answers");
        for switch in ["DISABLE", "ENABLE"] {
            for table in ["movement", "settlement", "leg", "refund", "block", "lane"] {
                let switch = format!("ALTER TABLE {table} {switch} TRIGGER USER");
                sqlx::query(AssertSqlSafe(switch))
                    .execute(&mut *tx)
                    .await
                    .unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
            if switch == "DISABLE" {
                sqlx::query(sql)
                    .execute(&mut *tx)
                    .await
                    .unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
        }
        tx.commit().await.expect("settlement's database answers");
    }

    /// A digest of all rows of settlement's tables: equal before and after means that nothing changed.
    pub async fn fingerprint(&self) -> Vec<(&'static str, String)> {
        let mut digests = Vec::new();
        for table in TABLES {
            let sql = format!(
                "SELECT coalesce(md5(string_agg(r::text, '|' ORDER BY r::text)), '') FROM {table} r"
            );
            let digest = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(&self.settlement)
                .await
                .expect("settlement's database answers");
            digests.push((*table, digest));
        }
        digests
    }
}
