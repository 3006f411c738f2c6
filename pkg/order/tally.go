package order

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"

	"github.com/muarahq/muara/pkg/id"
)

// tallySlack is how far back a tally looks again: changes bear the time at which
// their commit was begun, and no commit takes that long.
const tallySlack = 5 * time.Minute

// Tallied are a wallet's totals after a tally.
type Tallied struct {
	WalletID int64
	// Completed counts completed orders; Volume is rupiah taken and not given back.
	Completed int64
	Volume    int64
}

// tallySQL counts the hours anew in which an order was taken or changed since $1
// ($2 is the first id that an order may have that was taken since). An id begins with
// its order's time, in milliseconds since $3.
const tallySQL = `WITH touched AS (
		SELECT wallet_id, date_trunc('hour', created_at, 'UTC') AS hour FROM orders WHERE id >= $2
		UNION
		SELECT o.wallet_id, date_trunc('hour', o.created_at, 'UTC') FROM order_events e JOIN orders o ON o.id = e.order_id WHERE e.created_at >= $1),
	counted AS (
		SELECT t.wallet_id, t.hour, c.orders, c.completed, c.volume FROM touched t CROSS JOIN LATERAL (
			SELECT count(*) AS orders, count(*) FILTER (WHERE state = 'completed') AS completed,
				coalesce(sum(price - refunded) FILTER (WHERE state IN ('completed', 'partial')), 0)::bigint AS volume
			FROM orders o WHERE o.wallet_id = t.wallet_id
				AND o.id >= ((extract(epoch FROM t.hour - $3::timestamptz) * 1000)::bigint << 22)
				AND o.id < ((extract(epoch FROM t.hour + interval '1 hour' - $3::timestamptz) * 1000)::bigint << 22)) c),
	written AS (
		INSERT INTO order_hours (wallet_id, hour, orders, completed, volume) SELECT * FROM counted
		ON CONFLICT (wallet_id, hour) DO UPDATE SET orders = EXCLUDED.orders, completed = EXCLUDED.completed, volume = EXCLUDED.volume
			WHERE (order_hours.orders, order_hours.completed, order_hours.volume) IS DISTINCT FROM (EXCLUDED.orders, EXCLUDED.completed, EXCLUDED.volume)
		RETURNING 1)
	SELECT DISTINCT wallet_id FROM touched`

// Tally counts what changed since the last tally, in rows by wallet and hour, and gives
// the totals of the wallets that it looked at. Two at once: the second waits, and
// finds little.
func Tally(ctx context.Context, pool *pgxpool.Pool, now time.Time) (out []Tallied, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		out = nil
		var through time.Time
		if _, err := tx.Exec(ctx, `INSERT INTO order_tally (through) VALUES ($1) ON CONFLICT DO NOTHING`, id.Epoch()); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT through FROM order_tally FOR UPDATE`).Scan(&through); err != nil {
			return err
		}
		from := through.Add(-tallySlack)
		rows, err := tx.Query(ctx, tallySQL, from, id.First(from), id.Epoch())
		if err != nil {
			return err
		}
		touched, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		// The next state's snapshot sees what this one wrote.
		rows, err = tx.Query(ctx, `SELECT wallet_id, sum(completed)::bigint, sum(volume)::bigint FROM order_hours WHERE wallet_id = ANY ($1) GROUP BY wallet_id ORDER BY wallet_id`, touched)
		if err != nil {
			return err
		}
		if out, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Tallied]); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE order_tally SET through = greatest(through, $1)`, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("order: tally: %w", err)
	}
	return out, nil
}

// Stats counts a wallet's orders; volumes are rupiah taken and not given back.
type Stats struct {
	Orders      int64 `bun:"orders"`
	Completed   int64 `bun:"completed"`
	Volume      int64 `bun:"volume"`
	MonthOrders int64 `bun:"month_orders"`
	MonthVolume int64 `bun:"month_volume"`
}

func (s *Stats) add(t Stats) {
	s.Orders += t.Orders
	s.Completed += t.Completed
	s.Volume += t.Volume
	s.MonthOrders += t.MonthOrders
	s.MonthVolume += t.MonthVolume
}

// CountStats gives a wallet's statistics; month is when the current one began. What was
// taken before the hour of the last tally is read from its rows, the rest counted: what
// changes about an older order is seen with the next tally.
func CountStats(ctx context.Context, db bun.IDB, walletID int64, month time.Time) (Stats, error) {
	var s Stats
	live := id.Epoch()
	err := db.NewSelect().Table("order_tally").ColumnExpr("date_trunc('hour', through, 'UTC')").Scan(ctx, &live)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Stats{}, fmt.Errorf("order: stats: %w", err)
	}
	// An hour that the month begins within belongs to it in part, and is counted.
	whole := month.Truncate(time.Hour)
	if whole.Before(month) {
		whole = whole.Add(time.Hour)
	}
	err = db.NewSelect().Table("order_hours").
		ColumnExpr("coalesce(sum(orders), 0)::bigint AS orders").
		ColumnExpr("coalesce(sum(completed), 0)::bigint AS completed").
		ColumnExpr("coalesce(sum(volume), 0)::bigint AS volume").
		ColumnExpr("coalesce(sum(orders) FILTER (WHERE hour >= ?), 0)::bigint AS month_orders", whole).
		ColumnExpr("coalesce(sum(volume) FILTER (WHERE hour >= ?), 0)::bigint AS month_volume", whole).
		Where("wallet_id = ? AND hour < ?", walletID, live).Scan(ctx, &s)
	if err != nil {
		return Stats{}, fmt.Errorf("order: stats: %w", err)
	}
	counted, err := count(ctx, db, walletID, id.First(live), 0, month)
	if err != nil {
		return Stats{}, err
	}
	s.add(counted)
	if end := minTime(whole, live); end.After(month) {
		part, err := count(ctx, db, walletID, id.First(month), id.First(end), month)
		if err != nil {
			return Stats{}, err
		}
		s.MonthOrders += part.MonthOrders
		s.MonthVolume += part.MonthVolume
	}
	return s, nil
}

// count counts orders by their ids, from one on and before another; zero is no end.
func count(ctx context.Context, db bun.IDB, walletID, from, before int64, month time.Time) (s Stats, err error) {
	taken := "state IN ('completed', 'partial')"
	q := db.NewSelect().Table("orders").
		ColumnExpr("count(*) AS orders").
		ColumnExpr("count(*) FILTER (WHERE state = 'completed') AS completed").
		ColumnExpr("coalesce(sum(price - refunded) FILTER (WHERE "+taken+"), 0)::bigint AS volume").
		ColumnExpr("count(*) FILTER (WHERE created_at >= ?) AS month_orders", month).
		ColumnExpr("coalesce(sum(price - refunded) FILTER (WHERE "+taken+" AND created_at >= ?), 0)::bigint AS month_volume", month).
		Where("wallet_id = ? AND id >= ?", walletID, from)
	if before > 0 {
		q = q.Where("id < ?", before)
	}
	if err := q.Scan(ctx, &s); err != nil {
		return Stats{}, fmt.Errorf("order: stats: %w", err)
	}
	return s, nil
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
