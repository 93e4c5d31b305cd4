-- Aid bindings: who may spend whose money.

CREATE TABLE binding (
    binding_id          uuid        PRIMARY KEY,
    version             bigint      NOT NULL CHECK (version > 0),
    state               text        NOT NULL CHECK (state IN ('PENDING_CONFIRM', 'BOUND', 'ENDING', 'ENDED', 'DECLINED')),
    contributor_person  uuid        NOT NULL,
    contributor_account uuid        NOT NULL,
    contributor_region  text        NOT NULL CHECK (contributor_region ~ '^[0-9]{6}$'),
    beneficiary_person  uuid        NOT NULL,
    beneficiary_account uuid        NOT NULL,
    beneficiary_region  text        NOT NULL CHECK (beneficiary_region ~ '^[0-9]{6}$'),
    -- What the beneficiary is to the contributor.
    relation            text        NOT NULL,
    -- The last day that was asked for; null asked for as long as the rules allow.
    asked_until         date,
    -- SHA-256 of the signed commitment.
    commitment          bytea       CHECK (octet_length(commitment) = 32),
    requested_at        timestamptz NOT NULL,
    -- The versions of the rule packs that the last decision was made under.
    rules               text[]      NOT NULL,
    bound_at            timestamptz,
    effective_from      timestamptz,
    valid_until         timestamptz,
    ending_at           timestamptz,
    ended_at            timestamptz,
    declined_at         timestamptz,

    CONSTRAINT binding_contributor FOREIGN KEY (contributor_account, contributor_person)
        REFERENCES enrolment (account_id, person_id),
    CONSTRAINT binding_beneficiary FOREIGN KEY (beneficiary_account, beneficiary_person)
        REFERENCES enrolment (account_id, person_id),
    CONSTRAINT binding_two_people CHECK (contributor_person <> beneficiary_person),
    CONSTRAINT binding_dates CHECK (valid_until > effective_from AND effective_from >= bound_at),
    -- A binding that was agreed has its terms, whole; one that was not has none.
    CONSTRAINT binding_terms CHECK (
        (bound_at IS NULL) = (effective_from IS NULL) AND (valid_until IS NULL OR bound_at IS NOT NULL)
    ),
    CONSTRAINT binding_facts_of_state CHECK (
        CASE state
            WHEN 'PENDING_CONFIRM' THEN num_nonnulls(bound_at, ending_at, ended_at, declined_at) = 0
            WHEN 'DECLINED' THEN declined_at IS NOT NULL AND num_nonnulls(bound_at, ending_at, ended_at) = 0
            WHEN 'BOUND' THEN bound_at IS NOT NULL AND num_nonnulls(ending_at, ended_at, declined_at) = 0
            WHEN 'ENDING' THEN num_nulls(bound_at, ending_at) = 0 AND num_nonnulls(ended_at, declined_at) = 0
            -- Withdrawn before it was agreed, or agreed and then fenced.
            ELSE ended_at IS NOT NULL AND declined_at IS NULL AND (bound_at IS NULL) = (ending_at IS NULL)
        END
    )
);

-- Two people have at most one open binding in one direction.
CREATE UNIQUE INDEX binding_open ON binding (contributor_person, beneficiary_person)
    WHERE state IN ('PENDING_CONFIRM', 'BOUND', 'ENDING');
-- For counts: what a person is open in, in the other role.
CREATE INDEX binding_open_beneficiary ON binding (beneficiary_person)
    WHERE state IN ('PENDING_CONFIRM', 'BOUND', 'ENDING');
CREATE INDEX binding_expiry ON binding (valid_until) WHERE state = 'BOUND' AND valid_until IS NOT NULL;
-- For lists, newest first.
CREATE INDEX binding_by_contributor ON binding (contributor_person, binding_id);
CREATE INDEX binding_by_beneficiary ON binding (beneficiary_person, binding_id);

-- Every version of every binding, with who made it so; never changed, never deleted.
CREATE TABLE binding_change (
    binding_id     uuid        NOT NULL REFERENCES binding,
    version        bigint      NOT NULL,
    state          text        NOT NULL,
    rules          text[]      NOT NULL,
    bound_at       timestamptz,
    effective_from timestamptz,
    valid_until    timestamptz,
    ending_at      timestamptz,
    ended_at       timestamptz,
    declined_at    timestamptz,
    at             timestamptz NOT NULL,
    caller_role    text        NOT NULL,
    caller_subject text        NOT NULL,
    note           text        CHECK (char_length(note) BETWEEN 1 AND 200),
    trace          text,

    PRIMARY KEY (binding_id, version)
);

-- A request for bindings, by the key its client made. The row is the lock on which two attempts at one request meet.
CREATE TABLE binding_request (
    contributor_account uuid        NOT NULL REFERENCES enrolment,
    request_id          text        NOT NULL CHECK (char_length(request_id) BETWEEN 1 AND 64),
    -- Keyed digests of what was asked: it may name people by ID number. One for the whole, one per member.
    commitment          bytea,
    members             bytea[]     NOT NULL,
    requested_at        timestamptz NOT NULL,
    caller_role         text        NOT NULL,
    caller_subject      text        NOT NULL,
    trace               text,

    PRIMARY KEY (contributor_account, request_id)
);

-- What was answered, member by member: a binding (as it was then, version 1), or a refusal.
CREATE TABLE binding_answer (
    contributor_account uuid    NOT NULL,
    request_id          text    NOT NULL,
    member              integer NOT NULL CHECK (member >= 0),
    binding_id          uuid    REFERENCES binding,
    reason              text,
    about               text,

    PRIMARY KEY (contributor_account, request_id, member),
    FOREIGN KEY (contributor_account, request_id) REFERENCES binding_request,
    CHECK ((binding_id IS NULL) <> (reason IS NULL)),
    CHECK (about IS NULL OR reason IS NOT NULL)
);
