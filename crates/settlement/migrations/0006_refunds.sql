-- Money that goes back. A settlement is never changed and never deleted: what is given back stands beside it, part by part.

CREATE TABLE refund (
    -- The interface gives what it takes back a settlement number of its own.
    refund_id     uuid        PRIMARY KEY,
    settlement_id uuid        NOT NULL,
    -- REFUND: a part, or several. CANCEL: all that was left. REVERSAL: the same, because the fate of the bill's message was
    -- not known to its sender; the reversal has this id, too.
    way           text        NOT NULL CHECK (way IN ('REFUND', 'CANCEL', 'REVERSAL')),
    institution   text        NOT NULL,
    msgid         text        NOT NULL,
    total_fen     bigint      NOT NULL CHECK (total_fen > 0),
    pooled_fen    bigint      NOT NULL CHECK (pooled_fen >= 0),
    own_fen       bigint      NOT NULL CHECK (own_fen >= 0),
    aid_fen       bigint      NOT NULL CHECK (aid_fen >= 0),
    cash_fen      bigint      NOT NULL CHECK (cash_fen >= 0),
    -- What was still to be deducted after the visit: nobody had paid it.
    open_fen      bigint      NOT NULL CHECK (open_fen >= 0),
    refunded_at   timestamptz NOT NULL,
    -- The answer as it was given, encoded.
    answer        bytea       NOT NULL,
    -- The block in which it is sealed (0010_books.sql).
    lane          smallint    NOT NULL CHECK (lane > 0),
    height        bigint      NOT NULL CHECK (height > 0),
    CONSTRAINT refund_parts_add_up CHECK (total_fen = pooled_fen + own_fen + aid_fen + cash_fen + open_fen)
);

CREATE INDEX refund_by_settlement ON refund (settlement_id);

CREATE UNIQUE INDEX refund_cancels_once ON refund (settlement_id) WHERE way <> 'REFUND';

-- What became of requests to undo a message (2601).
CREATE TABLE reversal (
    reversal_id    uuid        PRIMARY KEY,
    institution    text        NOT NULL,
    msgid          text        NOT NULL,
    original_msgid text        NOT NULL,
    -- UNDONE: what it did was taken back. NOTHING: it did nothing, or that was taken back before. NEVER_ARRIVES: it had not
    -- arrived, and is refused when it does.
    effect         text        NOT NULL CHECK (effect IN ('UNDONE', 'NOTHING', 'NEVER_ARRIVES')),
    -- What was undone.
    settlement_id  uuid,
    reversed_at    timestamptz NOT NULL,
    answer         bytea       NOT NULL,
    CONSTRAINT reversal_undoes_a_settlement CHECK ((effect = 'UNDONE') = (settlement_id IS NOT NULL))
);

-- What came back of a fee line, where refunds named lines. Guarded by the settlement's row.
CREATE TABLE refunded_line (
    settlement_id uuid   NOT NULL,
    line_no       text   NOT NULL CHECK (length(line_no) BETWEEN 1 AND 30),
    -- What the bill said of it.
    amount_fen    bigint NOT NULL CHECK (amount_fen > 0),
    refunded_fen  bigint NOT NULL,
    PRIMARY KEY (settlement_id, line_no),
    CONSTRAINT refunded_line_is_within CHECK (refunded_fen BETWEEN 0 AND amount_fen)
);

-- Money that could not return to the account that paid it: it waits in suspense:refund_unclaimed until operators say where
-- it may go. The task is the movement into suspense, and has its id.
CREATE TABLE refund_task (
    task_id       uuid        PRIMARY KEY,
    settlement_id uuid        NOT NULL,
    refund_id     uuid        NOT NULL,
    -- Whose money it is: the account that paid, and the bucket it would be money of.
    account_id    uuid        NOT NULL,
    bucket        text        NOT NULL CHECK (bucket IN ('CURRENT', 'PRIOR')),
    amount_fen    bigint      NOT NULL CHECK (amount_fen > 0),
    why           text        NOT NULL CHECK (why IN ('ACCOUNT_CLOSED', 'BINDING_ENDED')),
    sandbox       boolean     NOT NULL,
    opened_at     timestamptz NOT NULL
);
