DROP INDEX deposits_gateway;

--bun:split

ALTER TABLE orders DROP COLUMN serial;

--bun:split

DROP TABLE order_evidence, float_gaps, float_moves, float_readings, floats;

--bun:split

DROP SEQUENCE float_ticks;
