package deposit

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/ledger"
)

// modelDeposit is an independent account of what a deposit should have come to.
type modelDeposit struct {
	id       int64
	own      bool
	total    int64
	received int64
	state    State
	credited int64
	held     int64 // ever put into suspense
	ended    time.Time
	end      time.Time // its expiry
}

// history plays one random history of one merchant's deposits.
type history struct {
	t     *rapid.T
	f     *fixture
	ds    []*modelDeposit
	lines int
	fees  int64 // what we keep, less what we bear
	start int64 // clearing of both gateways before
	kept  int64 // fees less charges before
}

func (h *history) ctx() context.Context { return context.Background() }

func (h *history) now() time.Time { return h.f.now() }

func (h *history) open() {
	amount := rapid.Int64Range(10_000, 200_000).Draw(h.t, "amount")
	g := Gateway{Name: "gw-a", Fee: Fee{PercentBP: rapid.Int64Range(0, 200).Draw(h.t, "bp"), Absorbed: rapid.Bool().Draw(h.t, "absorbed")}}
	own := rapid.Bool().Draw(h.t, "own")
	if own {
		g.Own, g.Name = h.f.own(999).Own, "own"
	}
	extra, keeps := rapid.Int64Range(0, 500).Draw(h.t, "added by the gateway"), rapid.Int64Range(0, 2_000).Draw(h.t, "kept by the gateway")
	h.f.script(func(_ string, d *Deposit) (string, error) {
		return h.f.give(d, func(i *Invoice) {
			i.Total += extra
			i.QR, i.Received = code(h.t, i.Total), i.Total-keeps
		})
	})
	d, err := h.f.opener(g).Open(h.ctx(), h.f.request("", amount))
	require.NoError(h.t, err)
	require.Equal(h.t, d.Amount+d.Fee, d.Total)
	h.ds = append(h.ds, &modelDeposit{id: d.ID, own: own, total: d.Total, received: d.Received, state: Pending, end: *d.ExpiresAt})
}

func (h *history) any() *modelDeposit { return rapid.SampledFrom(h.ds).Draw(h.t, "deposit") }

// pays says what a payment of so much at a time should do.
func (h *history) pays(m *modelDeposit, amount, came int64, at time.Time) {
	switch {
	case m.state == Paid || m.state == Suspended || m.state == Canceled && m.held > 0:
	case came != m.total || !m.ended.IsZero() && at.After(m.ended.Add(Grace)):
		m.state, m.held = Suspended, came
	default:
		m.state, m.credited = Paid, amount
		h.fees += m.received - amount
	}
}

func (h *history) see() {
	m := h.any()
	if m.own {
		return // nobody can be asked about it
	}
	s := Sighting{Seen: rapid.SampledFrom([]Seen{SeenPaid, SeenPending, SeenExpired, SeenCanceled, SeenGone, SeenNothing}).Draw(h.t, "seen")}
	if s.Seen == SeenPaid && rapid.Bool().Draw(h.t, "says what came") {
		came := m.total + rapid.SampledFrom([]int64{0, 0, -1, 1, 5_000}).Draw(h.t, "off by")
		s.Paid = &came
	}
	before, err := h.f.k.ByID(h.ctx(), m.id)
	require.NoError(h.t, err)
	d, err := h.f.k.See(h.ctx(), m.id, s)
	require.NoError(h.t, err)
	switch s.Seen {
	case SeenPaid:
		came := m.total
		if s.Paid != nil {
			came = *s.Paid
		}
		h.pays(m, before.Amount, came, h.now())
	case SeenPending, SeenGone, SeenExpired, SeenCanceled:
		if m.state != Pending {
			break
		}
		over := !h.now().Before(m.end.Add(lastQuestion))
		switch {
		case s.Seen == SeenCanceled, before.CancelRequested && (s.Seen == SeenExpired || over):
			m.state, m.ended = Canceled, h.now()
		case s.Seen == SeenExpired, over:
			m.state, m.ended = Expired, h.now()
		}
	case SeenNothing:
	}
	require.Equal(h.t, m.state, d.State)
}

func (h *history) cancel() {
	m := h.any()
	d, err := h.f.k.Cancel(h.ctx(), h.f.wallet, PublicID("MRA", m.id))
	if m.state != Pending {
		require.ErrorIs(h.t, err, ErrNotCancelable)
		return
	}
	require.NoError(h.t, err)
	if m.own {
		m.state, m.ended = Canceled, h.now()
	}
	require.Equal(h.t, m.state, d.State)
}

func (h *history) operator() {
	m := h.any()
	r := Decision{Why: "by hand", Actor: "test"}
	switch rapid.IntRange(0, 2).Draw(h.t, "by hand") {
	case 0:
		if m.state == Suspended {
			r.Amount = rapid.Int64Range(1, m.held).Draw(h.t, "credit")
		}
		d, err := h.f.k.Credit(h.ctx(), m.id, r)
		if m.state == Paid || m.state == Canceled && m.held > 0 {
			require.ErrorIs(h.t, err, ErrNotResolvable)
			return
		}
		require.NoError(h.t, err)
		if m.state == Suspended {
			h.fees += m.held - r.Amount
		} else {
			h.fees += m.received - d.Amount
		}
		m.state, m.credited = Paid, d.Credited
	case 1:
		_, err := h.f.k.Return(h.ctx(), m.id, r)
		if m.state != Suspended {
			require.ErrorIs(h.t, err, ErrNotResolvable)
			return
		}
		require.NoError(h.t, err)
		m.state, m.ended = Canceled, h.now()
	default:
		_, err := h.f.k.Expire(h.ctx(), m.id, r)
		if m.state != Pending || h.now().Before(m.end) {
			require.ErrorIs(h.t, err, ErrNotResolvable)
			return
		}
		require.NoError(h.t, err)
		m.state, m.ended = Expired, h.now()
	}
}

