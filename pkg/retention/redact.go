package retention

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/mask"
	"github.com/muarahq/muara/pkg/order"
)

// ended locks the orders that are over: nothing more is to come of them, and no person has to look.
const ended = ` FROM orders WHERE id = ANY($1) AND state IN ('completed', 'failed', 'partial', 'canceled', 'expired')
	AND next_run_at IS NULL AND flag = '' AND updated_at < $2 ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`

// each runs statements that take ids alone.
func each(ctx context.Context, tx pgx.Tx, ids []int64, statements ...string) error {
	var b pgx.Batch
	for _, sql := range statements {
		b.Queue(sql, ids)
	}
	return tx.SendBatch(ctx, &b).Close()
}

func deliveries(ctx context.Context, tx pgx.Tx, ids []int64, cutoff time.Time) ([]int64, error) {
	return collectIDs(ctx, tx, `DELETE FROM webhook_events WHERE id IN (SELECT id FROM webhook_events WHERE id = ANY($1) AND status IN ('delivered', 'parked')
		AND coalesce(last_attempt_at, created_at) < $2 ORDER BY id FOR UPDATE SKIP LOCKED) RETURNING id`, ids, cutoff)
}

func orderCodes(ctx context.Context, tx pgx.Tx, ids []int64, cutoff time.Time) ([]int64, error) {
	done, err := collectIDs(ctx, tx, `SELECT id`+ended, ids, cutoff)
	if err != nil || len(done) == 0 {
		return nil, err
	}
	return done, each(ctx, tx, done, `UPDATE orders SET facts = facts - 'messages' WHERE id = ANY($1) AND facts ? 'messages'`)
}

func orderPayloads(ctx context.Context, tx pgx.Tx, ids []int64, cutoff time.Time) ([]int64, error) {
	done, err := collectIDs(ctx, tx, `SELECT id`+ended, ids, cutoff)
	if err != nil || len(done) == 0 {
		return nil, err
	}
	return done, each(
		ctx, tx, done,
		`UPDATE order_attempts SET said_code = '', said_detail = '' WHERE order_id = ANY($1) AND (said_code <> '' OR said_detail <> '')`,
		`UPDATE order_events SET detail = '' WHERE order_id = ANY($1) AND detail <> ''`,
		`UPDATE inquiries SET said_code = '', said_detail = '' WHERE order_id = ANY($1) AND (said_code <> '' OR said_detail <> '')`,
		`UPDATE orders SET facts = facts - 'alert' WHERE id = ANY($1) AND facts ? 'alert'`,
	)
}

// customer is what an order knows of whom it was for.
type customer struct {
	ID       int64
	Category order.Category
	Customer *string
	Target   *string
	SN       *string
	Phone    *string
}

// maskOrdersSQL takes names, additional inputs and addresses away, and puts masked texts in the place of the others. What is not
// there is not added.
const maskOrdersSQL = `UPDATE orders o SET customer_no = u.customer, target = u.target, zone_id = NULL, link = NULL, twin = NULL, inputs = '{}', callback_url = '',
	facts = (o.facts || jsonb_strip_nulls(jsonb_build_object('sn', u.sn, 'phone', u.phone))) - 'messages' - 'note'
		#- '{bill,customer_name}' #- '{bill,lines}' #- '{bill,zone_id}' #- '{bill,inputs}'
	FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[]) AS u (id, customer, target, sn, phone) WHERE o.id = u.id`

func orderCustomers(ctx context.Context, tx pgx.Tx, ids []int64, cutoff time.Time) ([]int64, error) {
	rows, err := tx.Query(ctx, `SELECT id, category, customer_no AS customer, target, facts ->> 'sn' AS sn, facts ->> 'phone' AS phone`+ended, ids, cutoff)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[customer])
	if err != nil || len(found) == 0 {
		return nil, err
	}
	n := len(found)
	done, public := make([]int64, n), make([]string, n)
	customers, targets, sns, phones := make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n)
	for i, o := range found {
		done[i], public[i] = o.ID, order.PublicID(o.Category, o.ID)
		customers[i], targets[i], sns[i], phones[i] = masked(o.Customer), masked(o.Target), masked(o.SN), masked(o.Phone)
	}
	if _, err := tx.Exec(ctx, maskOrdersSQL, done, customers, targets, sns, phones); err != nil {
		return nil, err
	}
	if err := maskAttempts(ctx, tx, done); err != nil {
		return nil, err
	}
	if err := maskInquiries(ctx, tx, done); err != nil {
		return nil, err
	}
	// An operator who resolves an order may say its serial number.
	_, err = tx.Exec(ctx, `UPDATE audit_log SET detail = jsonb_set(detail, '{sn}', '"***"') WHERE subject = ANY($1) AND detail ->> 'sn' <> ''`, public)
	return done, err
}

