-- What the sandbox has sold, paid and been asked for: the books of the test mode's own source, shared by all its workers.
-- Where a record stands follows from it and the clock; only wishes change it.
CREATE TABLE sandbox_records (
    id          bigint        GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    upstream    text          NOT NULL,
    kind        text          NOT NULL CHECK (kind IN ('purchase', 'invoice', 'payout', 'refill')),
    ref         text          NOT NULL,
    category    text          NOT NULL,
    code        text          NOT NULL,
    target      text          NOT NULL,
    operator    text          NOT NULL,
    -- what becomes of it, chosen when it came
    plan        text          NOT NULL,
    quantity    bigint        NOT NULL,
    -- rupiah: what it took at its time, what was given back or came in at credit_at, and is taken again at again_at
    debit       bigint        NOT NULL CHECK (debit >= 0),
    credit      bigint        NOT NULL CHECK (credit >= 0),
    credit_at   timestamptz,
    again_at    timestamptz,
    canceled_at timestamptz,
    finished_at timestamptz,
    resent_at   timestamptz[] NOT NULL,
    at          timestamptz   NOT NULL,
    UNIQUE (upstream, kind, ref)
);

--bun:split

CREATE INDEX sandbox_records_day ON sandbox_records (upstream, at);

--bun:split

-- Live and test never mix: a product is sold by sources of its own mode only. Orders go where offers lead.
CREATE FUNCTION offers_of_one_mode() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT mode FROM products WHERE id = NEW.product_id) <> (SELECT mode FROM upstreams WHERE name = NEW.upstream) THEN
        RAISE EXCEPTION 'offer of %: its product is of another mode', NEW.upstream USING ERRCODE = 'check_violation', CONSTRAINT = 'offers_of_one_mode';
    END IF;
    RETURN NEW;
END
$$;

--bun:split

CREATE TRIGGER offers_of_one_mode BEFORE INSERT ON offers FOR EACH ROW EXECUTE FUNCTION offers_of_one_mode();

--bun:split

CREATE TRIGGER offers_stay_of_one_mode BEFORE UPDATE OF product_id, upstream ON offers
    FOR EACH ROW WHEN ((OLD.product_id, OLD.upstream) IS DISTINCT FROM (NEW.product_id, NEW.upstream)) EXECUTE FUNCTION offers_of_one_mode();

--bun:split

CREATE FUNCTION modes_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% %: its mode cannot change', TG_TABLE_NAME, to_jsonb(OLD) ->> CASE TG_TABLE_NAME WHEN 'products' THEN 'sku' ELSE 'name' END
        USING ERRCODE = 'check_violation', CONSTRAINT = 'modes_stay';
END
$$;

--bun:split

CREATE TRIGGER products_mode_stays BEFORE UPDATE OF mode ON products
    FOR EACH ROW WHEN (OLD.mode IS DISTINCT FROM NEW.mode) EXECUTE FUNCTION modes_stay();

--bun:split

CREATE TRIGGER upstreams_mode_stays BEFORE UPDATE OF mode ON upstreams
    FOR EACH ROW WHEN (OLD.mode IS DISTINCT FROM NEW.mode) EXECUTE FUNCTION modes_stay();
