package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/ledger"
	"github.com/muarahq/muara/pkg/merchant"
	"github.com/muarahq/muara/pkg/seal"
	"github.com/muarahq/muara/pkg/token"
	"github.com/muarahq/muara/pkg/upstream/drivers"
	"github.com/muarahq/muara/pkg/webhook"
)

const (
	demoFile = "demo.json"
	actor    = "dev"

	// demoBalance is what the demo merchant holds at least when a run begins, in rupiah.
	demoBalance = 10_000_000

	demoSKU   = "DEMO1M"
	demoName  = "Demo Account - 1 Month"
	demoPrice = 15_000
	demoStock = 20
)

// demo is the merchant whose lines are printed. Its key and secret are shown once
// by the gateway, and so are kept here.
type demo struct {
	MerchantID    string `json:"merchant_id"`
	Key           string `json:"key"`
	TestKey       string `json:"test_key"`
	WebhookSecret string `json:"webhook_secret"`
	// AdminToken calls the admin API and may do everything there.
	AdminToken string `json:"admin_token"`
}

// prepareDemo provides the merchant with its key, balance and webhook, and premium
// stock. What is there from an earlier run stays.
func prepareDemo(ctx context.Context, g *gateway) (*demo, error) {
	sealer, err := g.deps.Sealer()
	if err != nil {
		return nil, err
	}
	brand := g.cfg.Brand
	store := merchant.NewStore(g.deps.DB, ledger.NewAccounts(g.deps.DB.Pool), merchant.Options{
		IDPrefix: brand.IDPrefix, KeyPrefix: brand.KeyPrefix, Now: g.deps.Now,
		OnCreate: func(ctx context.Context, tx pgx.Tx, id string) error {
			_, err := webhook.CreateEndpoint(ctx, tx, id, sealer, g.deps.Now())
			return err
		},
	})
	d, err := g.readDemo(ctx)
	if err != nil {
		return nil, err
	}
	if d == nil {
		m, key, err := store.Create(ctx, merchant.New{Name: "Demo", Mode: merchant.Live, Actor: actor})
		if err != nil {
			return nil, err
		}
		d = &demo{MerchantID: m.ID, Key: key.Secret}
	}
	if d.TestKey == "" {
		key, err := store.CreateKey(ctx, d.MerchantID, merchant.Test, "test", actor)
		if err != nil {
			return nil, err
		}
		d.TestKey = key.Secret
	}
	if err := g.letIn(ctx, d); err != nil {
		return nil, err
	}
	if err := topUp(ctx, store, d.MerchantID); err != nil {
		return nil, err
	}
	if err := g.point(ctx, d, sealer); err != nil {
		return nil, err
	}
	kept, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := keep(filepath.Join(g.dir, demoFile), append(kept, '\n')); err != nil {
		return nil, err
	}
	return d, g.stock(ctx, sealer)
}

// letIn provides a token of the admin API, unless the one of an earlier run still opens its door.
func (g *gateway) letIn(ctx context.Context, d *demo) error {
	tokens := &token.Store{Pool: g.deps.DB.Pool, KeyPrefix: g.cfg.Brand.KeyPrefix, Now: g.deps.Now}
	if _, err := tokens.Authenticate(ctx, d.AdminToken); err == nil {
		return nil
	}
	t, err := tokens.Create(ctx, token.New{Name: actor + g.deps.Now().Format("-0102-150405"), Role: token.Finance, Actor: actor})
	if err != nil {
		return err
	}
	d.AdminToken = t.Secret
	return nil
}

