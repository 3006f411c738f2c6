-- Tiers: what a merchant is called, and what it takes to rise. Markups by tier belong to the catalogue.
CREATE TABLE tiers (
    tier       integer PRIMARY KEY CHECK (tier > 0),
    name       text    NOT NULL CHECK (name <> ''),
    -- finished orders, and their sum in rupiah, from which a merchant is of this tier
    min_orders bigint  NOT NULL CHECK (min_orders >= 0),
    min_volume bigint  NOT NULL CHECK (min_volume >= 0)
);

--bun:split

INSERT INTO tiers (tier, name, min_orders, min_volume) VALUES
    (1, 'Bronze',       0,           0),
    (2, 'Silver',     500,    10000000),
    (3, 'Gold',      5000,   100000000),
    (4, 'Platinum', 50000,  1000000000);

--bun:split

CREATE TABLE merchants (
    id           text        PRIMARY KEY,
    name         text        NOT NULL CHECK (name <> ''),
    status       text        NOT NULL CHECK (status IN ('active', 'suspended')),
    tier         integer     NOT NULL REFERENCES tiers (tier),
    -- empty means that any address may call
    ip_whitelist cidr[]      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);

--bun:split

CREATE TABLE api_keys (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    merchant_id  text        NOT NULL REFERENCES merchants (id),
    mode         text        NOT NULL CHECK (mode IN ('live', 'test')),
    name         text        NOT NULL,
    -- SHA-256 of the key; the key itself is shown once and stored nowhere
    hash         bytea       NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    -- its prefix and last characters, by which a person tells keys apart
    hint         text        NOT NULL,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

--bun:split

CREATE INDEX api_keys_merchant ON api_keys (merchant_id, id);

--bun:split

-- Whoever caches an authentication listens here; the payload is the merchant whose entries are stale.
CREATE FUNCTION merchant_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('muara_merchant', CASE WHEN TG_TABLE_NAME = 'merchants'
        THEN to_jsonb(COALESCE(NEW, OLD)) ->> 'id'
        ELSE to_jsonb(COALESCE(NEW, OLD)) ->> 'merchant_id' END);
    RETURN NULL;
END
$$;

--bun:split

CREATE TRIGGER merchants_changed AFTER UPDATE OF name, status, tier, ip_whitelist OR DELETE ON merchants
    FOR EACH ROW EXECUTE FUNCTION merchant_changed();

--bun:split

-- Not on last_used_at, which says nothing about what a key may do.
CREATE TRIGGER api_keys_changed AFTER INSERT OR DELETE OR UPDATE OF hash, mode, merchant_id, revoked_at ON api_keys
    FOR EACH ROW EXECUTE FUNCTION merchant_changed();

--bun:split

-- What operators changed, who it was and what they said about it.
CREATE TABLE audit_log (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor      text        NOT NULL,
    action     text        NOT NULL,
    subject    text        NOT NULL,
    detail     jsonb       NOT NULL,
    created_at timestamptz NOT NULL
);

--bun:split

CREATE INDEX audit_log_subject ON audit_log (subject, id);
