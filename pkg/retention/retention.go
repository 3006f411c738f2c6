package retention

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/id"
	"github.com/muarahq/muara/pkg/inquiry"
	"github.com/muarahq/muara/pkg/pg"
)

// Policy is how long what is kept. Zero or less keeps it for ever.
type Policy struct {
	// Payloads are sources' words kept as evidence, and lines of comparisons that matched.
	Payloads time.Duration
	// Deliveries are webhook events that were delivered or given up.
	Deliveries time.Duration
	// Codes are the messages that came to rented numbers.
	Codes time.Duration
	// Customers are numbers, targets, accounts, names and serial numbers.
	Customers time.Duration
}

const (
	// batch bounds the rows of one transaction, rounds the transactions of one rule in a turn.
	batch  = 500
	rounds = 20
	// lookAgain is how long a row waits at least that was not to be touched.
	lookAgain = 6 * time.Hour
)

// rule is one kind of rows and what goes of them.
type rule struct {
	name string
	keep time.Duration
	// next gives ids behind a mark ($1), whose rows are old enough by themselves, oldest first, at most $3: by id ($2 is the
	// first id of a row that is not) or, for tables whose ids are no times, by a moment ($2) with whether the row is.
	next   string
	byTime bool
	// redact does its work on those of ids that are over and changed last before cutoff, and says which those were.
	redact func(ctx context.Context, tx pgx.Tx, ids []int64, cutoff time.Time) ([]int64, error)
	// changed gives id and last change of the rows of $1 that are still there.
	changed string
	// again is how long a row waits that was not to be touched.
	again time.Duration
}

func rules(p Policy) []rule {
	const orders = `SELECT id FROM orders WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3`
	const ordersChanged = `SELECT id, updated_at FROM orders WHERE id = ANY($1)`
	all := []rule{
		{
			name: "deliveries", keep: p.Deliveries, byTime: true, redact: deliveries, again: lookAgain,
			next:    `SELECT id, created_at < $2 FROM webhook_events WHERE id > $1 ORDER BY id LIMIT $3`,
			changed: `SELECT id, coalesce(last_attempt_at, created_at) FROM webhook_events WHERE id = ANY($1)`,
		},
		{
			name: "orders_codes", keep: p.Codes, redact: orderCodes, again: lookAgain, changed: ordersChanged,
			next: `SELECT id FROM orders WHERE id > $1 AND id < $2 AND category = 'otp' ORDER BY id LIMIT $3`,
		},
		{name: "orders_payloads", keep: p.Payloads, next: orders, redact: orderPayloads, changed: ordersChanged, again: lookAgain},
		{name: "orders_customers", keep: p.Customers, next: orders, redact: orderCustomers, changed: ordersChanged, again: lookAgain},
		{
			name: "deposits_payloads", keep: p.Payloads, redact: depositPayloads, again: lookAgain,
			next:    `SELECT id FROM deposits WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3`,
			changed: `SELECT id, updated_at FROM deposits WHERE id = ANY($1)`,
		},
		{
			name: "reconciled_payloads", keep: p.Payloads, byTime: true, redact: matchedLines, again: time.Minute,
			next:    `SELECT id, to_at < $2 FROM reconciliations WHERE id > $1 ORDER BY id LIMIT $3`,
			changed: `SELECT id, to_at FROM reconciliations WHERE id = ANY($1)`,
		},
		{
			name: "reconciled_customers", keep: p.Customers, byTime: true, redact: foundLines, again: time.Minute,
			next:    `SELECT id, to_at < $2 FROM reconciliations WHERE id > $1 ORDER BY id LIMIT $3`,
			changed: `SELECT id, to_at FROM reconciliations WHERE id = ANY($1)`,
		},
		{
			name: "sandbox_customers", keep: p.Customers, byTime: true, redact: sandboxTargets, again: lookAgain,
			next:    `SELECT id, at < $2 FROM sandbox_records WHERE id > $1 ORDER BY id LIMIT $3`,
			changed: `SELECT id, at FROM sandbox_records WHERE id = ANY($1)`,
		},
	}
	for _, r := range []rule{
		{name: "withdrawals_payloads", keep: p.Payloads, redact: withdrawalPayloads}, {name: "withdrawals_customers", keep: p.Customers, redact: withdrawalCustomers},
	} {
		r.next = `SELECT id FROM withdrawals WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3`
		r.changed, r.again = `SELECT id, updated_at FROM withdrawals WHERE id = ANY($1)`, lookAgain
		all = append(all, r)
	}
	return all
}

// Turn does what is due, a bounded part of it, and says how many rows it let go of something. Any number of processes may take
// turns at the same time.
func Turn(ctx context.Context, pool *pgxpool.Pool, p Policy, now time.Time) (int, error) {
	n, err := questions(ctx, pool, now)
	if err != nil {
		return n, err
	}
	for _, r := range rules(p) {
		if r.keep <= 0 {
			continue
		}
		for range rounds {
			did, more, err := r.turn(ctx, pool, now.UTC())
			n += did
			if err != nil {
				return n, fmt.Errorf("retention: %s: %w", r.name, err)
			}
			if !more {
				break
			}
		}
	}
	return n, nil
}

