-- Erasing a person, what follows from the end of an enrolment, and who looked at whose data.

ALTER TABLE person_change
    DROP CONSTRAINT person_change_facts_check,
    -- Why, where staff of the agency did it.
    ADD COLUMN note text CHECK (char_length(note) BETWEEN 1 AND 200),
    ADD CONSTRAINT person_change_facts CHECK (facts <@ ARRAY['PERSON', 'PHONE', 'CARD', 'ERASED']),
    ADD CONSTRAINT person_change_erasure_has_its_reason CHECK (NOT facts @> ARRAY['ERASED'] OR note IS NOT NULL);

-- Enrolments that ended and whose bindings are still to be looked at. Written with the end, deleted when nothing is left.
CREATE TABLE enrolment_ended (
    account_id uuid        PRIMARY KEY REFERENCES enrolment,
    at         timestamptz NOT NULL
);

CREATE INDEX enrolment_ended_at ON enrolment_ended (at);
CREATE INDEX binding_open_account ON binding (contributor_account)
    WHERE state IN ('PENDING_CONFIRM', 'PENDING_REVIEW', 'BOUND');
CREATE INDEX binding_open_aided_account ON binding (beneficiary_account)
    WHERE state IN ('PENDING_CONFIRM', 'PENDING_REVIEW', 'BOUND');

-- Who looked at whose data; never changed, never deleted. Nobody's look at their own data is here.
CREATE TABLE person_read (
    read_id        uuid        PRIMARY KEY,
    person_id      uuid        NOT NULL,
    at             timestamptz NOT NULL,
    what           text        NOT NULL CHECK (what IN ('PERSON', 'BINDING', 'BINDINGS', 'DISPLAY_LINK', 'DISPLAY_LINKS')),
    caller_role    text        NOT NULL,
    caller_subject text        NOT NULL,
    trace          text
);

CREATE INDEX person_read_by_person ON person_read (person_id, read_id);
