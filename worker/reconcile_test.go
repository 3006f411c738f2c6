package worker

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/reconcile"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	rqid "github.com/muarahq/muara/pkg/upstream/rqid/emulator"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// midnight moves the clock to a quarter past the next midnight in WIB and gives the day
// that has just ended.
func (s *stage) midnight() string {
	wib := time.FixedZone("WIB", 7*60*60)
	local := s.now.In(wib)
	next := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 15, 0, 0, wib)
	s.advance(next.Sub(s.now))
	return local.Format(time.DateOnly)
}

// noon moves the clock to noon in WIB, so that a test's purchases are all of one day.
func (s *stage) noon() {
	wib := time.FixedZone("WIB", 7*60*60)
	local := s.now.In(wib)
	s.advance(time.Date(local.Year(), local.Month(), local.Day()+1, 12, 0, 0, 0, wib).Sub(s.now))
}

// reconcile compares a day at an upstream and gives the comparison with its findings.
func (s *stage) reconcile(w *Worker, day string) (*reconcile.Run, map[string]reconcile.Kind) {
	s.t.Helper()
	id, err := reconcile.Request(s.t.Context(), s.db.Pool, w.Client.Name, day, time.FixedZone("WIB", 7*60*60), "test", s.now)
	require.NoError(s.t, err)
	require.NoError(s.t, w.ReconcileTurn(s.t.Context(), queue.Task{}))
	run, err := reconcile.Get(s.t.Context(), s.db.Pool, id)
	require.NoError(s.t, err)
	require.Equal(s.t, reconcile.Done, run.State, run.LastError)
	found := map[string]reconcile.Kind{}
	require.NoError(s.t, reconcile.Lines(s.t.Context(), s.db.Pool, id, false, func(l reconcile.Line) error {
		found[l.OurRef] = l.Kind
		return nil
	}))
	return run, found
}

// behindOurBack buys at the rqid emulator with our key, past our books.
func (s *stage) behindOurBack(ref string) {
	s.t.Helper()
	body := fmt.Sprintf(`{"mmid":"M-1","product_code":%q,"customer_id":"0844","ref_1":%q}`, s.ppob.Products()[0].Kode, ref)
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, wire.PathTopup, strings.NewReader(body))
	r.Header.Set(wire.KeyHeader, "secret-key")
	rec := httptest.NewRecorder()
	s.ppob.ServeHTTP(rec, r)
	require.Equal(s.t, http.StatusOK, rec.Code, rec.Body)
}

func TestADayAtASourceWithBooks(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	s.noon()
	ref := func(o *order.Order) string { return order.OurRef(o.ID, o.Attempt) }
	bought := map[string]*order.Order{}
	for _, name := range []string{"matched", "amount", "missing", "status", "also matched"} {
		bought[name] = s.buy(s.a, s.place(name, "081234567844"))
		require.Equal(t, order.Completed, bought[name].State)
	}
	failed := s.buy(s.a, s.place("failed", "081234567803"))
	require.Equal(t, order.Failed, failed.State)
	s.behindOurBack("NOT-OURS")
	other := int64(6_789)
	s.ppob.Plant(ref(bought["amount"]), rqid.Plant{Price: &other})
	s.ppob.Plant(ref(bought["missing"]), rqid.Plant{Hide: true})
	s.ppob.Plant(ref(bought["status"]), rqid.Plant{State: wire.StateFailed.Label()})
	day := s.midnight()
	tomorrow := s.buy(s.a, s.place("of the next day", "081234567844"))

	run, found := s.reconcile(s.a, day)
	require.Equal(t, reconcile.Counts{Matched: 3, Amount: 1, OnlyOurs: 1, OnlyTheirs: 1, Status: 1}, run.Counts)
	require.Equal(t, map[string]reconcile.Kind{
		ref(bought["amount"]): reconcile.Amount, ref(bought["missing"]): reconcile.OnlyOurs, ref(bought["status"]): reconcile.Status, "NOT-OURS": reconcile.OnlyTheirs,
	}, found)
	require.Equal(t, reconcile.ByStatement, run.Means)
	require.EqualValues(t, 5_500, *run.Chain.Unexplained, "what was bought behind our back left our balance")
	require.Zero(t, *run.Chain.Breaks)
	for name, o := range bought {
		flag := s.read(o).Flag
		switch name {
		case "amount":
			require.Contains(t, flag, "took 6789, our books say 5500")
		case "missing":
			require.Contains(t, flag, "do not have it")
		case "status":
			require.Contains(t, flag, "says failed, our books say succeeded")
		default:
			require.Empty(t, flag)
		}
		require.Equal(t, order.Completed, s.read(o).State, "a finding changes no order")
	}
	require.Empty(t, s.read(failed).Flag)
	require.Empty(t, s.read(tomorrow).Flag)

	_, err := s.writer.Seen(t.Context(), s.db.Bun, bought["amount"].ID, "known", "test")
	require.NoError(t, err)
	again, _ := s.reconcile(s.a, day)
	require.Equal(t, run.Counts, again.Counts)
	require.Empty(t, s.read(bought["amount"]).Flag, "what a person has seen is not shown again")
}

