-- At least one row in every table, so that each migration is taken back with rows in place.
INSERT INTO merchants (id, name, status, tier, ip_whitelist, created_at, updated_at)
VALUES ('MRA-M-0000000001', 'Toko', 'active', 1, '{192.0.2.0/24}', now(), now());
INSERT INTO admin_tokens (name, role, hash, hint, created_by, created_at, expires_at) VALUES ('desk', 'viewer', sha256('x'), 'mra_admin_…wxyz', 'cli:ops', now(), now());
INSERT INTO api_keys (merchant_id, mode, name, hash, hint, created_at)
VALUES ('MRA-M-0000000001', 'live', 'main', sha256('key'), 'mra_live_…abcd', now());
INSERT INTO audit_log (actor, action, subject, detail, created_at)
VALUES ('cli:ops', 'merchant.create', 'MRA-M-0000000001', '{}', now());

INSERT INTO ledger_accounts (mode, code) VALUES ('live', 'adjustment'), ('live', 'wallet:MRA-M-0000000001');
INSERT INTO wallets (id, merchant_id, mode, balance, seq, created_at)
SELECT id, 'MRA-M-0000000001', 'live', 50000, 1, now() FROM ledger_accounts WHERE code LIKE 'wallet:%';
INSERT INTO ledger_adjustments (wallet_id, amount, note, actor, ref, created_at)
SELECT id, 50000, 'start', 'cli:ops', 'opening', now() FROM wallets;
INSERT INTO ledger_entries (subject, subject_id, kind, n, debit, credit, amount, wallet_id, wallet_seq, wallet_balance, notes, created_at)
SELECT 'adjustment', a.id, 'adjustment', 1, s.id, w.id, 50000, w.id, 1, 50000, 'start', now()
FROM wallets w, ledger_accounts s, ledger_adjustments a WHERE s.code = 'adjustment';
INSERT INTO ledger_hours (hour, account, debit, credit) SELECT date_trunc('hour', now()), id, 0, 50000 FROM wallets;
INSERT INTO ledger_rollup (through) VALUES (date_trunc('hour', now()));

INSERT INTO upstreams (name, driver, mode, paused, paused_why, created_at, updated_at)
VALUES ('rq', 'rqid', 'live', false, '', now(), now());
INSERT INTO otp_services (code, name, name_key, created_at) VALUES ('tg', 'Telegram', 'telegram', now());
INSERT INTO otp_service_codes (upstream, code, service, scope) VALUES ('rq', '7', 'tg', 'otp');
INSERT INTO otp_countries (iso, name, prefix, created_at) VALUES ('ID', 'Indonesia', '+62', now());
INSERT INTO products (mode, sku, category, name, brand, grp, type, description, inputs, variant_of, policy, closed, edited, version, created_at, updated_at)
VALUES ('live', 'MLID10', 'ppob', 'ML 10', 'ML', 'Games', 'prepaid', '', '[]', '', 'price', false, '{}', 1, now(), now());
INSERT INTO offers (product_id, upstream, scope, code, extra, said_name, facts, identity, cost, available, reason, stock, unlimited, success_rate, closed, failures, priority, weight, created_at, updated_at)
SELECT id, 'rq', 'all', 'x10', '{}', 'ML 10', '', '', 2500, true, '', 0, true, 100, false, 0, 0, 1, now(), now() FROM products;
INSERT INTO price_history (offer_id, cost, cause, created_at) SELECT id, cost, 'listed', now() FROM offers;
INSERT INTO otp_operators (offer_id, operators, fetched_at) SELECT id, '[]', now() FROM offers;
INSERT INTO stock_items (product_id, content, created_at) SELECT id, 'sealed', now() FROM products;
INSERT INTO catalog_scopes (upstream, key, service, every, next_run_at, demand, failures, last_error, shrunk, created_at)
VALUES ('rq', 'all', '', '1 hour', now(), 0, 0, '', false, now());
INSERT INTO catalog_runs (upstream, actor, requested_at) VALUES ('rq', 'cli:ops', now());

INSERT INTO orders (id, wallet_id, mode, ref, content_hash, category, sku, name, product_id, quantity, price, refunded, inputs, callback_url,
    max_cost, state, version, attempt, sends, upstream, offer_id, code, extra, cost, upstream_ref, message, facts, cancel_requested, finish_requested,
    resend_requested, flag, trace_parent, next_run_at, polls, created_at, updated_at)
SELECT 1, w.id, 'live', 'r1', '', 'ppob', 'MLID10', 'ML 10', o.product_id, 1, 3000, 0, '{}', '',
    2900, 'queued', 1, 0, 0, 'rq', o.id, 'x10', '{}', 2500, '', '', '{}', false, false,
    false, '', '', now(), 0, now(), now() FROM wallets w, offers o;
