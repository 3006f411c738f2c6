-- Pages of merchants with millions of orders. What is looked for is found; nothing is walked through.

-- An order is for a number or for a target, never for both.
CREATE INDEX orders_recipient ON orders (wallet_id, coalesce(customer_no, target), id) WHERE coalesce(customer_no, target) IS NOT NULL;

--bun:split

-- Known late, so that the row enters it once.
CREATE INDEX orders_sn ON orders (wallet_id, (facts ->> 'sn'), id) WHERE facts ->> 'sn' IS NOT NULL;

--bun:split

-- A category or a SKU that is bought seldom.
CREATE INDEX orders_kind ON orders (wallet_id, category, sku, id);

--bun:split

-- The few that did not end well. Those that did are found on the way from the newest.
CREATE INDEX orders_ended ON orders (wallet_id, state, id) WHERE state IN ('failed', 'partial', 'canceled', 'expired');

--bun:split

CREATE INDEX webhook_events_parked ON webhook_events (merchant_id, id) WHERE status = 'parked';

--bun:split

-- A merchant's few events of the test mode among millions of live ones.
CREATE INDEX webhook_events_test ON webhook_events (merchant_id, id) WHERE mode = 'test';
