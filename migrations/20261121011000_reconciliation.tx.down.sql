DROP TABLE upstream_balances;

--bun:split

DROP TABLE reconciliation_lines;

--bun:split

DROP TABLE reconciliations;
