-- Notices that could not be put into words. They stay where they are, and are shown with neutral words until they can be said.
CREATE TABLE notice_parked (
    person_id UUID        NOT NULL,
    sequence  BIGINT      NOT NULL,
    reason    TEXT        NOT NULL,
    detail    TEXT        NOT NULL,
    parked_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT notice_parked_pkey PRIMARY KEY (person_id, sequence),
    CONSTRAINT notice_parked_is_a_notice FOREIGN KEY (person_id, sequence) REFERENCES notice (person_id, sequence) ON DELETE CASCADE,
    CONSTRAINT notice_parked_reason CHECK (reason IN ('NOTICE_UNREADABLE', 'TEMPLATE_FAILED'))
);

CREATE INDEX notice_parked_oldest ON notice_parked (parked_at, person_id, sequence);
