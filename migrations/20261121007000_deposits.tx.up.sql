-- Money in: one row a deposit.
CREATE TABLE deposits (
    id               bigint      PRIMARY KEY,
    wallet_id        bigint      NOT NULL REFERENCES wallets (id),
    mode             text        NOT NULL CHECK (mode IN ('live', 'test')),
    -- the merchant's own reference; empty for none
    ref              text        NOT NULL,
    -- rupiah that were asked for
    amount           bigint      NOT NULL CHECK (amount > 0),
    -- on top of it, and both together: what is paid. Zero until there is an invoice
    fee              bigint      NOT NULL CHECK (fee >= 0),
    total            bigint      NOT NULL,
    -- of the total, what the gateway will owe us
    received         bigint      NOT NULL CHECK (received >= 0),
    -- what the gateway was asked for
    asked            bigint      NOT NULL,
    gateway          text        NOT NULL,
    upstream_ref     text        NOT NULL,
    qr               text        NOT NULL,
    -- names the picture of the code, which is public
    token            text        NOT NULL UNIQUE,
    state            text        NOT NULL CHECK (state IN ('creating', 'pending', 'paid', 'expired', 'canceled', 'suspense', 'failed')),
    version          bigint      NOT NULL,
    -- how many gateways were asked, and whether a worker has taken the last question
    attempt          integer     NOT NULL,
    sent             boolean     NOT NULL,
    cancel_requested boolean     NOT NULL,
    -- rupiah that reached the wallet
    credited         bigint      NOT NULL CHECK (credited >= 0),
    -- rupiah that came and that nobody may credit by guess
    suspense         bigint      NOT NULL CHECK (suspense >= 0),
    -- operators: why a person has to look
    flag             text        NOT NULL,
    trace_parent     text        NOT NULL,
    -- while creating: until when whoever drives it is waited for
    lease_until      timestamptz NOT NULL,
    -- when to ask the gateway again; null when nothing more is to come
    next_run_at      timestamptz,
    polls            integer     NOT NULL,
    looked_at        timestamptz,
    watched_at       timestamptz,
    expires_at       timestamptz,
    paid_at          timestamptz,
    -- when it expired or was canceled
    ended_at         timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CHECK ((state = 'paid') = (credited > 0)),
    CHECK (total = 0 OR total = amount + fee),
    CHECK (state IN ('creating', 'failed') OR (total > 0 AND qr <> '' AND expires_at IS NOT NULL))
) WITH (fillfactor = 80);

--bun:split

-- The idempotency key: one deposit per ref of a wallet. One that came to nothing frees its ref.
CREATE UNIQUE INDEX deposits_ref ON deposits (wallet_id, ref) WHERE ref <> '' AND state <> 'failed';

--bun:split

CREATE INDEX deposits_wallet ON deposits (wallet_id, id);

--bun:split

-- An invoice belongs to one deposit: its payment cannot be credited twice.
CREATE UNIQUE INDEX deposits_invoice ON deposits (gateway, upstream_ref) WHERE upstream_ref <> '';

--bun:split

CREATE INDEX deposits_due ON deposits (gateway, next_run_at) WHERE next_run_at IS NOT NULL;

--bun:split

CREATE INDEX deposits_next ON deposits (next_run_at) WHERE next_run_at IS NOT NULL;

--bun:split

CREATE INDEX deposits_creating ON deposits (lease_until) WHERE state = 'creating';

--bun:split

CREATE INDEX deposits_open ON deposits (gateway, state) WHERE state IN ('creating', 'pending', 'suspense');

--bun:split

CREATE INDEX deposits_flagged ON deposits (updated_at) WHERE flag <> '';

--bun:split

-- One question to one gateway for an invoice, with what came of it.
CREATE TABLE deposit_attempts (
    deposit_id   bigint      NOT NULL REFERENCES deposits (id),
    n            integer     NOT NULL,
    gateway      text        NOT NULL,
    asked        bigint      NOT NULL,
    upstream_ref text        NOT NULL,
    -- asked, sent, opened, full, refused, not_sent, unknown, late
    outcome      text        NOT NULL,
    said_code    text        NOT NULL,
    said_detail  text        NOT NULL,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    -- an invoice that nobody waited for is to be canceled then
    next_run_at  timestamptz,
    PRIMARY KEY (deposit_id, n)
);

--bun:split

CREATE INDEX deposit_attempts_unwanted ON deposit_attempts (next_run_at, gateway) WHERE next_run_at IS NOT NULL;

--bun:split

-- Every change of a deposit, with who or what caused it.
CREATE TABLE deposit_events (
    deposit_id bigint      NOT NULL REFERENCES deposits (id),
    version    bigint      NOT NULL,
    from_state text        NOT NULL,
    to_state   text        NOT NULL,
    cause      text        NOT NULL,
    detail     text        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (deposit_id, version)
);

--bun:split

-- Until when a gateway is asked last: it was full, or gave no invoice.
CREATE TABLE deposit_gateways (
    name       text        PRIMARY KEY,
    skip_until timestamptz NOT NULL,
    failures   integer     NOT NULL CHECK (failures >= 0)
);

--bun:split

-- Totals of our own code that are taken: while one is, a payment of so much belongs to one deposit.
CREATE TABLE deposit_codes (
    gateway    text        NOT NULL,
    total      bigint      NOT NULL,
    deposit_id bigint      NOT NULL REFERENCES deposits (id),
    until      timestamptz NOT NULL,
    PRIMARY KEY (gateway, total)
);

--bun:split

-- Payments to our own code, as the acquirer's statement lists them.
CREATE TABLE deposit_lines (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway     text        NOT NULL,
    -- what tells the line from all others of the statement
    key         text        NOT NULL,
    amount      bigint      NOT NULL CHECK (amount > 0),
    paid_at     timestamptz NOT NULL,
    note        text        NOT NULL,
    -- credited; known: its deposit was paid by an operator's word before; ambiguous: in suspense; unmatched: none of ours;
    -- resolved: a person has said whose it is
    outcome     text        NOT NULL CHECK (outcome IN ('credited', 'known', 'ambiguous', 'unmatched', 'resolved')),
    deposit_id  bigint      REFERENCES deposits (id),
    created_at  timestamptz NOT NULL,
    UNIQUE (gateway, key),
    CHECK ((deposit_id IS NULL) = (outcome IN ('ambiguous', 'unmatched')))
);

--bun:split

CREATE INDEX deposit_lines_deposit ON deposit_lines (deposit_id) WHERE deposit_id IS NOT NULL;

--bun:split

CREATE INDEX deposit_lines_open ON deposit_lines (id) WHERE outcome = 'ambiguous';
