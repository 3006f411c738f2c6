-- When an attempt was last asked about, where its source limits that.
ALTER TABLE order_attempts ADD COLUMN asked_at timestamptz;
