package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/rqid/wire"
)

// shelf is a stage whose catalogue has rqid's products; the first of them is asked about.
type shelf struct {
	*stage
	code  string
	cost  int64
	offer catalog.OfferRef
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := newStage(t, always(emulate.Outcome{Result: emulate.Success}))
	require.NoError(t, s.a.CatalogTurn(t.Context(), queue.Task{}))
	p := s.ppob.Products()[0]
	out := &shelf{stage: s, code: string(p.Kode), cost: int64(*p.Harga), offer: catalog.OfferRef{Upstream: "up-a"}}
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT id FROM offers WHERE upstream = 'up-a' AND code = $1`, out.code).Scan(&out.offer.ID))
	require.Equal(t, out.row(true, "", out.cost, nil), out.stored())
	s.advance(catalog.PriceFresh)
	return out
}

// prices is how often the price of one product was asked for.
func (s *shelf) prices() int { return s.ppob.Books().Arrivals[wire.PathPrice] }

type offerRow struct {
	Available bool
	Reason    string
	Cost      int64
	Pending   *int64
}

func (s *shelf) row(available bool, reason string, cost int64, pending *int64) offerRow {
	return offerRow{available, reason, cost, pending}
}

func (s *shelf) stored() (r offerRow) {
	s.t.Helper()
	require.NoError(s.t, s.db.Pool.QueryRow(s.t.Context(), `SELECT available, reason, cost, pending_cost FROM offers WHERE id = $1`, s.offer.ID).
		Scan(&r.Available, &r.Reason, &r.Cost, &r.Pending))
	return r
}

// put puts a question down, as an API does.
func (s *shelf) put(wait time.Duration) int {
	s.t.Helper()
	n, ok, err := catalog.AskPrice(s.t.Context(), s.db.Pool, s.offer, catalog.PriceRate{Questions: 100, Per: time.Second}, wait, s.now)
	require.NoError(s.t, err)
	require.True(s.t, ok)
	return n
}

// say runs the task of a question and gives what whoever asked is told.
func (s *shelf) say(w *Worker, n int) string {
	s.t.Helper()
	task := queue.Task{Kind: queue.KindPrice, OfferID: s.offer.ID, Attempt: n, Reply: "muara:reply:test"}
	require.NoError(s.t, w.Ask(s.t.Context(), task))
	text, err := s.rdb.LPop(s.t.Context(), task.Reply).Result()
	require.NoError(s.t, err)
	return text
}

const (
	told   = `{"data":"done"}`
	denied = `{"data":"refused"}`
	stale  = `{"data":"stale"}`
)

func TestAPriceIsAskedForAndKept(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.ppob.SetPrice(s.code, s.cost+10)
	version := func() (v int64) {
		require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT version FROM catalog_version`).Scan(&v))
		return v
	}
	before := version()
	n := s.put(time.Second)
	require.JSONEq(t, told, s.say(s.a, n))
	require.Equal(t, s.row(true, "", s.cost+10, nil), s.stored())
	require.Equal(t, before+1, version(), "every API reads it")
	require.JSONEq(t, stale, s.say(s.a, n), "a task that comes twice asks nothing")
	require.Equal(t, 1, s.prices())

	s.advance(catalog.PriceFresh)
	jump := 3 * (s.cost + 10)
	s.ppob.SetPrice(s.code, jump)
	require.JSONEq(t, told, s.say(s.a, s.put(time.Second)))
	require.Equal(t, s.row(true, "", s.cost+10, &jump), s.stored(), "a jump waits for an operator")

	s.advance(catalog.PriceFresh)
	s.ppob.SetPrice(s.code, s.cost)
	s.ppob.SetFlags(s.code, true, false)
	require.JSONEq(t, told, s.say(s.a, s.put(time.Second)))
	require.Equal(t, s.row(false, "trouble", s.cost, nil), s.stored())
	s.advance(catalog.PriceFresh)
	s.ppob.SetFlags(s.code, false, true)
	require.JSONEq(t, told, s.say(s.a, s.put(time.Second)))
	require.Equal(t, s.row(false, "out_of_stock", s.cost, nil), s.stored())
	s.advance(catalog.PriceFresh)
	s.ppob.SetFlags(s.code, false, false)
	require.JSONEq(t, told, s.say(s.a, s.put(time.Second)))
	require.Equal(t, s.row(true, "", s.cost, nil), s.stored(), "and it is sold again")
}

