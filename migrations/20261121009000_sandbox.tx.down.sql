DROP TRIGGER upstreams_mode_stays ON upstreams;

--bun:split

DROP TRIGGER products_mode_stays ON products;

--bun:split

DROP FUNCTION modes_stay();

--bun:split

DROP TRIGGER offers_stay_of_one_mode ON offers;

--bun:split

DROP TRIGGER offers_of_one_mode ON offers;

--bun:split

DROP FUNCTION offers_of_one_mode();

--bun:split

DROP TABLE sandbox_records;
