package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/pg"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/webhook"
)

// seedMerchants makes the merchants, each with a key, plenty in its wallet, and an endpoint.
func (l *lab) seedMerchants(ctx context.Context) error {
	sealer, err := seal.New(l.key)
	if err != nil {
		return err
	}
	accounts := ledger.NewAccounts(l.db.Pool)
	store := merchant.NewStore(l.db, accounts, merchant.Options{
		IDPrefix: "MRA", KeyPrefix: "mra", Now: time.Now,
		OnCreate: func(ctx context.Context, tx pgx.Tx, id string) error {
			_, err := webhook.CreateEndpoint(ctx, tx, id, sealer, time.Now())
			return err
		},
	})
	l.merchants = make([]account, l.o.merchants)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range l.merchants {
		group.Go(func() error {
			m, key, err := store.Create(gctx, merchant.New{Name: fmt.Sprintf("Merchant %d", i), Mode: merchant.Live, Actor: "bench"})
			if err != nil {
				return err
			}
			a := &l.merchants[i]
			a.id, a.key = m.ID, key.Secret
			return pg.InTx(gctx, l.db.Pool, func(tx pgx.Tx) error {
				err := tx.QueryRow(gctx, `SELECT id FROM wallets WHERE merchant_id = $1 AND mode = 'live'`, m.ID).Scan(&a.wallet)
				if err != nil {
					return err
				}
				_, err = ledger.Adjust(gctx, tx, accounts, a.wallet, plenty, "opening", "bench", time.Now())
				return err
			})
		})
	}
	return group.Wait()
}

// seedCatalogue lets a worker import the source's list, as it would anywhere.
func (l *lab) seedCatalogue(ctx context.Context) error {
	begun := time.Now()
	worker, err := l.role(ctx, "worker", l.addrs.WorkerMetrics, nil, "worker", "--upstream", source)
	if err != nil {
		return err
	}
	scheduler, err := l.role(ctx, "scheduler", l.addrs.SchedulerMetrics, nil, "scheduler")
	if err != nil {
		return errors.Join(err, worker.stop())
	}
	wait, cancel := context.WithTimeoutCause(ctx, 3*time.Minute, errors.New("the import takes too long"))
	defer cancel()
	err = until(wait, 100*time.Millisecond, func() (bool, error) {
		var known, left int
		err := l.db.Pool.QueryRow(wait, `SELECT count(*), count(*) FILTER (WHERE last_done_at IS NULL) FROM catalog_scopes`).Scan(&known, &left)
		return known > 0 && left == 0, err
	})
	if err := errors.Join(err, scheduler.stop(), worker.stop()); err != nil {
		return err
	}
	var n int
	if err := l.db.Pool.QueryRow(ctx, `SELECT count(*) FROM products`).Scan(&n); err != nil {
		return err
	}
	l.say("imported %d products in %s", n, time.Since(begun).Round(100*time.Millisecond))
	if err := l.redis.FlushDB(ctx).Err(); err != nil {
		return err
	}
	g := &l.goods
	// price is what tier 1 pays, close enough for what is written by hand.
	err = l.db.Pool.QueryRow(ctx, `SELECT p.id, o.id, o.cost, o.cost + 100 + o.cost * 3 / 100, p.sku, p.name, o.code, o.extra::text
		FROM products p JOIN offers o ON o.product_id = p.id WHERE o.code = 'IS5'`).
		Scan(&g.productID, &g.offerID, &g.cost, &g.price, &g.sku, &g.name, &g.code, &g.extra)
	g.maxCost = g.cost
	return err
}

// quiet brings the servers to rest, so that what one figure left behind does not burden the next.
func (l *lab) quiet(ctx context.Context) error {
	if err := l.redis.FlushDB(ctx).Err(); err != nil {
		return err
	}
	if _, err := l.db.Pool.Exec(ctx, `ANALYZE`); err != nil {
		return err
	}
	_, err := l.db.Pool.Exec(ctx, `CHECKPOINT`)
	return err
}