INSERT INTO order_attempts (order_id, n, upstream, offer_id, our_ref, upstream_ref, code, target, cost, outcome, reason, said_code, said_detail, started_at)
SELECT 1, 1, 'rq', id, '1-1', '', 'x10', '123', 2500, 'sending', '', '', '', now() FROM offers;
INSERT INTO order_events (order_id, version, attempt, from_state, to_state, cause, detail, created_at)
VALUES (1, 1, 0, '', 'queued', 'place', '', now());

INSERT INTO webhook_endpoints (merchant_id, url, events, enabled, suspended_reason, secret, secret_hint, failures, created_at, updated_at)
VALUES ('MRA-M-0000000001', 'https://toko.example/hook', '{}', true, '', 'sealed', 'whsec_…abcd', 0, now(), now());
INSERT INTO webhook_events (event_id, merchant_id, mode, type, subject, version, fixed, url, body, trace_parent, status, attempts, step,
    next_run_at, leased, blocked, failure, created_at)
VALUES ('msg_1', 'MRA-M-0000000001', 'live', 'order.updated', 'order:1', 1, false, '', '{}', '', 'pending', 0, 0,
    now(), false, false, '', now());

INSERT INTO sandbox_records (upstream, kind, ref, category, code, target, operator, plan, quantity, debit, credit, resent_at, at)
VALUES ('sandbox', 'purchase', 'M1', 'ppob', 'pulsa5', '0812', '', '01', 1, 5000, 0, '{}', now());

INSERT INTO deposits (id, wallet_id, mode, ref, amount, fee, total, received, asked, gateway, upstream_ref, qr, token, state, version, attempt, sent,
    cancel_requested, credited, suspense, flag, trace_parent, lease_until, next_run_at, polls, expires_at, created_at, updated_at)
SELECT 1, id, 'live', 'top-1', 100000, 347, 100347, 100347, 100000, 'rq', 'INV-1', '000201', 'token', 'pending', 1, 1, true,
    false, 0, 0, '', '', now(), now(), 0, now(), now(), now() FROM wallets;
INSERT INTO deposit_attempts (deposit_id, n, gateway, asked, upstream_ref, outcome, said_code, said_detail, started_at)
VALUES (1, 1, 'rq', 100000, 'INV-1', 'opened', '', '', now());
INSERT INTO deposit_events (deposit_id, version, from_state, to_state, cause, detail, created_at) VALUES (1, 1, '', 'creating', 'merchant', '', now());
INSERT INTO deposit_gateways (name, skip_until, failures) VALUES ('rq', now(), 0);
INSERT INTO deposit_codes (gateway, total, deposit_id, until) VALUES ('static-qris', 100347, 1, now());
INSERT INTO deposit_lines (gateway, key, amount, paid_at, note, outcome, created_at) VALUES ('static-qris', 'k', 100347, now(), '', 'unmatched', now());
INSERT INTO order_hours (wallet_id, hour, orders, completed, volume) SELECT id, date_trunc('hour', now()), 3, 2, 5500 FROM wallets;
INSERT INTO order_tally (through) VALUES (now());
INSERT INTO arrivals (upstream, category, product_id, news, seconds, updated_at) VALUES ('ru', 'otp', 0, '{0.5,1}', '{3,2}', now());

INSERT INTO callbacks (upstream, headers, body, redacted, digest, state, attempts, next_run_at, received_at)
VALUES ('rq', '{}', '{}', false, '', 'new', 0, now(), now());
INSERT INTO reconciliations (upstream, day, n, from_at, to_at, actor, state, phase, page, cursor_order, cursor_n, version, failures, last_error, means,
    matched, amount, only_ours, only_theirs, status, unchecked, ours_cost, theirs_cost, note, requested_at, next_run_at)
VALUES ('rq', current_date, 1, now(), now(), 'scheduler', 'running', 'statement', 1, 0, 0, 1, 0, '', 'statement', 1, 0, 0, 0, 0, 0, 2500, 2500, '', now(), now());
INSERT INTO reconciliation_lines (reconciliation_id, key, kind, order_id, attempt, our_ref, upstream_ref, code, target, ours, theirs, ours_cost, theirs_cost, at, note)
SELECT id, 'o:1:1', 'matched', 1, 1, '1-1', '', 'x10', '123', 'succeeded', 'succeeded', 2500, 2500, now(), '' FROM reconciliations;
INSERT INTO upstream_balances (upstream, slot, balance, at) VALUES ('rq', now(), 994500, now());
INSERT INTO withdrawals (id, wallet_id, mode, ref, content_hash, amount, fee, method, account_number, account_name, receiver, state, version, approvals, gateway,
    attempt, claim, upstream_ref, charge, refused, message, flag, trace_parent, checker, check_result, check_name, polls, created_at, updated_at)
