-- People and their enrolments.
--
-- What identifies a human being is sealed with a key of that person's own, or kept as a keyed digest (blind index).
-- No column of this database holds a name, an ID number, a phone number or a card number in plain text: the first
-- row that did would stay in the write-ahead log and in every backup.

CREATE TABLE person (
    person_id   uuid        PRIMARY KEY,
    cert_type   text        NOT NULL CHECK (cert_type ~ '^[0-9A-Za-z]{1,6}$'),
    -- The person's own key, wrapped by a key of the key file, and what it seals. Erasing a person empties these.
    data_key    bytea,
    cert_index  bytea,
    cert_no     bytea,
    name        bytea,
    phone       bytea,
    card_index  bytea,
    card        bytea,
    -- Test data of a vendor: set at the first import and never changed.
    sandbox     boolean     NOT NULL,
    imported_at timestamptz NOT NULL,
    erased_at   timestamptz,

    CONSTRAINT person_cert_index_key UNIQUE (cert_index),
    CONSTRAINT person_card_index_key UNIQUE (card_index),
    CONSTRAINT person_card_indexed CHECK ((card IS NULL) = (card_index IS NULL)),
    CONSTRAINT person_sealed_or_erased CHECK (
        CASE WHEN erased_at IS NULL
            THEN num_nulls(data_key, cert_index, cert_no, name) = 0
            ELSE num_nonnulls(data_key, cert_index, cert_no, name, phone, card_index, card) = 0
        END
    )
);

-- Whose a region's number for a person (psn_no) is. A number never moves to somebody else.
CREATE TABLE person_number (
    region    text NOT NULL CHECK (region ~ '^[0-9]{6}$'),
    person_no text NOT NULL CHECK (person_no ~ '^[0-9A-Za-z_-]{1,30}$'),
    person_id uuid NOT NULL REFERENCES person,

    PRIMARY KEY (region, person_no),
    CONSTRAINT person_number_owner UNIQUE (region, person_no, person_id)
);

-- One enrolment: a person in a scheme of a region, and the personal account that belongs to it.
CREATE TABLE enrolment (
    account_id uuid   PRIMARY KEY,
    person_id  uuid   NOT NULL,
    region     text   NOT NULL,
    person_no  text   NOT NULL,
    scheme     text   NOT NULL CHECK (scheme IN ('EMPLOYEE', 'RESIDENT')),
    kind       text   NOT NULL,
    standing   text   NOT NULL CHECK (standing IN ('NORMAL', 'PAUSED', 'TERMINATED')),
    version    bigint NOT NULL CHECK (version > 0),

    CONSTRAINT enrolment_key UNIQUE (region, person_no, scheme),
    CONSTRAINT enrolment_owner UNIQUE (account_id, person_id),
    CONSTRAINT enrolment_number FOREIGN KEY (region, person_no, person_id)
        REFERENCES person_number (region, person_no, person_id),
    CONSTRAINT enrolment_kind CHECK (
        CASE scheme WHEN 'EMPLOYEE' THEN kind IN ('WORKING', 'RETIRED') ELSE kind = 'RESIDENT' END
    )
);

CREATE INDEX enrolment_person ON enrolment (person_id);

-- Who did what to whom and when; never changed, never deleted. Says which facts changed, not what they are.
CREATE TABLE person_change (
    person_id      uuid        NOT NULL REFERENCES person,
    at             timestamptz NOT NULL,
    facts          text[]      NOT NULL CHECK (facts <@ ARRAY['PERSON', 'PHONE', 'CARD']),
    caller_role    text        NOT NULL,
    caller_subject text        NOT NULL,
    trace          text
);

CREATE INDEX person_change_person ON person_change (person_id, at);

CREATE TABLE enrolment_change (
    account_id     uuid        NOT NULL REFERENCES enrolment,
    version        bigint      NOT NULL,
    kind           text        NOT NULL,
    standing       text        NOT NULL,
    at             timestamptz NOT NULL,
    caller_role    text        NOT NULL,
    caller_subject text        NOT NULL,
    trace          text,

    PRIMARY KEY (account_id, version)
);