// line reads a line of a statement; the same twice now and then.
func (h *history) line() {
	m := h.any()
	if !m.own {
		return
	}
	h.lines++
	l := Line{Gateway: "own", Key: fmt.Sprint(h.f.wallet, "-", h.lines), Amount: m.total, PaidAt: h.now()}
	d, err := h.f.k.ByID(h.ctx(), m.id)
	require.NoError(h.t, err)
	for range rapid.IntRange(1, 2).Draw(h.t, "reads") {
		got, err := h.f.k.Match(h.ctx(), l, "test")
		require.NoError(h.t, err)
		if got.Outcome != LineCredited {
			continue
		}
		require.Equal(h.t, m.id, *got.DepositID, "totals are unique")
		h.pays(m, d.Amount, l.Amount, l.PaidAt)
	}
}

func (h *history) sweep() {
	_, err := h.f.k.Sweep(h.ctx(), 1000)
	require.NoError(h.t, err)
	for _, m := range h.ds {
		if m.own && m.state == Pending && !h.now().Before(m.end) {
			m.state, m.ended = Expired, h.now()
		}
	}
}

// clearing is what both gateways owe us.
func (h *history) clearing() int64 {
	return -h.f.account(ledger.Clearing("gw-a")) - h.f.account(ledger.Clearing("own"))
}

func (h *history) keptSoFar() int64 {
	return h.f.account(ledger.Fees) + h.f.account(ledger.Charges("gw-a")) + h.f.account(ledger.Charges("own"))
}

func (h *history) check() {
	var credited, owed, suspense int64
	for _, m := range h.ds {
		d, err := h.f.k.ByID(h.ctx(), m.id)
		require.NoError(h.t, err)
		require.Equal(h.t, m.state, d.State)
		require.Equal(h.t, m.credited, d.Credited)
		credited += m.credited
		switch {
		case m.state == Suspended:
			suspense += m.held
			owed += m.held
		case m.state == Paid && m.held > 0:
			owed += m.held
		case m.state == Paid:
			owed += m.received
		}
	}
	require.Equal(h.t, credited, h.f.balance())
	require.Equal(h.t, owed, h.clearing()-h.start)
	require.Equal(h.t, h.fees, h.keptSoFar()-h.kept)
	require.Equal(h.t, owed, credited+h.fees+suspense)
	r, err := ledger.Verify(h.ctx(), h.f.db.Pool, Checks()...)
	require.NoError(h.t, err)
	require.Empty(h.t, r.Problems)
}

func TestNoHistoryMakesMoneyWrong(t *testing.T) {
	t.Parallel()
	for run := range 2 {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			played := 0
			rapid.Check(t, func(rt *rapid.T) {
				played++
				f.wallet = f.merchant(fmt.Sprint("H", played))
				f.advance(72 * time.Hour) // the totals of earlier histories are free
				h := &history{t: rt, f: f}
				h.start, h.kept = h.clearing(), h.keptSoFar()
				h.open()
				for range rapid.IntRange(1, 15).Draw(rt, "length") {
					switch rapid.IntRange(0, 9).Draw(rt, "what") {
					case 0, 1:
						h.open()
					case 2, 3, 4:
						h.see()
					case 5:
						h.cancel()
					case 6:
						h.operator()
					case 7:
						h.line()
					case 8:
						h.sweep()
					default:
						f.advance(time.Duration(rapid.Int64Range(1, int64(30*time.Hour)).Draw(rt, "time")))
					}
				}
				h.check()
			})
		})
	}
}

func TestADriftIsFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	paid := f.see(f.open(), Sighting{Seen: SeenPaid})
	suspended := f.see(f.open(), Sighting{Seen: SeenPaid, Paid: ptr(int64(7))})
	pending := f.open()
	f.verify()
	for _, c := range []struct {
		what, sql string
		id        int64
	}{
		{"a credit that the ledger lacks", `UPDATE deposits SET state = 'paid', credited = 5 WHERE id = $1`, pending.ID},
		{"another amount", `UPDATE deposits SET credited = credited + 1 WHERE id = $1`, paid.ID},
		{"less received", `UPDATE deposits SET received = received - 1 WHERE id = $1`, paid.ID},
		{"a paid one that is said not to be", `UPDATE deposits SET state = 'expired', credited = 0 WHERE id = $1`, paid.ID},
		{"more in suspense", `UPDATE deposits SET suspense = suspense + 1 WHERE id = $1`, suspended.ID},
		{"suspense that was lost", `UPDATE deposits SET state = 'canceled' WHERE id = $1`, suspended.ID},
		{"a wallet that got another's money", `UPDATE deposits SET wallet_id = (SELECT max(id) FROM wallets) WHERE id = $1`, paid.ID},
	} {
		if c.id == paid.ID {
			f.merchant(c.what)
		}
		tx, err := f.db.Pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), c.sql, c.id)
		require.NoError(t, err)
		r, err := ledger.VerifyIn(t.Context(), tx, Checks()...)
		require.NoError(t, err)
		require.NotEmpty(t, r.Problems, c.what)
		require.NoError(t, tx.Rollback(t.Context()))
	}
}
