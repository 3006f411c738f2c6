package withdraw

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/muarahq/muara/pkg/ledger"
)

// modelRow is an independent account of what a withdrawal should have come to.
type modelRow struct {
	id      int64
	ref     string
	amount  int64
	account string
	state   State
	attempt int
	charge  int64
	late    bool
	held    bool // approved, and waiting for a person
	named   bool // the gateway has named its payout
}

// history plays one random history of one merchant's withdrawals against a gateway
// that carries out what it pleases.
type history struct {
	t       *rapid.T
	f       *fixture
	rows    []*modelRow
	balance int64
	// sums of the system accounts before, and what this history should have added
	before map[string]int64
}

func (h *history) ctx() context.Context { return context.Background() }

func (h *history) any() *modelRow { return rapid.SampledFrom(h.rows).Draw(h.t, "withdrawal") }

func (h *history) place() {
	r := h.f.request(fmt.Sprint("wd-", rapid.IntRange(0, 8).Draw(h.t, "ref")), rapid.SampledFrom([]int64{10_000, 20_000, 300_000}).Draw(h.t, "amount"))
	r.AccountNumber = rapid.SampledFrom([]string{"081", "082"}).Draw(h.t, "account")
	w, balance, err := h.f.k.Place(h.ctx(), r)
	for _, m := range h.rows {
		if m.ref != r.Ref {
			continue
		}
		if m.amount != r.Amount || m.account != r.AccountNumber {
			require.ErrorIs(h.t, err, ErrConflict)
			return
		}
		require.NoError(h.t, err)
		require.Equal(h.t, m.id, w.ID)
		return
	}
	if h.balance < r.Amount+1_000 {
		require.ErrorIs(h.t, err, ErrInsufficient)
		return
	}
	require.NoError(h.t, err)
	h.balance -= r.Amount + 1_000
	require.Equal(h.t, h.balance, balance)
	h.rows = append(h.rows, &modelRow{id: w.ID, ref: r.Ref, amount: r.Amount, account: r.AccountNumber, state: Pending})
}

func (h *history) approve() {
	m := h.any()
	_, err := h.f.k.Approve(h.ctx(), m.id, ops("ok"))
	if m.state != Pending && !m.held {
		require.ErrorIs(h.t, err, ErrNotResolvable)
		return
	}
	require.NoError(h.t, err)
	m.state, m.held = Approved, false
}

func (h *history) claim() {
	m := h.any()
	_, err := h.f.k.Claim(h.ctx(), m.id, fmt.Sprint("claim-", m.attempt), time.Minute)
	for _, o := range h.rows {
		if o != m && o.account == m.account && o.amount == m.amount && (o.state == Sending || o.state == Unknown) {
			require.ErrorIs(h.t, err, ErrStale)
			return
		}
	}
	if m.state != Approved || m.held {
		require.ErrorIs(h.t, err, ErrStale)
		return
	}
	require.NoError(h.t, err)
	m.state, m.attempt = Sending, m.attempt+1
	m.charge, m.named = 0, false
}

// hear lets the gateway say something, of this sending or of an older one.
func (h *history) hear() {
	m := h.any()
	a := Answer{Attempt: rapid.IntRange(max(m.attempt-1, 0), m.attempt+1).Draw(h.t, "attempt"), Cause: "test"}
	a.Word = rapid.SampledFrom([]Word{Waiting, Paid, Failed, Refused, NotSent, Lost, Gone, Silent}).Draw(h.t, "word")
	a.Reason = rapid.SampledFrom([]string{"", ReasonAccount, ReasonBalance}).Draw(h.t, "reason")
	a.Charge = rapid.Int64Range(0, 900).Draw(h.t, "charge")
	foreign := rapid.IntRange(0, 9).Draw(h.t, "claim") == 0
	if foreign {
		a.Token = "another worker's"
	}
	named := rapid.Bool().Draw(h.t, "named")
	if named {
		a.UpstreamRef = fmt.Sprint("P", m.id, "-", a.Attempt)
	}
	w, err := h.f.k.Heard(h.ctx(), m.id, a)
	if foreign || a.Attempt != m.attempt || m.state != Sending && m.state != Sent && m.state != Unknown {
		require.ErrorIs(h.t, err, ErrStale)
		return
	}
	require.NoError(h.t, err)
	m.named = m.named || named
	switch {
	case a.Word == Paid:
		m.state, m.charge = Success, a.Charge
	case a.Word == Failed, a.Word == Refused && a.Reason == ReasonAccount && m.state != Sent:
		h.back(m)
	case a.Word == Waiting && m.named:
		m.state = Sent
	case m.state == Sent, a.Word == Gone:
	case a.Word == Refused:
		m.state, m.held = Approved, a.Reason == ""
	case a.Word == NotSent:
		m.state = Approved
	default:
		m.state = Unknown
	}
	require.Equal(h.t, m.state, w.State)
}

