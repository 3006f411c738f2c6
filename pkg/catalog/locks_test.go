package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/upstream"
)

// Imports, failures, operators and merchants' demand change the same rows at once:
// nobody may be the victim of a deadlock.
func TestChangesDoNotWaitInACircle(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	list := func(prefix, mark string, reversed bool) (all []upstream.Offer) {
		for i := range 40 {
			if reversed {
				i = 39 - i
			}
			all = append(all, ppob(fmt.Sprintf("%s%02d", prefix, i), fmt.Sprintf("Mobile Legends %d Diamond%s", i+1, mark), "MOBILE LEGENDS", "Games", int64(1000+i)))
		}
		return all
	}
	s.imported("alpha", "p", list("A", "", false))
	s.imported("beta", "h2h", list("B", "", true))
	s.imported("beta", "services", nil, upstream.Service{Code: "7", Name: "Telegram"}, upstream.Service{Code: "8", Name: "WhatsApp"})
	s.exec(`INSERT INTO catalog_scopes (upstream, key, service, every, next_run_at, demand, failures, last_error, shrunk, created_at)
		SELECT 'beta', 'countries:' || c, c, '1 hour', now(), 0, 0, '', false, now() FROM unnest('{7,8}'::text[]) c`)
	r, err := s.c.Snapshot().Route(s.product("MLID7"), 0)
	require.NoError(t, err)
	others := []*catalog.Catalog{s.open(), s.open()}

	ctx := context.Background()
	var wg sync.WaitGroup
	work := func(do func(round int) error) {
		wg.Go(func() {
			for round := range 15 {
				if err := do(round); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, from := range []struct {
		name, scope, prefix string
		reversed            bool
	}{{"alpha", "p", "A", false}, {"beta", "h2h", "B", true}} {
		work(func(round int) error {
			_, err := s.im.Import(ctx, from.name, from.scope, list(from.prefix, " "+strconv.Itoa(round), from.reversed), nil)
			return err
		})
	}
	work(func(round int) error {
		services := []upstream.Service{{Code: "7", Name: "Telegram"}, {Code: "8", Name: "WhatsApp"}, {Code: strconv.Itoa(100 + round), Name: "New " + strconv.Itoa(round)}}
		_, err := s.im.Import(ctx, "beta", "services", nil, services[round%2:])
		return err
	})
	for _, code := range []string{"7", "8"} {
		work(func(round int) error {
			_, err := s.im.Import(ctx, "beta", "countries:"+code, []upstream.Offer{number(fmt.Sprint(code, ":", round), code, "id", "Indonesia", 1000, 5)}, nil)
			return err
		})
	}
	work(func(int) error {
		_, err := catalog.ProductFailed(ctx, s.pool, catalog.Flagging{After: 1}, r.OfferID, s.clock())
		return err
	})
	work(func(int) error { return catalog.ProductWorked(ctx, s.pool, r.OfferID, s.clock()) })
	work(func(round int) error {
		return catalog.SetClosed(ctx, s.pool, "MLID"+strconv.Itoa(round+1), round%2 == 0, "test", s.clock())
	})
	for n, code := range []string{"A07", "A08"} {
		offer := catalog.OfferRef{ID: s.offerID("alpha", code), Upstream: "alpha"}
		work(func(round int) error {
			at := s.clock().Add(time.Duration(round+1) * catalog.PriceFresh)
			q, err := s.question(offer, at)
			if err == nil {
				err = s.im.Learn(ctx, "alpha", q, &upstream.Price{Cost: int64(1000 + n + round), Available: round%3 > 0, Reason: "trouble"})
			}
			if errors.Is(err, catalog.ErrMovedOn) {
				err = nil
			}
			return err
		})
	}
	for _, c := range others {
		work(func(int) error {
			c.Demand(catalog.Live, "tg")
			c.Demand(catalog.Live, "wa")
			return c.FlushDemand(ctx)
		})
	}
	wg.Wait()
	s.refresh()
	fresh := s.open()
	for _, mode := range []string{catalog.Live, catalog.Test} {
		require.Equal(t, fresh.PPOBProducts(mode, 1, catalog.PPOBFilter{}).ETag(""), s.c.PPOBProducts(mode, 1, catalog.PPOBFilter{}).ETag(""), "what was loaded bit by bit is what is there")
	}
}