func TestADayOfABusySource(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	s.noon()
	mine := s.buy(s.a, s.place("mine", "081234567844"))
	for i := range 2*wire.MaxPerPage + 1 {
		s.behindOurBack(fmt.Sprint("OTHER-", i))
	}
	day := s.midnight()
	before := s.ppob.Books().Arrivals[wire.PathHistory]
	run, _ := s.reconcile(s.a, day)
	require.Equal(t, reconcile.Counts{Matched: 1, OnlyTheirs: 2*wire.MaxPerPage + 1}, run.Counts)
	require.Equal(t, 3, s.ppob.Books().Arrivals[wire.PathHistory]-before, "a page at a time")
	require.Empty(t, s.read(mine).Flag)
}

func TestASourceThatIsAwayIsReconciledLater(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	s.noon()
	s.buy(s.a, s.place("a", "081234567844"))
	day := s.midnight()
	id, err := reconcile.Request(t.Context(), s.db.Pool, "up-a", day, time.FixedZone("WIB", 7*60*60), "test", s.now)
	require.NoError(t, err)
	_, err = s.ppob.AddFault(emulate.Rule{Kind: emulate.Status, Endpoint: wire.PathHistory})
	require.NoError(t, err)
	require.NoError(t, s.a.ReconcileTurn(t.Context(), queue.Task{}))
	run, err := reconcile.Get(t.Context(), s.db.Pool, id)
	require.NoError(t, err)
	require.Equal(t, reconcile.Running, run.State)
	require.Equal(t, 1, run.Failures)
	s.ppob.ClearFaults(0)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, s.a.ReconcileTurn(ended, queue.Task{}))
	s.advance(time.Minute)
	var both sync.WaitGroup // two workers of one upstream
	for range 2 {
		both.Go(func() {
			if err := s.a.ReconcileTurn(t.Context(), queue.Task{}); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	require.NoError(t, s.a.ReconcileTurn(t.Context(), queue.Task{}))
	run, err = reconcile.Get(t.Context(), s.db.Pool, id)
	require.NoError(t, err)
	require.Equal(t, reconcile.Done, run.State)
	require.Equal(t, reconcile.Counts{Matched: 1}, run.Counts)
}

func TestADayAtASourceWithoutBooks(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Always(0))
	s.noon()
	require.NoError(t, s.b.BalanceTurn(t.Context(), queue.Task{}))
	good, lost := s.buy(s.b, s.rent("good")), s.buy(s.b, s.rent("resolved wrongly"))
	for range 10 {
		s.advance(5 * time.Second)
		require.NoError(t, s.b.PollTurn(t.Context(), queue.Task{}))
	}
	require.Equal(t, order.Completed, s.read(good).State)
	require.Equal(t, order.Completed, s.read(lost).State)
	_, err := s.db.Pool.Exec(t.Context(), `UPDATE order_attempts SET outcome = 'failed' WHERE order_id = $1`, lost.ID)
	require.NoError(t, err)
	day := s.midnight()
	run, found := s.reconcile(s.b, day)
	require.Equal(t, reconcile.ByStatus, run.Means)
	require.Equal(t, reconcile.Counts{Matched: 1, Status: 1}, run.Counts)
	require.Equal(t, map[string]reconcile.Kind{order.OurRef(lost.ID, 1): reconcile.Status}, found)
	require.Contains(t, s.read(lost).Flag, "says succeeded, our books say failed")
}

// asksByBuying is a source whose question is the purchase.
type asksByBuying struct {
	upstream.Driver
	rule  upstream.AskRule
	asked int
}

func (d *asksByBuying) AskRule(*upstream.Purchase) upstream.AskRule { return d.rule }

func (d *asksByBuying) Status(context.Context, *upstream.Purchase) (*upstream.Result, error) {
	d.asked++
	return &upstream.Result{State: upstream.Succeeded}, nil
}

func TestNobodyIsAskedByBuying(t *testing.T) {
	t.Parallel()
	s := newStage(t, emulate.Digits(0, 0))
	s.noon()
	d := &asksByBuying{Driver: s.b.Client.Driver()}
	w := s.over("up-a", d)
	s.buy(s.a, s.place("a", "081234567844"))
	day := s.midnight()
	for _, c := range []struct {
		rule  upstream.AskRule
		asked int
	}{
		{upstream.AskRule{Buys: true, Every: time.Minute}, 0},
		{upstream.AskRule{Within: time.Hour}, 0},
		{upstream.AskRule{Within: 48 * time.Hour, Every: time.Minute}, 1},
	} {
		d.rule, d.asked = c.rule, 0
		run, _ := s.reconcile(w, day)
		require.Equal(t, c.asked, d.asked, "%+v", c.rule)
		require.Equal(t, reconcile.Counts{Matched: int64(c.asked), Unchecked: int64(1 - c.asked)}, run.Counts)
	}
}
