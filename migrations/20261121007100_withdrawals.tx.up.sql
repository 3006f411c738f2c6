-- Money out: one row a withdrawal.
CREATE TABLE withdrawals (
    id             bigint      PRIMARY KEY,
    wallet_id      bigint      NOT NULL REFERENCES wallets (id),
    mode           text        NOT NULL CHECK (mode IN ('live', 'test')),
    ref            text        NOT NULL,
    content_hash   bytea       NOT NULL,
    -- rupiah: what the receiver gets, and our fee on top; both are taken at once
    amount         bigint      NOT NULL CHECK (amount > 0),
    fee            bigint      NOT NULL CHECK (fee >= 0),
    method         text        NOT NULL,
    account_number text        NOT NULL,
    account_name   text        NOT NULL,
    -- the account's digits, however they were written
    receiver       text        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('pending', 'approved', 'sending', 'sent', 'unknown', 'success', 'rejected')),
    version        bigint      NOT NULL,
    -- how many different people must approve it
    approvals      integer     NOT NULL CHECK (approvals BETWEEN 0 AND 9),
    -- where it is paid out, empty for by hand; attempt counts sendings, each of which proved that the one before did nothing
    gateway        text        NOT NULL,
    attempt        integer     NOT NULL,
    -- drawn by whoever claimed the current sending: a worker that does not know whether its claim was kept takes back no other's
    claim          text        NOT NULL,
    upstream_ref   text        NOT NULL,
    -- rupiah that the gateway took beside the amount
    charge         bigint      NOT NULL CHECK (charge >= 0),
    -- the gateway's words refused the last sending without proving that nothing was done: why, as far as they said
    refused        text        NOT NULL,
    -- what the merchant reads of a rejection, in our own words
    message        text        NOT NULL,
    -- operators: why a person has to look
    flag           text        NOT NULL,
    trace_parent   text        NOT NULL,
    -- who looks the account up, when next, and what was found: valid, invalid, unknown, or nothing yet
    checker        text        NOT NULL,
    check_at       timestamptz,
    check_result   text        NOT NULL CHECK (check_result IN ('', 'valid', 'invalid', 'unknown')),
    check_name     text        NOT NULL,
    next_run_at    timestamptz,
    polls          integer     NOT NULL,
    watched_at     timestamptz,
    sent_at        timestamptz,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    completed_at   timestamptz,
    CHECK ((state IN ('success', 'rejected')) = (completed_at IS NOT NULL))
) WITH (fillfactor = 80);

--bun:split

-- The idempotency key: one withdrawal per ref of a wallet, for ever.
CREATE UNIQUE INDEX withdrawals_ref ON withdrawals (wallet_id, ref);

--bun:split

CREATE INDEX withdrawals_wallet ON withdrawals (wallet_id, id);

--bun:split

-- A payout belongs to one withdrawal: it is evidence once.
CREATE UNIQUE INDEX withdrawals_payout ON withdrawals (gateway, upstream_ref) WHERE upstream_ref <> '';

--bun:split

CREATE INDEX withdrawals_due ON withdrawals (gateway, next_run_at) WHERE next_run_at IS NOT NULL;

--bun:split

CREATE INDEX withdrawals_next ON withdrawals (next_run_at) WHERE next_run_at IS NOT NULL;

--bun:split

CREATE INDEX withdrawals_check ON withdrawals (checker, check_at) WHERE check_at IS NOT NULL;

--bun:split

CREATE INDEX withdrawals_open ON withdrawals (gateway, state) WHERE state NOT IN ('success', 'rejected');

--bun:split

CREATE INDEX withdrawals_flagged ON withdrawals (updated_at) WHERE flag <> '';

--bun:split

-- While one of two alike is on its way and nobody knows where, the history could not tell them apart.
CREATE INDEX withdrawals_doubt ON withdrawals (gateway, receiver, amount) WHERE state IN ('sending', 'unknown');

--bun:split

CREATE TABLE withdrawal_approvals (
    withdrawal_id bigint      NOT NULL REFERENCES withdrawals (id),
    actor         text        NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (withdrawal_id, actor)
);

--bun:split

-- Every change of a withdrawal, with who or what caused it.
CREATE TABLE withdrawal_events (
    withdrawal_id bigint      NOT NULL REFERENCES withdrawals (id),
    version       bigint      NOT NULL,
    from_state    text        NOT NULL,
    to_state      text        NOT NULL,
    cause         text        NOT NULL,
    detail        text        NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (withdrawal_id, version)
);
