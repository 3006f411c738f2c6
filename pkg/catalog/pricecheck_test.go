package catalog_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/upstream"
)

// offerID is an offer's.
func (s *shop) offerID(name, code string) (id int64) {
	s.t.Helper()
	require.NoError(s.t, s.pool.QueryRow(context.Background(), `SELECT id FROM offers WHERE upstream = $1 AND code = $2`, name, code).Scan(&id))
	return id
}

// question asks for a price and takes the question.
func (s *shop) question(offer catalog.OfferRef, at time.Time) (*catalog.PriceQuestion, error) {
	n, _, err := catalog.AskPrice(context.Background(), s.pool, offer, catalog.PriceRate{Questions: 1000, Per: time.Second}, time.Second, at)
	if err != nil {
		return nil, err
	}
	return catalog.TakePrice(context.Background(), s.pool, offer.ID, n, offer.Upstream, catalog.Live, at)
}

func TestAPriceIsThatOfTheOfferWhichAnOrderWouldGoTo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	same := func(code string, cost int64) upstream.Offer {
		return ppob(code, "Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games", cost)
	}
	s.imported("alpha", "p", []upstream.Offer{same("A", 1000), ppob("L", "Mobile Legends 20 Diamond", "MOBILE LEGENDS", "Games", 2000)})
	s.imported("beta", "p", []upstream.Offer{same("B", 900)})
	asked := func(sku string) string {
		o, ok := s.c.Snapshot().PricedBy(s.product(sku), 1)
		if !ok {
			return ""
		}
		return o.Upstream
	}
	require.Equal(t, "beta", asked("MLID10"))
	require.Equal(t, "alpha", asked("MLID20"))
	closed := func(name, reason string) {
		s.exec(`UPDATE offers SET available = $2::text = '', reason = $2 WHERE upstream = $1`, name, reason)
		s.exec(`UPDATE catalog_version SET version = version + 1`)
		s.exec(`UPDATE products SET version = (SELECT version FROM catalog_version)`)
		s.refresh()
	}
	closed("beta", "trouble")
	require.Equal(t, "alpha", asked("MLID10"))
	closed("alpha", "out_of_stock")
	require.Equal(t, "beta", asked("MLID10"), "none takes orders: that which would, if its source said so")
	require.Equal(t, "alpha", asked("MLID20"))
	require.NoError(t, catalog.Pause(t.Context(), s.pool, "beta", "test", "test", s.clock()))
	s.refresh()
	require.Equal(t, "alpha", asked("MLID10"), "who is paused is left alone")
	until := s.clock().Add(time.Minute)
	require.NoError(t, catalog.SetBreaker(t.Context(), s.pool, "alpha", &until))
	s.refresh()
	require.Empty(t, asked("MLID10"), "as is who gives no usable answers")
	require.NoError(t, catalog.SetBreaker(t.Context(), s.pool, "alpha", nil))
	require.NoError(t, catalog.SetClosed(t.Context(), s.pool, "MLID20", true, "test", s.clock()))
	s.refresh()
	require.Empty(t, asked("MLID20"), "an operator closed it")
	s.imported("alpha", "p", []upstream.Offer{ppob("L", "Mobile Legends 20 Diamond", "MOBILE LEGENDS", "Games", 2000)})
	require.Empty(t, asked("MLID10"), "its source no longer lists it")
	require.NoError(t, catalog.Resume(t.Context(), s.pool, "beta", "test", s.clock()))
	s.exec(`UPDATE offers SET flagged_until = $1 WHERE upstream = 'beta'`, s.clock().Add(time.Minute))
	closed("beta", "")
	require.Empty(t, asked("MLID10"), "refusals closed it, whatever its source says")
}

