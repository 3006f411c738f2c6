-- Since when nothing but failures came of an endpoint, and how many. Deliveries to URLs of orders' own do not count.
ALTER TABLE webhook_endpoints
    ADD COLUMN failing_since    timestamptz,
    ADD COLUMN failing_at       timestamptz,
    ADD COLUMN failing_attempts integer NOT NULL DEFAULT 0 CHECK (failing_attempts >= 0);
