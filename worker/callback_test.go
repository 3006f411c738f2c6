package worker

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/callback"
	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/digiflazz"
	digiflazzemulator "github.com/muarahq/muara/pkg/upstream/digiflazz/emulator"
	"github.com/muarahq/muara/pkg/upstream/digiflazz/wire"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// postal is a stage with a source that posts what becomes of purchases, over an
// emulator that keeps its limits.
type postal struct {
	*stage
	source *digiflazzemulator.Emulator
	w      *Worker
	door   *callback.Door
	reg    *prometheus.Registry
	logs   bytes.Buffer
}

const (
	hookSecret = "hook-secret-of-tests"
	postName   = "up-d"
)

func newPostal(t *testing.T, script emulate.Script) *postal {
	t.Helper()
	p := &postal{stage: newStage(t, script), reg: prometheus.NewRegistry()}
	p.source = digiflazzemulator.New(digiflazzemulator.Config{
		Config: emulate.Config{Script: script, Clock: p.clock}, Username: "buyer", APIKey: "secret-key",
		Hook: digiflazzemulator.Hook{URL: "http://gateway.test/callback/t", Secret: hookSecret},
	})
	require.NoError(t, catalog.KnowUpstream(t.Context(), p.db.Pool, catalog.Source{Name: postName, Driver: "digiflazz", Mode: catalog.Live}, p.now))
	p.w = p.at(postName, hookSecret)
	p.door = callback.NewDoor(p.db.Pool, map[string]string{"t": postName, "other": "up-e"}, p.clock, slog.New(slog.DiscardHandler), nil)
	return p
}

// at gives a worker of a source with a secret.
func (p *postal) at(name, secret string) *Worker {
	p.t.Helper()
	d, err := digiflazz.New(upstream.Config{
		Name: name, BaseURL: p.serve(p.source) + "/v1", HTTP: upstream.NewHTTP(), Now: p.clock,
		Credentials: map[string]string{"username": "buyer", "api_key": "secret-key", "webhook_secret": secret},
	})
	require.NoError(p.t, err)
	w := p.over(name, d)
	w.Log = slog.New(slog.NewTextHandler(&p.logs, nil))
	if name == postName {
		w.Callbacks = NewCallbackMetrics(p.reg)
	}
	return w
}

// order takes an order for a number at the source.
func (p *postal) order(ref, number string) *order.Order {
	p.t.Helper()
	return p.stage.order(&order.Request{
		WalletID: p.wallet, Ref: ref, Category: order.PPOB, SKU: "X", Name: "X", ProductID: 1, Quantity: 1, Price: 20_000, CustomerNo: &number, MaxCost: 19_000,
		Route: order.Route{Upstream: postName, OfferID: 1, Code: "tsel10", Cost: 10_250},
	})
}

// take stores a post and gives its row; nil when nothing was stored.
func (p *postal) take(post digiflazzemulator.Post) *callback.Callback {
	p.t.Helper()
	id, _ := p.door.Take(p.t.Context(), strings.TrimPrefix(post.URL, "http://gateway.test/callback/"), post.Header, bytes.NewReader(post.Body))
	if id == 0 {
		return nil
	}
	c, err := callback.Get(p.t.Context(), p.db.Pool, id)
	require.NoError(p.t, err)
	return c
}

// read has the worker read a row and gives what became of it.
func (p *postal) read(c *callback.Callback) callback.State {
	p.t.Helper()
	require.NoError(p.t, p.w.Callback(p.t.Context(), queue.Task{CallbackID: c.ID}))
	got, err := callback.Get(p.t.Context(), p.db.Pool, c.ID)
	require.NoError(p.t, err)
	return got.State
}

// deliver posts all that happened, and has it read; it gives what became of each.
func (p *postal) deliver() (states []callback.State) {
	p.t.Helper()
	for _, post := range p.source.Posts() {
		if c := p.take(post); c != nil {
			states = append(states, p.read(c))
		} else {
			states = append(states, "not stored")
		}
	}
	return states
}

func (p *postal) is(o *order.Order, state order.State) *order.Order {
	p.t.Helper()
	o = p.stage.read(o)
	require.Equal(p.t, state, o.State)
	return o
}

// audited proves the books, and that nothing was bought twice.
func (p *postal) audited() {
	p.t.Helper()
	p.audit()
	require.Empty(p.t, p.source.Books().Twice())
	require.Empty(p.t, p.source.Breaches(), "no limit was broken")
	require.NotContains(p.t, p.logs.String(), hookSecret)
}

