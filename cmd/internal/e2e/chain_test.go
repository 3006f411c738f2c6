package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// TestOneInstallationIsTheSourceOfAnother runs two of them: merchants of the first buy
// from the second, which buys from the emulators. One of the first's workers is killed
// while its calls are on their way.
func TestOneInstallationIsTheSourceOfAnother(t *testing.T) {
	sideBySide(t, 40*time.Second)
	far := newWorld(t, settings{also: []string{smmName, gateName}, limit: 200})
	far.everything()
	account := far.merchant("Muara Hilir", 1_000_000_000)
	near := newWorld(t, settings{source: account, limit: 200})
	near.everything()
	r, _, err := account.insist(t.Context(), http.MethodPut, "/api/v1/webhook", body{"url": near.callbacks(peerName)})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.Status, "%s", r.Raw)
	c := &chain{t: t, near: near, far: far, account: account, ends: map[string]string{}, in: map[string]int64{}}
	c.rec = &recorder{next: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}
	c.m = near.merchant("Toko Hulu", 500_000_000)
	c.m.http.Transport = c.rec
	r, _, err = c.m.insist(t.Context(), http.MethodPut, "/api/v1/webhook", body{"url": near.receiver.URL + "/endpoint"})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.Status, "%s", r.Raw)

	for n := range 3 {
		c.phones(n)
		c.numbers(n)
		c.followers(n)
		if n == 1 {
			near.proc("worker-" + peerName + "-0").Kill()
			near.worker(peerName, 0)
		}
	}
	c.paidIn()
	c.wishes()
	c.wait()
	c.told()
	c.audit()
	c.quiet()
}

// chain is two installations, with a merchant of the near one and the near one's
// account at the far one.
type chain struct {
	t         *testing.T
	near, far *world
	m         *merchant
	account   *merchant
	rec       *recorder
	// ends is how each order has to end, by ref.
	ends map[string]string
	// in is what was paid in, by the near one's ref.
	in map[string]int64
}

// order places an order that has to end so.
func (c *chain) order(b body, status string) {
	c.t.Helper()
	c.m.place(c.t, b)
	c.ends[b["ref"].(string)] = status
}

// good is the n-th product of a category that the far installation has from this
// source, as the near one sells it.
func (c *chain) good(category, source string, n int) *good {
	c.t.Helper()
	sku := c.far.goods(category, source)[n].SKU
	for _, g := range c.near.goods(category, peerName) {
		if g.Offers[0].Code == sku {
			return &g
		}
	}
	require.Fail(c.t, "not for sale at the near one", sku)
	return nil
}

// phones are prepaid products, with every outcome that their sources have.
func (c *chain) phones(n int) {
	source, outcomes := ppobName, map[string]string{"01": "completed", "50": "completed", "03": "failed", "04": "failed", "07": "completed", "08": "failed"}
	if n == 2 { // here a lost answer is found by nobody
		source = otpName
		delete(outcomes, "07")
		delete(outcomes, "08")
	}
	g := c.good("ppob", source, n)
	for digits, status := range outcomes {
		ref := fmt.Sprintf("pulsa-%d-%s", n, digits)
		b := ppob(ref, g, fmt.Sprintf("08123%05d%s", n, digits))
		if n == 0 {
			b["callback_url"] = c.near.receiver.URL + "/callback/" + ref
		}
		c.order(b, status)
	}
}

func (c *chain) numbers(n int) {
	g := c.near.goods("otp", peerName)[n]
	c.order(rented(fmt.Sprintf("nomor-%d", n), &g), "completed")
}

// followers are social media orders, delivered in full, in part, and not at all.
func (c *chain) followers(n int) {
	var list struct {
		Services []struct {
			SKU, Type string
			Min       int64
			Refill    bool
			Available bool
		} `json:"services"`
	}
	c.m.get(c.t, "/smm/services", &list)
	for _, s := range list.Services {
		if s.Type != "default" || !s.Available || !s.Refill {
			continue
		}
		for digits, status := range map[string]string{"50": "completed", "10": "partial", "12": "canceled"} {
			c.order(body{
				"category": "smm", "ref": fmt.Sprintf("pengikut-%d-%s", n, digits), "sku": s.SKU, "target": fmt.Sprintf("https://example.com/p/%d%s", n+1, digits), "quantity": 2 * s.Min,
			}, status)
		}
		return
	}
	require.Fail(c.t, "no service can be ordered")
}

