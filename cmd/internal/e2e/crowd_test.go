package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// wanted is one order as its merchant asks for it, and what the API answered.
type wanted struct {
	m     *merchant
	ref   string
	body  body
	owned bool // its webhooks go to a callback_url
	// cancel: the merchant changes its mind as soon as it was accepted.
	cancel bool

	first placed // the answer that accepted it
	tries int
}

// crowd are merchants that place orders at both APIs and, like good clients, repeat
// under the same ref whatever got no answer or one above 499.
type crowd struct {
	w         *world
	merchants []*merchant
	tester    *merchant // the last of them, who tests; nil where nobody can
	// shelves are what is bought, and how often of a hundred.
	shelves  []shelf
	accepted atomic.Int64
	retried  atomic.Int64

	mu       sync.Mutex
	rng      *rand.Rand
	made     int
	orders   []*wanted
	deposits []*paidIn
	opens    int // deposits at each trouble
}

// shelf is one kind of what is bought.
type shelf struct {
	share int
	// lost is how often of a hundred the answer to a purchase is lost by the customer's
	// number: only where the order can be found again.
	lost  int
	goods []good
}

const account = "AKUN1"

func newCrowd(w *world, merchants, orders int) *crowd {
	w.t.Helper()
	c := &crowd{w: w, rng: rand.New(rand.NewPCG(seed(), 7))}
	for i := range merchants {
		m := w.merchant(fmt.Sprintf("Toko %d", i+1), 2_000_000_000)
		r, _, err := m.insist(w.t.Context(), http.MethodPut, "/api/v1/webhook", map[string]any{"url": w.receiver.URL + "/endpoint"})
		require.NoError(w.t, err)
		require.Equal(w.t, http.StatusOK, r.Status, "%s", r.Raw)
		c.merchants = append(c.merchants, m)
	}
	if w.settings.mock {
		c.tester = w.tester(c.merchants[0])
		c.merchants = append(c.merchants, c.tester)
	}
	w.premium(account, 15_000, orders)
	for n := range w.apis {
		until(w.t, 20*time.Second, "every api sells the premium product", func() bool {
			r, err := c.merchants[0].send(w.t.Context(), *w.apis[n].Load(), http.MethodGet, "/api/v1/price?sku="+account, nil)
			return err == nil && r.Status == http.StatusOK
		})
	}
	c.stock()
	return c
}

// stock fills the shelves with what each source alone sells, and what several do.
func (c *crowd) stock() {
	w := c.w
	put := func(share, lost int, goods []good) {
		c.shelves = append(c.shelves, shelf{share: share, lost: lost, goods: goods})
	}
	if len(w.emulated) == 2 {
		put(62, 3, some(w.goods("ppob", ppobName), 12))
		put(9, 0, some(w.goods("ppob", otpName, ppobName), 6))
	} else {
		c.opens = 2
		put(26, 3, some(w.goods("ppob", ppobName), 12))
		put(12, 3, some(w.goods("ppob", retailName), 12))
		put(22, 0, some(w.shared("ppob"), 24)) // all that the other installation has, too
		put(7, 0, some(w.services(smmName), 8))
		put(3, 3, some(w.services(peerName), 2))
		put(3, 0, some(w.goods("otp", peerName), 3))
		put(3, 3, w.trials())
	}
	put(9, 0, some(w.goods("ppob", otpName), 8))
	put(12, 0, some(w.goods("otp", otpName), 8))
	put(6, 0, []good{{SKU: account, Category: "product"}})
	for _, s := range c.shelves {
		require.NotEmpty(w.t, s.goods)
	}
}

// some spreads n choices over a list.
func some(all []good, n int) []good {
	if len(all) <= n {
		return all
	}
	out := make([]good, n)
	for i := range out {
		out[i] = all[i*len(all)/n]
	}
	return out
}

// outcome draws the last two digits of a customer's number, which tell the emulators
// what becomes of its purchase.
func (c *crowd) outcome(lost int) string {
	n := c.rng.IntN(100)
	for _, o := range []struct {
		share  int
		digits string
	}{{4, "03"}, {4, "04"}, {3, "12"}, {2, "02"}, {lost, "07"}, {lost, "08"}, {25, "01"}} {
		if n -= o.share; n < 0 {
			return o.digits
		}
	}
	return "50"
}

