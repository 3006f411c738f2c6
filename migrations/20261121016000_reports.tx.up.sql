-- What orders came to, by the brand's day and everything that reports divide them by: a report over a month of millions of
-- orders reads these rows and what came since the last closed hour. Sums of ledger entries and of changes of state, each of
-- which is counted once and never changes.
CREATE TABLE report_orders (
    day         date   NOT NULL,
    mode        text   NOT NULL CHECK (mode IN ('live', 'test')),
    merchant_id text   NOT NULL,
    -- the merchant's when the hour was closed
    tier        bigint NOT NULL,
    category    text   NOT NULL,
    sku         text   NOT NULL,
    upstream    text   NOT NULL,
    placed      bigint NOT NULL,
    -- orders that came to be so, less those that ceased to be
    completed   bigint NOT NULL,
    partial     bigint NOT NULL,
    failed      bigint NOT NULL,
    canceled    bigint NOT NULL,
    expired     bigint NOT NULL,
    -- rupiah
    volume      bigint NOT NULL,
    refunds     bigint NOT NULL,
    revenue     bigint NOT NULL,
    cost        bigint NOT NULL,
    loss        bigint NOT NULL,
    PRIMARY KEY (day, mode, merchant_id, tier, category, sku, upstream)
);

--bun:split

-- What came in, went out and was adjusted by hand, by the brand's day.
CREATE TABLE report_flows (
    day     date   NOT NULL,
    mode    text   NOT NULL CHECK (mode IN ('live', 'test')),
    kind    text   NOT NULL,
    gateway text   NOT NULL,
    n       bigint NOT NULL,
    amount  bigint NOT NULL,
    PRIMARY KEY (day, mode, kind, gateway)
);

--bun:split

-- Orders that cost more than they brought in, as their entries stood at the end of the last closed hour.
CREATE TABLE report_below_cost (
    order_id bigint      PRIMARY KEY REFERENCES orders (id),
    revenue  bigint      NOT NULL,
    cost     bigint      NOT NULL,
    loss     bigint      NOT NULL,
    -- its last entry
    at       timestamptz NOT NULL,
    CHECK (revenue < cost + loss)
);

--bun:split

CREATE INDEX report_below_cost_at ON report_below_cost (at);

--bun:split

-- Until when the rows above are complete, and in which time zone their days lie.
CREATE TABLE report_closed (
    one     boolean     PRIMARY KEY DEFAULT true CHECK (one),
    zone    text        NOT NULL,
    through timestamptz NOT NULL
);
