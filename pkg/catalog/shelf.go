package catalog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/muarahq/muara/pkg/order"
)

const (
	// TestProduct is the premium product of the test mode.
	TestProduct = "TESTPREMIUM"
	// TestSoldOut is its variant that never has stock.
	TestSoldOut = "TESTSOLDOUT"

	// shelfFull is how many items the test mode's shelf is filled up to when half of
	// them are gone.
	shelfFull = 200
	// shelfEvery is how often it is looked at.
	shelfEvery = 10 * time.Second
)

// Shelf keeps the test mode's premium product for sale: nobody delivers stock for it,
// and what it holds opens nothing. Several may keep the same shelf.
type Shelf struct {
	Pool   *pgxpool.Pool
	Sealer Sealer
	Now    func() time.Time
	Log    *slog.Logger
}

// Run keeps it until ctx ends.
func (s *Shelf) Run(ctx context.Context) {
	tick := time.NewTicker(shelfEvery)
	defer tick.Stop()
	for {
		if _, err := s.Fill(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "the test mode's shelf", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Fill puts the products on sale unless they are, and fills the shelf up when half of
// it is gone; it tells how many items it put there.
func (s *Shelf) Fill(ctx context.Context) (added int, err error) {
	id, free, err := s.look(ctx, s.Pool, "")
	if errors.Is(err, pgx.ErrNoRows) {
		if err = s.open(ctx); err == nil {
			id, free, err = s.look(ctx, s.Pool, "")
		}
	}
	if err != nil || free > shelfFull/2 {
		return 0, shelfError(err)
	}
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		// The lock lets the others see what this one put there.
		if id, free, err = s.look(ctx, tx, " FOR UPDATE"); err != nil || free > shelfFull/2 {
			return err
		}
		items := make([][]byte, shelfFull-free)
		for i := range items {
			name := strings.ToLower(rand.Text()[:10])
			items[i] = s.Sealer.Seal([]byte("test-"+name+"@example.com:not-a-password"), order.StockContext)
		}
		added = len(items)
		_, err = tx.Exec(ctx, `INSERT INTO stock_items (product_id, content, created_at) SELECT $1, unnest($2::bytea[]), $3`, id, items, s.Now().UTC())
		return err
	})
	if err != nil {
		return 0, shelfError(err)
	}
	return added, nil
}

func shelfError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("catalog: test shelf: %w", err)
}

// look gives the product and how much of it is left.
func (s *Shelf) look(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, lock string) (id int64, free int, err error) {
	if err = db.QueryRow(ctx, `SELECT id FROM products WHERE sku = $1 AND mode = 'test' AND category = 'product'`+lock, TestProduct).Scan(&id); err != nil {
		return 0, 0, err
	}
	err = db.QueryRow(ctx, `SELECT count(*) FROM stock_items WHERE product_id = $1 AND order_id IS NULL`, id).Scan(&free)
	return id, free, err
}

// open puts the products on sale; somebody else may do so at the same moment.
func (s *Shelf) open(ctx context.Context) error {
	for _, p := range []Premium{
		{SKU: TestSoldOut, Name: "Test Account - 1 Year", Price: 150_000},
		{SKU: TestProduct, Name: "Test Account - 1 Month", Price: 15_000},
	} {
		p.Mode, p.Description = Test, "An account that opens nothing."
		if err := AddProduct(ctx, s.Pool, p, "system", s.Now()); err != nil && !errors.Is(err, ErrExists) {
			return err
		}
	}
	return nil
}
