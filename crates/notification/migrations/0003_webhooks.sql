-- Other machines that are told that there is a notice. No secret is stored: it is derived (crates/notification/src/webhook/sign.rs).
CREATE TABLE webhook_endpoint (
    endpoint_id      UUID        NOT NULL,
    url              TEXT        NOT NULL,
    -- The kinds of notices that are announced; none means all.
    kinds            TEXT[]      NOT NULL,
    generation       INTEGER     NOT NULL,
    previous_until   TIMESTAMPTZ,
    disabled_at      TIMESTAMPTZ,
    disabled_because TEXT,
    created_at       TIMESTAMPTZ NOT NULL,
    created_by       TEXT        NOT NULL,
    -- Attempts that failed in a row, and until when nothing is attempted because the endpoint has too much to do.
    failures         INTEGER     NOT NULL,
    rests_until      TIMESTAMPTZ,
    CONSTRAINT webhook_endpoint_pkey PRIMARY KEY (endpoint_id),
    -- Subscribing again is the same subscription.
    CONSTRAINT webhook_endpoint_url UNIQUE (url),
    CONSTRAINT webhook_endpoint_generation_counts CHECK (generation > 0),
    CONSTRAINT webhook_endpoint_failures_count CHECK (failures >= 0),
    CONSTRAINT webhook_endpoint_says_why CHECK ((disabled_at IS NULL) = (disabled_because IS NULL)),
    CONSTRAINT webhook_endpoint_reason CHECK (disabled_because IN ('BY_OPERATOR', 'GONE'))
);

-- One row per message that was not taken yet. One that was taken is deleted; one that is given up stays, with its reason.
-- `due_at` is when the next attempt is made; whoever makes it moves it on and leaves its lease there, and only the holder
-- of the lease can finish it.
CREATE TABLE webhook_delivery (
    endpoint_id UUID        NOT NULL,
    person_id   UUID        NOT NULL,
    sequence    BIGINT      NOT NULL,
    attempts    INTEGER     NOT NULL,
    due_at      TIMESTAMPTZ,
    lease       UUID,
    reason      TEXT,
    detail      TEXT,
    dead_at     TIMESTAMPTZ,
    CONSTRAINT webhook_delivery_pkey PRIMARY KEY (endpoint_id, person_id, sequence),
    CONSTRAINT webhook_delivery_of_an_endpoint FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoint (endpoint_id),
    CONSTRAINT webhook_delivery_of_a_notice FOREIGN KEY (person_id, sequence) REFERENCES notice (person_id, sequence),
    CONSTRAINT webhook_delivery_attempts_count CHECK (attempts >= 0),
    CONSTRAINT webhook_delivery_is_due_or_dead CHECK ((due_at IS NULL) = (dead_at IS NOT NULL)),
    CONSTRAINT webhook_delivery_dead_says_why CHECK (dead_at IS NULL OR (reason IS NOT NULL AND lease IS NULL)),
    CONSTRAINT webhook_delivery_reason CHECK (reason IN (
        'ADDRESS_REFUSED', 'NAME_UNKNOWN', 'CONNECTION_FAILED', 'TIMED_OUT', 'REDIRECTED', 'STATUS', 'MESSAGE_TOO_LARGE'
    ))
);

CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_dead ON webhook_delivery (dead_at, endpoint_id, person_id, sequence) WHERE dead_at IS NOT NULL;
