-- An operator looks after what waits in suspense, and says what became of it. The money itself leaves suspense outside of these books
-- (it is paid out by hand, to heirs for example): the task says how.
ALTER TABLE refund_task
    ADD COLUMN closed_by text,
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN note      text CHECK (length(note) BETWEEN 1 AND 200),
    ADD CONSTRAINT refund_task_is_closed_by_somebody CHECK (
        (closed_by IS NULL) = (closed_at IS NULL) AND (closed_by IS NULL) = (note IS NULL)),
    ADD CONSTRAINT refund_task_is_closed_after_it_was_opened CHECK (closed_at >= opened_at);

CREATE INDEX refund_task_open ON refund_task (task_id) WHERE closed_at IS NULL;

-- A task is closed once; nothing else of it changes, and none is removed.
CREATE FUNCTION refuse_change_of_a_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.closed_at IS NULL
        AND (OLD.task_id, OLD.settlement_id, OLD.refund_id, OLD.account_id, OLD.bucket, OLD.amount_fen, OLD.why, OLD.sandbox, OLD.opened_at)
          = (NEW.task_id, NEW.settlement_id, NEW.refund_id, NEW.account_id, NEW.bucket, NEW.amount_fen, NEW.why, NEW.sandbox, NEW.opened_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a task is closed once and changes in nothing else'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER refund_task_is_closed_once BEFORE UPDATE OR DELETE ON refund_task
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_a_task();