// paidIn is money that the near one's merchant pays in through both, and money that it
// changes its mind about.
func (c *chain) paidIn() {
	open := func(ref string, amount int64) (invoice string, gate *emulated) {
		r, _, err := c.m.insist(c.t.Context(), http.MethodPost, "/api/v1/deposit", body{"amount": amount, "ref": ref})
		require.NoError(c.t, err)
		require.Equal(c.t, http.StatusOK, r.Status, "%s", r.Raw)
		var theirs, gateway string
		require.NoError(c.t, c.near.pool.QueryRow(c.t.Context(), `SELECT upstream_ref FROM deposits WHERE ref = $1 AND state = 'pending'`, ref).Scan(&theirs)) // a ref that found no gateway is free again
		var far struct {
			UpstreamRef string `json:"upstream_ref"`
			Gateway     string `json:"gateway"`
		}
		c.far.cli(&far, "deposit", "show", theirs)
		invoice, gateway = far.UpstreamRef, far.Gateway
		require.NotEmpty(c.t, invoice)
		return invoice, c.far.at(gateway)
	}
	state := func(w *world, state string) int {
		return w.count(`SELECT count(*) FROM deposits WHERE state = $1`, state)
	}
	for i, amount := range []int64{50_000, 75_000} {
		ref := fmt.Sprintf("isi-%d", i)
		invoice, gate := open(ref, amount)
		gate.call(http.MethodPost, "/deposits/"+invoice+"/pay", map[string]bool{"late": false}, nil)
		c.in[ref] = amount
		until(c.t, 2*time.Minute, "the payment is seen by both", func() bool { return state(c.near, "paid") == i+1 && state(c.far, "paid") == i+1 })
	}
	open("isi-batal", 60_000)
	r, _, err := c.m.insist(c.t.Context(), http.MethodPost, "/api/v1/deposit/isi-batal/cancel", nil)
	require.NoError(c.t, err)
	require.Equal(c.t, http.StatusOK, r.Status, "%s", r.Raw)
	until(c.t, time.Minute, "the cancel has reached both", func() bool { return state(c.near, "canceled") == 1 && state(c.far, "canceled") == 1 })
}

// wishes are a further code on a number, and a number that is canceled.
func (c *chain) wishes() {
	g := c.near.goods("otp", peerName)[0]
	for n := range 3 { // what is rented after the next script has no code
		until(c.t, 2*time.Minute, "the numbers have their codes", func() bool { return c.m.order(c.t, fmt.Sprintf("nomor-%d", n)).Status == "completed" })
	}
	post := func(path string) {
		r, _, err := c.m.insist(c.t.Context(), http.MethodPost, "/api/v1/order/"+path, nil)
		require.NoError(c.t, err)
		require.Equal(c.t, http.StatusOK, r.Status, "%s: %s", path, r.Raw)
	}
	post("nomor-0/resend")
	until(c.t, 2*time.Minute, "a second code comes through both", func() bool { return len(c.m.order(c.t, "nomor-0").Data.Messages) == 2 })
	c.far.otp.script(emulate.Spec{Mode: "mix", Mix: map[string]int{emulate.MixSilent: 1}})
	c.order(rented("batal", &g), "canceled")
	until(c.t, time.Minute, "the number is rented", func() bool { return c.m.order(c.t, "batal").Data.Phone != "" })
	post("batal/cancel")

	until(c.t, 2*time.Minute, "followers were delivered", func() bool { return c.m.order(c.t, "pengikut-0-50").Status == "completed" })
	post("pengikut-0-50/refill")
	until(c.t, 2*time.Minute, "the panel has the refill", func() bool {
		return c.near.count(`SELECT count(*) FROM orders WHERE facts->'refill'->>'status' = 'processing'`) == 1 &&
			c.far.count(`SELECT count(*) FROM orders WHERE facts->'refill'->>'status' IN ('processing', 'completed')`) == 1
	})
}

func (c *chain) wait() {
	untilOr(c.t, 4*time.Minute, func() string {
		var open []string
		for ref, o := range c.m.orders(c.t) {
			if o.Status != c.ends[ref] {
				open = append(open, fmt.Sprintf("%s is %s and not %s", ref, o.Status, c.ends[ref]))
			}
		}
		return strings.Join(open, ", ") + "\nnear: " + c.near.standing() + "\nfar: " + c.far.standing()
	}, func() bool {
		orders := c.m.orders(c.t)
		for ref, status := range c.ends {
			if orders[ref].Status != status {
				return false
			}
		}
		return len(orders) == len(c.ends)
	})
	for _, w := range []*world{c.near, c.far} {
		until(c.t, time.Minute, "every webhook is delivered", func() bool {
			return w.count(`SELECT count(*) FROM webhook_events WHERE status IN ('pending', 'failed')`) == 0
		})
		w.alive()
	}
}

