DROP TABLE low_balances;