func TestACallbackCompletesAnOrderAtOnce(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success, After: 10 * time.Second, SN: "SN-1"}))
	o := p.buy(p.w, p.order("r1", "0812"))
	require.Equal(t, order.Processing, o.State)
	require.Equal(t, []callback.State{callback.Nothing}, p.deliver(), "that it is pending is known")
	p.advance(10 * time.Second)
	require.Equal(t, []callback.State{callback.Applied}, p.deliver())
	o = p.is(o, order.Completed)
	require.Equal(t, "SN-1", o.Facts.SN)
	require.Nil(t, o.NextRunAt)
	require.Len(t, p.source.Books().Requests, 1, "nobody had to ask")
	require.EqualValues(t, 9_980_000, p.balance())
	var linked int64
	require.NoError(t, p.db.Pool.QueryRow(t.Context(), `SELECT order_id FROM callbacks WHERE state = 'applied'`).Scan(&linked))
	require.Equal(t, o.ID, linked)
	p.audited()
}

func TestACallbackOfAFailureRefundsOrGoesElsewhere(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonCustomer, After: 10 * time.Second}))
	o := p.buy(p.w, p.order("r1", "0812"))
	p.deliver()
	p.advance(10 * time.Second)
	require.Equal(t, []callback.State{callback.Applied}, p.deliver())
	o = p.is(o, order.Failed)
	require.Equal(t, sayCustomer, o.Message)
	require.Nil(t, o.NextRunAt, "after the refund nobody asks")
	require.EqualValues(t, 10_000_000, p.balance())
	p.audited()
}

func TestALostAnswerIsTold(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]emulate.Outcome{
		"completed":  {Result: emulate.Success, Lost: true},
		"processing": {Result: emulate.Success, Lost: true, After: time.Hour},
		"failed":     {Result: emulate.Failure, Lost: true, Reason: emulate.ReasonCustomer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPostal(t, always(outcome))
			o := p.buy(p.w, p.order("r1", "0812"))
			require.Equal(t, order.Unknown, o.State)
			require.Equal(t, []callback.State{callback.Applied}, p.deliver())
			o = p.is(o, order.State(name))
			require.True(t, o.NextRunAt == nil || o.NextRunAt.Sub(p.now) >= time.Minute, "%v", o.NextRunAt)
			p.audited()
		})
	}
}

func TestForgedCallbacksChangeNothing(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success, After: 10 * time.Second}))
	o := p.buy(p.w, p.order("r1", "0812"))
	p.deliver()
	p.advance(10 * time.Second)
	genuine := p.source.Posts()[0]
	for name, forge := range map[string]func(post *digiflazzemulator.Post){
		"unsigned":     func(post *digiflazzemulator.Post) { post.Header.Del("X-Hub-Signature") },
		"another body": func(post *digiflazzemulator.Post) { post.Body = append(bytes.Clone(post.Body), ' ') },
		"another verdict": func(post *digiflazzemulator.Post) {
			post.Body = bytes.Replace(post.Body, []byte(`"00"`), []byte(`"02"`), 1)
		},
		"another's secret": func(post *digiflazzemulator.Post) {
			post.Header.Set("X-Hub-Signature", "sha1="+strings.Repeat("0", 40))
		},
	} {
		post := digiflazzemulator.Post{URL: genuine.URL, Header: genuine.Header.Clone(), Body: bytes.Clone(genuine.Body)}
		forge(&post)
		require.Equal(t, callback.Forged, p.read(p.take(post)), name)
		p.is(o, order.Processing)
	}
	require.NoError(t, testutil.GatherAndCompare(p.reg, strings.NewReader(`
# HELP muara_callbacks_read_total Callbacks that a worker has read, by what became of them; forged ones are not their source's.
# TYPE muara_callbacks_read_total counter
muara_callbacks_read_total{state="forged",upstream="up-d"} 4
muara_callbacks_read_total{state="nothing",upstream="up-d"} 1
`)))
	require.Equal(t, callback.Applied, p.read(p.take(genuine)), "the genuine one still counts")
	p.is(o, order.Completed)
	p.audited()
}

