DROP TABLE withdrawal_events;

--bun:split

DROP TABLE withdrawal_approvals;

--bun:split

DROP TABLE withdrawals;
