DROP INDEX orders_said;

--bun:split

DROP INDEX orders_link;

--bun:split

ALTER TABLE orders DROP COLUMN link;

--bun:split

ALTER TABLE products
    DROP CONSTRAINT products_kind,
    DROP COLUMN kind,
    DROP COLUMN min_quantity,
    DROP COLUMN max_quantity,
    DROP COLUMN refill,
    DROP COLUMN cancel,
    DROP COLUMN dripfeed,
    DROP COLUMN average_time;
