-- Which changes of balances people were told of: one row per account. An account's version grows by one with every movement,
-- so the numbers 1 to `known` have all happened, and what `told` lacks of them, nobody was told of.
CREATE TABLE account_told (
    account_id   UUID           NOT NULL,
    person_id    UUID           NOT NULL,
    known        BIGINT         NOT NULL,
    told         int8multirange NOT NULL,
    -- Since when the first of those that are missing has been missing.
    untold_since TIMESTAMPTZ,
    CONSTRAINT account_told_pkey PRIMARY KEY (account_id),
    CONSTRAINT account_told_known_counts CHECK (known > 0),
    CONSTRAINT account_told_what_happened CHECK (told <@ int8range(1, known, '[]')),
    CONSTRAINT account_told_or_not CHECK ((untold_since IS NULL) = (told @> int8range(1, known, '[]')))
) WITH (fillfactor = 70);

-- While everything is told, the index is empty and no change of a row touches it.
CREATE INDEX account_told_not ON account_told (untold_since, account_id) WHERE untold_since IS NOT NULL;

-- How far the comparison with settlement's books has got. One row: whoever compares moves it on from where they found it.
CREATE TABLE books_walk (
    single        BOOLEAN     NOT NULL DEFAULT TRUE,
    round         BIGINT      NOT NULL,
    -- The last account that was compared in this round; none at its beginning.
    after_account UUID,
    accounts      BIGINT      NOT NULL,
    changes       BIGINT      NOT NULL,
    begun_at      TIMESTAMPTZ,
    finished_at   TIMESTAMPTZ,
    CONSTRAINT books_walk_pkey PRIMARY KEY (single),
    CONSTRAINT books_walk_is_one CHECK (single),
    CONSTRAINT books_walk_counts CHECK (round > 0 AND accounts >= 0 AND changes >= 0),
    CONSTRAINT books_walk_has_begun CHECK (after_account IS NULL OR begun_at IS NOT NULL)
);
INSERT INTO books_walk (round, accounts, changes) VALUES (1, 0, 0);

-- What the comparisons of a business day found.
CREATE TABLE completeness_day (
    day         DATE        NOT NULL,
    rounds      BIGINT      NOT NULL,
    -- As the last round of the day found them: accounts with movements, and their changes since the beginning.
    accounts    BIGINT      NOT NULL,
    changes     BIGINT      NOT NULL,
    -- Changes that nobody had been told of in time: at the end of the last round, and the most at the end of any.
    untold      BIGINT      NOT NULL,
    most_untold BIGINT      NOT NULL,
    checked_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT completeness_day_pkey PRIMARY KEY (day),
    CONSTRAINT completeness_day_counts CHECK (rounds > 0 AND accounts >= 0 AND changes >= accounts AND untold >= 0 AND most_untold >= untold)
);
