-- What people were told. Times are UTC; SQL never asks for the time.

-- One row per person who was ever told something: it hands out the person's sequence numbers. Because the row stays locked
-- until the notices are committed, a person's notices become visible in the order of their numbers, and whoever reads on
-- from a number misses none.
CREATE TABLE notice_counter (
    person_id     UUID   NOT NULL,
    last_sequence BIGINT NOT NULL,
    CONSTRAINT notice_counter_pkey PRIMARY KEY (person_id),
    CONSTRAINT notice_counter_counts CHECK (last_sequence > 0)
) WITH (fillfactor = 70);

-- `params` holds person ids and amounts in fen, never a name: the words are made when it is read.
-- `notice_id` has no index of its own: nothing is looked up by it, and every index is paid for by every charge.
CREATE TABLE notice (
    person_id    UUID        NOT NULL,
    sequence     BIGINT      NOT NULL,
    notice_id    UUID        NOT NULL,
    event_id     UUID        NOT NULL,
    template     TEXT        NOT NULL,
    params       JSONB       NOT NULL,
    subject_id   TEXT        NOT NULL,
    happened_at  TIMESTAMPTZ NOT NULL,
    stored_at    TIMESTAMPTZ NOT NULL,
    read_at      TIMESTAMPTZ,
    sandbox      BOOLEAN     NOT NULL,
    -- The trace of the request that caused it: from a complaint to the logs.
    trace_parent TEXT,
    CONSTRAINT notice_pkey PRIMARY KEY (person_id, sequence),
    -- A redelivered event tells nobody twice, whatever happened to the inbox.
    CONSTRAINT notice_told_once UNIQUE (event_id, person_id, template),
    CONSTRAINT notice_sequence_counts CHECK (sequence > 0),
    CONSTRAINT notice_params_are_fields CHECK (jsonb_typeof(params) = 'object'),
    CONSTRAINT notice_read_after_stored CHECK (read_at IS NULL OR read_at >= stored_at)
);
