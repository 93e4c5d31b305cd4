-- The ledger. One row is one movement from one ledger account to another, so it is balanced by construction,
-- also against hand-written SQL. Rows are never changed; a mistake is corrected by an opposite row.

CREATE TABLE movement (
    movement_id           uuid        NOT NULL,
    posted_at             timestamptz NOT NULL,
    -- Its place in the sealed chain (0010_books.sql): which lane, which block, and where in it.
    lane                  smallint    NOT NULL CHECK (lane > 0),
    height                bigint      NOT NULL CHECK (height > 0),
    position              integer     NOT NULL CHECK (position > 0),
    kind                  text        NOT NULL CHECK (kind IN (
        'ALLOCATION_ACTUAL', 'OPENING_BALANCE', 'CHARGE_OWN', 'CHARGE_AID', 'CANCEL_OWN', 'CANCEL_AID',
        'REFUND_OWN', 'REFUND_AID', 'REVERSAL_OWN', 'REVERSAL_AID',
        'PRE_ALLOCATION', 'PRE_TO_ACTUAL_ADJ', 'CLEARING_DELTA', 'YEAR_ROLLOVER', 'INTEREST', 'ACCOUNT_EXIT',
        'CORRECTION', 'FUND_PAY', 'CANCEL_FUND',
         'REFUND_FUND', 'REVERSAL_FUND')),
    debit                 text        NOT NULL CHECK (debit <> ''),
    credit                text        NOT NULL CHECK (credit <> ''),
    amount_fen            bigint      NOT NULL CHECK (amount_fen > 0),

    -- The personal account it moved, and how that account stood after it. Money that waits in suspense moved no account:
    -- then it says whose money it is, and there is no "after". What the pooled fund pays is nobody's account.
    account_id            uuid,
    bucket                text        CHECK (bucket IN ('CURRENT', 'PRIOR')),
    account_version       bigint      CHECK (account_version > 0),
    current_after_fen     bigint,
    prior_after_fen       bigint,

    -- Why it moved: a bill, what was given back of a bill, or an allocation.
    settlement_id         uuid,
    refund_id             uuid,
    allocation_id         uuid,
    -- Aid only: whose bill, under which permission.
    beneficiary_person_id uuid,
    binding_id            uuid,
    mandate_version       bigint,
    -- The movement that this one takes back.
    reverses              uuid,

    caller_role           text        NOT NULL,
    caller                text        NOT NULL,
    reason                text        NOT NULL,
    trace_parent          text,
    sandbox               boolean     NOT NULL,

    -- Postgres wants the partition's column in it; the id alone is unique by its making.
    PRIMARY KEY (movement_id, posted_at),
    CONSTRAINT movement_goes_somewhere CHECK (debit <> credit),
    -- A rollover goes from one bucket to the other one; its own bucket is the earlier years'.
    CONSTRAINT movement_rollover_stays_in_the_account CHECK (
        kind <> 'YEAR_ROLLOVER' OR (debit LIKE 'pa:%' AND credit LIKE 'pa:%' AND bucket = 'PRIOR')),
    CONSTRAINT movement_has_one_cause CHECK ((settlement_id IS NULL) <> (allocation_id IS NULL)),
    CONSTRAINT movement_gives_back_what_a_settlement_took CHECK (
        (refund_id IS NOT NULL) = (kind IN (
            'CANCEL_OWN', 'CANCEL_AID', 'CANCEL_FUND', 'REFUND_OWN', 'REFUND_AID', 'REFUND_FUND', 'REVERSAL_OWN',
            'REVERSAL_AID', 'REVERSAL_FUND'))
        AND (refund_id IS NOT NULL) = (reverses IS NOT NULL)
        AND (refund_id IS NULL OR settlement_id IS NOT NULL)),
    CONSTRAINT movement_into_suspense_or_of_the_fund_moves_no_account CHECK (
        (account_version IS NULL) = (credit = 'suspense:refund_unclaimed' OR account_id IS NULL)
        AND (account_version IS NULL) = (current_after_fen IS NULL)
        AND (account_version IS NULL) = (prior_after_fen IS NULL)
        AND (account_id IS NULL OR account_version IS NOT NULL OR refund_id IS NOT NULL)),
    CONSTRAINT movement_of_the_fund_is_nobodys CHECK (
        (account_id IS NULL) = (kind IN ('FUND_PAY', 'CANCEL_FUND', 'REFUND_FUND', 'REVERSAL_FUND'))
        AND (account_id IS NULL) = (bucket IS NULL)
        AND (account_id IS NOT NULL OR debit LIKE 'fund:%' OR credit LIKE 'fund:%')),
    CONSTRAINT movement_aid_names_its_mandate CHECK (
        (kind IN ('CHARGE_AID', 'CANCEL_AID', 'REFUND_AID', 'REVERSAL_AID')) = (binding_id IS NOT NULL)
        AND (binding_id IS NULL) = (beneficiary_person_id IS NULL)
        AND (binding_id IS NULL) = (mandate_version IS NULL))
) PARTITION BY RANGE (posted_at);

-- Nothing fails because a month was forgotten; the maintenance task says so when it finds rows here.
CREATE TABLE movement_default PARTITION OF movement DEFAULT;

CREATE UNIQUE INDEX movement_by_account ON movement (account_id, account_version, posted_at);

-- Makes the partitions of `months` months from the business month of `from_day` on; says how many are new.
-- A month that already has rows in the default partition is left there.
CREATE FUNCTION movement_partitions(from_day date, months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    first_day date;
    lower_end timestamptz;
    upper_end timestamptz;
    partition text;
    made      integer := 0;
BEGIN
    -- Replicas may find the same month missing at the same moment.
    PERFORM pg_advisory_xact_lock(hashtext('settlement.movement_partitions'));
    FOR i IN 0 .. months - 1 LOOP
        first_day := (date_trunc('month', from_day::timestamp) + make_interval(months => i))::date;
        partition := 'movement_' || to_char(first_day, 'YYYY_MM');
        -- A month begins at midnight in Asia/Shanghai, where it has been UTC+8 all year round since 1991.
        lower_end := first_day::timestamp AT TIME ZONE interval '8 hours';
        upper_end := (first_day + interval '1 month') AT TIME ZONE interval '8 hours';
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        CONTINUE WHEN EXISTS (
            SELECT FROM movement_default WHERE posted_at >= lower_end AND posted_at < upper_end);
        -- Made apart and then attached: charges go on meanwhile. Only readers that look through all months wait, and if one of them
        -- reads for long, this gives up and is tried again later: months ahead are there.
        EXECUTE format('CREATE TABLE %I (LIKE movement INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
        EXECUTE format('CREATE TRIGGER movement_is_not_emptied BEFORE TRUNCATE ON %I FOR EACH STATEMENT '
            'EXECUTE FUNCTION refuse_change()', partition);
        EXECUTE format('ALTER TABLE movement ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            partition, lower_end, upper_end);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
