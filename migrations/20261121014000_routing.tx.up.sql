-- How a source does, for choosing among offers: purchases that it took well and badly and how long its answers took, each
-- counting for half as much ten minutes later, as of measured_at. A hint: nothing is decided about an order by it.
ALTER TABLE upstreams
    ADD COLUMN good        double precision NOT NULL DEFAULT 0,
    ADD COLUMN bad         double precision NOT NULL DEFAULT 0,
    ADD COLUMN calls       double precision NOT NULL DEFAULT 0,
    ADD COLUMN seconds     double precision NOT NULL DEFAULT 0,
    ADD COLUMN measured_at timestamptz;

--bun:split

-- How one of several offers of a product is chosen where no operator has said so for the product.
CREATE TABLE catalog_policy (
    id     boolean PRIMARY KEY CHECK (id),
    policy text    NOT NULL CHECK (policy IN ('price', 'priority', 'weight'))
);

--bun:split

INSERT INTO catalog_policy (id, policy) VALUES (true, 'price');
