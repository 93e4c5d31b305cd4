-- Bindings that the agency reviews, and invitations that expire.

ALTER TABLE binding
    -- Until when the other side may answer; null is for ever.
    ADD COLUMN confirm_by timestamptz,
    DROP CONSTRAINT binding_state_check,
    DROP CONSTRAINT binding_facts_of_state,
    ADD CONSTRAINT binding_state_check CHECK (state IN (
        'PENDING_CONFIRM', 'PENDING_REVIEW', 'BOUND', 'ENDING', 'ENDED', 'DECLINED', 'EXPIRED', 'REJECTED')),
    ADD CONSTRAINT binding_facts_of_state CHECK (
        CASE state
            WHEN 'PENDING_CONFIRM' THEN num_nonnulls(bound_at, ending_at, ended_at, declined_at) = 0
            WHEN 'PENDING_REVIEW' THEN num_nonnulls(bound_at, ending_at, ended_at, declined_at) = 0
            WHEN 'DECLINED' THEN declined_at IS NOT NULL AND num_nonnulls(bound_at, ending_at, ended_at) = 0
            -- Nobody answered in time.
            WHEN 'EXPIRED' THEN num_nulls(declined_at, confirm_by) = 0 AND declined_at >= confirm_by
                AND num_nonnulls(bound_at, ending_at, ended_at) = 0
            -- The agency did not approve it.
            WHEN 'REJECTED' THEN declined_at IS NOT NULL AND num_nonnulls(bound_at, ending_at, ended_at) = 0
            WHEN 'BOUND' THEN bound_at IS NOT NULL AND num_nonnulls(ending_at, ended_at, declined_at) = 0
            WHEN 'ENDING' THEN num_nulls(bound_at, ending_at) = 0 AND num_nonnulls(ended_at, declined_at) = 0
            -- Withdrawn before it was agreed, or agreed and then fenced.
            ELSE ended_at IS NOT NULL AND declined_at IS NULL AND (bound_at IS NULL) = (ending_at IS NULL)
        END
    );

DROP INDEX binding_open;
CREATE UNIQUE INDEX binding_open ON binding (contributor_person, beneficiary_person)
    WHERE state IN ('PENDING_CONFIRM', 'PENDING_REVIEW', 'BOUND', 'ENDING');
DROP INDEX binding_open_beneficiary;
CREATE INDEX binding_open_beneficiary ON binding (beneficiary_person)
    WHERE state IN ('PENDING_CONFIRM', 'PENDING_REVIEW', 'BOUND', 'ENDING');
CREATE INDEX binding_unanswered ON binding (confirm_by) WHERE state = 'PENDING_CONFIRM' AND confirm_by IS NOT NULL;
-- For the agency's list, oldest first.
CREATE INDEX binding_in_review ON binding (binding_id) WHERE state = 'PENDING_REVIEW';

-- What a statement of kinship was backed by, beside the signed commitment: hashes, never documents.
CREATE TABLE binding_proof (
    binding_id     uuid        NOT NULL REFERENCES binding,
    kind           text        NOT NULL CHECK (kind IN ('HOUSEHOLD_PAGE', 'MARRIAGE_CHECK', 'FACE')),
    digest         bytea       NOT NULL CHECK (octet_length(digest) = 32),
    at             timestamptz NOT NULL,
    caller_role    text        NOT NULL,
    caller_subject text        NOT NULL,
    trace          text,

    PRIMARY KEY (binding_id, kind)
);
