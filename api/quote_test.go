package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/api"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/queue"
)

// quoter is a worker of each source that tells prices: what it says of an offer becomes its cost.
type quoter struct {
	w     *world
	mu    sync.Mutex
	asked []string
	costs map[string]int64 // by upstream
}

// quoting lets hiddenone and the sandbox tell prices.
func quoting(d *api.Deps) {
	rate := catalog.PriceRate{Questions: 100, Per: time.Second}
	d.Pricers = api.Pricers{"hiddenone": {Rate: rate}, "pausedone": {Rate: rate}, "sandbox": {Bills: true, Rate: rate}}
}

func newQuoter(w *world) *quoter {
	w.patience(time.Minute) // on a busy machine, too
	q := &quoter{w: w, costs: map[string]int64{"hiddenone": 6000, "sandbox": 7000}}
	w.queue.answerPrices(q.answer)
	return q
}

// patience is how long the APIs wait for a price.
func (w *world) patience(d time.Duration) {
	for _, a := range w.apis {
		api.WaitForPrices(a, d)
	}
}

// answerPrices sets who answers.
func (q *fakeQueue) answerPrices(price func(ctx context.Context, upstream string, offerID int64, n int) (string, error)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.price = price
}

func (q *quoter) answer(ctx context.Context, upstream string, offerID int64, n int) (string, error) {
	q.mu.Lock()
	q.asked = append(q.asked, upstream)
	cost := q.costs[upstream]
	q.mu.Unlock()
	mode := catalog.Live
	if upstream == "sandbox" {
		mode = catalog.Test
	}
	taken, err := catalog.TakePrice(ctx, q.w.db.Pool, offerID, n, upstream, mode, q.w.clock.Now())
	if err != nil {
		return check.VerdictStale, err
	}
	if cost < 0 {
		return check.VerdictRefused, nil
	}
	err = pgx.BeginFunc(ctx, q.w.db.Pool, func(tx pgx.Tx) error {
		var product int64
		if err := tx.QueryRow(ctx, `UPDATE offers SET cost = $2, available = true, reason = '' WHERE id = $1 RETURNING product_id`, offerID, cost).Scan(&product); err != nil {
			return err
		}
		if err := catalog.PriceSaid(ctx, tx, taken, q.w.clock.Now()); err != nil {
			return err
		}
		return catalog.Bump(ctx, tx, []int64{product})
	})
	return check.VerdictDone, err
}

// seen gives who was asked since it was last looked at.
func (q *quoter) seen() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.asked
	q.asked = nil
	return out
}

func (q *quoter) says(upstream string, cost int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.costs[upstream] = cost
}

func TestAPriceIsReadAtItsSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quoting)
	q := newQuoter(w)
	c := w.merchant(0)
	first := c.get("/price?sku=TSEL5")
	require.EqualValues(t, 6280, num(first.data()["price"]), "6000 with the tier's 3 percent and 100")
	require.ElementsMatch(t, []string{"sku", "name", "price", "available", "reason", "until"}, keysOf(first.data()))
	require.Equal(t, []string{"hiddenone"}, q.seen())
	q.says("hiddenone", 6100)
	require.EqualValues(t, 6280, num(c.get("/price?sku=TSEL5").data()["price"]))
	require.EqualValues(t, 6280, num(c.on(1).get("/price?sku=TSEL5").data()["price"]))
	require.Empty(t, q.seen(), "it was told a moment ago, whichever process asks")
	w.clock.set(w.clock.Now().Add(catalog.PriceFresh))
	require.EqualValues(t, 6383, num(c.on(1).get("/price?sku=TSEL5").data()["price"]))
	require.Equal(t, []string{"hiddenone"}, q.seen())
	require.NotContains(t, first.raw, "hidden")

	require.Equal(t, "trouble", w.listed("TSEL10"))
	require.Equal(t, true, c.get("/price?sku=TSEL10").data()["available"], "its source sells it again")
	require.Len(t, q.seen(), 1)
}

// listed is why a list says that a product is not available.
func (w *world) listed(sku string) string {
	p, _ := w.catalog.Snapshot().Product(sku)
	return string(p.Reason)
}

func TestAPriceThatNobodyIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quoting)
	q := newQuoter(w)
	c := w.merchant(0)
	c.get("/price?sku=NOSUCH").refused(http.StatusNotFound, "not_found")
	c.get("/price?sku=TESTPULSA").refused(http.StatusNotFound, "not_found")
	c.get("/price").invalid("sku")
	c.get("/price?sku=NETFLIX1B").data()
	c.get("/price?sku=OTPTGID").data() // its source tells no price of one
	c.get("/price?sku=PLNPOST").data() // nor this one of bills
	require.Equal(t, "paused", c.get("/price?sku=TSEL20").data()["reason"])
	require.Empty(t, q.seen())
	require.Zero(t, w.count(`SELECT count(*) FROM price_checks`))

	w.exec(`INSERT INTO catalog_scopes (upstream, key, service, every, next_run_at, last_done_at, demand, failures, last_error, shrunk, created_at)
		VALUES ('hiddenone', 's', '', '1 hour', now(), $1, 0, 0, '', false, now())`, w.clock.Now())
	require.EqualValues(t, 5250, num(c.get("/price?sku=TSEL5").data()["price"]))
	require.Empty(t, q.seen(), "its list was read a moment ago")
	w.clock.set(w.clock.Now().Add(catalog.PriceFresh))
	require.EqualValues(t, 6280, num(c.get("/price?sku=TSEL5").data()["price"]))
}

