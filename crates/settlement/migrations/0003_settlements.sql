-- What was decided, and under which key.

-- Unique for ever, so never dropped and never partitioned by time: a unique key does not hold across partitions
-- that do not contain the partition's column.
CREATE TABLE request_key (
    institution text        NOT NULL,
    -- 1 to 30 characters of ASCII without a blank. Not a pattern: to match one costs as much as the rest of the row.
    msgid       text        NOT NULL CHECK (
        length(msgid) BETWEEN 1 AND 30 AND octet_length(msgid) = length(msgid) AND strpos(msgid, ' ') = 0),
    operation   text        NOT NULL CHECK (operation IN (
        'SETTLE', 'CANCEL', 'REFUND', 'REVERSE', 'REVERSED', 'HOLD', 'CAPTURE', 'RELEASE')),
    -- The fields that decide, readable, so that another request under this key can be told what differs.
    request     json        NOT NULL,
    -- The settlement, the refund that took back all or a part of one, the hold, or the reversal; REVERSED is the key of a
    -- message that was reversed before it arrived, and names that reversal.
    outcome_id  uuid        NOT NULL,
    claimed_at  timestamptz NOT NULL,
    PRIMARY KEY (institution, msgid)
);

CREATE TABLE settlement (
    settlement_id      uuid        PRIMARY KEY,
    institution        text        NOT NULL,
    msgid              text        NOT NULL,
    outcome            text        NOT NULL CHECK (outcome IN ('SETTLED', 'DECLINED')),
    decline_reason     text,
    patient_person_id  uuid        NOT NULL,
    patient_account_id uuid        NOT NULL,
    person_no          text        NOT NULL,
    region             text        NOT NULL,
    scheme             text        NOT NULL CHECK (scheme IN ('EMPLOYEE', 'RESIDENT')),
    usage              text        NOT NULL,
    total_fen          bigint      NOT NULL CHECK (total_fen > 0 AND total_fen <= 9007199254740992),
    pooled_fen         bigint      NOT NULL CHECK (pooled_fen >= 0),
    own_fen            bigint      NOT NULL CHECK (own_fen >= 0),
    aid_fen            bigint      NOT NULL CHECK (aid_fen >= 0),
    cash_fen           bigint      NOT NULL CHECK (cash_fen >= 0),
    -- What is to be deducted after the visit (deferral), and what of that was given back before anybody paid it.
    open_fen           bigint      NOT NULL DEFAULT 0 CHECK (open_fen >= 0),
    -- The versions of the rule packs it was decided under; a refund uses these.
    rules              text[]      NOT NULL,
    settled_at         timestamptz NOT NULL,
    sandbox            boolean     NOT NULL,
    -- The answer as it was given, encoded: a repeated request gets it again, explanation and all.
    answer             bytea       NOT NULL,
    -- The block in which it is sealed (0010_books.sql).
    lane               smallint    NOT NULL CHECK (lane > 0),
    height             bigint      NOT NULL CHECK (height > 0),
    -- What came back of it that no leg holds; moved under this row's lock, like all that follows.
    cash_back_fen      bigint      NOT NULL DEFAULT 0,
    pooled_back_fen    bigint      NOT NULL DEFAULT 0,
    open_back_fen      bigint      NOT NULL DEFAULT 0,
    -- The cancellation or reversal that took back all that was left of it.
    cancellation_id    uuid,
    CONSTRAINT settlement_outcome_is_whole CHECK ((outcome = 'DECLINED') = (decline_reason IS NOT NULL)),
    CONSTRAINT settlement_parts_add_up CHECK (CASE outcome
        WHEN 'SETTLED' THEN total_fen = pooled_fen + own_fen + aid_fen + cash_fen + open_fen
        ELSE pooled_fen + own_fen + aid_fen + cash_fen + open_fen = 0 AND cancellation_id IS NULL END),
    CONSTRAINT settlement_refund_is_within CHECK (
        cash_back_fen BETWEEN 0 AND cash_fen AND pooled_back_fen BETWEEN 0 AND pooled_fen
        AND open_back_fen BETWEEN 0 AND open_fen),
    CONSTRAINT settlement_cancelled_is_given_back CHECK (
        cancellation_id IS NULL OR (
            cash_back_fen = cash_fen AND pooled_back_fen = pooled_fen AND open_back_fen = open_fen))
) WITH (fillfactor = 90);

