-- Where and when a mandate may be used: part of the copy that charges are decided on.
ALTER TABLE enforced
    -- Empty: every kind of institution.
    ADD COLUMN mandate_kinds        text[] NOT NULL DEFAULT '{}',
    -- By fixmedins_code; empty: all.
    ADD COLUMN mandate_institutions text[] NOT NULL DEFAULT '{}',
    -- Business days, both included; null is no bound.
    ADD COLUMN mandate_from         date,
    ADD COLUMN mandate_until        date,
    ADD CONSTRAINT enforced_mandate_kinds_are_known CHECK (mandate_kinds <@ ARRAY ['HOSPITAL', 'PHARMACY', 'AGENCY']),
    ADD CONSTRAINT enforced_mandate_ends_after_it_begins CHECK (mandate_from <= mandate_until);
