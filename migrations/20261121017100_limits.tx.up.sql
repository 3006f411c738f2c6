-- What an operator has set for a wallet, in rupiah; 0 for no limit.
ALTER TABLE wallet_rules
    ADD COLUMN per_order        bigint NOT NULL DEFAULT 0 CHECK (per_order >= 0),
    ADD COLUMN per_day          bigint NOT NULL DEFAULT 0 CHECK (per_day >= 0),
    ADD COLUMN withdraw_per_day bigint NOT NULL DEFAULT 0 CHECK (withdraw_per_day >= 0);

--bun:split

-- What the orders of a wallet's current day came to: prices less what went back. Kept under the wallet's lock, for wallets with
-- a limit of the day only. A row that is missing or of another day is counted from the orders.
CREATE TABLE wallet_days (
    wallet_id bigint      PRIMARY KEY REFERENCES wallets (id),
    -- the day, in the brand's time zone; to_at is not in it
    from_at   timestamptz NOT NULL,
    to_at     timestamptz NOT NULL,
    used      bigint      NOT NULL,
    CHECK (from_at < to_at)
) WITH (fillfactor = 50);
