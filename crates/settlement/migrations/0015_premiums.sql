-- Premiums of the residents' insurance that contributors pay: which year of whom is paid, and by which settlement. A row is written
-- and taken back under the lock of the insured person's account, in the transaction that moves the money.

CREATE TABLE premium (
    settlement_id         uuid        PRIMARY KEY,
    person_id             uuid        NOT NULL,
    -- The insurance year that it is for, whenever it is paid.
    premium_year          smallint    NOT NULL CHECK (premium_year BETWEEN 2000 AND 9999),
    contributor_person_id uuid        NOT NULL CHECK (contributor_person_id <> person_id),
    -- What the sender calls the list and the row in it.
    batch_id              text        NOT NULL CHECK (length(batch_id) BETWEEN 1 AND 100),
    row_id                text        NOT NULL CHECK (length(row_id) BETWEEN 1 AND 50),
    paid_at               timestamptz NOT NULL,
    -- When the last of it went back: the year is unpaid again.
    taken_back_at         timestamptz,
    CONSTRAINT premium_is_taken_back_later CHECK (taken_back_at >= paid_at)
);

-- A year is paid once, whoever pays it.
CREATE UNIQUE INDEX premium_is_paid_once ON premium (person_id, premium_year) WHERE taken_back_at IS NULL;

-- An agency collects premiums; it is no place of treatment.
ALTER TABLE institution DROP CONSTRAINT institution_kind_check;
ALTER TABLE institution ADD CONSTRAINT institution_kind_check CHECK (kind IN ('HOSPITAL', 'PHARMACY', 'AGENCY'));
