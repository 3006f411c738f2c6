package worker

import (
	"context"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

// line is a source whose calls a test can hold while it does something else. It says
// what the test put into its mouth, and counts.
type line struct {
	mu    sync.Mutex
	calls map[string]int
	held  map[string]*hold
	says  map[string]func() (*upstream.Result, error)
	// refill is what it says to the wish for a refill.
	refill func() (*upstream.Refill, error)
}

// hold keeps one call on its way until it is let go.
type hold struct{ entered, gone chan struct{} }

// let lets the call go on.
func (h *hold) let() { close(h.gone) }

func newLine() *line {
	return &line{calls: map[string]int{}, held: map[string]*hold{}, says: map[string]func() (*upstream.Result, error){}}
}

// holds has the next call of a kind wait.
func (l *line) holds(op string) *hold {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &hold{make(chan struct{}), make(chan struct{})}
	l.held[op] = h
	return h
}

// say is what the source says from now on.
func (l *line) say(op string, r upstream.Result, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.says[op] = func() (*upstream.Result, error) {
		if err != nil {
			return nil, err
		}
		return &r, nil
	}
}

// refills is what the source says to the wish for a refill from now on.
func (l *line) refills(r *upstream.Refill, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refill = func() (*upstream.Refill, error) { return r, err }
}

func (l *line) count(op string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[op]
}

// arrive counts a call and waits while it is held. What is said is what was to be said
// when it arrived.
func (l *line) arrive(op string) func() (*upstream.Result, error) {
	l.mu.Lock()
	l.calls[op]++
	h, says := l.held[op], l.says[op]
	delete(l.held, op)
	l.mu.Unlock()
	if h != nil {
		close(h.entered)
		<-h.gone
	}
	return says
}

func (l *line) Submit(context.Context, *upstream.Purchase) (*upstream.Result, error) {
	return l.arrive("submit")()
}

func (l *line) Status(context.Context, *upstream.Purchase) (*upstream.Result, error) {
	return l.arrive("status")()
}

func (l *line) Cancel(context.Context, *upstream.Purchase) (*upstream.Result, error) {
	return l.arrive("cancel")()
}

func (l *line) Resend(context.Context, *upstream.Purchase) (*upstream.Result, error) {
	return l.arrive("resend")()
}

func (l *line) Finish(context.Context, *upstream.Purchase) (*upstream.Result, error) {
	return l.arrive("finish")()
}

func (l *line) Refill(context.Context, *upstream.Purchase) (*upstream.Refill, error) {
	l.mu.Lock()
	said := l.refill // as it was when the call came
	l.mu.Unlock()
	l.arrive("refill")
	return said()
}

func (l *line) RefillStatus(context.Context, string) (*upstream.Refill, error) {
	l.arrive("refill status")
	return &upstream.Refill{State: upstream.Pending}, nil
}

// asked is a line that can be asked by our reference, and sure one that carries a
// reference out once besides.
type asked struct{ *line }

func (l asked) Lookup(context.Context, *upstream.Purchase) (*upstream.Result, error) {
	return l.arrive("lookup")()
}

type sure struct{ asked }

func (sure) IdempotentSubmit() {}

// many is a line that tells of many purchases at once.
type many struct{ *line }

func (many) BulkLimit() int { return 50 }

func (l many) BulkStatus(_ context.Context, ps []*upstream.Purchase) (map[int64]*upstream.Result, error) {
	says := l.arrive("bulk")
	out := map[int64]*upstream.Result{}
	for _, p := range ps {
		r, err := says()
		if err != nil {
			return nil, err
		}
		out[p.OrderID] = r
	}
	return out, nil
}

// otpAt is a request for a number at an upstream.
func (s *stage) otpAt(upstream, ref string, product, offer int64) *order.Request {
	return &order.Request{
		WalletID: s.wallet, Ref: ref, Category: order.OTP, SKU: "O", Name: "O", ProductID: product, Quantity: 1, Price: 9_000, CallbackURL: "https://merchant.example/hook",
		Route: order.Route{Upstream: upstream, OfferID: offer, Code: "1:2:3", Cost: 5_000},
	}
}

// meanwhile runs a task until the source holds its call, then does something, and lets
// the task end.
func (s *stage) meanwhile(h *hold, task func() error, do func()) {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- task() }()
	<-h.entered
	do()
	h.let()
	require.NoError(s.t, <-done)
}

// told are the statuses of the webhooks of the stage's orders.
func (s *stage) told(o *order.Order) (statuses []string) {
	s.t.Helper()
	rows, err := s.db.Pool.Query(s.t.Context(), `SELECT body::jsonb #>> '{data,order,status}' FROM webhook_events WHERE body::jsonb #>> '{data,order,ref}' = $1 ORDER BY id`, o.Ref)
	require.NoError(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var status string
		require.NoError(s.t, rows.Scan(&status))
		statuses = append(statuses, status)
	}
	require.NoError(s.t, rows.Err())
	return statuses
}