func TestPricesOfTheTestModeAreTheSandboxs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quoting)
	q := newQuoter(w)
	c := w.merchant(0)
	key, err := w.store.CreateKey(t.Context(), c.id, "test", "test", "test")
	require.NoError(t, err)
	trial := *c
	trial.key = key.Secret
	require.EqualValues(t, 7310, num(trial.get("/price?sku=TESTPULSA").data()["price"]))
	require.Equal(t, []string{"sandbox"}, q.seen())
}

func TestManyWhoAskForAPriceAskOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quoting)
	q := newQuoter(w)
	c := w.merchant(0)
	begun, let := make(chan struct{}, 1), make(chan struct{})
	w.queue.answerPrices(func(ctx context.Context, upstream string, offerID int64, n int) (string, error) {
		begun <- struct{}{}
		<-let
		return q.answer(ctx, upstream, offerID, n)
	})
	var fresh, old atomic.Int32
	var here, all sync.WaitGroup
	ask := func(api int) {
		here.Add(1)
		all.Go(func() {
			here.Done()
			r := c.on(api).get("/price?sku=TSEL5")
			switch {
			case strings.Contains(r.raw, `"price":6280`):
				fresh.Add(1)
			case strings.Contains(r.raw, `"price":5250`):
				old.Add(1)
			}
		})
	}
	ask(0)
	<-begun
	// Another process knows that it is being asked for, and has an answer at hand.
	require.EqualValues(t, 5250, num(c.on(1).get("/price?sku=TSEL5").data()["price"]))
	for range 19 {
		ask(0)
	}
	here.Wait()
	close(let)
	all.Wait()
	require.EqualValues(t, 20, fresh.Load()+old.Load())
	require.EqualValues(t, 20, fresh.Load(), "all who wait hear of it")
	require.Equal(t, []string{"hiddenone"}, q.seen(), "asked once")
}

func TestAPriceThatNobodyTellsIsTheOneThatIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quoting)
	q := newQuoter(w)
	c := w.merchant(0)
	w.patience(200 * time.Millisecond)
	w.queue.answerPrices(func(ctx context.Context, _ string, _ int64, _ int) (string, error) {
		<-ctx.Done() // or this test never ends
		return "", queue.ErrNoAnswer
	})
	require.EqualValues(t, 5250, num(c.get("/price?sku=TSEL5").data()["price"]))

	w.patience(time.Minute)
	w.clock.set(w.clock.Now().Add(catalog.PriceFresh))
	asked := 0
	w.queue.answerPrices(func(context.Context, string, int64, int) (string, error) {
		asked++
		return "", queue.ErrNoAnswer
	})
	require.EqualValues(t, 5250, num(c.get("/price?sku=TSEL5").data()["price"]))
	require.EqualValues(t, 2675, num(c.get("/price?sku=MLID10").data()["price"]))
	require.EqualValues(t, 5250, num(c.on(1).get("/price?sku=TSEL5").data()["price"]))
	require.Equal(t, 1, asked, "a source whose workers are silent is left alone for a while")

	w.queue.answerPrices(q.answer)
	q.says("hiddenone", -1)
	w.clock.set(w.clock.Now().Add(catalog.PriceFresh))
	require.EqualValues(t, 5250, num(c.get("/price?sku=TSEL5").data()["price"]), "it refuses")
	require.Equal(t, []string{"hiddenone"}, q.seen())
	require.EqualValues(t, 5250, num(c.get("/price?sku=TSEL5").data()["price"]))
	require.Empty(t, q.seen(), "and is left alone for as long as after an answer")

	w.clock.set(w.clock.Now().Add(catalog.PriceFresh))
	w.queue.answerPrices(func(context.Context, string, int64, int) (string, error) { return "", fmt.Errorf("redis is away") })
	require.EqualValues(t, 5250, num(c.get("/price?sku=TSEL5").data()["price"]))
	w.exec(`ALTER TABLE price_checks RENAME TO elsewhere`)
	w.clock.set(w.clock.Now().Add(catalog.PriceFresh))
	require.EqualValues(t, 5250, num(c.get("/price?sku=TSEL5").data()["price"]), "whatever is broken")
}

func TestASourceIsNotAskedForEveryPrice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quoting, func(d *api.Deps) {
		d.Pricers["hiddenone"] = api.Pricer{Rate: catalog.PriceRate{Questions: 1, Per: time.Minute}}
	})
	q := newQuoter(w)
	c := w.merchant(0)
	for i, sku := range []string{"TSEL5", "MLID10", "TSEL10"} {
		c.on(i % 2).get("/price?sku=" + sku).data()
	}
	require.Len(t, q.seen(), 1)
}