// link is an attempt of the near installation, and what the far one has under its reference.
type link struct {
	Ref, OurRef, Outcome, UpstreamRef string
	Cost                              int64
	State, SN                         string
	FarID                             int64
}

// audit holds the books of three to each other: near, far and the emulators'.
func (c *chain) audit() {
	t := c.t
	c.near.verified()
	c.far.verified()
	rows, err := c.near.pool.Query(t.Context(), `SELECT o.ref, a.our_ref, a.outcome, a.upstream_ref, o.cost, o.state, coalesce(o.facts->>'sn', ''), 0::bigint
		FROM order_attempts a JOIN orders o ON o.id = a.order_id ORDER BY o.ref, a.n`)
	require.NoError(t, err)
	attempts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[link])
	require.NoError(t, err)
	far := c.account.orders(t)
	claimed := map[string]bool{}
	spent := int64(0)
	for _, a := range attempts {
		o, there := far[a.OurRef]
		require.Equal(t, a.Outcome != "rejected" && a.Outcome != "not_sent" && a.Outcome != "throttled", there, "%+v", a)
		if !there {
			continue
		}
		claimed[a.OurRef] = true
		require.Equal(t, o.OrderID, a.UpstreamRef, a.Ref)
		require.Equal(t, c.ends[a.Ref], o.Status, "%s has ended alike in both", a.Ref)
		require.Equal(t, o.Data.SN, a.SN, "%s: the customer's receipt comes through both", a.Ref)
		if a.State == "completed" || a.State == "partial" {
			require.Equal(t, o.Price-o.Refunded, a.Cost, a.Ref)
		}
		spent += o.Price - o.Refunded
	}
	require.Len(t, claimed, len(far), "the far one has no order that the near one did not send")
	paid := int64(0)
	for _, amount := range c.in {
		paid += amount
	}
	require.Equal(t, c.account.Start-spent+paid, c.account.profile(t).Balance)
	received := int64(0)
	for _, e := range c.far.emulated {
		books := e.books()
		require.Empty(t, books.TwiceByTarget(), "bought twice at %s", e.name)
		received += books.Received()
		for _, p := range books.Purchases {
			if p.SN != "" && p.Delivered {
				require.Equal(t, 1, c.near.count(`SELECT count(*) FROM orders WHERE facts->>'sn' = $1 AND state = 'completed'`, p.SN), "%+v", p)
			}
		}
	}
	require.Equal(t, paid, received, "what was paid in is with those who make the codes")
	want := c.m.Start + paid
	for _, o := range c.m.orders(t) {
		want -= o.Price - o.Refunded
	}
	require.Equal(t, want, c.m.profile(t).Balance)
	c.m.mutations(t)
}

// told looks what became of the far one's webhooks at the near one: each was read, and
// some told more than was known.
func (c *chain) told() {
	until(c.t, time.Minute, "every callback is read", func() bool { return c.near.count(`SELECT count(*) FROM callbacks WHERE state = 'new'`) == 0 })
	require.Positive(c.t, c.near.count(`SELECT count(*) FROM callbacks WHERE state IN ('applied', 'asked')`))
	require.Zero(c.t, c.near.count(`SELECT count(*) FROM callbacks WHERE state IN ('forged', 'odd', 'late', 'stranger')`))
	require.Equal(c.t, c.far.count(`SELECT count(*) FROM webhook_events`), c.near.count(`SELECT count(*) FROM callbacks`))
}

// quiet looks in all that the near one's merchant was told for the far one, and for
// whom it buys from.
func (c *chain) quiet() {
	t := c.t
	for _, d := range c.near.receiver.everything() {
		c.rec.keep("webhook "+d.Type+" "+d.Path, 0, d.Header, d.Body)
	}
	require.Empty(t, c.near.receiver.wrong())
	words := []string{peerName, "rumahotp", "rqid", apiKey, c.account.Key, c.account.Secret, c.account.ID}
	bases := []string{*c.far.apis[0].Load(), *c.far.apis[1].Load()}
	for _, e := range c.far.emulated {
		words, bases = append(words, e.name), append(bases, e.base)
	}
	for _, at := range bases {
		u, err := url.Parse(at)
		require.NoError(t, err)
		words = append(words, u.Host)
	}
	for ref, o := range c.account.orders(t) {
		words = append(words, ref, o.OrderID)
	}
	for _, h := range c.rec.everything() {
		text := strings.ToLower(readable(h))
		for _, word := range words {
			require.NotContains(t, text, strings.ToLower(word), "%s (%d)", h.what, h.code)
		}
		require.True(t, json.Valid(h.body) || len(h.body) == 0, h.what)
	}
}