func TestAnOfferIsAskedAboutOnceAtATime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "p", []upstream.Offer{ppob("A", "Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games", 1000)})
	ctx := t.Context()
	offer := catalog.OfferRef{ID: s.offerID("alpha", "A"), Upstream: "alpha"}
	rate := catalog.PriceRate{Questions: 100, Per: time.Second}
	ask := func() bool {
		_, ok, err := catalog.AskPrice(ctx, s.pool, offer, rate, time.Second, s.clock())
		require.NoError(t, err)
		return ok
	}
	state, err := catalog.ReadPriceState(ctx, s.pool, offer.ID)
	require.NoError(t, err)
	require.True(t, state.At.IsZero())
	_, err = catalog.ReadPriceState(ctx, s.pool, offer.ID+1)
	require.ErrorIs(t, err, catalog.ErrNotFound)
	for range 3 {
		var may atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if ask() {
					may.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, may.Load())
		s.pass(catalog.PriceFresh - time.Microsecond)
		require.False(t, ask())
		s.pass(time.Microsecond)
	}
	n, ok, err := catalog.AskPrice(ctx, s.pool, offer, rate, time.Second, s.clock())
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 4, n)
	for name, fn := range map[string]func() (*catalog.PriceQuestion, error){
		"an older question": func() (*catalog.PriceQuestion, error) {
			return catalog.TakePrice(ctx, s.pool, offer.ID, n-1, "alpha", catalog.Live, s.clock())
		},
		"another's": func() (*catalog.PriceQuestion, error) {
			return catalog.TakePrice(ctx, s.pool, offer.ID, n, "beta", catalog.Live, s.clock())
		},
		"of another mode": func() (*catalog.PriceQuestion, error) {
			return catalog.TakePrice(ctx, s.pool, offer.ID, n, "alpha", catalog.Test, s.clock())
		},
		"nobody waits": func() (*catalog.PriceQuestion, error) {
			return catalog.TakePrice(ctx, s.pool, offer.ID, n, "alpha", catalog.Live, s.clock().Add(time.Second))
		},
	} {
		_, err := fn()
		require.ErrorIs(t, err, catalog.ErrMovedOn, name)
	}
	q, err := catalog.TakePrice(ctx, s.pool, offer.ID, n, "alpha", catalog.Live, s.clock())
	require.NoError(t, err)
	require.Equal(t, "A", q.Code)
	_, err = catalog.TakePrice(ctx, s.pool, offer.ID, n, "alpha", catalog.Live, s.clock())
	require.ErrorIs(t, err, catalog.ErrMovedOn, "a task that comes twice asks once")
	state, err = catalog.ReadPriceState(ctx, s.pool, offer.ID)
	require.NoError(t, err)
	require.Equal(t, s.clock().Add(catalog.PriceFresh), state.Fresh().UTC(), "who gave no answer is left alone")
	s.exec(`UPDATE catalog_scopes SET last_done_at = $1`, s.clock().Add(time.Second))
	state, err = catalog.ReadPriceState(ctx, s.pool, offer.ID)
	require.NoError(t, err)
	require.Equal(t, s.clock().Add(time.Second+catalog.PriceFresh), state.Fresh().UTC(), "a list tells prices, too")
	s.exec(`UPDATE catalog_scopes SET shrunk = true`)
	state, err = catalog.ReadPriceState(ctx, s.pool, offer.ID)
	require.NoError(t, err)
	require.True(t, state.At.IsZero(), "but not one that was not believed")
}

func TestASourceIsNotAskedForPricesWithoutEnd(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.imported("alpha", "p", []upstream.Offer{
		ppob("A", "Mobile Legends 10 Diamond", "MOBILE LEGENDS", "Games", 1000), ppob("B", "Mobile Legends 20 Diamond", "MOBILE LEGENDS", "Games", 2000),
		ppob("C", "Mobile Legends 30 Diamond", "MOBILE LEGENDS", "Games", 3000),
	})
	s.imported("beta", "p", []upstream.Offer{ppob("D", "Telkomsel 5", "TELKOMSEL", "Pulsa", 5000)})
	ask := func(name, code string) bool {
		_, ok, err := catalog.AskPrice(t.Context(), s.pool, catalog.OfferRef{ID: s.offerID(name, code), Upstream: name},
			catalog.PriceRate{Questions: 2, Per: 10 * time.Second}, time.Second, s.clock())
		require.NoError(t, err)
		return ok
	}
	require.True(t, ask("alpha", "A"))
	s.pass(5 * time.Second)
	require.True(t, ask("alpha", "B"))
	require.False(t, ask("alpha", "C"))
	require.True(t, ask("beta", "D"), "another source has its own")
	s.pass(5 * time.Second)
	require.True(t, ask("alpha", "C"))
}

func TestASnapshotReachesAVersion(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	require.NoError(t, s.c.Reach(t.Context(), s.c.Snapshot().Version), "it is there")
	s.exec(`UPDATE catalog_version SET version = version + 7`)
	wanted := s.c.Snapshot().Version + 7
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if err := s.c.Reach(ctx, wanted); err != nil {
				t.Error(err)
			}
			if got := s.c.Snapshot().Version; got < wanted {
				t.Errorf("version %d, not %d", got, wanted)
			}
		})
	}
	wg.Wait()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.c.Reach(gone, wanted+1), context.Canceled)
}
