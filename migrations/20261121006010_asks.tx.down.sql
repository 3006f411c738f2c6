ALTER TABLE order_attempts DROP COLUMN asked_at;
