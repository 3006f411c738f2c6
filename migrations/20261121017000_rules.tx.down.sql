ALTER TABLE orders DROP COLUMN twin;

--bun:split

DROP TABLE wallet_rules;

--bun:split

ALTER TABLE wallets DROP COLUMN ruled;
