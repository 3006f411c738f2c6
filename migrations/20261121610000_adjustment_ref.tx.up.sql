-- What an adjustment by hand is known by to whoever makes it: asked for twice it is done once. Older ones have none.
ALTER TABLE ledger_adjustments ADD COLUMN ref text CHECK (ref <> '');

--bun:split

CREATE UNIQUE INDEX ledger_adjustments_ref ON ledger_adjustments (wallet_id, ref);