// questions lets go of bills that nobody paid, accounts that were looked up and prices that were asked for. New questions let go of old ones, too; this is for
// when none come.
func questions(ctx context.Context, pool *pgxpool.Pool, now time.Time) (int, error) {
	n := 0
	for _, q := range []struct {
		sql    string
		before time.Time
	}{
		{`DELETE FROM account_checks WHERE id IN (SELECT id FROM account_checks WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, now.Add(-check.Kept)},
		{`DELETE FROM inquiries WHERE id IN (SELECT id FROM inquiries WHERE order_id IS NULL AND created_at < $1 ORDER BY created_at LIMIT $2
			FOR UPDATE SKIP LOCKED)`, now.Add(-inquiry.Kept)},
		{`DELETE FROM price_checks WHERE offer_id IN (SELECT offer_id FROM price_checks WHERE asked_at < $1 ORDER BY asked_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, now.Add(-catalog.PriceKept)},
	} {
		tag, err := pool.Exec(ctx, q.sql, q.before, batch*rounds)
		if err != nil {
			return n, fmt.Errorf("retention: questions: %w", err)
		}
		n += int(tag.RowsAffected())
	}
	return n, nil
}

// turn is one transaction; more says that another may find work. A rule that another process has in hand is left to it.
func (r *rule) turn(ctx context.Context, pool *pgxpool.Pool, now time.Time) (did int, more bool, err error) {
	cutoff := now.Add(-r.keep)
	err = pg.InTx(ctx, pool, func(tx pgx.Tx) error {
		did, more = 0, false
		if _, err := tx.Exec(ctx, `INSERT INTO retention_marks (rule, through, updated_at) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING`, r.name, now); err != nil {
			return err
		}
		var mark int64
		err := tx.QueryRow(ctx, `SELECT through FROM retention_marks WHERE rule = $1 FOR UPDATE SKIP LOCKED`, r.name).Scan(&mark)
		if pg.IsNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		ids, through, err := r.behind(ctx, tx, mark, cutoff)
		if err != nil {
			return err
		}
		noted, err := collectIDs(ctx, tx, `SELECT id FROM retention_later WHERE rule = $1 AND at <= $2 ORDER BY at LIMIT $3`, r.name, now, batch)
		if err != nil {
			return err
		}
		more = len(ids) == batch || len(noted) == batch
		if through == mark && len(noted) == 0 {
			return nil
		}
		if did, err = r.apply(ctx, tx, append(ids, noted...), cutoff, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE retention_marks SET through = $2, updated_at = $3 WHERE rule = $1`, r.name, through, now)
		return err
	})
	return did, more, err
}

// behind gives the next ids that are old enough, and how far the rule has come with them.
func (r *rule) behind(ctx context.Context, tx pgx.Tx, mark int64, cutoff time.Time) (ids []int64, through int64, err error) {
	if !r.byTime {
		end := id.First(cutoff)
		if ids, err = collectIDs(ctx, tx, r.next, mark, end, batch); err != nil {
			return nil, 0, err
		}
		if len(ids) == batch {
			return ids, ids[len(ids)-1], nil
		}
		return ids, max(mark, end-1), nil // no row of that time comes any more
	}
	rows, err := tx.Query(ctx, r.next, mark, cutoff, batch)
	if err != nil {
		return nil, 0, err
	}
	through = mark
	var one int64
	var old, young bool
	_, err = pgx.ForEachRow(rows, []any{&one, &old}, func() error {
		if young = young || !old; !young {
			ids, through = append(ids, one), one
		}
		return nil
	})
	return ids, through, err
}

// apply redacts what can be, and notes the rest.
func (r *rule) apply(ctx context.Context, tx pgx.Tx, ids []int64, cutoff, now time.Time) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	done, err := r.redact(ctx, tx, ids, cutoff)
	if err != nil {
		return 0, err
	}
	finished := make(map[int64]bool, len(done))
	for _, n := range done {
		finished[n] = true
	}
	left := slices.DeleteFunc(slices.Clone(ids), func(n int64) bool { return finished[n] })
	// Those that are gone altogether are no longer in changed, and so are forgotten.
	_, err = tx.Exec(ctx, `DELETE FROM retention_later WHERE rule = $1 AND id = ANY($2)`, r.name, ids)
	if err == nil && len(left) > 0 {
		_, err = tx.Exec(ctx, `INSERT INTO retention_later (rule, id, at) SELECT $2::text, c.id, greatest(c.at + $3::interval, $4::timestamptz) FROM (`+r.changed+`) AS c (id, at)
			ON CONFLICT (rule, id) DO UPDATE SET at = excluded.at`, left, r.name, r.keep, now.Add(r.again))
	}
	return len(done), err
}

func collectIDs(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]int64, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}
