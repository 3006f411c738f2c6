CREATE TABLE orders (
    id               bigint      PRIMARY KEY,
    wallet_id        bigint      NOT NULL REFERENCES wallets (id),
    mode             text        NOT NULL CHECK (mode IN ('live', 'test')),
    ref              text        NOT NULL,
    content_hash     bytea       NOT NULL,
    category         text        NOT NULL CHECK (category IN ('ppob', 'smm', 'otp', 'product')),
    sku              text        NOT NULL,
    name             text        NOT NULL,
    product_id       bigint      NOT NULL,
    quantity         bigint      NOT NULL,
    price            bigint      NOT NULL CHECK (price > 0),
    refunded         bigint      NOT NULL CHECK (refunded BETWEEN 0 AND price),
    customer_no      text,
    zone_id          text,
    target           text,
    inputs           jsonb       NOT NULL,
    callback_url     text        NOT NULL,
    max_cost         bigint      NOT NULL,
    state            text        NOT NULL CHECK (state IN
        ('queued', 'sending', 'processing', 'unknown', 'completed', 'failed', 'partial', 'canceled', 'expired')),
    version          bigint      NOT NULL,
    attempt          integer     NOT NULL,
    -- how many times the current attempt has been sent, always under one reference
    sends            integer     NOT NULL,
    -- where the next or the current attempt goes
    upstream         text        NOT NULL,
    offer_id         bigint      NOT NULL,
    code             text        NOT NULL,
    extra            jsonb       NOT NULL,
    cost             bigint      NOT NULL,
    upstream_ref     text        NOT NULL,
    -- what is known
    message          text        NOT NULL,
    facts            jsonb       NOT NULL,
    cancel_requested boolean     NOT NULL,
    finish_requested boolean     NOT NULL,
    resend_requested boolean     NOT NULL,
    -- operators: why a person has to look
    flag             text        NOT NULL,
    trace_parent     text        NOT NULL,
    -- when to look again; null when there is nothing more to come
    next_run_at      timestamptz,
    polls            integer     NOT NULL,
    watched_at       timestamptz,
    expires_at       timestamptz,
    sent_at          timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    completed_at     timestamptz
) WITH (fillfactor = 70);

--bun:split

-- The idempotency key: one order per ref of a wallet, for ever.
CREATE UNIQUE INDEX orders_ref ON orders (wallet_id, ref);

--bun:split

CREATE INDEX orders_wallet ON orders (wallet_id, id);

--bun:split

-- Open and due rows only, so that a tick costs what is due and not what exists.
CREATE INDEX orders_queued ON orders (next_run_at) WHERE state = 'queued';

--bun:split

CREATE INDEX orders_due ON orders (upstream, next_run_at) WHERE next_run_at IS NOT NULL AND state <> 'queued';

--bun:split

CREATE INDEX orders_open ON orders (wallet_id) INCLUDE (price) WHERE state IN ('queued', 'sending', 'processing', 'unknown');

--bun:split

CREATE INDEX orders_flagged ON orders (updated_at) WHERE flag <> '';

--bun:split

-- One attempt to buy at one upstream, kept with its evidence.
CREATE TABLE order_attempts (
    order_id     bigint      NOT NULL REFERENCES orders (id),
    n            integer     NOT NULL,
    upstream     text        NOT NULL,
    offer_id     bigint      NOT NULL,
    our_ref      text        NOT NULL,
    upstream_ref text        NOT NULL,
    code         text        NOT NULL,
    target       text        NOT NULL,
    cost         bigint      NOT NULL,
    -- sending, accepted, not_sent, rejected, throttled, unknown, succeeded, failed, canceled, expired, partial
    outcome      text        NOT NULL,
    reason       text        NOT NULL,
    -- what the upstream said, redacted, for operators
    said_code    text        NOT NULL,
    said_detail  text        NOT NULL,
    balance_before bigint,
    balance_after  bigint,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    PRIMARY KEY (order_id, n)
);

--bun:split

-- Every change of an order, with who or what caused it.
CREATE TABLE order_events (
    order_id   bigint      NOT NULL REFERENCES orders (id),
    version    bigint      NOT NULL,
    attempt    integer     NOT NULL,
    from_state text        NOT NULL,
    to_state   text        NOT NULL,
    cause      text        NOT NULL,
    detail     text        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (order_id, version)
);

--bun:split

CREATE INDEX orders_unknown ON orders (upstream, updated_at) WHERE state = 'unknown';

--bun:split

CREATE INDEX order_attempts_started ON order_attempts USING brin (started_at);
