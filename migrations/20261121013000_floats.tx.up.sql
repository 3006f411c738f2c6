-- Accounts at upstreams that tell of a lost purchase by nothing but their balance: what we did there, and what the balance was.

-- Ticks order what happens at such an account over all processes, whatever their clocks say: of two draws the earlier is smaller.
CREATE SEQUENCE float_ticks AS bigint CACHE 1;

--bun:split

CREATE TABLE floats (
    upstream   text        PRIMARY KEY,
    -- no purchase is sent before, so that the balance can be read at a quiet moment
    hold_until timestamptz,
    -- the newest reading up to which every movement is accounted for
    anchor     bigint,
    created_at timestamptz NOT NULL
);

--bun:split

CREATE TABLE float_readings (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    upstream   text        NOT NULL,
    -- drawn before the question left and after the answer came
    begin_tick bigint      NOT NULL,
    end_tick   bigint      NOT NULL CHECK (end_tick > begin_tick),
    -- rupiah
    balance    bigint      NOT NULL,
    asked_at   timestamptz NOT NULL,
    said_at    timestamptz NOT NULL
);

--bun:split

CREATE INDEX float_readings_upstream ON float_readings (upstream, end_tick);

--bun:split

-- One purchase (or another of our movements) as the account's balance shows it.
CREATE TABLE float_moves (
    subject     text        NOT NULL,
    subject_id  bigint      NOT NULL,
    n           integer     NOT NULL,
    upstream    text        NOT NULL,
    -- what it takes, in rupiah; below zero where it brings
    cost        bigint      NOT NULL,
    -- sending, unknown, spoilt, orphan, bought, kept, back, void, owed, odd, due (package float)
    stand       text        NOT NULL,
    -- ticks: before its first byte; after it was known to be bought; before a question that found it not given back; after
    -- it was known to be given back; of its latest change
    claim_tick  bigint      NOT NULL,
    bought_tick bigint,
    held_tick   bigint,
    back_tick   bigint,
    tick        bigint      NOT NULL,
    claimed_at  timestamptz NOT NULL,
    back_at     timestamptz,
    -- from when on its request can no longer be on its way
    ripe_at     timestamptz NOT NULL,
    -- when its provider gives it back by itself where nobody uses it; null where it never does
    ends_at     timestamptz,
    -- since when its outcome is unknown
    doubt_at    timestamptz,
    -- nobody knows its id, so nobody can end it before its time
    orphaned    boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (subject, subject_id, n)
);

--bun:split

CREATE INDEX float_moves_tick ON float_moves (upstream, tick);

--bun:split

CREATE INDEX float_moves_open ON float_moves (upstream, stand) WHERE stand IN ('sending', 'unknown', 'spoilt', 'orphan', 'bought', 'owed', 'due');

--bun:split

-- What moved a balance and was none of ours.
CREATE TABLE float_gaps (
    id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    upstream text        NOT NULL,
    amount   bigint      NOT NULL,
    -- between these readings
    before   bigint      NOT NULL,
    after    bigint      NOT NULL,
    found_at timestamptz NOT NULL
);

--bun:split

CREATE INDEX float_gaps_upstream ON float_gaps (upstream, found_at);

--bun:split

-- What was concluded about an order from something else than a word about it, and from what.
CREATE TABLE order_evidence (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id   bigint      NOT NULL REFERENCES orders (id),
    n          integer     NOT NULL,
    verdict    text        NOT NULL,
    detail     jsonb       NOT NULL,
    created_at timestamptz NOT NULL
);

--bun:split

CREATE INDEX order_evidence_order ON order_evidence (order_id, id);

--bun:split

-- The current attempt is at an account that is watched by its balance.
ALTER TABLE orders ADD COLUMN serial boolean NOT NULL DEFAULT false;

--bun:split

-- What comes in at such an account without being ours to spend: what merchants pay.
CREATE INDEX deposits_gateway ON deposits (gateway, created_at) WHERE received > 0;
