package order

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"
)

// ByIDs gives the orders of these ids, in their order, whoever's they are; those that
// there are not are left out.
func ByIDs(ctx context.Context, pool *pgxpool.Pool, ids []int64) ([]*Order, error) {
	rows, err := pool.Query(ctx, `SELECT `+columns+` FROM orders o WHERE o.id = ANY($1) ORDER BY o.id`, ids)
	if err != nil {
		return nil, fmt.Errorf("order: by ids: %w", err)
	}
	out, err := collect(rows)
	if err != nil {
		return nil, fmt.Errorf("order: by ids: %w", err)
	}
	return out, nil
}

// Raise shows an order to operators for a reason that lies outside of it. It changes
// nothing else; an order that is shown already keeps its reason.
func (w *Writer) Raise(ctx context.Context, db bun.IDB, orderID int64, why, cause string) error {
	const tries = 5 // the order may be on its way
	for try := 1; ; try++ {
		o, err := ByID(ctx, db, orderID)
		if err != nil || o.Flag != "" {
			return err
		}
		_, err = w.Do(ctx, Step{OrderID: o.ID, Attempt: o.Attempt, From: o.State, Version: o.Version, Cause: cause, Flag: why, NextRunAt: o.NextRunAt})
		if !errors.Is(err, ErrStale) || try == tries {
			return err
		}
	}
}