func TestRepeatedAndReorderedCallbacksAreHarmless(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success, After: 10 * time.Second, SN: "SN-1"}))
	p.source.SetHook(digiflazzemulator.Hook{URL: "http://gateway.test/callback/t", Secret: hookSecret, Copies: 3, Reorder: true})
	o := p.buy(p.w, p.order("r1", "0812"))
	p.advance(10 * time.Second)
	posts := p.source.Posts()
	require.Len(t, posts, 8)
	read := func() (states []callback.State) {
		for _, post := range posts {
			if c := p.take(post); c != nil {
				states = append(states, p.read(c))
			}
		}
		return states
	}
	require.Equal(t, []callback.State{callback.Applied, callback.Nothing, callback.Nothing, callback.Nothing, callback.Nothing}, read(),
		"the success first, and then that it is pending")
	o = p.is(o, order.Completed)
	require.Equal(t, []callback.State{callback.Nothing, callback.Nothing, callback.Nothing, callback.Nothing}, read(), "a success is not even stored again")
	_, err := p.db.Pool.Exec(t.Context(), `DELETE FROM callbacks`) // after a month it is
	require.NoError(t, err)
	require.Len(t, read(), 8)
	require.Equal(t, o.Version, p.is(o, order.Completed).Version)
	p.audited()
}

func TestAStormOfReplaysIsAppliedOnce(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success, After: 10 * time.Second}))
	o := p.buy(p.w, p.order("r1", "0812"))
	p.source.Posts()
	p.advance(10 * time.Second)
	post := p.source.Posts()[0]
	twin := p.at(postName+"2", hookSecret) // another process; its name is put right below
	twin.Client.Name = postName
	var storm sync.WaitGroup
	for range 8 {
		storm.Go(func() {
			for range 25 {
				id, _ := p.door.Take(context.Background(), "t", post.Header, bytes.NewReader(post.Body))
				if id == 0 {
					continue
				}
				for _, w := range []*Worker{p.w, twin, p.w} {
					if err := w.Callback(context.Background(), queue.Task{CallbackID: id}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	storm.Wait()
	o = p.is(o, order.Completed)
	var events, rows int
	require.NoError(t, p.db.Pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE cause = 'callback') FROM order_events WHERE order_id = $1`, o.ID).Scan(&events))
	require.Equal(t, 1, events)
	require.NoError(t, p.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM callbacks WHERE state = 'applied'`).Scan(&rows))
	require.Equal(t, 1, rows)
	p.audited()
}

func TestALateSuccessAfterTheRefundIsOurLoss(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Failure, After: 10 * time.Second, Late: time.Hour}))
	o := p.buy(p.w, p.order("r1", "0812"))
	p.advance(10 * time.Second)
	require.Equal(t, callback.Applied, p.deliver()[1])
	o = p.is(o, order.Failed)
	require.EqualValues(t, 10_000_000, p.balance())
	for range 20 { // the only question would be a purchase at our cost
		o = p.poll(p.w, o, time.Hour)
	}
	require.Len(t, p.source.Books().Requests, 1)
	posts := p.source.Posts()
	require.Len(t, posts, 1)
	late := p.take(posts[0])
	require.Equal(t, callback.Applied, p.read(late))
	o = p.is(o, order.Completed)
	require.NotEmpty(t, o.Flag)
	require.EqualValues(t, 10_000_000, p.balance(), "the merchant keeps the refund")
	require.Nil(t, p.take(posts[0]), "again")
	p.audited()
}

func TestASuccessThatIsTakenBackIsShownToAnOperatorOnce(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success, SN: "SN-1"}))
	o := p.buy(p.w, p.order("r1", "0812"))
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, []callback.State{callback.Nothing}, p.deliver(), "it is known")
	require.True(t, p.source.Refund(o.UpstreamRef))
	posts := p.source.Posts()
	require.Equal(t, callback.Applied, p.read(p.take(posts[0])))
	o = p.is(o, order.Completed)
	require.Equal(t, "the source took back its success", o.Flag)
	require.EqualValues(t, 9_980_000, p.balance(), "what the merchant gets is a person's decision")
	o, err := p.writer.Seen(t.Context(), p.db.Bun, o.ID, "credited by hand", "test")
	require.NoError(t, err)
	require.Empty(t, o.Flag)
	require.Nil(t, p.take(posts[0]), "the same again is not even stored")
	require.Empty(t, p.is(o, order.Completed).Flag)
	p.audited()
}

