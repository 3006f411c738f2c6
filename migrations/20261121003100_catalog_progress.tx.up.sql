-- How many rows of a part the reading under way has brought: a list of tens of thousands takes minutes within a small
-- budget, and whoever asked for it wants to see it move. 0 while nobody reads.
ALTER TABLE catalog_scopes ADD COLUMN rows_read bigint NOT NULL DEFAULT 0;
