package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Flagging is when refusals for the product's sake close an offer, and for how
// long. The zero value stands for the defaults.
type Flagging struct {
	// After is how many in a row it takes: 3.
	After int
	// First is how long the first flag lasts: 5 minutes. Each further refusal
	// doubles it, up to Longest: 6 hours. When it ends, the next order is the probe.
	First, Longest time.Duration
}

func (f Flagging) withDefaults() Flagging {
	if f.After <= 0 {
		f.After = 3
	}
	if f.First <= 0 {
		f.First = 5 * time.Minute
	}
	if f.Longest <= 0 {
		f.Longest = 6 * time.Hour
	}
	return f
}

// ProductFailed counts a refusal for the product's sake. Enough in a row show the
// offer as disturbed for a while: flagged tells whether this one did. In test mode
// failures are ordered, and close nothing.
func ProductFailed(ctx context.Context, pool *pgxpool.Pool, f Flagging, offerID int64, now time.Time) (flagged bool, err error) {
	f = f.withDefaults()
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var product int64
		var failures int
		var mode string
		err := tx.QueryRow(ctx, `UPDATE offers o SET failures = failures + (u.mode = 'live')::int FROM upstreams u
			WHERE o.id = $1 AND u.name = o.upstream RETURNING o.product_id, o.failures, u.mode`, offerID).Scan(&product, &failures, &mode)
		if err != nil || mode == Test {
			return err
		}
		if failures < f.After {
			return nil
		}
		flagged = true
		if _, err := tx.Exec(ctx, `UPDATE offers SET flagged_until = $2, updated_at = $3 WHERE id = $1`, offerID, now.Add(f.lasts(failures)), now); err != nil {
			return err
		}
		return Bump(ctx, tx, []int64{product})
	})
	if err != nil {
		return false, fmt.Errorf("catalog: failure of offer %d: %w", offerID, err)
	}
	return flagged, nil
}

// ProductGone closes an offer of which its source says that there is none: the next
// list that has it opens it again. did is false for one that is closed already.
func ProductGone(ctx context.Context, pool *pgxpool.Pool, offerID int64, now time.Time) (did bool, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var product int64
		err := tx.QueryRow(ctx, `UPDATE offers SET vanished_at = $2, updated_at = $2 WHERE id = $1 AND vanished_at IS NULL RETURNING product_id`, offerID, now).Scan(&product)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		did = true
		return Bump(ctx, tx, []int64{product})
	})
	if err != nil {
		return false, fmt.Errorf("catalog: offer %d gone: %w", offerID, err)
	}
	return did, nil
}

// lasts is how long a flag of the nth refusal in a row lasts.
func (f Flagging) lasts(failures int) time.Duration {
	d := f.First
	for range failures - f.After {
		if d *= 2; d >= f.Longest {
			return f.Longest
		}
	}
	return min(d, f.Longest)
}

// ProductWorked ends a row of refusals, and the flag that came of it.
func ProductWorked(ctx context.Context, pool *pgxpool.Pool, offerID int64, now time.Time) error {
	// Nearly always there is no such row: looking costs no lock and no write.
	var failures int
	if err := pool.QueryRow(ctx, `SELECT failures FROM offers WHERE id = $1`, offerID).Scan(&failures); err != nil {
		return fmt.Errorf("catalog: success of offer %d: %w", offerID, err)
	}
	if failures == 0 {
		return nil
	}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var product int64
		var flagged bool
		err := tx.QueryRow(ctx, `UPDATE offers o SET failures = 0, flagged_until = NULL, updated_at = $2
			FROM (SELECT id, flagged_until FROM offers WHERE id = $1 FOR UPDATE) was
			WHERE o.id = was.id RETURNING o.product_id, was.flagged_until IS NOT NULL`, offerID, now).Scan(&product, &flagged)
		if err != nil || !flagged {
			return err
		}
		return Bump(ctx, tx, []int64{product})
	})
	if err != nil {
		return fmt.Errorf("catalog: success of offer %d: %w", offerID, err)
	}
	return nil
}