func TestACallbackWaitsWhileItsOrderIsBeingSent(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success, SN: "SN-1"}))
	o := p.order("r1", "0812")
	claimed, err := p.w.claim(t.Context(), o, order.Step{Attempt: 0, From: order.Queued, Version: o.Version, To: order.Sending}, "claim")
	require.NoError(t, err)
	pu, err := p.w.prepared(t.Context(), claimed)
	require.NoError(t, err)
	_, err = p.w.Client.Driver().Submit(t.Context(), pu)
	require.NoError(t, err)
	c := p.take(p.source.Posts()[0])
	require.Equal(t, callback.New, p.read(c), "the answer comes first")
	p.is(o, order.Sending)
	due, err := callback.TakeDue(t.Context(), p.db.Pool, p.now.Add(sendingWait), time.Minute, 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	_, err = p.writer.Do(t.Context(), order.Step{OrderID: o.ID, Attempt: 1, From: order.Sending, To: order.Unknown, Cause: "sweep", NextRunAt: &p.now})
	require.NoError(t, err)
	require.Equal(t, callback.Applied, p.read(c))
	require.Equal(t, "SN-1", p.is(o, order.Completed).Facts.SN)
	p.audited()
}

func TestACallbackOfAnotherSourceIsAStranger(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success, After: time.Minute}))
	p.source.SetHook(digiflazzemulator.Hook{URL: "http://gateway.test/callback/other", Secret: hookSecret})
	o := p.buy(p.w, p.order("r1", "0812"))
	p.source.Posts()
	p.advance(time.Minute)
	post := p.source.Posts()[0]
	c := p.take(post)
	require.Equal(t, "up-e", c.Upstream)
	require.Equal(t, callback.New, p.read(c), "its worker alone reads it")
	elsewhere := p.at("up-e", "another secret")
	require.NoError(t, elsewhere.Callback(t.Context(), queue.Task{CallbackID: c.ID}))
	got, err := callback.Get(t.Context(), p.db.Pool, c.ID)
	require.NoError(t, err)
	require.Equal(t, callback.Forged, got.State)
	same := p.at("up-e", hookSecret) // two accounts with one secret
	c = p.take(post)
	require.NoError(t, same.Callback(t.Context(), queue.Task{CallbackID: c.ID}))
	got, err = callback.Get(t.Context(), p.db.Pool, c.ID)
	require.NoError(t, err)
	require.Equal(t, callback.Stranger, got.State, "the order is not at that source")
	p.is(o, order.Processing)
	p.audited()
}

func TestCallbacksThatTellNothing(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success}))
	ping := p.take(p.source.PingPost())
	require.True(t, ping.Redacted)
	require.NotContains(t, string(ping.Body), hookSecret)
	require.Equal(t, callback.Nothing, p.read(ping))
	require.Equal(t, callback.Nothing, p.read(ping), "a task that comes twice finds it read")
	for _, ref := range []string{"not-ours", order.OurRef(1<<40, 1), order.OurRef(1, 2)} {
		body := fmt.Sprintf(`{"data":{"ref_id":%q,"customer_no":"1","buyer_sku_code":"x","message":"","status":"Sukses","rc":"00"}}`, ref)
		require.Equal(t, callback.Stranger, p.read(p.take(signed(body))), ref)
	}
	require.Equal(t, callback.Odd, p.read(p.take(signed(`{"data":{"rc":"77"}}`))))
	require.NoError(t, p.w.Callback(t.Context(), queue.Task{CallbackID: 4711}), "nothing of that number")
	p.audited()
}

func TestACallbackWithoutAVerdictHasTheOrderAskedAbout(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Success, After: 30 * time.Second}))
	o := p.buy(p.w, p.order("r1", "0812"))
	body := fmt.Sprintf(`{"data":{"ref_id":%q,"customer_no":"0812","buyer_sku_code":"tsel10","message":"","status":"Gagal","rc":"85"}}`, o.UpstreamRef)
	p.advance(40 * time.Second)
	require.Equal(t, callback.Asked, p.read(p.take(signed(body))))
	require.False(t, p.is(o, order.Processing).NextRunAt.After(p.now))
	p.poll(p.w, o, 0)
	require.Len(t, p.source.Books().Requests, 1, "but not before its minute is over")
	o = p.poll(p.w, o, 40*time.Second)
	require.Equal(t, order.Completed, o.State)
	p.audited()
}

// signed is a post of the source's own.
func signed(body string) digiflazzemulator.Post {
	h := http.Header{}
	h.Set(wire.HeaderSignature, wire.HookSignature(hookSecret, []byte(body)))
	return digiflazzemulator.Post{URL: "http://gateway.test/callback/t", Header: h, Body: []byte(body)}
}

