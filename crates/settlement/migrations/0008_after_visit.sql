-- Bills that are deducted after the visit: accepted first, deducted as money and permissions come, given up after a while.

CREATE TABLE deferral (
    settlement_id     uuid        PRIMARY KEY,
    patient_person_id uuid        NOT NULL,
    state             text        NOT NULL CHECK (state IN ('OPEN', 'DONE', 'GIVEN_UP', 'CANCELLED')),
    -- What the patient wished for, for every later plan.
    without_aid       boolean     NOT NULL,
    chosen_binding_id uuid,
    accepted_at       timestamptz NOT NULL,
    -- When it is looked at again although nobody told of money or permission: limits begin anew, bindings take effect.
    look_again_at     timestamptz NOT NULL,
    give_up_at        timestamptz NOT NULL,
    -- How often something was taken.
    deductions        smallint    NOT NULL CHECK (deductions >= 0),
    closed_at         timestamptz,
    -- The settlement as it is now, encoded as its answer was.
    shown             bytea       NOT NULL,
    CONSTRAINT deferral_is_closed_at_a_time CHECK ((state = 'OPEN') = (closed_at IS NULL)),
    CONSTRAINT deferral_is_given_up_in_time CHECK (
        give_up_at > accepted_at AND look_again_at <= give_up_at AND (state <> 'GIVEN_UP' OR closed_at >= give_up_at))
) WITH (fillfactor = 70);

-- Whom money or permission may help, and what the sweep takes up.
CREATE INDEX deferral_waiting ON deferral (patient_person_id) WHERE state = 'OPEN';
CREATE INDEX deferral_due ON deferral (look_again_at) WHERE state = 'OPEN';
CREATE INDEX enforced_by_contributor ON enforced (contributor_account_id) WHERE NOT fenced_for_ever;

-- What was taken at one moment; its legs are those from first_leg to last_leg of the settlement.
CREATE TABLE deduction (
    settlement_id uuid        NOT NULL,
    deduction_no  smallint    NOT NULL CHECK (deduction_no > 0),
    deducted_at   timestamptz NOT NULL,
    own_fen       bigint      NOT NULL CHECK (own_fen >= 0),
    aid_fen       bigint      NOT NULL CHECK (aid_fen >= 0),
    first_leg     smallint    NOT NULL CHECK (first_leg > 0),
    last_leg      smallint    NOT NULL,
    -- The versions of the rule packs it was decided under.
    rules         text[]      NOT NULL,
    PRIMARY KEY (settlement_id, deduction_no),
    CONSTRAINT deduction_takes_something CHECK (own_fen + aid_fen > 0 AND last_leg >= first_leg)
);
