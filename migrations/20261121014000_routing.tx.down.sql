DROP TABLE catalog_policy;

--bun:split

ALTER TABLE upstreams DROP COLUMN good, DROP COLUMN bad, DROP COLUMN calls, DROP COLUMN seconds, DROP COLUMN measured_at;
