DROP TABLE deposit_lines;

--bun:split

DROP TABLE deposit_codes;

--bun:split

DROP TABLE deposit_gateways;

--bun:split

DROP TABLE deposit_events;

--bun:split

DROP TABLE deposit_attempts;

--bun:split

DROP TABLE deposits;
