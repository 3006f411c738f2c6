-- What a wallet's owner has set for its orders. A wallet without a rule is read no further than its own row, which is
-- locked by every placement anyway.
ALTER TABLE wallets ADD COLUMN ruled boolean NOT NULL DEFAULT false;

--bun:split

CREATE TABLE wallet_rules (
    wallet_id         bigint      PRIMARY KEY REFERENCES wallets (id),
    -- for how long a second order of a SKU for the same customer or target is refused; 0 for never
    duplicate_minutes integer     NOT NULL DEFAULT 0 CHECK (duplicate_minutes BETWEEN 0 AND 1440),
    updated_at        timestamptz NOT NULL
);

--bun:split

-- A digest of SKU and recipient, where the wallet had the duplicate guard when the order was placed; else null and in no index.
ALTER TABLE orders ADD COLUMN twin bigint;

--bun:split

CREATE INDEX orders_twin ON orders (wallet_id, twin, id) WHERE twin IS NOT NULL;
