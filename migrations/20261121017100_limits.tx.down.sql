DROP TABLE wallet_days;

--bun:split

ALTER TABLE wallet_rules DROP COLUMN per_order, DROP COLUMN per_day, DROP COLUMN withdraw_per_day;
