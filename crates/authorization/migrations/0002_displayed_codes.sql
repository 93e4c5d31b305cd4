-- Codes that somebody shows for a relative (亲情账户).

-- The display links under which codes were ever shown or that are known to have ended. The row is the lock on which issuing
-- a code and the end of its link meet.
CREATE TABLE shown_link (
    display_link_id UUID PRIMARY KEY,
    ended_at        TIMESTAMPTZ
);

ALTER TABLE credential
    -- The link it is shown under; none for the patient's own.
    ADD COLUMN display_link_id UUID REFERENCES shown_link,
    -- It pays at a counter only, where the patient is present.
    ADD COLUMN counter_only BOOLEAN NOT NULL DEFAULT FALSE,
    -- The link ended while the code was good: from then on it is as good as expired.
    ADD COLUMN withdrawn_at TIMESTAMPTZ,
    ADD CONSTRAINT credential_shown_under_a_link
        CHECK ((display_link_id IS NULL) = (presenter_person_id = person_id)),
    ADD CONSTRAINT credential_own_is_good_anywhere
        CHECK (display_link_id IS NOT NULL OR (NOT counter_only AND withdrawn_at IS NULL));

CREATE INDEX credential_by_link ON credential (display_link_id) WHERE display_link_id IS NOT NULL;