func maskAttempts(ctx context.Context, tx pgx.Tx, orders []int64) error {
	rows, err := tx.Query(ctx, `SELECT order_id, n, target FROM order_attempts WHERE order_id = ANY($1) AND target <> ''`, orders)
	if err != nil {
		return err
	}
	var ids []int64
	var ns []int
	var targets []string
	var orderID int64
	var n int
	var target string
	if _, err = pgx.ForEachRow(rows, []any{&orderID, &n, &target}, func() error {
		ids, ns, targets = append(ids, orderID), append(ns, n), append(targets, mask.Number(target))
		return nil
	}); err != nil || len(ids) == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE order_attempts a SET target = u.target FROM unnest($1::bigint[], $2::integer[], $3::text[]) AS u (order_id, n, target)
		WHERE a.order_id = u.order_id AND a.n = u.n`, ids, ns, targets)
	return err
}

func maskInquiries(ctx context.Context, tx pgx.Tx, orders []int64) error {
	rows, err := tx.Query(ctx, `SELECT id, customer_no FROM inquiries WHERE order_id = ANY($1)`, orders)
	if err != nil {
		return err
	}
	ids, numbers, err := texts(rows, mask.Number)
	if err != nil || len(ids) == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE inquiries i SET customer_no = u.customer, zone_id = NULL, inputs = '{}',
		bill = bill - 'customer_name' - 'lines' - 'zone_id' - 'inputs' FROM unnest($1::bigint[], $2::text[]) AS u (id, customer) WHERE i.id = u.id`, ids, numbers)
	return err
}

// depositPayloads is about what gateways and acquirers said, the payers' names among it. Payments that nobody has said whose they
// are stay as they are.
func depositPayloads(ctx context.Context, tx pgx.Tx, ids []int64, cutoff time.Time) ([]int64, error) {
	done, err := collectIDs(ctx, tx, `SELECT id FROM deposits d WHERE id = ANY($1) AND state IN ('paid', 'expired', 'canceled', 'failed') AND next_run_at IS NULL
		AND flag = '' AND updated_at < $2 AND NOT EXISTS (SELECT FROM deposit_attempts a WHERE a.deposit_id = d.id AND a.next_run_at IS NOT NULL)
		ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`, ids, cutoff)
	if err != nil || len(done) == 0 {
		return nil, err
	}
	return done, each(
		ctx, tx, done,
		`UPDATE deposit_attempts SET said_code = '', said_detail = '' WHERE deposit_id = ANY($1) AND (said_code <> '' OR said_detail <> '')`,
		`UPDATE deposit_events SET detail = '' WHERE deposit_id = ANY($1) AND detail <> ''`,
		`UPDATE deposit_lines SET note = '' WHERE deposit_id = ANY($1) AND note <> '' AND outcome IN ('credited', 'known', 'resolved')`,
	)
}

// paidOut locks the withdrawals that are over.
const paidOut = ` FROM withdrawals WHERE id = ANY($1) AND state IN ('success', 'rejected') AND next_run_at IS NULL AND flag = '' AND updated_at < $2
	ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`

func withdrawalPayloads(ctx context.Context, tx pgx.Tx, ids []int64, cutoff time.Time) ([]int64, error) {
	done, err := collectIDs(ctx, tx, `SELECT id`+paidOut, ids, cutoff)
	if err != nil || len(done) == 0 {
		return nil, err
	}
	return done, each(ctx, tx, done, `UPDATE withdrawal_events SET detail = '' WHERE withdrawal_id = ANY($1) AND detail <> ''`)
}

