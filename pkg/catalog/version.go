package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/audit"
)

// Bump makes a change visible to readers: a new version, stamped on the products
// that the transaction changed (or whose offers it changed). It must be the last
// write of the transaction: from here to the commit all other changes wait.
func Bump(ctx context.Context, tx pgx.Tx, products []int64) error {
	if err := LockProducts(ctx, tx, products); err != nil {
		return err
	}
	var version int64
	if err := tx.QueryRow(ctx, `UPDATE catalog_version SET version = version + 1 RETURNING version`).Scan(&version); err != nil {
		return fmt.Errorf("catalog: version: %w", err)
	}
	if len(products) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE products SET version = $1 WHERE id = ANY ($2)`, version, products); err != nil {
		return fmt.Errorf("catalog: version: %w", err)
	}
	return nil
}

// LockProducts locks products in the order of their ids. All who change the catalogue
// lock in one order, so that nobody waits in a circle: scopes, the lock of giving
// out names, offers, products by id, the version.
func LockProducts(ctx context.Context, tx pgx.Tx, products []int64) error {
	if len(products) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `SELECT id FROM products WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE`, products); err != nil {
		return fmt.Errorf("catalog: lock: %w", err)
	}
	return nil
}

// names is the lock of giving out names; any other number would do.
const names int64 = 0x6d7561726163

// LockNames makes whoever gives out SKUs, codes of services or numbers of servers
// wait for each other, until the transaction ends.
func LockNames(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, names); err != nil {
		return fmt.Errorf("catalog: lock: %w", err)
	}
	return nil
}

// operated runs an operator's change: the change, its audit row and the new
// version are there together or not at all. A change that touches no product by
// itself (a markup, a pause) gives none.
func operated(ctx context.Context, pool *pgxpool.Pool, e audit.Entry, change func(tx pgx.Tx) ([]int64, error)) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		products, err := change(tx)
		if err != nil {
			return err
		}
		if err := audit.Write(ctx, tx, e); err != nil {
			return err
		}
		return Bump(ctx, tx, products)
	})
}

func entry(actor, action, subject string, detail any, now time.Time) audit.Entry {
	return audit.Entry{Actor: actor, Action: action, Subject: subject, Detail: detail, At: now}
}
