-- Bills that merchants ask for before they pay them. A row is one question to one source, asked under a reference of its
-- own; what it found may be paid once, by an order with the merchant's same ref.
CREATE TABLE inquiries (
    id          bigint      PRIMARY KEY,
    wallet_id   bigint      NOT NULL REFERENCES wallets (id),
    mode        text        NOT NULL CHECK (mode IN ('live', 'test')),
    ref         text        NOT NULL,
    -- what was asked, for whom
    sku         text        NOT NULL,
    name        text        NOT NULL,
    product_id  bigint      NOT NULL,
    customer_no text        NOT NULL,
    zone_id     text,
    inputs      jsonb       NOT NULL,
    -- whom
    upstream    text        NOT NULL,
    offer_id    bigint      NOT NULL,
    code        text        NOT NULL,
    extra       jsonb       NOT NULL,
    -- asking; found: a source answered; open: the merchant was told, and may pay; replaced: it was asked anew; paid; failed
    state       text        NOT NULL CHECK (state IN ('asking', 'found', 'open', 'replaced', 'paid', 'failed')),
    -- until when somebody waits for the source's answer
    wait_until  timestamptz NOT NULL,
    -- why it failed, redacted, for operators
    outcome     text        NOT NULL,
    said_code   text        NOT NULL,
    said_detail text        NOT NULL,
    -- what is owed; what the merchant pays, in rupiah; until when
    bill        jsonb,
    price       bigint      CHECK (price > 0),
    expires_at  timestamptz,
    -- the order that paid it: one, for ever
    order_id    bigint      UNIQUE REFERENCES orders (id),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CHECK ((state = 'paid') = (order_id IS NOT NULL)),
    CHECK ((state IN ('found', 'open', 'replaced', 'paid')) = (bill IS NOT NULL)),
    CHECK (state NOT IN ('open', 'replaced', 'paid') OR (price IS NOT NULL AND expires_at IS NOT NULL))
);

--bun:split

-- A ref means one bill at a time.
CREATE UNIQUE INDEX inquiries_current ON inquiries (wallet_id, ref) WHERE state IN ('open', 'paid');
