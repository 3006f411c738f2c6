DROP TABLE report_closed;

--bun:split

DROP TABLE report_below_cost;

--bun:split

DROP TABLE report_flows;

--bun:split

DROP TABLE report_orders;