CREATE TABLE leg (
    settlement_id   uuid     NOT NULL,
    leg_no          smallint NOT NULL CHECK (leg_no > 0),
    kind            text     NOT NULL CHECK (kind IN ('OWN', 'AID')),
    account_id      uuid     NOT NULL,
    person_id       uuid     NOT NULL,
    bucket          text     NOT NULL CHECK (bucket IN ('CURRENT', 'PRIOR')),
    amount_fen      bigint   NOT NULL CHECK (amount_fen > 0),
    refunded_fen    bigint   NOT NULL DEFAULT 0,
    binding_id      uuid,
    mandate_version bigint   CHECK (mandate_version > 0),
    -- The account's medical year when it paid: money of a past year returns to the prior bucket.
    medical_year    smallint NOT NULL,
    -- The day and the year whose limits it was counted in, also when it is given back later; aid only.
    limit_day       date,
    limit_year      date     CHECK (limit_year <= limit_day),
    movement_id     uuid     NOT NULL,
    PRIMARY KEY (settlement_id, leg_no),
    CONSTRAINT leg_refund_is_within CHECK (refunded_fen BETWEEN 0 AND amount_fen),
    CONSTRAINT leg_aid_names_its_mandate CHECK (
        (kind = 'AID') = (binding_id IS NOT NULL) AND (kind = 'AID') = (mandate_version IS NOT NULL)),
    CONSTRAINT leg_aid_is_counted CHECK (
        (kind = 'AID') = (limit_day IS NOT NULL) AND (kind = 'AID') = (limit_year IS NOT NULL))
) WITH (fillfactor = 90);

-- One settlement per e-credential token.
CREATE TABLE credential_use (
    fingerprint bytea       PRIMARY KEY CHECK (length(fingerprint) = 32),
    institution text        NOT NULL,
    msgid       text        NOT NULL,
    used_at     timestamptz NOT NULL
);

CREATE TABLE allocation (
    allocation_id uuid        PRIMARY KEY,
    account_id    uuid        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN (
        'MONTHLY', 'OPENING', 'PRE', 'ADJUSTMENT', 'CLEARING', 'ROLLOVER', 'INTEREST', 'EXIT', 'CORRECTION')),
    -- Where the money comes to; of a rollover, the earlier years'.
    bucket        text        NOT NULL CHECK (bucket IN ('CURRENT', 'PRIOR')),
    -- Below zero: money that leaves the bucket.
    amount_fen    bigint      NOT NULL CHECK (amount_fen <> 0),
    -- The month it is for, yyyy-MM, or the medical year, yyyy; empty for what is of no period.
    period        text        NOT NULL CHECK (period ~ '^([0-9]{4}(-(0[1-9]|1[0-2]))?)?$'),
    posted_at     timestamptz NOT NULL,
    CONSTRAINT allocation_credits_are_positive CHECK (
        amount_fen > 0 OR kind IN ('ADJUSTMENT', 'CLEARING', 'ROLLOVER', 'EXIT', 'CORRECTION')),
    CONSTRAINT allocation_is_of_its_period CHECK (CASE
        WHEN kind IN ('MONTHLY', 'PRE', 'ADJUSTMENT', 'CLEARING') THEN length(period) = 7
        WHEN kind IN ('ROLLOVER', 'INTEREST') THEN length(period) = 4
        ELSE true END),
    CONSTRAINT allocation_goes_to_its_bucket CHECK (CASE
        WHEN kind IN ('MONTHLY', 'PRE') THEN bucket = 'CURRENT'
        WHEN kind IN ('ROLLOVER', 'INTEREST') THEN bucket = 'PRIOR'
        ELSE true END)
);
