-- What a wallet's orders came to, by the hour in which they were taken: counting all of them for each look at a profile
-- would cost what exists. Hours are counted anew when one of their orders changes.
CREATE TABLE order_hours (
    wallet_id bigint      NOT NULL REFERENCES wallets (id),
    hour      timestamptz NOT NULL,
    orders    bigint      NOT NULL,
    completed bigint      NOT NULL,
    -- rupiah taken and not given back
    volume    bigint      NOT NULL,
    PRIMARY KEY (wallet_id, hour)
);

--bun:split

-- Until when changes have been counted.
CREATE TABLE order_tally (
    one     boolean     PRIMARY KEY DEFAULT true CHECK (one),
    through timestamptz NOT NULL
);

--bun:split

CREATE INDEX order_events_created ON order_events USING brin (created_at);

--bun:split

-- A tier that an operator has set to stay: the merchant does not rise by itself.
ALTER TABLE merchants ADD COLUMN tier_held boolean NOT NULL DEFAULT false;
