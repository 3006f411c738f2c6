UPDATE price_history SET cause = 'import' WHERE cause = 'check';

--bun:split

ALTER TABLE price_history DROP CONSTRAINT price_history_cause_check;

--bun:split

ALTER TABLE price_history ADD CONSTRAINT price_history_cause_check CHECK (cause IN ('listed', 'import', 'operator'));

--bun:split

DROP TABLE price_checks;