func TestAnOrderThatIsAcceptedKeepsItsTerms(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	o := s.place("r1", "081234567890")
	s.ppob.SetPrice(s.code, s.cost-100)
	require.JSONEq(t, told, s.say(s.a, s.put(time.Second)))
	after := s.read(o)
	require.Equal(t, []int64{o.Price, o.Cost, o.MaxCost, o.Version}, []int64{after.Price, after.Cost, after.MaxCost, after.Version})
	s.audit()
}

func TestAPriceThatIsNotToBeAskedFor(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	ctx := t.Context()
	require.JSONEq(t, stale, s.say(s.a, 1), "nobody asked")
	n := s.put(0)
	require.JSONEq(t, stale, s.say(s.a, n), "nobody waits any more")
	s.advance(catalog.PriceFresh)
	n = s.put(time.Second)
	require.JSONEq(t, stale, s.say(s.b, n), "it is another's")
	s.a.Mode = catalog.Test
	require.JSONEq(t, stale, s.say(s.a, n), "of another mode")
	s.a.Mode = catalog.Live
	_, err := s.db.Pool.Exec(ctx, `UPDATE catalog_scopes SET last_done_at = $1`, s.now)
	require.NoError(t, err)
	require.JSONEq(t, told, s.say(s.a, n), "the list was read a moment ago")
	s.advance(catalog.PriceFresh)
	require.NoError(t, catalog.Pause(ctx, s.db.Pool, "up-a", "maintenance", "test", s.now))
	require.JSONEq(t, denied, s.say(s.a, s.put(time.Second)))
	require.Zero(t, s.prices(), "not one question was sent")
}

func TestASourceThatTellsNoPrice(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	was := s.stored()
	ask := func() string {
		s.advance(catalog.PriceFresh)
		return s.say(s.a, s.put(time.Second))
	}
	require.True(t, s.ppob.Remove(s.code))
	require.JSONEq(t, denied, ask())
	require.Equal(t, was, s.stored(), "whether it is gone is the list's to say")
	s.fault(s.ppob.Core, emulate.Rule{Kind: emulate.Drop})
	require.JSONEq(t, denied, ask())
	s.ppob.ClearFaults(0)
	s.fault(s.ppob.Core, emulate.Rule{Kind: emulate.BlockPage})
	require.JSONEq(t, denied, ask())
	require.Equal(t, was, s.stored())
}

// silent is a source that answers once it is let.
type silent struct {
	upstream.Driver
	asked  chan struct{}
	answer chan *upstream.Price
}

func (d *silent) PriceOf(ctx context.Context, _ string) (*upstream.Price, error) {
	close(d.asked)
	select {
	case p := <-d.answer:
		return p, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestAPriceThatComesLateIsKept(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	d := &silent{Driver: s.a.Client.Driver(), asked: make(chan struct{}), answer: make(chan *upstream.Price)}
	w := s.over("up-a", d)
	w.Client.Timeout = time.Minute
	n := s.put(time.Second)
	gone, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- w.Ask(gone, queue.Task{Kind: queue.KindPrice, OfferID: s.offer.ID, Attempt: n, Reply: "muara:reply:test"})
	}()
	<-d.asked
	leave()
	select {
	case d.answer <- &upstream.Price{Cost: s.cost + 5, Available: true}:
		require.NoError(t, <-done)
	case <-done:
		require.Fail(t, "it did not wait for the answer")
	}
	require.Equal(t, s.row(true, "", s.cost+5, nil), s.stored())
}