func withdrawalCustomers(ctx context.Context, tx pgx.Tx, ids []int64, cutoff time.Time) ([]int64, error) {
	rows, err := tx.Query(ctx, `SELECT id, account_number, account_name, check_name`+paidOut, ids, cutoff)
	if err != nil {
		return nil, err
	}
	var done []int64
	var numbers, names, checked []string
	var id int64
	var number, name, found string
	if _, err = pgx.ForEachRow(rows, []any{&id, &number, &name, &found}, func() error {
		done, numbers = append(done, id), append(numbers, mask.Number(number))
		names, checked = append(names, mask.Name(name)), append(checked, mask.Name(found))
		return nil
	}); err != nil || len(done) == 0 {
		return nil, err
	}
	_, err = tx.Exec(ctx, `UPDATE withdrawals w SET account_number = u.number, receiver = '', account_name = u.name, check_name = u.checked
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS u (id, number, name, checked) WHERE w.id = u.id`, done, numbers, names, checked)
	return done, err
}

// lines bounds how many lines of comparisons go in one transaction.
const lines = 5_000

// matchedLines deletes lines that said nothing but that both sides agree. Their number and sum are in their comparison.
func matchedLines(ctx context.Context, tx pgx.Tx, ids []int64, _ time.Time) ([]int64, error) {
	tag, err := tx.Exec(ctx, `DELETE FROM reconciliation_lines WHERE ctid IN (SELECT l.ctid FROM reconciliation_lines l JOIN reconciliations r ON r.id = l.reconciliation_id
		WHERE r.id = ANY($1) AND r.state = 'done' AND l.kind = 'matched' LIMIT $2)`, ids, lines)
	if err != nil {
		return nil, err
	}
	if tag.RowsAffected() == lines {
		return nil, nil // the rest in another turn
	}
	return collectIDs(ctx, tx, `SELECT id FROM reconciliations WHERE id = ANY($1) AND state = 'done'`, ids)
}

// foundLines masks whom the other lines were for.
func foundLines(ctx context.Context, tx pgx.Tx, ids []int64, _ time.Time) ([]int64, error) {
	rows, err := tx.Query(ctx, `SELECT l.reconciliation_id, l.key, l.target FROM reconciliation_lines l JOIN reconciliations r ON r.id = l.reconciliation_id
		WHERE r.id = ANY($1) AND r.state = 'done' AND l.target <> '' AND l.target NOT LIKE '%*%' LIMIT $2`, ids, lines)
	if err != nil {
		return nil, err
	}
	var of []int64
	var keys, targets []string
	var run int64
	var key, target string
	if _, err = pgx.ForEachRow(rows, []any{&run, &key, &target}, func() error {
		of, keys, targets = append(of, run), append(keys, key), append(targets, mask.Number(target))
		return nil
	}); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `UPDATE reconciliation_lines l SET target = u.target FROM unnest($1::bigint[], $2::text[], $3::text[]) AS u (run, key, target)
		WHERE l.reconciliation_id = u.run AND l.key = u.key`, of, keys, targets); err != nil {
		return nil, err
	}
	if len(of) == lines {
		return nil, nil
	}
	return collectIDs(ctx, tx, `SELECT id FROM reconciliations WHERE id = ANY($1) AND state = 'done'`, ids)
}

// sandboxTargets masks whom the test mode's purchases and payouts were for; what becomes of each was chosen when it came.
func sandboxTargets(ctx context.Context, tx pgx.Tx, ids []int64, cutoff time.Time) ([]int64, error) {
	rows, err := tx.Query(ctx, `SELECT id, target FROM sandbox_records WHERE id = ANY($1) AND at < $2 ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`, ids, cutoff)
	if err != nil {
		return nil, err
	}
	done, targets, err := texts(rows, mask.Number)
	if err != nil || len(done) == 0 {
		return nil, err
	}
	_, err = tx.Exec(ctx, `UPDATE sandbox_records s SET target = u.target, code = CASE WHEN kind = 'payout' THEN '***' ELSE code END
		FROM unnest($1::bigint[], $2::text[]) AS u (id, target) WHERE s.id = u.id`, done, targets)
	return done, err
}

// texts reads ids and one text each, masked.
func texts(rows pgx.Rows, masked func(string) string) (ids []int64, out []string, err error) {
	var id int64
	var text string
	_, err = pgx.ForEachRow(rows, []any{&id, &text}, func() error {
		ids, out = append(ids, id), append(out, masked(text))
		return nil
	})
	return ids, out, err
}

// masked leaves what is not there as it is.
func masked(text *string) *string {
	if text == nil {
		return nil
	}
	out := mask.Number(*text)
	return &out
}
