ALTER TABLE merchants DROP COLUMN tier_held;

--bun:split

DROP INDEX order_events_created;

--bun:split

DROP TABLE order_tally;

--bun:split

DROP TABLE order_hours;
