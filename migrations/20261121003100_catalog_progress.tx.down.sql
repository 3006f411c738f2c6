ALTER TABLE catalog_scopes DROP COLUMN rows_read;