// readDemo gives the merchant of an earlier run, if its key still opens the door.
func (g *gateway) readDemo(ctx context.Context) (*demo, error) {
	data, err := os.ReadFile(filepath.Join(g.dir, demoFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is none yet
	}
	if err != nil {
		return nil, err
	}
	d := &demo{}
	if err := json.Unmarshal(data, d); err != nil {
		return nil, fmt.Errorf("%s: %w", demoFile, err)
	}
	id, err := merchant.NewAuthenticator(g.deps.DB.Pool, g.cfg.Brand.KeyPrefix, g.deps.Now).Authenticate(ctx, d.Key)
	switch {
	case errors.Is(err, merchant.ErrUnauthorized):
		return nil, nil //nolint:nilnil // the data were removed, or the key was revoked
	case err != nil:
		return nil, err
	case id.MerchantID != d.MerchantID || id.Status != merchant.Active || id.Mode != merchant.Live:
		return nil, nil //nolint:nilnil // another run made something else of it
	}
	return d, nil
}

// topUp credits what is missing to the least balance.
func topUp(ctx context.Context, store *merchant.Store, id string) error {
	m, err := store.Get(ctx, id)
	if err != nil || m.LiveBalance >= demoBalance {
		return err
	}
	_, err = store.Adjust(ctx, id, merchant.Live, demoBalance-m.LiveBalance, "Demo balance", actor)
	return err
}

// point leads the merchant's webhooks to the receiver, with a secret that it knows.
func (g *gateway) point(ctx context.Context, d *demo, sealer *seal.Sealer) error {
	endpoints := webhook.NewEndpoints(g.deps.DB.Pool, sealer, g.deps.Guard(), g.deps.Now)
	at, enabled := g.url("receiver")+"/hook", true
	e, err := endpoints.Set(ctx, d.MerchantID, webhook.Change{URL: &at, Enabled: &enabled})
	if err != nil {
		return err
	}
	_, tail, _ := strings.Cut(e.SecretHint, "…")
	if d.WebhookSecret == "" || tail == "" || !strings.HasSuffix(strings.TrimRight(d.WebhookSecret, "="), tail) {
		if d.WebhookSecret, err = endpoints.RotateSecret(ctx, d.MerchantID); err != nil {
			return err
		}
	}
	g.receiver.expect(d.WebhookSecret)
	return nil
}

// stock keeps some items of a premium product on the shelf.
func (g *gateway) stock(ctx context.Context, sealer *seal.Sealer) error {
	pool, now := g.deps.DB.Pool, g.deps.Now()
	err := catalog.AddProduct(ctx, pool, catalog.Premium{
		SKU: demoSKU, Name: demoName, Description: "An account that opens nothing.", Price: demoPrice,
	}, actor, now)
	if err != nil && !errors.Is(err, catalog.ErrExists) {
		return err
	}
	var free, ever int
	err = pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE s.order_id IS NULL), count(*) FROM stock_items s
		JOIN products p ON p.id = s.product_id WHERE p.sku = $1`, demoSKU).Scan(&free, &ever)
	if err != nil || free >= demoStock {
		return err
	}
	var items []string
	for n := ever + 1; n <= ever+demoStock-free; n++ {
		items = append(items, fmt.Sprintf("demo%03d@example.com:not-a-password-%03d", n, n))
	}
	_, err = catalog.AddStock(ctx, pool, sealer, demoSKU, items, actor, now)
	return err
}

// enough services priced are enough to begin with: the rest is read while the
// newcomer reads.
const enough = 3

// soon bounds what is waited for: a part that its source does not give out sooner is
// read beside the rest, too.
const soon = time.Minute

// awaitCatalogue waits until there is something of each kind to buy, and says how
// far it is.
func awaitCatalogue(ctx context.Context, g *gateway, out *screen) error {
	const (
		look = 100 * time.Millisecond
		tell = 5 * time.Second
	)
	tick := time.NewTicker(look)
	defer tick.Stop()
	var told time.Time
	last := ""
	for {
		progress, done, err := g.catalogueProgress(ctx)
		if err != nil || done {
			if err == nil && last != "" {
				out.say("catalogue: %s; what is missing is read beside the rest", progress)
			}
			return err
		}
		if now := g.deps.Now(); now.Sub(told) >= tell && progress != last {
			if last == "" {
				out.say("reading the sources' catalogues; %s allows %d requests in %s, so that the first run takes a while", otpUpstream, g.requests, g.per)
			}
			out.say("catalogue: %s", progress)
			told, last = now, progress
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// sellers is how many upstreams have a catalogue.
func (g *gateway) sellers() (n int) {
	for _, u := range g.cfg.Upstreams {
		if kind, ok := drivers.ByName(u.Driver); ok && !kind.NoGoods {
			n++
		}
	}
	return n
}

func (g *gateway) catalogueProgress(ctx context.Context) (text string, done bool, err error) {
	rows, err := g.deps.DB.Pool.Query(ctx, `SELECT upstream, count(*), count(last_done_at), coalesce(max(last_error), ''),
		bool_and(service <> '' OR last_done_at IS NOT NULL OR next_run_at > $2) AND count(last_done_at) FILTER (WHERE service <> '') >= least($1, count(*) FILTER (WHERE service <> ''))
		FROM catalog_scopes GROUP BY upstream ORDER BY upstream`, enough, g.deps.Now().Add(soon))
	if err != nil {
		return "", false, err
	}
	var name, problem string
	var all, read int
	var far bool
	var parts []string
	done = true
	_, err = pgx.ForEachRow(rows, []any{&name, &all, &read, &problem, &far}, func() error {
		part := fmt.Sprintf("%s %d of %d parts", name, read, all)
		if problem != "" {
			part += " (" + problem + ")"
		}
		parts = append(parts, part)
		done = done && far
		return nil
	})
	return strings.Join(parts, ", "), done && len(parts) >= g.sellers(), err
}
