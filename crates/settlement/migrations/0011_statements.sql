-- What people are shown of a year.

-- The bills of a person, also those that no account paid and that so left nothing in the ledger.
CREATE INDEX settlement_by_patient ON settlement (patient_person_id, settled_at);

-- What stands of each settled bill: what was paid of it, less what came back since, whenever that was. The only place that
-- reads where returns are kept and, for people's yearly figures, what of a bill is outside the insurance's lists.
CREATE VIEW bill_standing AS
SELECT settlement_id, patient_person_id, settled_at, usage,
       pooled_fen + own_fen + aid_fen + cash_fen AS total_fen,
       pooled_fen, own_fen, aid_fen, cash_fen,
       not_insured_fen
FROM (
    SELECT s.settlement_id, s.patient_person_id, s.settled_at, s.usage,
           s.pooled_fen - s.pooled_back_fen AS pooled_fen,
           s.cash_fen - s.cash_back_fen AS cash_fen,
           paid.own_fen, paid.aid_fen,
           -- Known where the place has a benefit: own expense, and what is over the price ceiling.
           coalesce(b.own_expense_fen + b.over_limit_fen - b.not_insured_returned_fen, 0) AS not_insured_fen
    FROM settlement s
    LEFT JOIN benefit b ON b.settlement_id = s.settlement_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_fen - refunded_fen) FILTER (WHERE kind = 'OWN'), 0)::bigint AS own_fen,
               coalesce(sum(amount_fen - refunded_fen) FILTER (WHERE kind = 'AID'), 0)::bigint AS aid_fen
        FROM leg WHERE leg.settlement_id = s.settlement_id) paid
    WHERE s.outcome = 'SETTLED') standing;
