-- Where a merchant's events go and what signs them. One a merchant, for both modes.
CREATE TABLE webhook_endpoints (
    merchant_id      text        PRIMARY KEY REFERENCES merchants (id),
    -- empty: the merchant has named none
    url              text        NOT NULL,
    -- types wanted; empty means all
    events           text[]      NOT NULL,
    enabled          boolean     NOT NULL,
    -- why we cleared enabled; empty when the merchant did, or nobody
    suspended_reason text        NOT NULL,
    -- sealed; the previous one keeps signing until previous_until
    secret           bytea       NOT NULL,
    secret_hint      text        NOT NULL,
    previous_secret  bytea,
    previous_until   timestamptz,
    -- attempts that failed in a row, and when a merchant that only fails is tried again
    failures         integer     NOT NULL CHECK (failures >= 0),
    probe_at         timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
);

--bun:split

-- One event for one destination, written with the change that it tells of. The body never changes.
-- Ids grow with time, so that the table can be cut by created_at or by id when it is to be partitioned or old rows are to
-- go; nothing refers to a row. What is delivered or parked is in the primary key and the merchant's list only.
CREATE TABLE webhook_events (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- webhook-id: the receiver's idempotency key, the same on every retry and replay
    event_id        text        NOT NULL,
    merchant_id     text        NOT NULL,
    mode            text        NOT NULL CHECK (mode IN ('live', 'test')),
    type            text        NOT NULL,
    -- events of one subject are delivered in order
    subject         text        NOT NULL,
    version         bigint      NOT NULL,
    -- fixed: url is the event's own (callback_url); else it is the endpoint's as of the latest attempt
    fixed           boolean     NOT NULL,
    url             text        NOT NULL,
    body            text        NOT NULL,
    trace_parent    text        NOT NULL,
    status          text        NOT NULL CHECK (status IN ('pending', 'failed', 'delivered', 'parked')),
    -- attempts begun, which fences results that come late; step is how many of the schedule's delays are used up
    attempts        integer     NOT NULL,
    step            integer     NOT NULL,
    -- when to try next, or while leased until when the attempt under way is believed in; null when nothing more is to come
    next_run_at     timestamptz,
    leased          boolean     NOT NULL,
    -- waits for an earlier event of its subject
    blocked         boolean     NOT NULL,
    response_code   integer,
    response_body   text,
    -- what went wrong, from a closed set
    failure         text        NOT NULL,
    created_at      timestamptz NOT NULL,
    last_attempt_at timestamptz,
    CHECK ((next_run_at IS NOT NULL) = (status IN ('pending', 'failed')))
) WITH (fillfactor = 80);

--bun:split

-- Partial indexes on what is open: a tick costs what is due, not what exists.
CREATE INDEX webhook_events_due ON webhook_events (merchant_id, next_run_at, id) WHERE status IN ('pending', 'failed');

--bun:split

CREATE INDEX webhook_events_subject ON webhook_events (merchant_id, subject, id) WHERE status IN ('pending', 'failed');

--bun:split

CREATE INDEX webhook_events_leased ON webhook_events (merchant_id) WHERE leased;

--bun:split

CREATE INDEX webhook_events_merchant ON webhook_events (merchant_id, id);
