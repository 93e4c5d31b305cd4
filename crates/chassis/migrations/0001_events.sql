-- What a service tells (outbox), what it was told (inbox, parked), and who may do either (lease).
--
-- Rows refer to each other by position or event id without foreign keys: these tables take every event of the
-- service on its hot path, and each of them is written by one module (chassis::outbox, chassis::inbox) that keeps
-- them in step within one statement. No statement asks the database for the time.

-- Every event, kept until all followers have confirmed it and the retention has passed.
--
-- The position is drawn while the caller holds the lock of what changed, so positions of one key follow its history.
-- Sequences hand them out one by one (CACHE 1): a cached block would let a later commit draw an earlier position.
-- It orders; it is never a cursor: a row may commit after one with a higher position.
CREATE TABLE outbox (
    position     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id     uuid        NOT NULL,
    subject      text        NOT NULL CHECK (subject <> ''),
    key          text        NOT NULL,
    body         bytea       NOT NULL,
    occurred_at  timestamptz NOT NULL,
    trace_parent text
) WITH (autovacuum_vacuum_scale_factor = 0.02);

-- The set of events that are not in the stream: a row comes with its event and goes when the stream has it.
-- Small and busy: its garbage is collected every few thousand rows, whatever share of the table that is.
CREATE TABLE outbox_pending (
    position bigint  PRIMARY KEY,
    key      text    NOT NULL,
    -- The stream had it and lost it. It goes again without a message id: a server that still remembers the id
    -- would call it a duplicate of a message it no longer has.
    lost     boolean NOT NULL DEFAULT false
) WITH (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 50000,
    autovacuum_vacuum_cost_delay = 0
);

-- Where in which stream each published event is. Rows are added and removed, never changed.
-- An event is in outbox_pending or here, never in both.
CREATE TABLE outbox_published (
    incarnation  bigint      NOT NULL,
    sequence     bigint      NOT NULL CHECK (sequence > 0),
    position     bigint      NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (incarnation, sequence)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

-- The streams this service has published to, one row for each time the broker made the stream anew.
CREATE TABLE outbox_stream (
    -- When the broker made it, in nanoseconds since 1970: two streams of one name differ in it.
    incarnation   bigint      PRIMARY KEY,
    -- Grows when the stream lost its end, so that followers that had read further start again.
    generation    bigint      NOT NULL CHECK (generation > 0),
    last_sequence bigint      NOT NULL CHECK (last_sequence >= 0),
    -- Whether it is the one that is published to now.
    current       boolean     NOT NULL,
    audited_at    timestamptz NOT NULL
);

CREATE UNIQUE INDEX outbox_stream_current ON outbox_stream (current) WHERE current;

-- How far each follower has confirmed each stream. A follower that was ever seen counts until it is forgotten.
CREATE TABLE outbox_follower (
    durable     text        NOT NULL,
    incarnation bigint      NOT NULL,
    floor       bigint      NOT NULL CHECK (floor >= 0),
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (durable, incarnation)
);

-- The events a consumer is done with: the truth about "done".
CREATE TABLE inbox (
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    handled_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, event_id)
);

-- What the sweep finds the old ones by.
CREATE INDEX inbox_handled_at ON inbox (handled_at);

-- How many lives of the process began to handle an event and ended without an outcome.
CREATE TABLE inbox_attempt (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    lives    integer NOT NULL CHECK (lives > 0),
    PRIMARY KEY (consumer, event_id)
);

-- Events that could not be handled, with all that is needed to understand them and to handle them again.
CREATE TABLE parked (
    consumer            text        NOT NULL,
    event_id            uuid        NOT NULL,
    -- Whose stream it came from.
    source              text        NOT NULL,
    subject             text        NOT NULL,
    key                 text        NOT NULL,
    payload             bytea       NOT NULL,
    headers             jsonb       NOT NULL,
    occurred_at         timestamptz NOT NULL,
    trace_parent        text,
    reason              text        NOT NULL CHECK (reason IN ('refused', 'unreadable', 'too old', 'handler died')),
    error_chain         text[]      NOT NULL CHECK (cardinality(error_chain) > 0),
    parked_at           timestamptz NOT NULL,
    replay_requested_at timestamptz,
    replayed_at         timestamptz CHECK (replayed_at IS NULL OR replay_requested_at IS NOT NULL),
    PRIMARY KEY (consumer, event_id)
);

CREATE INDEX parked_open ON parked (parked_at) WHERE replayed_at IS NULL;
CREATE INDEX parked_replay ON parked (consumer, source) WHERE replayed_at IS NULL AND replay_requested_at IS NOT NULL;

-- Work that one process at a time may do. Whoever sees neither a new token nor a renewal for as long as the work
-- allows may take it over: no clocks are compared, only the watcher's own patience counts.
CREATE TABLE lease (
    name     text    PRIMARY KEY,
    holder   text    NOT NULL,
    token    bigint  NOT NULL CHECK (token > 0),
    renewals bigint  NOT NULL CHECK (renewals >= 0),
    released boolean NOT NULL
) WITH (fillfactor = 20);
