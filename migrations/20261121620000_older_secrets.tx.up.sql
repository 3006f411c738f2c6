-- Secrets that were replaced before the previous one was, and when each ends: they keep signing until then. As they are kept, sealed.
ALTER TABLE webhook_endpoints
    ADD COLUMN older_secrets bytea[]       NOT NULL DEFAULT '{}',
    ADD COLUMN older_until   timestamptz[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT webhook_endpoints_older CHECK (cardinality(older_secrets) = cardinality(older_until));
