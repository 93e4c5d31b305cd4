-- What was quoted, and what is set aside.

-- Written outside the writer and never changed. A quote that a crash loses is one that nobody can settle on, so its insert
-- does not wait for the disk. Swept some time after it expired.
CREATE TABLE quote (
    quote_id    uuid        PRIMARY KEY,
    institution text        NOT NULL,
    -- The fields of the bill that decide, so that another bill can be told what differs.
    request     jsonb       NOT NULL,
    -- What the patient was to pay: out of the own account, and in cash.
    own_fen     bigint      NOT NULL CHECK (own_fen >= 0),
    cash_fen    bigint      NOT NULL CHECK (cash_fen >= 0),
    quoted_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT quote_lasts CHECK (expires_at > quoted_at)
);

CREATE INDEX quote_by_expiry ON quote (expires_at);
