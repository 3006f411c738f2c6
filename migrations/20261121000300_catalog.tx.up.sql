-- The catalogue: what we sell (products), from whom (offers), and at which price.

-- One number that grows with every change a reader of the catalogue can see. A change bumps it last in its transaction
-- and stamps its products with it, so that versions become visible in their own order.
CREATE TABLE catalog_version (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint  NOT NULL
);

--bun:split

INSERT INTO catalog_version (version) VALUES (1);

--bun:split

-- The sources of the configuration and how they are. Health (breaker, balance, seen_at) moves without a new version.
CREATE TABLE upstreams (
    name          text        PRIMARY KEY CHECK (name <> ''),
    driver        text        NOT NULL,
    mode          text        NOT NULL CHECK (mode IN ('live', 'test')),
    paused        boolean     NOT NULL,
    paused_why    text        NOT NULL,
    breaker_until timestamptz,
    -- our prepaid balance there, in rupiah; null while unknown
    balance       bigint,
    balance_at    timestamptz,
    seen_at       timestamptz,
    catalog_at    timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

--bun:split

CREATE TABLE otp_services (
    code       text        PRIMARY KEY CHECK (code ~ '^[a-z]{2,8}$'),
    name       text        NOT NULL CHECK (name <> ''),
    -- the name as compared between sources
    name_key   text        NOT NULL UNIQUE,
    created_at timestamptz NOT NULL
);

--bun:split

-- What a source calls one of our services.
CREATE TABLE otp_service_codes (
    upstream    text NOT NULL REFERENCES upstreams (name),
    code        text NOT NULL,
    service     text NOT NULL REFERENCES otp_services (code),
    scope       text NOT NULL,
    vanished_at timestamptz,
    PRIMARY KEY (upstream, code)
);

--bun:split

CREATE INDEX otp_service_codes_service ON otp_service_codes (service);

--bun:split

CREATE TABLE otp_countries (
    iso        text        PRIMARY KEY CHECK (iso ~ '^[A-Z]{2}$'),
    name       text        NOT NULL CHECK (name <> ''),
    prefix     text        NOT NULL,
    created_at timestamptz NOT NULL
);

--bun:split

CREATE TABLE products (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mode          text        NOT NULL CHECK (mode IN ('live', 'test')),
    sku           text        NOT NULL UNIQUE CHECK (sku ~ '^[A-Z0-9][A-Z0-9._-]{0,39}$'),
    category      text        NOT NULL CHECK (category IN ('ppob', 'smm', 'otp', 'product')),
    -- what makes two sources' offers the same thing; null never matches
    match_key     text,
    name          text        NOT NULL CHECK (name <> ''),
    brand         text        NOT NULL,
    grp           text        NOT NULL,
    type          text        NOT NULL CHECK (type IN ('', 'prepaid', 'postpaid')),
    description   text        NOT NULL,
    inputs        jsonb       NOT NULL,
    -- otp: service, country and the number of the "Server"
    service       text        REFERENCES otp_services (code),
    iso           text        REFERENCES otp_countries (iso),
    server        integer     CHECK (server > 0),
    -- premium products: the group whose variant this is, and the price for everybody in rupiah
    variant_of    text        NOT NULL,
    fixed_price   bigint      CHECK (fixed_price > 0),
    -- how one of several offers is chosen
    policy        text        NOT NULL CHECK (policy IN ('price', 'priority', 'weight')),
    -- closed by an operator
    closed        boolean     NOT NULL,
    -- minutes of the day in the brand's time zone between which nothing is sold; may cross midnight
    cut_from      smallint    CHECK (cut_from BETWEEN 0 AND 1439),
    cut_to        smallint    CHECK (cut_to BETWEEN 0 AND 1439),
    -- what an operator set and no import may change
    edited        text[]      NOT NULL,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CHECK ((category = 'otp') = (service IS NOT NULL AND iso IS NOT NULL AND server IS NOT NULL)),
    CHECK ((category = 'product') = (fixed_price IS NOT NULL)),
    CHECK ((cut_from IS NULL) = (cut_to IS NULL))
);

--bun:split

CREATE UNIQUE INDEX products_match ON products (mode, match_key) WHERE match_key IS NOT NULL;

--bun:split

CREATE UNIQUE INDEX products_server ON products (mode, service, iso, server) WHERE category = 'otp';

--bun:split

CREATE INDEX products_version ON products (version);

--bun:split

CREATE TABLE offers (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id    bigint      NOT NULL REFERENCES products (id),
    upstream      text        NOT NULL REFERENCES upstreams (name),
    scope         text        NOT NULL,
    -- the source's own address of it; never leaves us for a merchant
    code          text        NOT NULL,
    extra         jsonb       NOT NULL,
    -- the source's name for it, for operators
    said_name     text        NOT NULL,
    -- digests: of all that describes it, and of what makes it the thing it is
    facts         bytea       NOT NULL,
    identity      bytea       NOT NULL,
    -- rupiah; pending_cost is a jump that waits for an operator
    cost          bigint      NOT NULL CHECK (cost >= 0),
    pending_cost  bigint      CHECK (pending_cost >= 0),
    pending_at    timestamptz,
    available     boolean     NOT NULL,
    reason        text        NOT NULL CHECK (reason IN ('', 'closed', 'out_of_stock', 'trouble', 'cut_off')),
    stock         bigint      NOT NULL,
    unlimited     boolean     NOT NULL,
    success_rate  integer     NOT NULL,
    -- no longer listed by its source
    vanished_at   timestamptz,
    -- closed by an operator
    closed        boolean     NOT NULL,
    -- refusals for the product's sake in a row, and until when they keep it closed
    failures      integer     NOT NULL,
    flagged_until timestamptz,
    priority      integer     NOT NULL,
    weight        integer     NOT NULL CHECK (weight > 0),
    cut_from      smallint    CHECK (cut_from BETWEEN 0 AND 1439),
    cut_to        smallint    CHECK (cut_to BETWEEN 0 AND 1439),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    UNIQUE (upstream, code),
    CHECK ((pending_cost IS NULL) = (pending_at IS NULL)),
    CHECK ((cut_from IS NULL) = (cut_to IS NULL))
) WITH (fillfactor = 80);

--bun:split

CREATE INDEX offers_product ON offers (product_id);

--bun:split

CREATE INDEX offers_scope ON offers (upstream, scope);

--bun:split

-- A SKU of ours must not be anybody's code, however it is written.
CREATE INDEX offers_code ON offers (upper(code));

--bun:split

CREATE INDEX offers_pending ON offers (pending_at) WHERE pending_cost IS NOT NULL;

--bun:split

-- Every price an offer had, from when. A jump that waits is not in it until it is accepted.
CREATE TABLE price_history (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    offer_id   bigint      NOT NULL REFERENCES offers (id),
    old_cost   bigint,
    cost       bigint      NOT NULL,
    cause      text        NOT NULL CHECK (cause IN ('listed', 'import', 'operator')),
    created_at timestamptz NOT NULL
);

--bun:split

CREATE INDEX price_history_offer ON price_history (offer_id, id);

--bun:split

-- What a tier pays on top of the cost: percent in basis points (100 = 1 %) and rupiah. The most specific row holds:
-- sku, then brand, then grp (the category inside ppob), then category.
CREATE TABLE markups (
    tier       integer NOT NULL REFERENCES tiers (tier) ON DELETE CASCADE,
    scope      text    NOT NULL CHECK (scope IN ('category', 'grp', 'brand', 'sku')),
    key        text    NOT NULL CHECK (key <> ''),
    percent_bp integer NOT NULL CHECK (percent_bp BETWEEN 0 AND 1000000),
    fixed      bigint  NOT NULL CHECK (fixed BETWEEN 0 AND 1000000000),
    PRIMARY KEY (tier, scope, key)
);

--bun:split

INSERT INTO markups (tier, scope, key, percent_bp, fixed) VALUES
    (1, 'category', 'ppob',  300, 100), (1, 'category', 'otp', 2500, 0), (1, 'category', 'smm', 4000, 0),
    (2, 'category', 'ppob',  200,  75), (2, 'category', 'otp', 2000, 0), (2, 'category', 'smm', 3000, 0),
    (3, 'category', 'ppob',  150,  50), (3, 'category', 'otp', 1500, 0), (3, 'category', 'smm', 2000, 0),
    (4, 'category', 'ppob',  100,  25), (4, 'category', 'otp', 1000, 0), (4, 'category', 'smm', 1500, 0);

--bun:split

-- Premium products: one item each, sealed. An item without an order is for sale.
CREATE TABLE stock_items (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id  bigint      NOT NULL REFERENCES products (id),
    content     bytea       NOT NULL,
    order_id    bigint,
    allotted_at timestamptz,
    created_at  timestamptz NOT NULL,
    CHECK ((order_id IS NULL) = (allotted_at IS NULL))
);

--bun:split

CREATE INDEX stock_items_free ON stock_items (product_id, id) WHERE order_id IS NULL;

--bun:split

CREATE INDEX stock_items_order ON stock_items (order_id) WHERE order_id IS NOT NULL;

--bun:split

-- The operators that may be chosen for an otp offer, as last asked.
CREATE TABLE otp_operators (
    offer_id   bigint      PRIMARY KEY REFERENCES offers (id),
    -- [{"id": ours, "name": …, "code": the source's}]
    operators  jsonb       NOT NULL,
    fetched_at timestamptz NOT NULL
);

--bun:split

-- The parts of a source's catalogue, each read and compared as one.
CREATE TABLE catalog_scopes (
    upstream      text        NOT NULL REFERENCES upstreams (name),
    key           text        NOT NULL,
    -- the source's code of the otp service that it prices; empty for others
    service       text        NOT NULL,
    every         interval    NOT NULL CHECK (every > interval '0'),
    next_run_at   timestamptz NOT NULL,
    claimed_until timestamptz,
    last_done_at  timestamptz,
    -- how often merchants asked since it was read, halved by each reading
    demand        bigint      NOT NULL,
    failures      integer     NOT NULL,
    last_error    text        NOT NULL,
    -- the last reading lacked most of what was there; a second one like it is believed
    shrunk        boolean     NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (upstream, key)
);

--bun:split

CREATE INDEX catalog_scopes_due ON catalog_scopes (upstream, next_run_at);

--bun:split

-- Imports that an operator asked for; their progress is that of the scopes.
CREATE TABLE catalog_runs (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    upstream     text        NOT NULL REFERENCES upstreams (name),
    actor        text        NOT NULL,
    requested_at timestamptz NOT NULL,
    finished_at  timestamptz
);
