-- How far each rule of retention has come: rows up to an id have been dealt with, but for those that are kept for later.
CREATE TABLE retention_marks (
    rule       text        PRIMARY KEY,
    through    bigint      NOT NULL,
    updated_at timestamptz NOT NULL
);

--bun:split

-- Rows that were old enough and yet not to be touched (open, flagged, changed since), with when to look again.
CREATE TABLE retention_later (
    rule text        NOT NULL,
    id   bigint      NOT NULL,
    at   timestamptz NOT NULL,
    PRIMARY KEY (rule, id)
);

--bun:split

CREATE INDEX retention_later_at ON retention_later (rule, at);
