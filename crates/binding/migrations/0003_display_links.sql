-- Display links (亲情账户): who may show whose insurance code. No amount and no account appears here.

-- Whose e-credential is activated, since when, and by what evidence (a hash).
CREATE TABLE credential_activation (
    person_id      uuid        PRIMARY KEY REFERENCES person,
    activated_at   timestamptz NOT NULL,
    evidence       text        NOT NULL CHECK (evidence IN (
        'FACE', 'HOUSEHOLD_PAGE', 'ID_PHOTOS', 'BIRTH_CERTIFICATE', 'BOTH_HOUSEHOLD_PAGES', 'NOTARISED_RELATION')),
    digest         bytea       NOT NULL CHECK (octet_length(digest) = 32),
    caller_role    text        NOT NULL,
    caller_subject text        NOT NULL,
    trace          text
);

CREATE TABLE display_link (
    display_link_id uuid        PRIMARY KEY,
    version         bigint      NOT NULL CHECK (version > 0),
    state           text        NOT NULL CHECK (state IN ('REQUESTED', 'IN_REVIEW', 'ACTIVE', 'ENDED', 'REJECTED')),
    -- Who shows the code, and whose it is.
    binder          uuid        NOT NULL REFERENCES person,
    relative        uuid        NOT NULL REFERENCES person,
    -- SHA-256 of the signed notice.
    commitment      bytea       NOT NULL CHECK (octet_length(commitment) = 32),
    presence        text        NOT NULL CHECK (presence IN ('COUNTER', 'ANYWHERE')),
    rules           text[]      NOT NULL,
    requested_at    timestamptz NOT NULL,
    -- What was handed in: its kind, its SHA-256, when and by whom.
    evidence        text        CHECK (evidence IN (
        'FACE', 'HOUSEHOLD_PAGE', 'ID_PHOTOS', 'BIRTH_CERTIFICATE', 'BOTH_HOUSEHOLD_PAGES', 'NOTARISED_RELATION')),
    digest          bytea       CHECK (octet_length(digest) = 32),
    proven_at       timestamptz,
    proven_by_role  text,
    proven_by       text,
    active_since    timestamptz,
    ended_at        timestamptz,
    rejected_at     timestamptz,

    CONSTRAINT display_link_two_people CHECK (binder <> relative),
    CONSTRAINT display_link_proof_whole CHECK (
        num_nonnulls(evidence, digest, proven_at, proven_by_role, proven_by) IN (0, 5)
    ),
    CONSTRAINT display_link_dates CHECK (active_since >= proven_at AND proven_at >= requested_at AND ended_at >= requested_at),
    CONSTRAINT display_link_facts_of_state CHECK (
        CASE state
            WHEN 'REQUESTED' THEN num_nonnulls(evidence, active_since, ended_at, rejected_at) = 0
            WHEN 'IN_REVIEW' THEN evidence IS NOT NULL AND num_nonnulls(active_since, ended_at, rejected_at) = 0
            WHEN 'ACTIVE' THEN num_nulls(evidence, active_since) = 0 AND num_nonnulls(ended_at, rejected_at) = 0
            WHEN 'REJECTED' THEN num_nulls(evidence, rejected_at) = 0 AND num_nonnulls(active_since, ended_at) = 0
            -- Taken back before it was active, or active once and then ended.
            ELSE ended_at IS NOT NULL AND rejected_at IS NULL AND (active_since IS NULL OR evidence IS NOT NULL)
        END
    )
);

-- Two people have at most one open link in one direction.
CREATE UNIQUE INDEX display_link_open ON display_link (binder, relative)
    WHERE state IN ('REQUESTED', 'IN_REVIEW', 'ACTIVE');
-- For counts.
CREATE INDEX display_link_of_month ON display_link (binder, active_since);
CREATE INDEX display_link_binders ON display_link (relative) WHERE state = 'ACTIVE';
-- For lists, newest first.
CREATE INDEX display_link_by_binder ON display_link (binder, display_link_id);
CREATE INDEX display_link_by_relative ON display_link (relative, display_link_id);

-- Every version of every link, with who made it so; never changed, never deleted.
CREATE TABLE display_link_change (
    display_link_id uuid        NOT NULL REFERENCES display_link,
    version         bigint      NOT NULL,
    state           text        NOT NULL,
    at              timestamptz NOT NULL,
    caller_role     text        NOT NULL,
    caller_subject  text        NOT NULL,
    note            text        CHECK (char_length(note) BETWEEN 1 AND 200),
    trace           text,

    PRIMARY KEY (display_link_id, version)
);
