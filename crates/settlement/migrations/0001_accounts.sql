-- Personal accounts, one row per enrolment. The row is the lock of everything that concerns its money: balances, limit
-- counters, and the permission to spend it. Residents have a row too (zero buckets): it is the lock of their own bills.

CREATE TABLE account (
    account_id        uuid    PRIMARY KEY,
    person_id         uuid    NOT NULL,
    person_no         text    NOT NULL CHECK (length(person_no) BETWEEN 1 AND 30),
    region            text    NOT NULL CHECK (region ~ '^[0-9]{6}$'),
    scheme            text    NOT NULL CHECK (scheme IN ('EMPLOYEE', 'RESIDENT')),
    kind              text    NOT NULL CHECK (kind IN ('WORKING', 'RETIRED', 'RESIDENT')),
    standing          text    NOT NULL CHECK (standing IN ('NORMAL', 'PAUSED', 'TERMINATED')),
    -- The version of the enrolment that the columns above were taken from.
    enrolment_version bigint  NOT NULL CHECK (enrolment_version > 0),
    frozen            boolean NOT NULL DEFAULT false,
    -- When it was paid out (emigration, death) and closed.
    closed_at         timestamptz,
    sandbox           boolean NOT NULL,
    current_fen       bigint  NOT NULL DEFAULT 0,
    prior_fen         bigint  NOT NULL DEFAULT 0,
    -- How far below zero a bucket may be: exactly as far as it is. Only clearing movements lower a floor, and what is
    -- repaid is not owed again.
    current_floor     bigint  NOT NULL DEFAULT 0 CHECK (current_floor <= 0),
    prior_floor       bigint  NOT NULL DEFAULT 0 CHECK (prior_floor <= 0),
    -- Grows by one with every movement.
    version           bigint  NOT NULL DEFAULT 0 CHECK (version >= 0),
    -- The year in which the medical year of the current bucket began. It moves under this row's lock, with the rollover.
    medical_year      smallint NOT NULL CHECK (medical_year BETWEEN 1990 AND 9999),
    CONSTRAINT account_current_floor_holds CHECK (current_fen >= current_floor),
    CONSTRAINT account_prior_floor_holds CHECK (prior_fen >= prior_floor),
    CONSTRAINT account_floors_rise_with_repayment CHECK (
        current_floor >= least(current_fen, 0) AND prior_floor >= least(prior_fen, 0)),
    CONSTRAINT account_closed_is_empty CHECK (closed_at IS NULL OR current_fen = 0 AND prior_fen = 0)
) WITH (fillfactor = 60);  -- room for the next versions of a row on its own page: no index changes when money moves

CREATE INDEX account_by_person ON account (person_id);

CREATE TABLE institution (
    code          text     PRIMARY KEY CHECK (code ~ '^[A-Za-z0-9]{1,12}$'),
    name          text     NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind          text     NOT NULL CHECK (kind IN ('HOSPITAL', 'PHARMACY')),
    region        text     NOT NULL CHECK (region ~ '^[0-9]{6}$'),
    -- 0 is ungraded, 4 grassroots, 5 town, 6 village.
    tier          smallint NOT NULL CHECK (tier BETWEEN 0 AND 6),
    sandbox       boolean  NOT NULL,
    registered_at timestamptz NOT NULL
);
