-- Who may call the admin API. A name is used once: the audit log knows a token by it.
CREATE TABLE admin_tokens (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text        NOT NULL CONSTRAINT admin_tokens_name UNIQUE,
    role         text        NOT NULL CHECK (role IN ('viewer', 'operator', 'finance')),
    hash         bytea       NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256
    hint         text        NOT NULL,
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

--bun:split

-- What one of them did, and what was done in a time.
CREATE INDEX audit_log_actor ON audit_log (actor, id);

--bun:split

CREATE INDEX audit_log_created_at ON audit_log (created_at);
