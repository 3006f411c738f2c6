package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// paidIn is money that a merchant pays in, or thinks better of.
type paidIn struct {
	m      *merchant
	ref    string
	amount int64
	cancel bool
	ended  bool // paid at the provider, or canceled with us
}

// open asks for n codes, again and again under the same ref until there is one.
func (c *crowd) open(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for range n {
		c.mu.Lock()
		i := len(c.deposits)
		d := &paidIn{m: c.merchants[i%3], ref: fmt.Sprintf("isi-%03d", i), amount: 10_000 + 1000*int64(i), cancel: i%4 == 3}
		c.deposits = append(c.deposits, d)
		c.mu.Unlock()
		r, _, err := d.m.insist(ctx, http.MethodPost, "/api/v1/deposit", body{"amount": d.amount, "ref": d.ref})
		if err != nil {
			return fmt.Errorf("%s got no code: %w", d.ref, err)
		}
		if r.Status != http.StatusOK {
			return fmt.Errorf("%s was refused: %d %s", d.ref, r.Status, r.Raw)
		}
	}
	return nil
}

// payIn does what people do with the codes that are there: most pay, some cancel.
func (c *crowd) payIn(t testing.TB) {
	t.Helper()
	for _, d := range c.deposits {
		if d.ended {
			continue
		}
		d.ended = true
		if d.cancel {
			r, _, err := d.m.insist(t.Context(), http.MethodPost, "/api/v1/deposit/"+d.ref+"/cancel", nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, r.Status, "%s", r.Raw)
			continue
		}
		var gateway, invoice string
		until(t, 30*time.Second, d.ref+" can be read", func() bool {
			return c.w.pool.QueryRow(t.Context(), `SELECT gateway, upstream_ref FROM deposits WHERE ref = $1 AND state <> 'failed'`, d.ref).Scan(&gateway, &invoice) == nil
		})
		require.NotEmpty(t, invoice, d.ref)
		c.w.at(gateway).call(http.MethodPost, "/deposits/"+invoice+"/pay", map[string]bool{"late": false}, nil)
	}
}

// depositView is a deposit as its merchant sees it.
type depositView struct {
	Ref      string `json:"ref"`
	Status   string `json:"status"`
	Amount   int64  `json:"amount"`
	Credited bool   `json:"credited"`
}

func (d *paidIn) view(t testing.TB) (v depositView) {
	t.Helper()
	d.m.get(t, "/deposit/"+d.ref, &v)
	return v
}

// paid is what of a merchant's deposits was to be credited.
func (c *crowd) paid(m *merchant) (sum int64) {
	for _, d := range c.deposits {
		if d.m == m && !d.cancel {
			sum += d.amount
		}
	}
	return sum
}

// deposits requires that what was paid to the providers is what was credited, each
// once, and nothing else.
func (a *audit) deposits() {
	a.t.Helper()
	for _, d := range a.c.deposits {
		v := d.view(a.t)
		want := depositView{Ref: d.ref, Status: "paid", Amount: d.amount, Credited: true}
		if d.cancel {
			want.Status, want.Credited = "canceled", false
		}
		require.Equal(a.t, want, v)
	}
	states := map[emulate.InvoiceState]int{}
	for name, b := range a.books {
		for _, i := range b.Invoices {
			states[i.State]++
			ours := a.w.count(`SELECT count(*) FROM deposits WHERE gateway = $1 AND upstream_ref = $2 AND state = 'paid' AND received = $3`, name, i.ID, i.Amount)
			require.Equal(a.t, i.State == emulate.InvoicePaid, ours == 1, "%s at %s: %+v", i.ID, name, i)
		}
	}
	require.Equal(a.t, states[emulate.InvoicePaid], a.w.count(`SELECT count(*) FROM deposits WHERE state = 'paid'`))
	require.Zero(a.t, a.w.count(`SELECT count(*) FROM deposits WHERE flag <> ''`), "nobody has to look at a deposit")
	raw, err := json.Marshal(states)
	require.NoError(a.t, err)
	a.t.Logf("deposits: %d, with codes for each of them that ended so: %s", len(a.c.deposits), raw)
}
