-- What institutions compare their books with.

-- One row per record of an institution: what was settled, and what was taken back, which is a record of its own with amounts
-- below zero, at the time it was taken back. Declined bills are none, and neither are bills whose message was reversed: for their
-- institution they never were.
CREATE VIEW reconciliation_record AS
    SELECT settlement_id AS record_id, settlement_id, false AS is_refund, institution, msgid, person_no, scheme, usage,
           sandbox, settled_at AS recorded_at, total_fen, pooled_fen, own_fen, aid_fen, cash_fen
    FROM settlement s
    WHERE outcome = 'SETTLED' AND NOT EXISTS (
        SELECT FROM refund undone WHERE undone.settlement_id = s.settlement_id AND undone.way = 'REVERSAL')
    UNION ALL
    SELECT r.refund_id, r.settlement_id, true, r.institution, r.msgid, s.person_no, s.scheme, s.usage,
           s.sandbox, r.refunded_at, -r.total_fen, -r.pooled_fen, -r.own_fen, -r.aid_fen, -r.cash_fen
    FROM refund r JOIN settlement s ON s.settlement_id = r.settlement_id
    WHERE NOT EXISTS (
        SELECT FROM refund undone WHERE undone.settlement_id = s.settlement_id AND undone.way = 'REVERSAL');

-- A day of one institution is found without reading everybody's.
CREATE INDEX settlement_by_institution ON settlement (institution, settled_at) WHERE outcome = 'SETTLED';

CREATE INDEX refund_by_institution ON refund (institution, refunded_at);
