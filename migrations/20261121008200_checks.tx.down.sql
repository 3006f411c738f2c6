DROP TABLE account_checks;

--bun:split

DROP TABLE check_lists;
