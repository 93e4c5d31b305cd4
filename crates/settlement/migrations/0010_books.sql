-- The seal on the ledger: every committed batch of the writer is a block of its lane, with a hash over what the batch wrote and over the
-- block before it. What is sealed and how it is encoded is in src/seal.rs; `gongji verify` derives all of it again.

-- Where each chain ends. A writer's lane holds one of these rows for as long as its connection lives, and locks it last of all.
CREATE TABLE lane (
    lane   smallint PRIMARY KEY CHECK (lane > 0),
    height bigint   NOT NULL DEFAULT 0 CHECK (height >= 0),
    hash   bytea    NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(hash) = 32),
    CONSTRAINT lane_begins_with_zeros CHECK ((height = 0) = (hash = decode(repeat('00', 32), 'hex')))
) WITH (fillfactor = 20);

-- A chain cannot fork: neither two blocks at one height nor two blocks upon one.
CREATE TABLE block (
    lane        smallint    NOT NULL REFERENCES lane,
    height      bigint      NOT NULL CHECK (height > 0),
    -- The hash of the block before; zeros for the first.
    previous    bytea       NOT NULL CHECK (length(previous) = 32),
    hash        bytea       NOT NULL CHECK (length(hash) = 32),
    -- The hash of what the batch wrote, and how many rows that is.
    entries     bytea       NOT NULL CHECK (length(entries) = 32),
    movements   integer     NOT NULL CHECK (movements >= 0),
    settlements integer     NOT NULL CHECK (settlements >= 0),
    refunds     integer     NOT NULL CHECK (refunds >= 0),
    posted_at   timestamptz NOT NULL,
    PRIMARY KEY (lane, height),
    CONSTRAINT block_follows_once UNIQUE (lane, previous),
    CONSTRAINT block_begins_with_zeros CHECK ((height = 1) = (previous = decode(repeat('00', 32), 'hex'))),
    CONSTRAINT block_holds_something CHECK (movements + settlements + refunds > 0)
);

-- Blocks are read with what they hold by the time they were posted. A summary per few pages costs a write nothing.
CREATE INDEX movement_by_time ON movement USING brin (posted_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX settlement_by_time ON settlement USING brin (settled_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX refund_by_time ON refund USING brin (refunded_at) WITH (pages_per_range = 16, autosummarize = on);

-- What was posted stays as it was posted. The service owns its tables, so this is a guard against mistakes; against intent there is
-- the chain.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed: correct them by an opposite movement', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER movement_is_for_ever BEFORE UPDATE OR DELETE ON movement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- A partition that is emptied by its own name does not ask its parent: each has a trigger of its own (0004_movements.sql).
CREATE TRIGGER movement_is_not_emptied BEFORE TRUNCATE ON movement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER movement_is_not_emptied BEFORE TRUNCATE ON movement_default
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER block_is_for_ever BEFORE UPDATE OR DELETE ON block
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER block_is_not_emptied BEFORE TRUNCATE ON block
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Of a settlement and its legs everything that is sealed; what was given back since is not.
CREATE TRIGGER settlement_is_for_ever BEFORE DELETE OR UPDATE OF
    settlement_id, institution, msgid, outcome, decline_reason, patient_person_id, patient_account_id, usage, total_fen, pooled_fen,
    rules, settled_at, sandbox, answer, lane, height
    ON settlement FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Who pays what the fund left of a bill is decided with it, unless it is deducted after the visit: then only the sum is.
CREATE FUNCTION refuse_change_of_the_split() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM deferral WHERE deferral.settlement_id = OLD.settlement_id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'who paid a bill is never changed: correct it by an opposite movement'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER settlement_is_split_once BEFORE UPDATE OF own_fen, aid_fen, cash_fen, open_fen
    ON settlement FOR EACH ROW EXECUTE FUNCTION refuse_change_of_the_split();
CREATE TRIGGER settlement_is_not_emptied BEFORE TRUNCATE ON settlement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER leg_is_for_ever BEFORE DELETE OR UPDATE OF
    settlement_id, leg_no, kind, account_id, person_id, bucket, amount_fen, binding_id, mandate_version, medical_year, limit_day,
    limit_year, movement_id
    ON leg FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER leg_is_not_emptied BEFORE TRUNCATE ON leg
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_is_for_ever BEFORE UPDATE OR DELETE ON refund
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refund_is_not_emptied BEFORE TRUNCATE ON refund
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A lane goes forward, one block at a time.
CREATE FUNCTION lane_goes_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.lane <> OLD.lane OR NEW.height <> OLD.height + 1 THEN
        RAISE EXCEPTION 'a lane goes forward by one block at a time'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER lane_goes_forward BEFORE UPDATE OR DELETE ON lane
    FOR EACH ROW EXECUTE FUNCTION lane_goes_forward();
