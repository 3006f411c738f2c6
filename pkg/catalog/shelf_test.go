package catalog_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/seal"
)

func TestTheTestModesShelfIsKept(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	sealer, err := seal.New(make([]byte, seal.KeySize))
	require.NoError(t, err)
	shelf := &catalog.Shelf{Pool: s.pool, Sealer: sealer, Now: s.clock, Log: slog.New(slog.DiscardHandler)}
	var wg sync.WaitGroup
	for range 4 { // as many APIs
		wg.Go(func() {
			if _, err := shelf.Fill(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	count := func(where string) (n int) {
		require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT count(*) FROM stock_items s JOIN products p ON p.id = s.product_id WHERE `+where).Scan(&n))
		return n
	}
	require.Equal(t, 200, count(`p.sku = 'TESTPREMIUM' AND p.mode = 'test'`))
	require.Equal(t, 200, count(`true`), "the other variant is sold out")
	s.refresh()
	products := data[catalog.PremiumProducts](t, s.c.Products(catalog.Test))
	require.Len(t, products.Products, 1)
	require.Len(t, products.Products[0].Variants, 2)
	require.Empty(t, data[catalog.PremiumProducts](t, s.c.Products(catalog.Live)).Products)

	added, err := shelf.Fill(t.Context())
	require.NoError(t, err)
	require.Zero(t, added)
	s.exec(`UPDATE stock_items SET order_id = 1, allotted_at = $1 WHERE id IN (SELECT id FROM stock_items ORDER BY id LIMIT 100)`, s.clock())
	added, err = shelf.Fill(t.Context())
	require.NoError(t, err)
	require.Equal(t, 100, added)
	var content []byte
	require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT content FROM stock_items ORDER BY id DESC LIMIT 1`).Scan(&content))
	plain, err := sealer.Open(content, order.StockContext)
	require.NoError(t, err)
	require.Regexp(t, `^test-[a-z0-9]{10}@example\.com:not-a-password$`, string(plain))

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan struct{})
	s.exec(`UPDATE stock_items SET order_id = 1, allotted_at = $1 WHERE order_id IS NULL`, s.clock())
	go func() {
		shelf.Run(ctx)
		close(done)
	}()
	require.Eventually(t, func() bool { return count(`s.order_id IS NULL`) == 200 }, 10*time.Second, 10*time.Millisecond)
	cancel()
	<-done
}
