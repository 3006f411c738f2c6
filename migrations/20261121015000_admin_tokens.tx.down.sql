DROP INDEX audit_log_created_at;

--bun:split

DROP INDEX audit_log_actor;

--bun:split

DROP TABLE admin_tokens;