SELECT 1, id, 'live', 'wd-1', '', 20000, 1000, 'dana', '081234567890', 'BUDI', '081234567890', 'pending', 1, 1, 'rq',
    0, '', '', 0, '', '', '', '', '', '', '', 0, now(), now() FROM wallets;
INSERT INTO withdrawal_approvals (withdrawal_id, actor, created_at) VALUES (1, 'cli:ops', now());
INSERT INTO withdrawal_events (withdrawal_id, version, from_state, to_state, cause, detail, created_at) VALUES (1, 1, '', 'pending', 'merchant', '', now());
INSERT INTO inquiries (id, wallet_id, mode, ref, sku, name, product_id, customer_no, inputs, upstream, offer_id, code, extra, state, wait_until,
    outcome, said_code, said_detail, bill, price, expires_at, order_id, created_at, updated_at)
SELECT 2, wallet_id, mode, ref, 'PLNIDPASCA', 'PLN Pascabayar', product_id, '546302215889', '{}', upstream, offer_id, code, extra, 'paid', now(),
    'found', '00', '', '{"inquiry":2,"amount":300000,"total":302750,"cost":302750}', 302850, now(), id, now(), now() FROM orders;
INSERT INTO check_lists (upstream, kind, targets, fetched_at) VALUES ('rq', 'bank', '[]', now());
INSERT INTO account_checks (id, upstream, mode, kind, code, number, state, said_number, name, said_code, said_detail, wait_until, created_at, answered_at)
VALUES (1, 'rq', 'live', 'bank', 'dana', '0812', 'valid', '0812', 'ANTO', '', '', now(), now(), now());
INSERT INTO floats (upstream, anchor, created_at) VALUES ('rq', 1, now());
INSERT INTO float_readings (upstream, begin_tick, end_tick, balance, asked_at, said_at) VALUES ('rq', nextval('float_ticks'), nextval('float_ticks'), 50000, now(), now());
INSERT INTO float_moves (subject, subject_id, n, upstream, cost, stand, claim_tick, tick, claimed_at, ripe_at)
VALUES ('order', 1, 1, 'rq', 2500, 'unknown', nextval('float_ticks'), nextval('float_ticks'), now(), now());
INSERT INTO float_gaps (upstream, amount, before, after, found_at) VALUES ('rq', -700, 1, 2, now());
INSERT INTO order_evidence (order_id, n, verdict, detail, created_at) VALUES (1, 1, 'not_bought', '{}', now());
INSERT INTO low_balances (wallet_id, threshold, told, version, updated_at) SELECT id, 50000, false, 0, now() FROM wallets;
INSERT INTO report_orders (day, mode, merchant_id, tier, category, sku, upstream, placed, completed, partial, failed, canceled, expired, volume, refunds, revenue, cost, loss)
SELECT current_date, 'live', merchant_id, 1, 'ppob', 'TSEL10', 'rq', 1, 1, 0, 0, 0, 0, 10500, 0, 10500, 10100, 0 FROM wallets;
INSERT INTO report_flows (day, mode, kind, gateway, n, amount) VALUES (current_date, 'live', 'deposit', 'rq', 1, 50000);
INSERT INTO report_below_cost (order_id, revenue, cost, loss, at) SELECT id, 100, 200, 0, now() FROM orders;
INSERT INTO report_closed (zone, through) VALUES ('Asia/Jakarta', now());
INSERT INTO wallet_rules (wallet_id, duplicate_minutes, per_order, per_day, withdraw_per_day, updated_at) SELECT id, 10, 1000000, 50000000, 10000000, now() FROM wallets;
INSERT INTO wallet_days (wallet_id, from_at, to_at, used) SELECT id, date_trunc('day', now()), date_trunc('day', now()) + interval '1 day', 2750 FROM wallets;
UPDATE wallets SET ruled = true;
UPDATE orders SET twin = 1;
INSERT INTO retention_marks (rule, through, updated_at) VALUES ('orders_customers', 1, now());
INSERT INTO retention_later (rule, id, at) VALUES ('orders_customers', 1, now());
INSERT INTO price_checks (offer_id, upstream, n, asked_at, wait_until, taken, said_at) SELECT id, upstream, 1, now(), now(), true, now() FROM offers;
INSERT INTO price_history (offer_id, old_cost, cost, cause, created_at) SELECT id, cost, cost + 10, 'check', now() FROM offers;
