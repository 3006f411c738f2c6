-- What our books and a source's own say of the same day, compared.
CREATE TABLE reconciliations (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    upstream      text        NOT NULL REFERENCES upstreams (name),
    day           date        NOT NULL,
    -- which comparison of that day it is: the daily job makes the first one, operators further ones
    n             integer     NOT NULL CHECK (n > 0),
    -- the day as moments, the second one exclusive
    from_at       timestamptz NOT NULL,
    to_at         timestamptz NOT NULL,
    actor         text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('running', 'done')),
    -- how far it has come: the part, the page of it, and the attempt behind which to go on
    phase         text        NOT NULL,
    page          integer     NOT NULL,
    cursor_order  bigint      NOT NULL,
    cursor_n      integer     NOT NULL,
    -- raised by every write: of two workers at one comparison, one goes on
    version       bigint      NOT NULL,
    failures      integer     NOT NULL,
    last_error    text        NOT NULL,
    -- statement: the source's books were read; status: it was asked about each purchase
    means         text        NOT NULL CHECK (means IN ('', 'statement', 'status')),
    matched       bigint      NOT NULL,
    amount        bigint      NOT NULL,
    only_ours     bigint      NOT NULL,
    only_theirs   bigint      NOT NULL,
    status        bigint      NOT NULL,
    -- attempts that nothing can be learned of
    unchecked     bigint      NOT NULL,
    -- rupiah that purchases took, by our books and by theirs as far as they say
    ours_cost     bigint      NOT NULL,
    theirs_cost   bigint      NOT NULL,
    -- our balance there around the day, and what of its change our books do not explain
    opening       bigint,
    opening_at    timestamptz,
    closing       bigint,
    closing_at    timestamptz,
    unexplained   bigint,
    -- movements that do not lead from one balance to the next; null where the source shows none
    breaks        bigint,
    note          text        NOT NULL,
    requested_at  timestamptz NOT NULL,
    finished_at   timestamptz,
    next_run_at   timestamptz,
    UNIQUE (upstream, day, n),
    CHECK ((state = 'done') = (finished_at IS NOT NULL)),
    CHECK ((state = 'running') = (next_run_at IS NOT NULL))
);

--bun:split

CREATE INDEX reconciliations_due ON reconciliations (upstream, next_run_at) WHERE next_run_at IS NOT NULL;

--bun:split

CREATE INDEX reconciliations_done ON reconciliations (upstream, to_at DESC, id DESC) WHERE state = 'done';

--bun:split

-- One purchase of that day: ours, theirs, or both.
CREATE TABLE reconciliation_lines (
    reconciliation_id bigint NOT NULL REFERENCES reconciliations (id),
    -- the attempt, or what makes a line of theirs itself
    key          text        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('matched', 'amount', 'only_ours', 'only_theirs', 'status')),
    order_id     bigint,
    attempt      integer,
    our_ref      text        NOT NULL,
    upstream_ref text        NOT NULL,
    code         text        NOT NULL,
    target       text        NOT NULL,
    -- our attempt's outcome, their state; empty where one side has no such purchase, or theirs was not understood
    ours         text        NOT NULL,
    theirs       text        NOT NULL,
    ours_cost    bigint,
    theirs_cost  bigint,
    at           timestamptz,
    note         text        NOT NULL,
    flagged_at   timestamptz,
    PRIMARY KEY (reconciliation_id, key)
);

--bun:split

CREATE INDEX reconciliation_lines_findings ON reconciliation_lines (reconciliation_id, kind, key) WHERE kind <> 'matched';

--bun:split

-- What of an attempt has been shown to operators already.
CREATE INDEX reconciliation_lines_flagged ON reconciliation_lines (order_id, attempt, kind) WHERE flagged_at IS NOT NULL;

--bun:split

-- Our balances as the sources told them: the first word of each quarter of an hour.
CREATE TABLE upstream_balances (
    upstream text        NOT NULL REFERENCES upstreams (name),
    slot     timestamptz NOT NULL,
    balance  bigint      NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (upstream, slot)
);
