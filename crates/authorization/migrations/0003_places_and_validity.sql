-- Where and when a mandate may be used, beside what for. Days are business days, both ends included.
ALTER TABLE mandate
    -- Empty is every kind of institution.
    ADD COLUMN kinds        TEXT[] NOT NULL DEFAULT '{}',
    -- By fixmedins_code; empty is all.
    ADD COLUMN institutions TEXT[] NOT NULL DEFAULT '{}',
    -- From the beginning of the binding where null.
    ADD COLUMN valid_from   DATE,
    -- As long as the binding where null.
    ADD COLUMN valid_until  DATE,
    ADD CONSTRAINT mandate_kinds_are_known CHECK (kinds <@ ARRAY ['HOSPITAL', 'PHARMACY', 'AGENCY']),
    ADD CONSTRAINT mandate_institutions_are_few
        CHECK (cardinality(institutions) <= 50 AND array_position(institutions, NULL) IS NULL),
    ADD CONSTRAINT mandate_ends_after_it_begins CHECK (valid_from <= valid_until);

ALTER TABLE mandate_version
    ADD COLUMN kinds        TEXT[] NOT NULL DEFAULT '{}',
    ADD COLUMN institutions TEXT[] NOT NULL DEFAULT '{}',
    ADD COLUMN valid_from   DATE,
    ADD COLUMN valid_until  DATE;
