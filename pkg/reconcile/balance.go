package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/deposit"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/withdraw"
)

const (
	// slot is how often a balance is kept.
	slot = 15 * time.Minute
	// near is how far from midnight a balance may have been told to stand for it.
	near = time.Hour
)

// Snapshot keeps what the sources last told of our balances: the first word of each
// quarter of an hour. It says how many it kept.
func Snapshot(ctx context.Context, pool *pgxpool.Pool, now time.Time) (int, error) {
	tag, err := pool.Exec(ctx, `INSERT INTO upstream_balances (upstream, slot, balance, at)
		SELECT name, date_bin($2::interval, balance_at, '2000-01-01 00:00:00+00'), balance, balance_at FROM upstreams
		WHERE balance IS NOT NULL AND balance_at > $1::timestamptz - $2::interval ON CONFLICT DO NOTHING`, now, slot)
	if err != nil {
		return 0, fmt.Errorf("reconcile: snapshot: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// chain sets our balance there beside our books.
func (r *Reconciler) chain(ctx context.Context, b Books, run *Run) error {
	_, hasMovements, _ := b.Offers()
	var c Chain
	var err error
	from, to := run.From, run.To
	if hasMovements {
		var moved []upstream.Movement
		if moved, err = b.Movements(ctx, run.From, run.To); err != nil {
			return err
		}
		c = chainOf(moved)
	} else {
		if c, err = r.told(ctx, run); err != nil {
			return err
		}
		if c.OpeningAt != nil && c.ClosingAt != nil {
			from, to = *c.OpeningAt, *c.ClosingAt
		}
	}
	if c.Opening != nil && c.Closing != nil {
		net, err := r.explained(ctx, run.Upstream, from, to)
		if err != nil {
			return err
		}
		left := *c.Opening - *c.Closing - net
		c.Unexplained = &left
	}
	return r.write(ctx, run, func(_ context.Context, _ pgx.Tx, next *Run) error {
		next.Chain = c
		next.goTo(phaseRecheck)
		return nil
	})
}

// chainOf is the chain of a source that shows its movements.
func chainOf(moved []upstream.Movement) Chain {
	var breaks int64
	c := Chain{Breaks: &breaks}
	if len(moved) == 0 {
		return c
	}
	first, last := &moved[0], &moved[len(moved)-1]
	opening := first.Balance + first.Debit - first.Credit
	c.Opening, c.Closing = &opening, &last.Balance
	if !first.At.IsZero() && !last.At.IsZero() {
		c.OpeningAt, c.ClosingAt = &first.At, &last.At
	}
	for i := 1; i < len(moved); i++ {
		if moved[i-1].Balance-moved[i].Debit+moved[i].Credit != moved[i].Balance {
			breaks++
		}
	}
	return c
}

// told is the chain of a source that told its balance nearest to both midnights.
func (r *Reconciler) told(ctx context.Context, run *Run) (Chain, error) {
	at := func(t time.Time) (balance *int64, when *time.Time, err error) {
		rows, err := r.Pool.Query(ctx, `SELECT balance, at FROM upstream_balances WHERE upstream = $1 AND slot >= $2::timestamptz - $3::interval AND slot <= $2::timestamptz + $3::interval
			ORDER BY abs(extract(epoch FROM at - $2::timestamptz)) LIMIT 1`, run.Upstream, t, near)
		if err != nil {
			return nil, nil, err
		}
		_, err = pgx.ForEachRow(rows, []any{&balance, &when}, func() error { return nil })
		return balance, when, err
	}
	var c Chain
	var err error
	if c.Opening, c.OpeningAt, err = at(run.From); err == nil {
		c.Closing, c.ClosingAt, err = at(run.To)
	}
	if err != nil {
		return Chain{}, fmt.Errorf("reconcile: balances: %w", err)
	}
	return c, nil
}

// explained is how much less there is, by our books, at the end of a time than at its
// beginning: what purchases and payouts took, less what of earlier ones came back, and less
// what merchants paid in there.
func (r *Reconciler) explained(ctx context.Context, name string, from, to time.Time) (int64, error) {
	var took, back int64
	err := r.Pool.QueryRow(ctx, `SELECT coalesce(sum(cost) FILTER (WHERE started_at > $2 AND (outcome NOT IN `+givenSQL+` OR outcome IN `+backSQL+` AND finished_at > $3)), 0)::bigint,
			coalesce(sum(cost) FILTER (WHERE started_at <= $2 AND outcome IN `+backSQL+` AND finished_at > $2 AND finished_at <= $3), 0)::bigint
		FROM order_attempts WHERE upstream = $1 AND started_at > $2::timestamptz - interval '7 days' AND started_at <= $3`, name, from, to).Scan(&took, &back)
	if err != nil {
		return 0, fmt.Errorf("reconcile: our purchases: %w", err)
	}
	in, err := deposit.Received(ctx, r.Pool, name, from, to)
	if err != nil {
		return 0, err
	}
	out, err := withdraw.PaidOut(ctx, r.Pool, name, from, to)
	if err != nil {
		return 0, err
	}
	return took - back - in + out, nil
}