// back gives everything back.
func (h *history) back(m *modelRow) {
	m.state, m.held = Rejected, false
	h.balance += m.amount + 1_000
}

func (h *history) operator() {
	m := h.any()
	d := Decision{Why: "by hand", Actor: "test", As: rapid.SampledFrom([]State{Success, Rejected}).Draw(h.t, "as"), Charge: rapid.Int64Range(0, 900).Draw(h.t, "charge")}
	if rapid.Bool().Draw(h.t, "reject") {
		_, err := h.f.k.Reject(h.ctx(), m.id, d)
		if m.state != Pending && m.state != Approved {
			require.ErrorIs(h.t, err, ErrNotResolvable)
			return
		}
		require.NoError(h.t, err)
		h.back(m)
		return
	}
	_, err := h.f.k.Resolve(h.ctx(), m.id, d)
	switch {
	case m.state == Sending, m.state == Success, m.state == Rejected && (d.As == Rejected || m.late), m.state == Pending && d.As == Success:
		require.ErrorIs(h.t, err, ErrNotResolvable)
	case m.state == Rejected:
		require.NoError(h.t, err)
		m.late, m.charge = true, d.Charge
	case d.As == Success:
		require.NoError(h.t, err)
		m.state, m.charge, m.held = Success, d.Charge, false
	default:
		require.NoError(h.t, err)
		h.back(m)
	}
}

func (h *history) sweep() {
	m := h.any()
	_, err := h.f.k.Stuck(h.ctx(), m.id, m.attempt)
	if m.state != Sending {
		require.ErrorIs(h.t, err, ErrStale)
		return
	}
	require.NoError(h.t, err)
	m.state = Unknown
}

func (h *history) search() {
	m := h.any()
	s := Search{Attempt: m.attempt, Found: rapid.SampledFrom([]Found{FoundNone, FoundSeveral, FoundPart}).Draw(h.t, "found")}
	_, err := h.f.k.Searched(h.ctx(), m.id, s)
	if m.state != Unknown {
		require.ErrorIs(h.t, err, ErrStale)
		return
	}
	require.NoError(h.t, err)
}

func (h *history) sums() map[string]int64 {
	out := map[string]int64{}
	for _, code := range []string{ledger.Payouts, ledger.Fees, ledger.Float("gw-a"), ledger.Charges("gw-a"), ledger.Loss("gw-a")} {
		out[code] = h.f.account(code)
	}
	return out
}

func (h *history) check() {
	want := map[string]int64{}
	for code, sum := range h.before {
		want[code] = sum
	}
	for _, m := range h.rows {
		w, err := h.f.k.ByID(h.ctx(), m.id)
		require.NoError(h.t, err)
		require.Equal(h.t, m.state, w.State)
		switch {
		case m.state == Success:
			want[ledger.Fees] += 1_000
			want[ledger.Float("gw-a")] += m.amount + m.charge
			want[ledger.Charges("gw-a")] -= m.charge
		case m.state == Rejected && m.late:
			want[ledger.Float("gw-a")] += m.amount + m.charge
			want[ledger.Loss("gw-a")] -= m.amount + m.charge
		case m.state != Rejected:
			want[ledger.Payouts] += m.amount + 1_000
		}
	}
	require.Equal(h.t, want, h.sums())
	require.Equal(h.t, h.balance, h.f.balance())
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
				balance := rapid.Int64Range(0, 600_000).Draw(rt, "opening") + 50_000
				f.wallet = f.merchant(fmt.Sprint("H", played), balance)
				// What earlier histories left in doubt must not hold up this one's.
				if _, err := f.db.Pool.Exec(context.Background(), `UPDATE withdrawals SET receiver = 'old' WHERE receiver <> 'old'`); err != nil {
					rt.Fatal(err)
				}
				h := &history{t: rt, f: f, balance: balance}
				h.before = h.sums()
				h.place()
				if len(h.rows) == 0 {
					return
				}
				for range rapid.IntRange(1, 25).Draw(rt, "length") {
					switch rapid.IntRange(0, 10).Draw(rt, "what") {
					case 0, 1:
						h.place()
					case 2, 3:
						h.approve()
					case 4, 5:
						h.claim()
					case 6, 7:
						h.hear()
					case 8:
						h.operator()
					case 9:
						h.sweep()
					default:
						h.search()
					}
				}
				h.check()
			})
		})
	}
}
