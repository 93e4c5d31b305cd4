-- The copy of bindings and mandates that charges are decided on, one row per binding, with the version of each side and
-- the fences. The row has no lock of its own: the contributor's account guards it, and fences take that same lock.
-- A row may know only one side yet (the two services' events race), or be a tombstone: a fence that came first.

CREATE TABLE enforced (
    binding_id             uuid   PRIMARY KEY,
    contributor_person_id  uuid   NOT NULL,
    contributor_account_id uuid   NOT NULL,
    beneficiary_person_id  uuid   NOT NULL,
    beneficiary_account_id uuid   NOT NULL,

    -- The binding's side; version 0: not heard of yet.
    binding_version        bigint NOT NULL DEFAULT 0 CHECK (binding_version >= 0),
    binding_state          text   CHECK (binding_state IN ('BOUND', 'ENDING', 'ENDED')),
    bound_at               timestamptz,
    effective_from         timestamptz,
    valid_until            timestamptz,

    -- The mandate's side; version 0: not heard of yet.
    mandate_version        bigint NOT NULL DEFAULT 0 CHECK (mandate_version >= 0),
    mandate_state          text   CHECK (mandate_state IN ('IN_FORCE', 'PAUSED', 'REVOKED')),
    rank                   integer,
    per_transaction_fen    bigint CHECK (per_transaction_fen > 0),
    per_day_fen            bigint CHECK (per_day_fen > 0),
    per_month_fen          bigint CHECK (per_month_fen > 0),
    per_year_fen           bigint CHECK (per_year_fen > 0),
    total_fen              bigint CHECK (total_fen > 0),
    -- Of the usable balance, for one bill, in basis points.
    share_of_balance       integer CHECK (share_of_balance BETWEEN 1 AND 10000),
    -- Empty: every use that the region's rules allow.
    usages                 text[] NOT NULL DEFAULT '{}',

    -- Fenced for ever: the binding ended, whatever arrives later.
    fenced_for_ever        boolean NOT NULL DEFAULT false,
    -- Nothing older than this version of the mandate may be decided on.
    mandate_fence          bigint  NOT NULL DEFAULT 0 CHECK (mandate_fence >= 0),

    CONSTRAINT enforced_people_differ CHECK (contributor_person_id <> beneficiary_person_id),
    CONSTRAINT enforced_binding_is_whole CHECK (
        (binding_version = 0) = (binding_state IS NULL)
        AND (binding_version = 0) = (bound_at IS NULL)
        AND (binding_version = 0) = (effective_from IS NULL)),
    CONSTRAINT enforced_end_is_fenced CHECK (binding_state IS NULL OR binding_state = 'BOUND' OR fenced_for_ever),
    CONSTRAINT enforced_mandate_is_whole CHECK (
        (mandate_version = 0) = (mandate_state IS NULL) AND (mandate_version = 0) = (rank IS NULL)),
    CONSTRAINT enforced_mandate_is_not_behind_its_fence CHECK (mandate_version >= mandate_fence)
);

CREATE INDEX enforced_by_beneficiary ON enforced (beneficiary_person_id) WHERE NOT fenced_for_ever;

-- What limits have used up: one row per binding (what one beneficiary took) and one per contributor's account (what all
-- took), each with the latest day, month and year in which something was charged, and with everything ever. Guarded by
-- the contributor's account. Counted whether or not there is a limit at the time, so that one set later knows.
CREATE TABLE limit_used (
    -- The binding or the account.
    scope_id           uuid   PRIMARY KEY,
    scope              text   NOT NULL CHECK (scope IN ('PAIR', 'CONTRIBUTOR')),
    -- The business day it stands in; the month is that of the day.
    day                date   NOT NULL,
    -- The first day of the year it stands in: the calendar's or the medical one.
    year               date   NOT NULL,
    -- Charged, and given back of that. A refund counts in the windows of its charge.
    day_gross_fen      bigint NOT NULL,
    day_refunded_fen   bigint NOT NULL,
    month_gross_fen    bigint NOT NULL,
    month_refunded_fen bigint NOT NULL,
    year_gross_fen     bigint NOT NULL,
    year_refunded_fen  bigint NOT NULL,
    total_gross_fen    bigint NOT NULL,
    total_refunded_fen bigint NOT NULL,
    CONSTRAINT limit_used_year_has_begun CHECK (year <= day),
    CONSTRAINT limit_used_refunds_are_within CHECK (
        day_refunded_fen BETWEEN 0 AND day_gross_fen
        AND month_refunded_fen BETWEEN 0 AND month_gross_fen
        AND year_refunded_fen BETWEEN 0 AND year_gross_fen
        AND total_refunded_fen BETWEEN 0 AND total_gross_fen),
    CONSTRAINT limit_used_windows_are_nested CHECK (
        day_gross_fen <= month_gross_fen AND month_gross_fen <= total_gross_fen AND year_gross_fen <= total_gross_fen)
) WITH (fillfactor = 60);
