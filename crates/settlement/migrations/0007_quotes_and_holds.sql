-- What was quoted, and what is set aside.

-- Written outside the writer and never changed. A quote that a crash loses is one that nobody can settle on, so its insert
-- does not wait for the disk. Swept some time after it expired.
CREATE TABLE quote (
    quote_id    uuid        PRIMARY KEY,
    institution text        NOT NULL,
    -- The fields of the bill that decide, so that another bill can be told what differs.
    request     jsonb       NOT NULL,
    -- What the patient was to pay: out of the own account, and in cash.
    own_fen     bigint      NOT NULL CHECK (own_fen >= 0),
    cash_fen    bigint      NOT NULL CHECK (cash_fen >= 0),
    quoted_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT quote_lasts CHECK (expires_at > quoted_at)
);

CREATE INDEX quote_by_expiry ON quote (expires_at);

-- Money set aside for one bill, on the accounts of one or several payers. A hold has no lock of its own: the patient's account
-- and those of its legs guard it. It is HELD until it ends, once; REJECTED holds nothing and is kept as the answer to its key.
CREATE TYPE hold_state AS ENUM ('HELD', 'CAPTURED', 'RELEASED', 'EXPIRED', 'REJECTED');

CREATE TABLE hold (
    hold_id            uuid        PRIMARY KEY,
    institution        text        NOT NULL,
    msgid              text        NOT NULL,
    state              hold_state  NOT NULL,
    patient_person_id  uuid        NOT NULL,
    patient_account_id uuid        NOT NULL,
    usage              text        NOT NULL,
    -- The bill it was placed for, what of it no account may pay, and what is set aside.
    total_fen          bigint      NOT NULL CHECK (total_fen > 0),
    cash_only_fen      bigint      NOT NULL CHECK (cash_only_fen >= 0),
    held_fen           bigint      NOT NULL CHECK (held_fen >= 0),
    placed_at          timestamptz NOT NULL,
    -- Judged under the lock, by the decision's clock.
    expires_at         timestamptz NOT NULL,
    sandbox            boolean     NOT NULL,
    -- The answer as it was given, encoded.
    answer             bytea       NOT NULL,

    ended_at           timestamptz,
    captured_fen       bigint      CHECK (captured_fen >= 0),
    settlement_id      uuid        CONSTRAINT hold_captured_once UNIQUE,
    -- The answer to its release.
    release_answer     bytea,

    CONSTRAINT hold_lasts CHECK (expires_at > placed_at),
    CONSTRAINT hold_is_within_its_bill CHECK (held_fen + cash_only_fen <= total_fen),
    CONSTRAINT hold_end_has_its_time CHECK ((state IN ('HELD', 'REJECTED')) = (ended_at IS NULL)),
    CONSTRAINT hold_capture_is_whole CHECK (
        (state = 'CAPTURED') = (settlement_id IS NOT NULL) AND (state = 'CAPTURED') = (captured_fen IS NOT NULL)),
    CONSTRAINT hold_captures_at_most_itself CHECK (captured_fen <= held_fen),
    CONSTRAINT hold_rejected_holds_nothing CHECK (state <> 'REJECTED' OR held_fen = 0)
) WITH (fillfactor = 90);

CREATE INDEX hold_by_expiry ON hold (expires_at) WHERE state = 'HELD';

