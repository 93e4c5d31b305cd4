//! What every story ends with: the books say the same whichever way they are read.

use crate::scene::Scene;

/// Each counts rows that differ from what is derived.
const DIFFERING: &[&str] = &[
    "SELECT count(*) FROM account a WHERE current_fen + prior_fen <> (
        SELECT coalesce(sum(CASE WHEN credit LIKE 'pa:%' THEN amount_fen ELSE 0 END
                          - CASE WHEN debit LIKE 'pa:%' THEN amount_fen ELSE 0 END), 0)
        FROM movement m WHERE m.account_id = a.account_id)",
    "SELECT count(*) FROM account a WHERE current_fen <> (
        SELECT coalesce(sum(CASE WHEN credit LIKE 'pa:%:current' THEN amount_fen ELSE 0 END
                          - CASE WHEN debit LIKE 'pa:%:current' THEN amount_fen ELSE 0 END), 0)
        FROM movement m WHERE m.account_id = a.account_id)",
    "SELECT count(*) FROM allocation l WHERE NOT EXISTS (
        SELECT FROM movement m WHERE m.allocation_id = l.allocation_id AND m.account_id = l.account_id
            AND m.bucket = l.bucket AND m.amount_fen = abs(l.amount_fen))",
    "SELECT count(*) FROM account a WHERE version <> (
        SELECT count(account_version) FROM movement m WHERE m.account_id = a.account_id)",
    "SELECT count(*) FROM account a JOIN movement m ON m.account_id = a.account_id AND m.account_version = a.version
        WHERE (m.current_after_fen, m.prior_after_fen) <> (a.current_fen, a.prior_fen)",
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
    "SELECT count(*) FROM settlement s WHERE outcome = 'SETTLED' AND own_fen + aid_fen <> (
        SELECT coalesce(sum(amount_fen), 0) FROM leg WHERE leg.settlement_id = s.settlement_id)",
    "SELECT count(*) FROM request_key k WHERE NOT EXISTS (
        SELECT FROM settlement s WHERE s.settlement_id = k.outcome_id
        UNION SELECT FROM refund r WHERE r.refund_id = k.outcome_id
        UNION SELECT FROM reversal v WHERE v.reversal_id = k.outcome_id
        UNION SELECT FROM hold h WHERE h.hold_id = k.outcome_id)",
    "SELECT count(*) FROM account a WHERE held_fen <> (
        SELECT coalesce(sum(amount_fen), 0) FROM hold_leg l WHERE l.account_id = a.account_id AND is_open)",
    "SELECT count(*) FROM hold h WHERE (held_fen, coalesce(captured_fen, 0)) <> (
        SELECT coalesce(sum(amount_fen), 0), coalesce(sum(l.captured_fen), 0)
        FROM hold_leg l WHERE l.hold_id = h.hold_id)",
    "SELECT count(*) FROM hold_leg l JOIN hold h USING (hold_id) WHERE is_open <> (state = 'HELD')",
    "SELECT count(*) FROM hold h JOIN settlement s USING (settlement_id) WHERE captured_fen <> own_fen + aid_fen",
    "SELECT count(*) FROM leg WHERE refunded_fen <> (
        SELECT coalesce(sum(amount_fen), 0) FROM movement m WHERE m.reverses = leg.movement_id)",
    "SELECT count(*) FROM refund r WHERE (own_fen + aid_fen, pooled_fen) <> (
        SELECT coalesce(sum(amount_fen) FILTER (WHERE account_id IS NOT NULL), 0),
               coalesce(sum(amount_fen) FILTER (WHERE account_id IS NULL), 0)
        FROM movement m WHERE m.refund_id = r.refund_id)",
    "SELECT count(*) FROM settlement s WHERE (cash_back_fen, pooled_back_fen, open_back_fen) <> (
        SELECT coalesce(sum(cash_fen), 0), coalesce(sum(pooled_fen), 0), coalesce(sum(open_fen), 0) FROM refund r
        WHERE r.settlement_id = s.settlement_id)",
    "SELECT count(*) FROM movement m WHERE credit LIKE 'suspense:%' AND NOT EXISTS (
        SELECT FROM refund_task t WHERE t.task_id = m.movement_id AND t.amount_fen = m.amount_fen)",
    "SELECT count(*) FROM settlement s LEFT JOIN deferral d USING (settlement_id)
        WHERE (open_fen > open_back_fen) <> coalesce(d.state = 'OPEN', false)",
    "SELECT count(*) FROM settlement s JOIN deferral d USING (settlement_id) WHERE (own_fen + aid_fen, d.deductions) <> (
        SELECT coalesce(sum(own_fen + aid_fen), 0), count(*) FROM deduction
        WHERE deduction.settlement_id = s.settlement_id)",
    "SELECT count(*) FROM movement_default",
    "SELECT count(*) FROM benefit b JOIN settlement s USING (settlement_id)
        WHERE pooled_returned_fen <> pooled_back_fen",
    "SELECT count(*) FROM benefit_used u WHERE (deductible_fen, fund_fen) <> (
        SELECT coalesce(sum(deductible_fen - deductible_returned_fen), 0),
               coalesce(sum(pooled_fen - pooled_returned_fen), 0)
        FROM benefit b WHERE b.account_id = u.account_id AND b.medical_year = u.medical_year
            AND b.period_start = u.period_start)",
    "SELECT count(*) FROM settlement s WHERE outcome = 'SETTLED' AND pooled_fen <> (
        SELECT coalesce(sum(pooled_fen), 0) FROM benefit b WHERE b.settlement_id = s.settlement_id)",
    "SELECT count(*) FROM benefit b WHERE pooled_fen - pooled_returned_fen <> (
        SELECT coalesce(sum(CASE kind WHEN 'FUND_PAY' THEN amount_fen ELSE -amount_fen END), 0)
        FROM movement m WHERE m.settlement_id = b.settlement_id AND m.account_id IS NULL)",
];

impl Scene {
    /// Everything that can be derived from the movements is what is stored.
    pub async fn books_balance(&self) {
        for sql in DIFFERING {
            assert_eq!(self.number(sql).await, 0, "{sql}");
        }
    }
}
