-- Questions to sources about the price of one offer, for a merchant who waits: the last one of each offer. The row
-- decides that an offer is asked about once at a time and not again too soon, whichever process wants to.
CREATE TABLE price_checks (
    offer_id   bigint      PRIMARY KEY REFERENCES offers (id),
    upstream   text        NOT NULL,
    -- which question it is; a worker takes each once
    n          integer     NOT NULL CHECK (n > 0),
    asked_at   timestamptz NOT NULL,
    wait_until timestamptz NOT NULL,
    taken      boolean     NOT NULL,
    -- when the source last said what it costs
    said_at    timestamptz
);

--bun:split

CREATE INDEX price_checks_asked ON price_checks (upstream, asked_at);

--bun:split

CREATE INDEX price_checks_old ON price_checks (asked_at);

--bun:split

ALTER TABLE price_history DROP CONSTRAINT price_history_cause_check;

--bun:split

ALTER TABLE price_history ADD CONSTRAINT price_history_cause_check CHECK (cause IN ('listed', 'import', 'check', 'operator'));
