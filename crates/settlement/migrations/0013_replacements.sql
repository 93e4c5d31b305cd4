-- Bills that took the place of others. An institution that cannot give a part back takes the whole bill back and settles what is left
-- anew: both in one transaction, or neither.

-- Of which settlement a refund is, for whoever names both.
ALTER TABLE refund ADD CONSTRAINT refund_of_its_settlement UNIQUE (refund_id, settlement_id);

CREATE TABLE replacement (
    -- The bill that stands.
    settlement_id   uuid PRIMARY KEY REFERENCES settlement,
    -- The one it took the place of, and what took that one back.
    replaces        uuid NOT NULL UNIQUE REFERENCES settlement,
    cancellation_id uuid NOT NULL UNIQUE,
    CONSTRAINT replacement_is_of_another CHECK (settlement_id <> replaces),
    CONSTRAINT replacement_takes_back_what_it_replaces
        FOREIGN KEY (cancellation_id, replaces) REFERENCES refund (refund_id, settlement_id)
);

CREATE TRIGGER replacement_is_for_ever BEFORE UPDATE OR DELETE ON replacement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER replacement_is_not_emptied BEFORE TRUNCATE ON replacement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