func TestWordOfAnAttemptThatWasLeftBehind(t *testing.T) {
	t.Parallel()
	p := newPostal(t, always(emulate.Outcome{Result: emulate.Failure, Reason: emulate.ReasonProduct}))
	o := p.order("r1", "0812")
	_, err := p.w.claim(t.Context(), o, order.Step{Attempt: 0, From: order.Queued, Version: o.Version, To: order.Sending}, "claim")
	require.NoError(t, err)
	_, err = p.writer.Do(t.Context(), order.Step{
		OrderID: o.ID, Attempt: 1, From: order.Sending, To: order.Queued, Outcome: "failed", Cause: "submit", NextRunAt: &p.now,
		Route: &order.Route{Upstream: "up-c", OfferID: 7, Code: "Z", Cost: 9_000},
	})
	require.NoError(t, err)
	ref := order.OurRef(o.ID, 1)
	tell := func(rc, status string) callback.State {
		body := fmt.Sprintf(`{"data":{"ref_id":%q,"customer_no":"0812","buyer_sku_code":"tsel10","message":"","status":%q,"rc":%q,"price":10250,"sn":"SN-1"}}`, ref, status, rc)
		c := p.take(signed(body))
		if c == nil {
			return "not stored"
		}
		return p.read(c)
	}
	require.Equal(t, callback.Nothing, tell("03", "Pending"))
	require.Equal(t, callback.Nothing, tell("55", "Gagal"))
	p.is(o, order.Queued)
	require.Equal(t, callback.Applied, tell("00", "Sukses"), "it had been bought all the same")
	o = p.is(o, order.Completed)
	require.Equal(t, postName, o.Upstream, "the order is that attempt's again")
	require.Equal(t, "not stored", string(tell("00", "Sukses")))
	require.EqualValues(t, 9_980_000, p.balance())
	p.audit()
}

// Whatever is delivered, how often and in whatever order, beside polls and purchases:
// the books are clean, and what the customer has is what the merchant paid for, or our
// loss.
func TestCallbacksPollsAndPurchasesInAnyOrder(t *testing.T) {
	t.Parallel()
	outcomes := []emulate.Outcome{
		{Result: emulate.Success}, {Result: emulate.Success, After: 20 * time.Second}, {Result: emulate.Failure, Reason: emulate.ReasonCustomer, After: 20 * time.Second},
		{Result: emulate.Success, Lost: true, After: 5 * time.Second}, {Result: emulate.Failure, Late: 2 * time.Minute, After: 10 * time.Second},
		{Result: emulate.Failure, Reason: emulate.ReasonProduct, Lost: true},
	}
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 7))
			p := newPostal(t, func(x emulate.Purchase, _ *rand.Rand) emulate.Outcome {
				return outcomes[int(x.Target[len(x.Target)-1]-'0')%len(outcomes)]
			})
			var orders []*order.Order
			for i := range 12 {
				orders = append(orders, p.order(fmt.Sprint("r", i), fmt.Sprintf("0812000%d", i)))
			}
			var posts []digiflazzemulator.Post
			var waiting []*callback.Callback
			for step := range 400 {
				switch rng.IntN(5) {
				case 0:
					o := orders[rng.IntN(len(orders))]
					if p.stage.read(o).State == order.Queued {
						p.buy(p.w, o)
					}
				case 1:
					require.NoError(t, p.w.PollTurn(t.Context(), queue.Task{}))
				case 2:
					posts = append(posts, p.source.Posts()...)
				case 3:
					if len(posts) > 0 && step%3 != 0 {
						if c := p.take(posts[rng.IntN(len(posts))]); c != nil {
							waiting = append(waiting, c)
						}
					}
					if len(waiting) > 0 {
						p.read(waiting[rng.IntN(len(waiting))])
					}
				case 4:
					p.advance(time.Duration(rng.IntN(20)) * time.Second)
				}
			}
			posts = append(posts, p.source.Posts()...)
			for _, c := range waiting { // the scheduler brings them back
				p.read(c)
			}
			for range 20 {
				for _, o := range orders {
					if p.stage.read(o).State == order.Queued {
						p.buy(p.w, o)
					}
				}
				for _, post := range append(posts, p.source.Posts()...) {
					if c := p.take(post); c != nil {
						p.read(c)
					}
				}
				p.poll(p.w, orders[0], 3*time.Minute)
			}
			delivered := map[string]bool{}
			for _, x := range p.source.Books().Purchases {
				delivered[x.Target] = delivered[x.Target] || x.Delivered && !x.Refunded
			}
			for _, o := range orders {
				o = p.stage.read(o)
				require.True(t, o.State.Final(), "%s is %s", *o.CustomerNo, o.State)
				require.Equal(t, delivered[*o.CustomerNo], o.State == order.Completed, "%s: %s", *o.CustomerNo, o.Flag)
			}
			p.audited()
		})
	}
}
