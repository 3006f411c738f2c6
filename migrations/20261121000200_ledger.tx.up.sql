-- The ledger: accounts, wallets and immutable entries.
-- An entry moves amount rupiah from one account (debit) to another (credit), so every posting balances by construction.
CREATE TABLE ledger_accounts (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mode text   NOT NULL CHECK (mode IN ('live', 'test')),
    code text   NOT NULL,
    UNIQUE (mode, code)
);

--bun:split

-- Only wallets have a balance row; a wallet is one merchant in one mode, and its id is its account.
CREATE TABLE wallets (
    id          bigint      PRIMARY KEY REFERENCES ledger_accounts (id),
    merchant_id text        NOT NULL REFERENCES merchants (id),
    mode        text        NOT NULL CHECK (mode IN ('live', 'test')),
    balance     bigint      NOT NULL CHECK (balance >= 0),
    seq         bigint      NOT NULL CHECK (seq >= 0),
    created_at  timestamptz NOT NULL,
    UNIQUE (merchant_id, mode)
) WITH (fillfactor = 50);

--bun:split

CREATE TABLE ledger_entries (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject        text        NOT NULL,
    subject_id     bigint      NOT NULL,
    kind           text        NOT NULL,
    n              integer     NOT NULL,
    debit          bigint      NOT NULL,
    credit         bigint      NOT NULL,
    amount         bigint      NOT NULL CHECK (amount > 0),
    wallet_id      bigint,
    wallet_seq     bigint,
    wallet_balance bigint      CHECK (wallet_balance >= 0),
    notes          text        NOT NULL,
    created_at     timestamptz NOT NULL,
    CHECK (debit <> credit),
    CHECK (wallet_id IS NULL OR wallet_id IN (debit, credit)),
    CHECK ((wallet_id IS NULL) = (wallet_seq IS NULL) AND (wallet_id IS NULL) = (wallet_balance IS NULL))
);

--bun:split

-- One entry per (subject, kind, n): a second delivery of the same message cannot post twice.
CREATE UNIQUE INDEX ledger_entries_subject ON ledger_entries (subject_id, subject, kind, n);

--bun:split

CREATE UNIQUE INDEX ledger_entries_wallet ON ledger_entries (wallet_id, wallet_seq) WHERE wallet_id IS NOT NULL;

--bun:split

CREATE INDEX ledger_entries_created ON ledger_entries USING brin (created_at);

--bun:split

CREATE FUNCTION ledger_entries_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger entries are immutable';
END
$$;

--bun:split

CREATE TRIGGER ledger_entries_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_immutable();

--bun:split

-- Sums of closed hours by account; the hours after the last one are summed live.
CREATE TABLE ledger_hours (
    hour    timestamptz NOT NULL,
    account bigint      NOT NULL REFERENCES ledger_accounts (id),
    debit   bigint      NOT NULL,
    credit  bigint      NOT NULL,
    PRIMARY KEY (account, hour)
);

--bun:split

CREATE TABLE ledger_rollup (
    one     boolean     PRIMARY KEY DEFAULT true CHECK (one),
    through timestamptz NOT NULL
);

--bun:split

-- Adjustments by operators: the subject of their entries.
CREATE TABLE ledger_adjustments (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wallet_id  bigint      NOT NULL REFERENCES wallets (id),
    amount     bigint      NOT NULL CHECK (amount <> 0),
    note       text        NOT NULL,
    actor      text        NOT NULL,
    created_at timestamptz NOT NULL
);
