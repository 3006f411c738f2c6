-- Social media services: what a product of theirs has besides, and which order runs on which link.
ALTER TABLE products
    -- the type of a service, which decides the fields of its orders (pkg/smm)
    ADD COLUMN kind         text    NOT NULL DEFAULT '',
    ADD COLUMN min_quantity bigint  NOT NULL DEFAULT 0 CHECK (min_quantity >= 0),
    ADD COLUMN max_quantity bigint  NOT NULL DEFAULT 0 CHECK (max_quantity >= 0),
    ADD COLUMN refill       boolean NOT NULL DEFAULT false,
    ADD COLUMN cancel       boolean NOT NULL DEFAULT false,
    ADD COLUMN dripfeed     boolean NOT NULL DEFAULT false,
    ADD COLUMN average_time text    NOT NULL DEFAULT '',
    ADD CONSTRAINT products_kind CHECK ((category = 'smm') = (kind <> ''));

--bun:split

-- The link as it is compared with others; null for what has none.
ALTER TABLE orders ADD COLUMN link text;

--bun:split

-- Two orders for one link at one service take from each other, so one is open at a time. By construction: an order that
-- ends leaves the index, and one that is led elsewhere needs its place there to be free.
CREATE UNIQUE INDEX orders_link ON orders (upstream, code, link)
    WHERE link IS NOT NULL AND state IN ('queued', 'sending', 'processing', 'unknown');

--bun:split

-- To find an order of which a source gave the id a second time.
CREATE INDEX orders_said ON orders (upstream, upstream_ref) WHERE link IS NOT NULL AND upstream_ref <> '';
