-- What the listener of the stories did, in the order in which it did it. Nothing here keeps it from doing it twice.
CREATE TABLE effect (
    nth        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    binding_id text   NOT NULL,
    version    bigint NOT NULL
);
