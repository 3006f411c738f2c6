DROP TABLE order_events;

--bun:split

DROP TABLE order_attempts;

--bun:split

DROP TABLE orders;
