DROP TABLE retention_later;

--bun:split

DROP TABLE retention_marks;
