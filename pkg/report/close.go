package report

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/pg"
)

const (
	// settleTime is how long after its end an hour is closed: entries bear the time at
	// which their transaction was begun, and no transaction lives that long.
	settleTime = 15 * time.Minute
	// closeAtOnce bounds how much is closed in one transaction.
	closeAtOnce = 24 * time.Hour
)

// Close adds the hours that have ended since the last time to the rows by day, in the
// brand's time zone, and gives how many. Two at once: the second waits and finds
// nothing. One that is killed has closed whole pieces.
func Close(ctx context.Context, db pg.Beginner, zone *time.Location, now time.Time) (hours int, err error) {
	limit := now.Add(-settleTime).UTC().Truncate(time.Hour)
	for {
		n, more, err := closePiece(ctx, db, zone.String(), limit)
		hours += n
		if err != nil {
			return hours, fmt.Errorf("report: close: %w", err)
		}
		if !more {
			return hours, nil
		}
	}
}

func closePiece(ctx context.Context, db pg.Beginner, zone string, limit time.Time) (hours int, more bool, err error) {
	err = pg.InTx(ctx, db, func(tx pgx.Tx) error {
		last, err := lastClosed(ctx, tx, zone, limit)
		if err != nil {
			return err
		}
		if !limit.After(last) {
			return nil
		}
		through := last.Add(closeAtOnce)
		if through.After(limit) {
			through = limit
		}
		if err := add(ctx, tx, last, through, zone); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE report_closed SET through = $1`, through)
		hours, more = int(through.Sub(last)/time.Hour), through.Before(limit)
		return err
	})
	return hours, more, err
}

// lastClosed locks and gives until when everything is closed; in another time zone
// everything begins anew.
func lastClosed(ctx context.Context, tx pgx.Tx, zone string, limit time.Time) (last time.Time, err error) {
	var was string
	const read = `SELECT zone, through FROM report_closed FOR UPDATE`
	err = tx.QueryRow(ctx, read).Scan(&was, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		_, err = tx.Exec(ctx, `INSERT INTO report_closed (zone, through)
			SELECT $1, coalesce(date_trunc('hour', min(created_at), 'UTC'), $2) FROM ledger_entries ON CONFLICT DO NOTHING`, zone, limit)
		if err != nil {
			return last, err
		}
		err = tx.QueryRow(ctx, read).Scan(&was, &last)
	}
	if err != nil || was == zone {
		return last, err
	}
	for _, sql := range []string{`DELETE FROM report_orders`, `DELETE FROM report_flows`} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return last, err
		}
	}
	err = tx.QueryRow(ctx, `UPDATE report_closed SET zone = $1, through = (SELECT coalesce(date_trunc('hour', min(created_at), 'UTC'), $2) FROM ledger_entries) RETURNING through`,
		zone, limit).Scan(&last)
	return last, err
}

func add(ctx context.Context, tx pgx.Tx, from, to time.Time, zone string) error {
	_, err := tx.Exec(ctx, `INSERT INTO report_orders AS r (day, mode, merchant_id, tier, category, sku, upstream,
			placed, completed, partial, failed, canceled, expired, volume, refunds, revenue, cost, loss) `+ordersSQL+`
		ON CONFLICT (day, mode, merchant_id, tier, category, sku, upstream) DO UPDATE SET
			placed = r.placed + excluded.placed, completed = r.completed + excluded.completed, partial = r.partial + excluded.partial,
			failed = r.failed + excluded.failed, canceled = r.canceled + excluded.canceled, expired = r.expired + excluded.expired,
			volume = r.volume + excluded.volume, refunds = r.refunds + excluded.refunds, revenue = r.revenue + excluded.revenue,
			cost = r.cost + excluded.cost, loss = r.loss + excluded.loss`, from, to, zone)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO report_flows AS r (day, mode, kind, gateway, n, amount) `+flowsSQL+`
		ON CONFLICT (day, mode, kind, gateway) DO UPDATE SET n = r.n + excluded.n, amount = r.amount + excluded.amount`, from, to, zone)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `WITH f AS MATERIALIZED (`+belowSQL+`),
			gone AS (DELETE FROM report_below_cost b USING f WHERE b.order_id = f.order_id AND f.revenue >= f.cost + f.loss)
		INSERT INTO report_below_cost AS r (order_id, revenue, cost, loss, at) SELECT order_id, revenue, cost, loss, at FROM f WHERE revenue < cost + loss
		ON CONFLICT (order_id) DO UPDATE SET revenue = excluded.revenue, cost = excluded.cost, loss = excluded.loss, at = excluded.at`, from, to)
	return err
}

// view is one consistent look at what is closed and what came since.
type view struct {
	tx pgx.Tx
	// closed tells whether rows by day hold anything of this zone; live is from when on
	// entries are summed.
	closed bool
	live   time.Time
}

// look runs fn with one view of the database as it stands, for a range.
func look(ctx context.Context, db txBeginner, r Range, fn func(v *view) error) error {
	return pgx.BeginTxFunc(ctx, db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		v := &view{tx: tx, live: r.From}
		var zone string
		var through time.Time
		err := tx.QueryRow(ctx, `SELECT zone, through FROM report_closed`).Scan(&zone, &through)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		v.closed = err == nil && zone == r.zone()
		if v.closed && through.After(v.live) {
			v.live = through
		}
		return fn(v)
	})
}

// txBeginner is a pool.
type txBeginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}
