package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// audit compares what merchants see, what operators see, and what the emulators know.
type audit struct {
	t testing.TB
	w *world
	c *crowd

	rows   map[string]operatorRow // by ref: what operators see
	views  map[string]orderView   // by ref: what merchants see
	books  map[string]emulate.Books
	owners map[string]string // a provider and its id of a purchase -> ref
	refs   map[string]string // a provider and our reference of an attempt -> ref
	// orphans are rented numbers that nobody was told of and that are not paid back, by
	// product.
	orphans map[string][]emulate.Purchase
}

// operatorRow is a line of `muara order list`.
type operatorRow struct {
	OrderID     string `json:"order_id"`
	ID          string `json:"id"`
	Ref         string `json:"ref"`
	Category    string `json:"category"`
	State       string `json:"state"`
	Status      string `json:"status"`
	Flag        string `json:"flag"`
	Attempt     int    `json:"attempt"`
	Upstream    string `json:"upstream"`
	UpstreamRef string `json:"upstream_ref"`
	Cost        int64  `json:"cost"`
	Price       int64  `json:"price"`
	Refunded    int64  `json:"refunded"`
}

func newAudit(t testing.TB, c *crowd) *audit {
	t.Helper()
	a := &audit{t: t, w: c.w, c: c, owners: map[string]string{}, refs: map[string]string{}}
	a.read()
	return a
}

// read takes all three views anew.
func (a *audit) read() {
	a.t.Helper()
	a.books = map[string]emulate.Books{}
	for _, e := range a.w.emulated {
		a.books[e.name] = e.books()
	}
	if a.w.settings.mock {
		a.books[mockName] = a.w.mocked()
	}
	a.rows = map[string]operatorRow{}
	for _, row := range a.w.list() {
		a.rows[row.Ref] = row
	}
	a.views = map[string]orderView{}
	for _, m := range a.c.merchants {
		maps.Copy(a.views, m.orders(a.t))
	}
	// Exactly the accepted orders are there, each at the price that was told.
	require.Len(a.t, a.views, len(a.c.orders))
	require.Len(a.t, a.rows, len(a.c.orders))
	for _, x := range a.c.orders {
		v, row := a.views[x.ref], a.rows[x.ref]
		require.Equal(a.t, x.first.Order.OrderID, v.OrderID, x.ref)
		require.Equal(a.t, x.first.Order.Price, v.Price, x.ref)
		require.Equal(a.t, row.OrderID, v.OrderID, x.ref)
		require.Equal(a.t, row.Status, v.Status, x.ref)
	}
	a.attempts()
}

