-- The turn of a year, corrections by two operators, and who froze or closed an account.

-- While a year end is CLOSING, no charge touches an account of its region. The account row says which year it is in;
-- this one says where the rollover has got to.
CREATE TABLE year_end (
    region        text        NOT NULL CHECK (region ~ '^[0-9]{6}$' AND region <> '000000'),
    -- The year in which the medical year that ends began.
    medical_year  smallint    NOT NULL CHECK (medical_year BETWEEN 1990 AND 9999),
    -- What the codes of all places inside the region begin with, as a pattern.
    prefix        text        NOT NULL GENERATED ALWAYS AS (CASE
        WHEN region LIKE '__0000' THEN left(region, 2) || '%'
        WHEN region LIKE '____00' THEN left(region, 4) || '%'
        ELSE region END) STORED,
    state         text        NOT NULL CHECK (state IN ('CLOSING', 'FINISHED')),
    -- What the earlier years' money earns, in basis points.
    interest_bp   integer     NOT NULL CHECK (interest_bp BETWEEN 0 AND 10000),
    -- How many accounts there were to roll over, how many are, and the last one that is.
    accounts      bigint      NOT NULL CHECK (accounts >= 0),
    rolled        bigint      NOT NULL DEFAULT 0 CHECK (rolled >= 0),
    last_account  uuid,
    begun_by      text        NOT NULL,
    begun_at      timestamptz NOT NULL,
    finished_by   text,
    finished_at   timestamptz,
    PRIMARY KEY (region, medical_year),
    CONSTRAINT year_end_is_whole CHECK (
        (state = 'FINISHED') = (finished_at IS NOT NULL) AND (finished_by IS NULL) = (finished_at IS NULL))
);

-- One region closes one year at a time.
CREATE UNIQUE INDEX year_end_one_at_a_time ON year_end (region) WHERE state = 'CLOSING';

-- A manual correction: proposed by one operator, posted when another one approves it.
CREATE TABLE correction (
    -- Of the allocation that it becomes.
    allocation_id uuid        PRIMARY KEY,
    account_id    uuid        NOT NULL,
    bucket        text        NOT NULL CHECK (bucket IN ('CURRENT', 'PRIOR')),
    amount_fen    bigint      NOT NULL CHECK (amount_fen <> 0),
    -- Why, for the books; never a name or an ID number.
    note          text        NOT NULL CHECK (length(note) BETWEEN 1 AND 200),
    state         text        NOT NULL CHECK (state IN ('PROPOSED', 'APPROVED', 'REJECTED')),
    proposed_by   text        NOT NULL,
    proposed_at   timestamptz NOT NULL,
    decided_by    text,
    decided_at    timestamptz,
    CONSTRAINT correction_is_whole CHECK (
        (state = 'PROPOSED') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT correction_takes_two CHECK (state <> 'APPROVED' OR decided_by <> proposed_by)
);

-- Who froze, released or closed an account, and why.
CREATE TABLE account_mark (
    account_id   uuid        NOT NULL,
    marked_at    timestamptz NOT NULL,
    mark         text        NOT NULL CHECK (mark IN ('FROZEN', 'UNFROZEN', 'CLOSED')),
    note         text        NOT NULL CHECK (length(note) BETWEEN 1 AND 200),
    caller_role  text        NOT NULL,
    caller       text        NOT NULL,
    trace_parent text,
    PRIMARY KEY (account_id, marked_at, mark)
);

-- By the numbers that import files carry.
CREATE INDEX account_by_person_no ON account (person_no);
