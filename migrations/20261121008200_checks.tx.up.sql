-- Whose accounts can be looked up (banks, e-wallets, games, meters), by source, as it last told.
CREATE TABLE check_lists (
    upstream   text        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('bank', 'game')),
    targets    jsonb       NOT NULL,
    fetched_at timestamptz NOT NULL,
    PRIMARY KEY (upstream, kind)
);

--bun:split

-- Accounts that merchants had looked up: one question to one source. They are kept for a day.
CREATE TABLE account_checks (
    id          bigint      PRIMARY KEY,
    upstream    text        NOT NULL,
    mode        text        NOT NULL CHECK (mode IN ('live', 'test')),
    kind        text        NOT NULL CHECK (kind IN ('bank', 'game')),
    code        text        NOT NULL,
    number      text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('asking', 'valid', 'invalid', 'failed')),
    said_number text        NOT NULL,
    name        text        NOT NULL,
    -- why it failed, redacted, for operators
    said_code   text        NOT NULL,
    said_detail text        NOT NULL,
    wait_until  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    answered_at timestamptz
);

--bun:split

CREATE INDEX account_checks_known ON account_checks (mode, kind, code, number, answered_at) WHERE state IN ('valid', 'invalid');

--bun:split

CREATE INDEX account_checks_old ON account_checks (created_at);
