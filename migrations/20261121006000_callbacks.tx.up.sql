-- What sources post to us, as it came, until a worker of theirs has read it and for a while after. It is a hint: nothing
-- is lost with a row but time.
CREATE TABLE callbacks (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    upstream    text        NOT NULL,
    -- those that tell what it is and who signed it, no others
    headers     jsonb       NOT NULL,
    body        bytea       NOT NULL,
    -- the body told a secret, which was taken out of it: it cannot be verified any more
    redacted    boolean     NOT NULL,
    -- of what was posted, so that the same again is known
    digest      bytea       NOT NULL,
    -- new: no worker has read it. applied: it changed an order, or would have. asked: it told that something happened, and the
    -- order is asked about. nothing: it told of nothing. repeated: it had been applied before. stranger: of no order of ours at
    -- this source. forged: its signature is not the source's. odd: it could not be read. late: nobody read it in time.
    state       text        NOT NULL CHECK (state IN ('new', 'applied', 'asked', 'nothing', 'repeated', 'stranger', 'forged', 'odd', 'late')),
    order_id    bigint,
    attempts    integer     NOT NULL,
    next_run_at timestamptz,
    received_at timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK ((state = 'new') = (next_run_at IS NOT NULL)),
    CHECK ((state = 'new') = (finished_at IS NULL))
) WITH (fillfactor = 80);

--bun:split

-- Partial: a tick costs what is due. However often the same is posted, it waits once.
CREATE INDEX callbacks_due ON callbacks (next_run_at) WHERE state = 'new';

--bun:split

CREATE UNIQUE INDEX callbacks_new ON callbacks (upstream, digest) WHERE state = 'new';

--bun:split

CREATE INDEX callbacks_applied ON callbacks (upstream, digest) WHERE state = 'applied';

--bun:split

CREATE INDEX callbacks_received ON callbacks (received_at);

--bun:split

CREATE INDEX callbacks_idle ON callbacks (received_at) WHERE state IN ('nothing', 'repeated', 'stranger', 'forged', 'odd');

--bun:split

CREATE INDEX callbacks_order ON callbacks (order_id) WHERE order_id IS NOT NULL;
