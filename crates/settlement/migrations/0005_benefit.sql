-- What the pooled fund pays: the catalogue it goes by, what became of each bill, and what each person has used.

-- Grows with every change of the catalogue, so that a process knows when what it remembers is old.
CREATE TABLE catalogue_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  bigint  NOT NULL CHECK (version > 0)
);
INSERT INTO catalogue_version (version) VALUES (1);

-- The fee catalogue (目录): an entry holds from its day until a later one of the same place begins, or until it ends.
CREATE TABLE catalogue_item (
    item_code        text        NOT NULL CHECK (length(item_code) BETWEEN 1 AND 50),
    region           text        NOT NULL CHECK (region ~ '^[0-9]{6}$'),
    valid_from       date        NOT NULL,
    -- The last day; none is until further notice.
    valid_to         date,
    -- chrgitm_lv: 01 甲, 02 乙, 03 丙.
    level            text        NOT NULL CHECK (level IN ('01', '02', '03')),
    -- The first part of a class-B item that the patient pays, in basis points.
    self_pay_bp      smallint    NOT NULL CHECK (self_pay_bp BETWEEN 0 AND 10000),
    -- The highest price per unit that is in scope, in millionths of a yuan.
    price_ceiling_e6 bigint      CHECK (price_ceiling_e6 >= 0),
    imported_by      text        NOT NULL,
    imported_at      timestamptz NOT NULL,
    PRIMARY KEY (item_code, region, valid_from),
    CONSTRAINT catalogue_item_ends_after_it_begins CHECK (valid_to >= valid_from),
    CONSTRAINT catalogue_item_shares_only_class_b CHECK (level = '02' OR self_pay_bp = 0)
);

-- How the pooled fund saw a settled bill, where its place has a benefit: the parts, the terms they were assessed by, and
-- what went back since. Guarded by the settlement's row.
CREATE TABLE benefit (
    settlement_id            uuid     PRIMARY KEY,
    account_id               uuid     NOT NULL,
    own_expense_fen          bigint   NOT NULL CHECK (own_expense_fen >= 0),
    over_limit_fen           bigint   NOT NULL CHECK (over_limit_fen >= 0),
    pre_self_pay_fen         bigint   NOT NULL CHECK (pre_self_pay_fen >= 0),
    in_scope_fen             bigint   NOT NULL CHECK (in_scope_fen >= 0),
    deductible_fen           bigint   NOT NULL CHECK (deductible_fen >= 0),
    copay_fen                bigint   NOT NULL CHECK (copay_fen >= 0),
    pooled_fen               bigint   NOT NULL CHECK (pooled_fen >= 0),
    -- The terms; none where the person was not entitled, for the reason beside them.
    ratio_bp                 smallint CHECK (ratio_bp BETWEEN 0 AND 10000),
    share_bp                 smallint CHECK (share_bp BETWEEN 0 AND 10000),
    deductible_left_fen      bigint   CHECK (deductible_left_fen >= 0),
    -- None is no cap.
    cap_left_fen             bigint   CHECK (cap_left_fen >= 0),
    denied                   text,
    -- Where it is counted in benefit_used.
    medical_year             smallint NOT NULL,
    period_start             date     NOT NULL,
    -- Whose fund pays.
    fund_region              text     NOT NULL CHECK (fund_region ~ '^[0-9]{6}$'),
    -- The versions of the packs it was assessed under.
    rules                    text[]   NOT NULL,
    -- The FUND_PAY.
    movement_id              uuid,
    -- What went back by cancelling or refunding.
    deductible_returned_fen  bigint   NOT NULL DEFAULT 0,
    pooled_returned_fen      bigint   NOT NULL DEFAULT 0,
    -- Of own expense and what is over the price ceiling.
    not_insured_returned_fen bigint   NOT NULL DEFAULT 0,
    CONSTRAINT benefit_scope_is_divided CHECK (in_scope_fen = deductible_fen + copay_fen + pooled_fen),
    CONSTRAINT benefit_terms_are_whole CHECK (
        (denied IS NULL) = (ratio_bp IS NOT NULL) AND (ratio_bp IS NULL) = (share_bp IS NULL)
        AND (ratio_bp IS NULL) = (deductible_left_fen IS NULL)
        AND (denied IS NULL OR (cap_left_fen IS NULL AND pooled_fen = 0 AND deductible_fen = 0))),
    CONSTRAINT benefit_is_within_its_terms CHECK (deductible_fen <= deductible_left_fen AND pooled_fen <= cap_left_fen),
    CONSTRAINT benefit_pay_has_its_movement CHECK ((pooled_fen > 0) = (movement_id IS NOT NULL)),
    CONSTRAINT benefit_return_is_within CHECK (
        deductible_returned_fen BETWEEN 0 AND deductible_fen AND pooled_returned_fen BETWEEN 0 AND pooled_fen
        AND not_insured_returned_fen BETWEEN 0 AND own_expense_fen + over_limit_fen)
) WITH (fillfactor = 90);

-- The lines of such a bill, as the catalogue had them then.
CREATE TABLE benefit_line (
    settlement_id    uuid     NOT NULL,
    -- The place in the bill, from 0.
    place            smallint NOT NULL CHECK (place >= 0),
    line_no          text     NOT NULL,
    item_code        text     NOT NULL,
    amount_fen       bigint   NOT NULL CHECK (amount_fen >= 0),
    -- In ten-thousandths.
    quantity_e4      bigint   NOT NULL CHECK (quantity_e4 > 0),
    -- None: not in the catalogue.
    level            text     CHECK (level IN ('01', '02', '03')),
    self_pay_bp      smallint CHECK (self_pay_bp BETWEEN 0 AND 10000),
    price_ceiling_e6 bigint   CHECK (price_ceiling_e6 >= 0),
    own_expense_fen  bigint   NOT NULL CHECK (own_expense_fen >= 0),
    over_limit_fen   bigint   NOT NULL CHECK (over_limit_fen >= 0),
    pre_self_pay_fen bigint   NOT NULL CHECK (pre_self_pay_fen >= 0),
    in_scope_fen     bigint   NOT NULL CHECK (in_scope_fen >= 0),
    PRIMARY KEY (settlement_id, place),
    CONSTRAINT benefit_line_once UNIQUE (settlement_id, line_no),
    CONSTRAINT benefit_line_parts_add_up CHECK (
        amount_fen = own_expense_fen + over_limit_fen + pre_self_pay_fen + in_scope_fen),
    CONSTRAINT benefit_line_item_is_whole CHECK (
        (level IS NULL) = (self_pay_bp IS NULL) AND (level IS NOT NULL OR price_ceiling_e6 IS NULL))
);

-- What a person has used of deductible and cap. Personal and of one medical year: nothing here can be handed on to anybody
-- else or into the next year. Guarded by the patient's account.
CREATE TABLE benefit_used (
    account_id     uuid     NOT NULL,
    medical_year   smallint NOT NULL CHECK (medical_year BETWEEN 1990 AND 9999),
    -- The first day of the deductible's period in that year.
    period_start   date     NOT NULL,
    deductible_fen bigint   NOT NULL CHECK (deductible_fen >= 0),
    fund_fen       bigint   NOT NULL CHECK (fund_fen >= 0),
    PRIMARY KEY (account_id, medical_year, period_start)
) WITH (fillfactor = 60);