// mocked is the sandbox's own book, in the form of the emulators': what it gives back
// was not delivered.
func (w *world) mocked() (b emulate.Books) {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT ref, code, target, debit, credit > 0 FROM sandbox_records WHERE kind = 'purchase'`)
	require.NoError(w.t, err)
	var p emulate.Purchase
	_, err = pgx.ForEachRow(rows, []any{&p.Ref, &p.Product, &p.Target, &p.Price, &p.Refunded}, func() error {
		p.ID, p.Kind, p.Delivered = p.Ref, "mock", !p.Refunded
		b.Purchases = append(b.Purchases, p)
		return nil
	})
	require.NoError(w.t, err)
	return b
}

// list reads what operators see, page by page.
func (w *world) list(args ...string) (all []operatorRow) {
	w.t.Helper()
	before := ""
	for {
		var page struct {
			Orders []operatorRow `json:"orders"`
		}
		w.cli(&page, append([]string{"order", "list", "--limit", "1000", "--before", before}, args...)...)
		all = append(all, page.Orders...)
		if len(page.Orders) < 1000 {
			return all
		}
		before = page.Orders[999].ID
	}
}

// attempts finds whose each purchase is, and the rented numbers that are nobody's.
func (a *audit) attempts() {
	a.t.Helper()
	rows, err := a.w.pool.Query(a.t.Context(), `SELECT o.ref, a.upstream, a.our_ref, a.upstream_ref FROM order_attempts a JOIN orders o ON o.id = a.order_id`)
	require.NoError(a.t, err)
	defer rows.Close()
	own := func(book map[string]string, name, key, ref string) {
		if key == "" {
			return
		}
		owner, known := book[name+" "+key]
		require.True(a.t, !known || owner == ref, "%s at %s has one owner: %s, %s", key, name, owner, ref)
		book[name+" "+key] = ref
	}
	for rows.Next() {
		var ref, name, our, theirs string
		require.NoError(a.t, rows.Scan(&ref, &name, &our, &theirs))
		own(a.refs, name, our, ref)
		own(a.owners, name, theirs, ref)
	}
	require.NoError(a.t, rows.Err())
	a.orphans = map[string][]emulate.Purchase{}
	for _, p := range a.books[otpName].Purchases {
		if p.Kind == "otp" && a.owners[otpName+" "+p.ID] == "" && !p.Refunded {
			a.orphans[p.Product] = append(a.orphans[p.Product], p)
		}
	}
}

// bought gives all that the providers ever bought for each order.
func (a *audit) bought() map[string][]emulate.Purchase {
	a.t.Helper()
	byTarget := map[string]string{}
	for ref, v := range a.views {
		byTarget[v.CustomerNo+v.Target] = ref
	}
	out := map[string][]emulate.Purchase{}
	for name, b := range a.books {
		require.Empty(a.t, b.TwiceByTarget(), "bought twice at %s", name)
		require.Empty(a.t, b.Violations, "%s saw more requests than it was promised", name)
		for _, p := range b.Purchases {
			ref := a.owners[name+" "+p.ID]
			if ref == "" && p.Ref != "" {
				ref = a.refs[name+" "+p.Ref]
			}
			if p.Target != "" {
				require.True(a.t, ref == "" || ref == byTarget[p.Target], "%s bought for %s: %+v", ref, byTarget[p.Target], p)
				ref = byTarget[p.Target]
			}
			require.True(a.t, ref != "" || name == otpName && p.Kind == "otp", "nobody ordered %+v", p)
			if ref != "" {
				out[ref] = append(out[ref], p)
			}
		}
	}
	return out
}

// purchases holds every order against what the providers did for it: none bought twice,
// none lost, none refunded that was delivered, and no receipt that is not theirs.
func (a *audit) purchases() {
	a.t.Helper()
	bought := a.bought()
	for ref, row := range a.rows {
		if row.Category == "product" {
			continue
		}
		all := bought[ref]
		paid := slices.DeleteFunc(slices.Clone(all), func(p emulate.Purchase) bool { return p.Refunded })
		require.LessOrEqual(a.t, len(paid), 1, "%s was bought twice: %+v", ref, all)
		what := fmt.Sprintf("%s is %s at %s: %+v", ref, row.State, row.Upstream, all)
		switch row.State {
		case "completed":
			require.Len(a.t, paid, 1, "paid for, and not delivered: %s", what)
			require.True(a.t, paid[0].Delivered, "paid for, and not delivered: %s", what)
			a.receipt(ref, paid[0])
			require.Zero(a.t, row.Refunded, what)
		case "partial":
			require.Len(a.t, paid, 1, "delivered in part: %s", what)
			a.inPart(ref, row, paid[0])
		case "failed", "canceled", "expired":
			if row.Category == "smm" && row.Refunded < row.Price {
				require.Len(a.t, paid, 1, "canceled in the middle: %s", what)
				a.inPart(ref, row, paid[0])
				continue
			}
			require.Empty(a.t, paid, "refunded, and delivered: %s", what)
			require.Equal(a.t, row.Price, row.Refunded, what)
		default:
			require.Equal(a.t, "unknown", row.State, what)
			require.NotEmpty(a.t, row.Flag, what)
			require.Contains(a.t, []string{otpName, smmName}, row.Upstream, "what can be asked by reference resolves itself: %s", what)
			require.Zero(a.t, row.Refunded, what)
		}
	}
	a.explained()
}

// inPart requires that what the provider gave back of its price is what the merchant
// got back of ours: as much as remains.
func (a *audit) inPart(ref string, row operatorRow, p emulate.Purchase) {
	a.t.Helper()
	v := a.views[ref]
	what := fmt.Sprintf("%s: %+v, remains %d of %d: %+v", ref, row, v.Data.Remains, v.Quantity, p)
	require.True(a.t, p.Delivered && p.Back > 0, what)
	require.True(a.t, 0 < v.Data.Remains && v.Data.Remains < v.Quantity, what)
	require.Equal(a.t, row.Price*v.Data.Remains/v.Quantity, row.Refunded, what)
	require.InDelta(a.t, float64(p.Price*v.Data.Remains)/float64(v.Quantity), float64(p.Back), 1, what)
}

// receipt requires that the merchant got what the provider delivered.
func (a *audit) receipt(ref string, p emulate.Purchase) {
	a.t.Helper()
	v := a.views[ref]
	switch {
	case p.Kind == "mock":
		require.NotEmpty(a.t, v.Data.SN, ref)
		return
	case v.Category == "smm":
		require.Zero(a.t, v.Data.Remains, ref)
		return
	case v.Category != "otp":
		require.Equal(a.t, p.SN, v.Data.SN, "%s: %+v", ref, p)
		return
	}
	require.NotEmpty(a.t, v.Data.Messages, ref)
	for _, m := range v.Data.Messages {
		require.Contains(a.t, p.Codes, m.Code, ref)
	}
}

// explained requires that for each number that nobody was told of an order's outcome is
// with the operators. Which it is, nobody can tell of two that cost the same.
func (a *audit) explained() {
	a.t.Helper()
	orphans := 0
	for _, all := range a.orphans {
		orphans += len(all)
	}
	require.LessOrEqual(a.t, orphans, len(a.waiting()), "numbers were bought that no order waits for: %+v", a.orphans)
}

// waiting gives the product of each rented number whose outcome is with the operators.
func (a *audit) waiting() map[string]string {
	a.t.Helper()
	rows, err := a.w.pool.Query(a.t.Context(), `SELECT ref, (extra->>'number_id') || ':' || (extra->>'provider_id') FROM orders WHERE category = 'otp' AND state = 'unknown' AND upstream = $1`, otpName)
	require.NoError(a.t, err)
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var ref, product string
		require.NoError(a.t, rows.Scan(&ref, &product))
		out[ref] = product
	}
	require.NoError(a.t, rows.Err())
	return out
}

// flagged requires that whatever waits for a person has its evidence on one page.
func (a *audit) flagged() {
	a.t.Helper()
	list := a.w.list("--flagged")
	for _, row := range list {
		require.True(a.t, strings.HasPrefix(row.Flag, "outcome unknown: ") || row.Flag == "the source cannot be reached", "%+v", row)
		var page struct {
			Attempts []struct {
				Outcome   string    `json:"outcome"`
				OurRef    string    `json:"our_ref"`
				Code      string    `json:"code"`
				StartedAt time.Time `json:"started_at"`
			} `json:"attempts"`
			Events  []map[string]any `json:"events"`
			Entries []map[string]any `json:"entries"`
		}
		a.w.cli(&page, "order", "show", row.OrderID)
		require.Len(a.t, page.Attempts, row.Attempt, row.Ref)
		last := page.Attempts[len(page.Attempts)-1]
		require.NotEmpty(a.t, last.OurRef, row.Ref)
		require.NotEmpty(a.t, last.Code, row.Ref)
		require.NotEmpty(a.t, page.Events, row.Ref)
		require.NotEmpty(a.t, page.Entries, row.Ref)
		if row.State == "unknown" {
			require.Contains(a.t, []string{"unknown", "refused"}, last.Outcome, row.Ref)
		}
	}
	a.t.Logf("%d orders wait for an operator, with their evidence", len(list))
}

// resolve does what an operator does with the list: look the orders up at the provider
// and say what became of them.
func (a *audit) resolve() {
	a.t.Helper()
	bought, waiting := a.bought(), a.waiting()
	resolved := map[string]int{}
	for _, row := range a.w.list("--flagged") {
		if row.State != "unknown" {
			a.w.cli(nil, "order", "seen", row.OrderID, "--why", "looked")
			continue
		}
		var found *emulate.Purchase
		if product, ok := waiting[row.Ref]; ok {
			if found = a.orphan(product, row.Cost); found != nil {
				a.owners[otpName+" "+found.ID] = row.Ref
			}
		} else if all := bought[row.Ref]; len(all) > 0 {
			found = &all[len(all)-1]
		}
		as := []string{"--as", "failed"}
		switch {
		case found == nil || !found.Delivered || found.Refunded:
		case found.Back > 0:
			as = []string{"--as", "partial", "--remains", fmt.Sprint((a.views[row.Ref].Quantity*found.Back + found.Price/2) / found.Price)}
		case row.Category == "smm":
			as = []string{"--as", "completed"}
		default:
			as = []string{"--as", "completed", "--sn", strings.Join(append([]string{found.SN}, found.Codes...), "")}
		}
		a.w.cli(nil, append([]string{"order", "resolve", row.OrderID, "--why", "asked the provider"}, as...)...)
		resolved[as[1]]++
	}
	a.t.Logf("operators resolved %v", resolved)
	a.read()
}

// orphan takes an orphan of a product, or else of its price.
func (a *audit) orphan(product string, price int64) *emulate.Purchase {
	a.t.Helper()
	for _, alike := range []bool{false, true} {
		for name, all := range a.orphans {
			for i := range all {
				if name == product || alike && all[i].Price == price {
					found := all[i]
					a.orphans[name] = slices.Delete(all, i, i+1)
					return &found
				}
			}
		}
	}
	return nil
}

// allFinal requires that nothing is open and nobody is waited for.
func (a *audit) allFinal() {
	a.t.Helper()
	require.Empty(a.t, a.w.list("--flagged"))
	for ref, v := range a.views {
		require.True(a.t, final(v.Status), "%s is %s", ref, v.Status)
	}
	for product, left := range a.orphans {
		require.Empty(a.t, left, product)
	}
	// What our books say the providers took is what they took.
	for name, b := range a.books {
		var cost int64
		for _, row := range a.rows {
			if (row.State == "completed" || row.Refunded < row.Price) && row.Upstream == name {
				cost += row.Cost
			}
		}
		require.Equal(a.t, b.Spent(), cost, "cost at %s", name)
		if name != mockName {
			require.Equal(a.t, b.Opening-b.Balance, cost-b.Received(), "float at %s", name)
		}
	}
}

// money requires that every wallet has what its orders left in it, and that the books
// prove themselves.
func (a *audit) money() {
	a.t.Helper()
	for _, m := range a.c.merchants {
		var spent, held int64
		for ref, v := range m.orders(a.t) {
			spent += v.Price - v.Refunded
			if !final(v.Status) {
				held += v.Price
			}
			require.Equal(a.t, a.views[ref].Status, v.Status, ref)
		}
		have := m.Start + a.c.paid(m) - spent
		require.Equal(a.t, profile{Balance: have, Held: held}, m.profile(a.t))
		require.Equal(a.t, have, m.mutations(a.t)[0].Balance)
	}
	a.w.verified()
}

// stock requires that every premium order has its own items.
func (a *audit) stock() {
	a.t.Helper()
	sold := map[string]string{}
	for ref, v := range a.views {
		if v.Category != "product" {
			continue
		}
		require.Equal(a.t, "completed", v.Status, ref)
		require.Len(a.t, v.Data.Items, 1, ref)
		require.Empty(a.t, sold[v.Data.Items[0]], "%s was sold twice", v.Data.Items[0])
		sold[v.Data.Items[0]] = ref
	}
	require.Equal(a.t, len(sold), a.w.count(`SELECT count(*) FROM stock_items WHERE order_id IS NOT NULL`))
	for _, x := range a.c.orders {
		if items := x.first.Order.Data.Items; len(items) > 0 {
			require.Equal(a.t, x.ref, sold[items[0]], "delivered in the answer, and again in the list")
		}
	}
}

// webhooks requires that every change reached its receiver, signed, and about each
// order in order.
func (a *audit) webhooks() {
	a.t.Helper()
	r := a.w.receiver
	untilOr(a.t, 2*time.Minute, func() string {
		return fmt.Sprintf("every webhook is delivered; %d are not", a.w.count(`SELECT count(*) FROM webhook_events WHERE status <> 'delivered'`))
	}, func() bool { return a.w.count(`SELECT count(*) FROM webhook_events WHERE status <> 'delivered'`) == 0 })
	require.Empty(a.t, r.wrong())
	for _, x := range a.c.orders {
		v, all := a.views[x.ref], r.of(x.first.Order.OrderID)
		if v.Category == "product" {
			require.Empty(a.t, all, "nothing changed after the answer to %s", x.ref)
			continue
		}
		require.NotEmpty(a.t, all, "%s is %s and nobody was told", x.ref, v.Status)
		require.Equal(a.t, v.Status, all[len(all)-1].Order.Status, "the last word about %s", x.ref)
		require.Equal(a.t, v.Refunded, all[len(all)-1].Order.Refunded, "the last word about %s", x.ref)
		path := "/endpoint"
		if x.owned {
			path = "/callback/" + x.ref
		}
		seen := map[string]bool{}
		for i, d := range all {
			require.Equal(a.t, path, d.Path, x.ref)
			require.Equal(a.t, "order.updated", d.Type, x.ref)
			if i == 0 {
				seen[d.ID] = true
				continue
			}
			last := all[i-1]
			// Delivered at least once: again only in its place.
			require.True(a.t, !seen[d.ID] || d.ID == last.ID, "%s came again after %s", d.ID, last.ID)
			require.False(a.t, d.Order.UpdatedAt.Before(last.Order.UpdatedAt), "%s went backwards", x.ref)
			require.True(a.t, !final(last.Order.Status) || d.Order.Status == last.Order.Status, "%s went from %s to %s", x.ref, last.Order.Status, d.Order.Status)
			seen[d.ID] = true
		}
	}
}

// callbacks requires that everything that was posted to us was read, that what others
// had signed was known for it, and that no question came before its time.
func (a *audit) callbacks() {
	a.t.Helper()
	until(a.t, time.Minute, "every callback is read", func() bool { return a.w.count(`SELECT count(*) FROM callbacks WHERE state = 'new'`) == 0 })
	rows, err := a.w.pool.Query(a.t.Context(), `SELECT state, count(*) FROM callbacks GROUP BY state`)
	require.NoError(a.t, err)
	states := map[string]int{}
	var state string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&state, &n}, func() error {
		states[state] = n
		return nil
	})
	require.NoError(a.t, err)
	a.t.Logf("callbacks: %v", states)
	require.Positive(a.t, states["forged"])
	require.Positive(a.t, states["applied"])
	require.Zero(a.t, states["odd"]+states["late"]+states["stranger"])
	var soon map[string]int
	a.w.retail.call(http.MethodGet, "/limits", nil, &soon)
	require.Zero(a.t, soon["transaction"], "a purchase was asked about before its time")
}

// figures tells what the run was made of.
func (a *audit) figures() {
	a.t.Helper()
	count := func(sql string) int { return a.w.count(sql) }
	states := map[string]int{}
	for _, row := range a.rows {
		states[row.State]++
	}
	a.t.Logf("orders: %d, %v; attempts %d", len(a.rows), states, count(`SELECT count(*) FROM order_attempts`))
	for name, b := range a.books {
		requests := 0
		for _, n := range b.Arrivals {
			requests += n
		}
		a.t.Logf("%s: %d requests, %d purchases, %d refunded there, %d violations, %d turned away", name, requests, len(b.Purchases), len(b.Purchases)-unrefunded(b), len(b.Violations), b.Turned)
	}
	swept := count(`SELECT count(*) FROM order_events WHERE cause = 'sweep'`)
	a.t.Logf("outcome unknown %d times; calls of killed workers %d; found by reference %d; sent again under their reference %d",
		count(`SELECT count(*) FROM order_events WHERE to_state = 'unknown' AND from_state = 'sending'`), swept,
		count(`SELECT count(*) FROM order_events WHERE from_state = 'unknown' AND cause IN ('lookup', 'bulk', 'status') AND to_state <> 'unknown'`),
		count(`SELECT count(*) FROM order_events WHERE cause = 'resend' AND to_state <> 'unknown'`))
	deliveries := a.w.receiver.everything()
	a.t.Logf("webhooks: %d events, %d deliveries, %d refused once", count(`SELECT count(*) FROM webhook_events`), len(deliveries), len(a.w.receiver.refused))
	require.Positive(a.t, swept, "a worker was killed in mid-call")
	said, inexcusable := complaints(a.t, a.w.dir)
	a.t.Logf("errors in the logs: %v", said)
	require.Empty(a.t, inexcusable)
}

func unrefunded(b emulate.Books) int {
	n := 0
	for _, p := range b.Purchases {
		if !p.Refunded {
			n++
		}
	}
	return n
}
