ALTER TABLE webhook_endpoints DROP COLUMN failing_since, DROP COLUMN failing_at, DROP COLUMN failing_attempts;