CREATE TABLE hold_leg (
    hold_id         uuid     NOT NULL,
    leg_no          smallint NOT NULL CHECK (leg_no > 0),
    account_id      uuid     NOT NULL,
    person_id       uuid     NOT NULL,
    bucket          text     NOT NULL CHECK (bucket IN ('CURRENT', 'PRIOR')),
    amount_fen      bigint   NOT NULL CHECK (amount_fen > 0),
    captured_fen    bigint   NOT NULL DEFAULT 0,
    -- Aid only.
    binding_id      uuid,
    mandate_version bigint   CHECK (mandate_version > 0),
    -- The account's medical year when it was set aside: once the year has turned, the money is in the prior bucket.
    medical_year    smallint NOT NULL,
    -- Whether it still sets money aside: as long as its hold is HELD.
    is_open         boolean  NOT NULL DEFAULT true,
    PRIMARY KEY (hold_id, leg_no),
    CONSTRAINT hold_leg_captures_at_most_itself CHECK (captured_fen BETWEEN 0 AND amount_fen),
    CONSTRAINT hold_leg_captures_by_closing CHECK (captured_fen = 0 OR NOT is_open),
    CONSTRAINT hold_leg_aid_names_its_mandate CHECK ((binding_id IS NULL) = (mandate_version IS NULL))
) WITH (fillfactor = 90);

CREATE INDEX hold_leg_by_account ON hold_leg (account_id) WHERE is_open;
CREATE INDEX hold_leg_by_binding ON hold_leg (binding_id) WHERE is_open AND binding_id IS NOT NULL;

-- What all holds that were not ended yet set aside on the account, so that a bill looks at holds only where there are any.
-- One that has expired counts here until it is swept.
ALTER TABLE account ADD COLUMN held_fen bigint NOT NULL DEFAULT 0 CHECK (held_fen >= 0);

-- A hold begins HELD or REJECTED, and ends once: no other transition exists, and nothing else of it ever changes.
CREATE FUNCTION hold_moves_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state IN ('HELD', 'REJECTED') THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'a hold does not begin %', NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'DELETE' OR OLD.state <> 'HELD' OR NEW.state NOT IN ('CAPTURED', 'RELEASED', 'EXPIRED') THEN
        RAISE EXCEPTION 'hold % is % and stays so', OLD.hold_id, OLD.state USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.hold_id, NEW.institution, NEW.msgid, NEW.patient_person_id, NEW.patient_account_id, NEW.usage, NEW.total_fen,
        NEW.cash_only_fen, NEW.held_fen, NEW.placed_at, NEW.expires_at, NEW.sandbox, NEW.answer)
        IS DISTINCT FROM
       (OLD.hold_id, OLD.institution, OLD.msgid, OLD.patient_person_id, OLD.patient_account_id, OLD.usage, OLD.total_fen,
        OLD.cash_only_fen, OLD.held_fen, OLD.placed_at, OLD.expires_at, OLD.sandbox, OLD.answer) THEN
        RAISE EXCEPTION 'hold % only ends', OLD.hold_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER hold_moves_on BEFORE INSERT OR UPDATE OR DELETE ON hold FOR EACH ROW EXECUTE FUNCTION hold_moves_on();

-- A leg is closed once, with what was captured of it; it is never opened again.
CREATE FUNCTION hold_leg_closes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NOT OLD.is_open OR NEW.is_open
        OR (NEW.hold_id, NEW.leg_no, NEW.account_id, NEW.person_id, NEW.bucket, NEW.amount_fen, NEW.binding_id,
            NEW.mandate_version, NEW.medical_year)
           IS DISTINCT FROM
           (OLD.hold_id, OLD.leg_no, OLD.account_id, OLD.person_id, OLD.bucket, OLD.amount_fen, OLD.binding_id,
            OLD.mandate_version, OLD.medical_year) THEN
        RAISE EXCEPTION 'leg % of hold % only closes, once', OLD.leg_no, OLD.hold_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER hold_leg_closes BEFORE UPDATE OR DELETE ON hold_leg FOR EACH ROW EXECUTE FUNCTION hold_leg_closes();

-- Fences that are set and not told yet: a hold still sets money of their binding aside. The last one that ends tells them.
-- Guarded by the contributor's account.
CREATE TABLE fence_waiting (
    binding_id   uuid        NOT NULL,
    scope        text        NOT NULL CHECK (scope IN ('BINDING', 'MANDATE')),
    version      bigint      NOT NULL CHECK (version > 0),
    set_at       timestamptz NOT NULL,
    trace_parent text,
    PRIMARY KEY (binding_id, scope, version)
);
