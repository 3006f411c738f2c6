DROP TABLE audit_log;

--bun:split

DROP TABLE api_keys;

--bun:split

DROP TABLE merchants;

--bun:split

DROP FUNCTION merchant_changed();

--bun:split

DROP TABLE tiers;
