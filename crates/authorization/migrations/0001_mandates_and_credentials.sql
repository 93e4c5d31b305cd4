-- On what terms money may flow: one mandate per aid binding, as it stands.
CREATE TABLE mandate (
    binding_id             UUID PRIMARY KEY,
    version                BIGINT NOT NULL CHECK (version > 0),
    state                  TEXT NOT NULL
        CHECK (state IN ('IN_FORCE', 'CHANGING', 'PAUSING', 'PAUSED', 'REVOKING', 'REVOKED')),
    contributor_person_id  UUID NOT NULL,
    contributor_account_id UUID NOT NULL,
    contributor_region     TEXT NOT NULL CHECK (contributor_region ~ '^[0-9]{6}$'),
    beneficiary_person_id  UUID NOT NULL,
    beneficiary_account_id UUID NOT NULL,
    beneficiary_region     TEXT NOT NULL CHECK (beneficiary_region ~ '^[0-9]{6}$'),
    -- 1 is asked first; ties are broken by binding id.
    rank                   INTEGER NOT NULL CHECK (rank >= 1),
    -- No limit where null.
    per_transaction_fen    BIGINT CHECK (per_transaction_fen > 0),
    per_day_fen            BIGINT CHECK (per_day_fen > 0),
    per_month_fen          BIGINT CHECK (per_month_fen > 0),
    per_year_fen           BIGINT CHECK (per_year_fen > 0),
    total_fen              BIGINT CHECK (total_fen > 0),
    -- The largest share of the usable balance for one bill, in basis points.
    share_of_balance       INTEGER CHECK (share_of_balance BETWEEN 1 AND 10000),
    -- Empty is every use that the region's rules allow.
    uses                   TEXT[] NOT NULL,
    changed_at             TIMESTAMPTZ NOT NULL,
    CONSTRAINT mandate_two_people CHECK (contributor_person_id <> beneficiary_person_id),
    CONSTRAINT mandate_nothing_prohibited
        CHECK (NOT uses && ARRAY ['PUBLIC_HEALTH', 'FITNESS', 'WELLNESS'])
);

CREATE INDEX mandate_by_contributor ON mandate (contributor_person_id, binding_id DESC);
CREATE INDEX mandate_by_beneficiary ON mandate (beneficiary_person_id, binding_id DESC);

-- Every version a mandate ever had, and who made it so. Never changed, never deleted.
CREATE TABLE mandate_version (
    binding_id          UUID NOT NULL REFERENCES mandate,
    version             BIGINT NOT NULL CHECK (version > 0),
    state               TEXT NOT NULL,
    rank                INTEGER NOT NULL,
    per_transaction_fen BIGINT,
    per_day_fen         BIGINT,
    per_month_fen       BIGINT,
    per_year_fen        BIGINT,
    total_fen           BIGINT,
    share_of_balance    INTEGER,
    uses                TEXT[] NOT NULL,
    changed_at          TIMESTAMPTZ NOT NULL,
    -- The role and subject of the caller, or SERVICE and the service whose fact it followed.
    actor_role          TEXT NOT NULL,
    actor               TEXT NOT NULL,
    PRIMARY KEY (binding_id, version)
);

-- Tokens that a patient's code shows. The token itself is nowhere: only its SHA-256.
CREATE TABLE credential (
    fingerprint         BYTEA PRIMARY KEY CHECK (octet_length(fingerprint) = 32),
    person_id           UUID NOT NULL,
    -- Who showed the code; the person themselves, unless a display link was used.
    presenter_person_id UUID NOT NULL,
    purpose             TEXT NOT NULL CHECK (purpose IN ('SETTLEMENT', 'IDENTITY')),
    issued_at           TIMESTAMPTZ NOT NULL,
    expires_at          TIMESTAMPTZ NOT NULL,
    actor_role          TEXT NOT NULL,
    actor               TEXT NOT NULL,
    CHECK (expires_at > issued_at)
);

CREATE INDEX credential_by_expiry ON credential (expires_at);
