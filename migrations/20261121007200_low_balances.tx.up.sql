-- Below which balance a merchant wants to be told, once each time its balance falls below.
CREATE TABLE low_balances (
    wallet_id  bigint      PRIMARY KEY REFERENCES wallets (id),
    -- rupiah; 0 for never
    threshold  bigint      NOT NULL CHECK (threshold >= 0),
    -- it was told, and the balance has not been back since
    told       boolean     NOT NULL,
    -- how often it was told
    version    bigint      NOT NULL,
    updated_at timestamptz NOT NULL
);