// next draws an order.
func (c *crowd) next() *wanted {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.made
	c.made++
	x := &wanted{m: c.merchants[i%3], ref: fmt.Sprintf("trx-%05d", i), owned: i%3 == 0}
	from := c.draw()
	g := &from.goods[c.rng.IntN(len(from.goods))]
	switch g.Category {
	case "otp":
		x.body, x.cancel = rented(x.ref, g), c.rng.IntN(8) == 0
	case "smm":
		digits := c.outcome(from.lost)
		if digits == "04" {
			digits = "10" // these are delivered in part instead
		}
		x.body = body{"category": "smm", "ref": x.ref, "sku": g.SKU, "quantity": 2 * g.min, "target": fmt.Sprintf("https://example.com/p/%d%s", i+1, digits)}
		x.cancel = c.rng.IntN(8) == 0
	case "product":
		x.body = body{"category": "product", "ref": x.ref, "sku": g.SKU, "quantity": 1}
	default:
		x.body = ppob(x.ref, g, fmt.Sprintf("0812%06d%s", i, c.outcome(from.lost)))
	}
	if g.at() == mockName {
		x.m = c.tester
	}
	if x.owned {
		x.body["callback_url"] = c.w.receiver.URL + "/callback/" + x.ref
	}
	return x
}

// draw chooses a shelf by the shares, whatever they sum up to.
func (c *crowd) draw() *shelf {
	sum := 0
	for _, s := range c.shelves {
		sum += s.share
	}
	n := c.rng.IntN(sum)
	for i := range c.shelves {
		if n -= c.shelves[i].share; n < 0 {
			return &c.shelves[i]
		}
	}
	return nil
}

// place places n orders, eight at a time, until each was accepted. An accepted order
// is remembered in the order of its acceptance.
func (c *crowd) place(ctx context.Context, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for range n {
		x := c.next()
		group.Go(func() error { return c.one(ctx, x) })
	}
	return group.Wait()
}

// one places an order. What the catalogue refuses for the moment is wanted later.
func (c *crowd) one(ctx context.Context, x *wanted) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		r, tries, err := x.m.insist(ctx, http.MethodPost, "/api/v1/order", x.body)
		x.tries += tries
		switch {
		case err != nil:
			return fmt.Errorf("%s was never answered: %w", x.ref, err)
		case r.Status == http.StatusUnprocessableEntity && r.Code == "unavailable":
			if err := pause(ctx, 500*time.Millisecond); err != nil {
				return fmt.Errorf("%s stayed unavailable: %s", x.ref, r.Raw)
			}
			continue
		case r.Status != http.StatusOK:
			return fmt.Errorf("%s was refused: %d %s", x.ref, r.Status, r.Raw)
		}
		if err := json.Unmarshal(r.Data, &x.first); err != nil {
			return err
		}
		break
	}
	if x.tries > 1 {
		c.retried.Add(1)
	}
	c.accepted.Add(1)
	c.mu.Lock()
	c.orders = append(c.orders, x)
	c.mu.Unlock()
	if x.cancel {
		// A code may have come first: then the answer is 409, and that is fine too.
		_, _, err := x.m.insist(ctx, http.MethodPost, "/api/v1/order/"+x.ref+"/cancel", nil)
		return err
	}
	return nil
}

// pause waits, unless ctx ends first: a client between two tries.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// during places n orders while act runs, which is started when some of them were
// accepted, so that it meets the installation at work. As long as act runs and over
// does not hold, more come whenever few are left.
func (c *crowd) during(t testing.TB, n int, act func(), over func() bool, what func() string) {
	t.Helper()
	before := c.accepted.Load()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- c.feed(ctx, n, ended) }()
	codes := make(chan error, 1)
	go func() { codes <- c.open(ctx, c.opens) }()
	until(t, time.Minute, "orders are being accepted", func() bool { return c.accepted.Load() >= before+int64(n/4) })
	act()
	untilOr(t, 4*time.Minute, what, over) // lost answers of one account follow each other
	close(ended)
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(3 * time.Minute):
		t.Fatal("the orders were not all accepted")
	}
	require.NoError(t, <-codes)
	c.payIn(t)
}

// feed places n orders, and ten more whenever fewer than that are waiting, until ended.
func (c *crowd) feed(ctx context.Context, n int, ended <-chan struct{}) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := c.place(ctx, n); err != nil {
			return err
		}
		n = 0
		select {
		case <-ended:
			return nil
		case <-tick.C:
		}
		if c.w.queued() < 10 && !c.w.crowded() {
			n = 10
		}
	}
}
