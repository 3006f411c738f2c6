DROP TABLE ledger_adjustments;

--bun:split

DROP TABLE ledger_rollup;

--bun:split

DROP TABLE ledger_hours;

--bun:split

DROP TABLE ledger_entries;

--bun:split

DROP FUNCTION ledger_entries_immutable();

--bun:split

DROP TABLE wallets;

--bun:split

DROP TABLE ledger_accounts;
