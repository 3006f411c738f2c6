DROP INDEX webhook_events_test;

--bun:split

DROP INDEX webhook_events_parked;

--bun:split

DROP INDEX orders_ended;

--bun:split

DROP INDEX orders_kind;

--bun:split

DROP INDEX orders_sn;

--bun:split

DROP INDEX orders_recipient;
