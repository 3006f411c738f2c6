DROP INDEX ledger_adjustments_ref;

--bun:split

ALTER TABLE ledger_adjustments DROP COLUMN ref;
