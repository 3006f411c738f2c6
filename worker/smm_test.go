package worker

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/smm"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/drivers"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	panel "github.com/muarahq/muara/pkg/upstream/smm/emulator"
)

// panelStage is a stage with a panel, whose services are sold by their SKUs.
type panelStage struct {
	*stage
	panel *panel.Emulator
	w     *Worker
	cat   *catalog.Catalog
	n     int
}

// newPanelStage brings up a panel in dollars at 16,000 rupiah, and reads its list.
func newPanelStage(t *testing.T, script emulate.Script, conf ...func(*panel.Config)) *panelStage {
	t.Helper()
	s := &panelStage{stage: newStage(t, script)}
	cfg := panel.Config{Config: emulate.Config{Script: script, Clock: s.clock}, Currency: "USD", Rate: "16000"}
	for _, c := range conf {
		c(&cfg)
	}
	s.panel = panel.New(cfg)
	s.w = s.sells("up-s", s.panel)
	var err error
	s.cat, err = catalog.Open(t.Context(), s.db.Pool, catalog.Options{Now: s.clock})
	require.NoError(t, err)
	return s
}

// sells makes a worker of a panel known and reads its list.
func (s *panelStage) sells(name string, e *panel.Emulator) *Worker {
	s.t.Helper()
	require.NoError(s.t, catalog.KnowUpstream(s.t.Context(), s.db.Pool, catalog.Source{Name: name, Driver: "smm", Mode: catalog.Live}, s.now))
	w := s.workerWith(name, "smm", s.serve(e), map[string]string{"currency": "USD", "rate": "16000"})
	require.NoError(s.t, w.CatalogTurn(s.t.Context(), queue.Task{}))
	return w
}

// workerWith is a worker whose driver has options.
func (s *panelStage) workerWith(name, driver, url string, options map[string]string) *Worker {
	s.t.Helper()
	d, err := drivers.New(driver, upstream.Config{
		Name: name, BaseURL: url, Credentials: map[string]string{"api_key": "secret-key"}, Options: options, HTTP: upstream.NewHTTP(), Now: s.clock,
	})
	require.NoError(s.t, err)
	return s.over(name, d)
}

// changed makes the catalogue load a product anew.
func (s *panelStage) changed(p *catalog.Product) {
	s.t.Helper()
	_, err := s.db.Pool.Exec(s.t.Context(), `WITH v AS (UPDATE catalog_version SET version = version + 1 RETURNING version)
		UPDATE products SET version = v.version FROM v WHERE id = $1`, p.ID)
	require.NoError(s.t, err)
}

// product finds what a panel's service is sold as.
func (s *panelStage) product(kind string) *catalog.Product {
	s.t.Helper()
	require.NoError(s.t, s.cat.Refresh(s.t.Context()))
	code := s.panel.ServiceOf(kind).Service.Text
	var sku string
	require.NoError(s.t, s.db.Pool.QueryRow(s.t.Context(), `SELECT p.sku FROM products p JOIN offers o ON o.product_id = p.id WHERE o.upstream = 'up-s' AND o.code = $1`, code).Scan(&sku))
	p, ok := s.cat.Snapshot().Product(sku)
	require.True(s.t, ok)
	return p
}

// request is an order as the API makes it.
func (s *panelStage) request(kind, target string, quantity int64, inputs map[string]string) *order.Request {
	s.t.Helper()
	p := s.product(kind)
	var q *int64
	if quantity > 0 {
		q = &quantity
	}
	o, problems := p.SMM.Read(q, inputs)
	require.Empty(s.t, problems)
	snapshot := s.cat.Snapshot()
	rate := snapshot.Price(p, 1)
	price, ok := smm.Price(rate, o.Units)
	require.True(s.t, ok)
	most := snapshot.MaxCostUnits(rate, o.Units)
	route, err := snapshot.RouteUnits(p, o.Units, most)
	require.NoError(s.t, err)
	s.n++
	return &order.Request{
		WalletID: s.wallet, Ref: fmt.Sprint("smm-", s.n), Category: order.SMM, SKU: p.SKU, Name: p.Name, ProductID: p.ID, Quantity: o.Quantity, Price: price,
		Target: &target, Link: smm.Link(target), Inputs: o.Inputs, MaxCost: most, Route: route, CallbackURL: "https://merchant.test/hook",
		Terms: &order.Terms{Units: o.Units, Total: o.Total, Cancel: p.Cancel, Refill: p.Refill},
	}
}

// followers orders 1000 of the first service: 0.91875 dollars, 14,700 rupiah at cost
// and 20,580 at the first tier.
func (s *panelStage) followers(target string) *order.Order {
	s.t.Helper()
	return s.order(s.request("Default", target, 1000, nil))
}

const (
	followersCost  = 14_700
	followersPrice = 20_580
)

// audited proves the books, and that what we think we spent at the panel is what it took.
func (s *panelStage) audited() {
	s.t.Helper()
	s.audit()
	var spent int64
	require.NoError(s.t, s.db.Pool.QueryRow(s.t.Context(), `SELECT coalesce(sum(CASE WHEN c.code = 'float:up-s' THEN e.amount ELSE -e.amount END), 0)
		FROM ledger_entries e JOIN ledger_accounts c ON c.id = e.credit JOIN ledger_accounts d ON d.id = e.debit
		WHERE 'float:up-s' IN (c.code, d.code)`).Scan(&spent))
	require.Equal(s.t, s.panel.Books().Spent(), spent)
}

func (s *panelStage) events(o *order.Order) []map[string]any {
	s.t.Helper()
	rows, err := s.db.Pool.Query(s.t.Context(), `SELECT body FROM webhook_events WHERE subject = 'order:' || $1 ORDER BY id`, fmt.Sprint(o.ID))
	require.NoError(s.t, err)
	var out []map[string]any
	var body string
	for rows.Next() {
		require.NoError(s.t, rows.Scan(&body))
		var e struct {
			Data struct {
				Order map[string]any `json:"order"`
			} `json:"data"`
		}
		require.NoError(s.t, json.Unmarshal([]byte(body), &e))
		out = append(out, e.Data.Order)
	}
	require.NoError(s.t, rows.Err())
	return out
}

func TestASocialMediaOrderIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, emulate.Always(10*time.Minute))
	o := s.followers("https://instagram.com/p/1")
	require.EqualValues(t, followersPrice, o.Price)
	require.EqualValues(t, followersCost, o.Cost, "what the quantity costs, not what 1000 do by chance")
	require.Contains(t, string(o.Extra), `"fx": "16000"`, "the order keeps the exchange rate")
	o = s.buy(s.w, o)
	require.Equal(t, order.Processing, o.State)
	require.NotEmpty(t, o.UpstreamRef)
	o = s.poll(s.w, o, 12*time.Second)
	require.EqualValues(t, 1000, *o.Facts.Remains)
	require.NotNil(t, o.Facts.StartCount)
	o = s.poll(s.w, o, 6*time.Minute)
	require.EqualValues(t, 500, *o.Facts.Remains, "how far it has come")
	require.Equal(t, order.Processing, o.State)
	o = s.poll(s.w, o, 9*time.Minute)
	require.Equal(t, order.Completed, o.State)
	require.EqualValues(t, 0, *o.Facts.Remains)
	require.Empty(t, o.Flag)
	require.EqualValues(t, 10_000_000-followersPrice, s.balance())
	require.NotNil(t, o.NextRunAt, "its source may take it back")
	s.audited()
	last := s.events(o)
	require.Equal(t, "completed", last[len(last)-1]["status"])
}

func TestWhatIsNotDeliveredIsGivenBackOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome  emulate.Outcome
		state    order.State
		refunded int64
		message  string
	}{
		"in part":          {emulate.Outcome{Result: emulate.Partial, Undelivered: 33, After: time.Minute}, order.Partial, followersPrice * 330 / 1000, sayPartial},
		"canceled":         {emulate.Outcome{Result: emulate.Canceled, After: time.Minute}, order.Canceled, followersPrice, sayCanceled},
		"canceled in part": {emulate.Outcome{Result: emulate.Canceled, Undelivered: 40, After: time.Minute}, order.Canceled, followersPrice * 400 / 1000, sayCanceledAt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPanelStage(t, always(c.outcome))
			o := s.buy(s.w, s.followers("https://instagram.com/p/1"))
			for range 3 {
				o = s.poll(s.w, o, 2*time.Minute)
			}
			require.Equal(t, c.state, o.State)
			require.Equal(t, c.refunded, o.Refunded)
			require.Equal(t, c.message, o.Message)
			require.Equal(t, 10_000_000-followersPrice+c.refunded, s.balance())
			require.Empty(t, o.Flag)
			require.Nil(t, o.NextRunAt)
			s.audited()
		})
	}
}

func TestRunsAreCountedTogether(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, always(emulate.Outcome{Result: emulate.Partial, Undelivered: 25}))
	o := s.order(s.request("Default", "x", 100, map[string]string{"runs": "4", "interval": "10"}))
	require.EqualValues(t, 8232, o.Price)
	require.EqualValues(t, 100, o.Quantity)
	o = s.poll(s.w, s.buy(s.w, o), time.Minute)
	require.Equal(t, order.Partial, o.State)
	require.EqualValues(t, 100, *o.Facts.Remains, "of four times 100")
	require.EqualValues(t, 2058, o.Refunded)
	s.audited()
}

func TestWordsThatProveNothingAreHeldForAPerson(t *testing.T) {
	t.Parallel()
	half := int64(500)
	for name, c := range map[string]struct {
		kind string
		said panel.Said
		flag string
	}{
		"fail":                     {"Default", panel.Said{Status: "Fail"}, `the source says "fail", which proves nothing`},
		"error":                    {"Default", panel.Said{Status: "Error"}, `the source says "error", which proves nothing`},
		"partial of nobody knows":  {"Default", panel.Said{Status: "Partial", Remains: "Unknown"}, "delivered in part, and the source does not say how much"},
		"partial without count":    {"Default", panel.Said{Status: "Partial", Remains: "="}, "delivered in part, and the source does not say how much"},
		"canceled of nobody knows": {"Default", panel.Said{Status: "Canceled", Remains: "=", Charge: "0.4"}, "canceled, and the source does not say how much was delivered"},
		"canceled without a word":  {"Default", panel.Said{Status: "Canceled", Remains: "=", Charge: "="}, "canceled, and the source does not say how much was delivered"},
		"a package in part":        {"Package", panel.Said{Status: "Partial", Remains: "1"}, "delivered in part, and the source does not say how much"},
		"another charge":           {"Default", panel.Said{Charge: "5"}, "the source charged 5 USD where 0.91875 was expected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPanelStage(t, always(emulate.Outcome{Result: emulate.Silent}))
			quantity := int64(1000)
			if c.kind == "Package" {
				quantity = 0
			}
			o := s.buy(s.w, s.order(s.request(c.kind, "x", quantity, nil)))
			require.True(t, s.panel.Say(o.UpstreamRef, &c.said))
			o = s.poll(s.w, o, time.Minute)
			require.Equal(t, order.Processing, o.State, "never refunded by guess")
			require.Equal(t, c.flag, o.Flag)
			require.NotNil(t, o.NextRunAt)
			require.Zero(t, o.Refunded)
			if strings.HasPrefix(c.flag, "the source says") || strings.HasPrefix(c.flag, "the source charged") {
				_, err := s.writer.Seen(t.Context(), s.db.Bun, o.ID, "looked", "test")
				require.NoError(t, err)
				o = s.poll(s.w, s.read(o), time.Hour)
				require.Empty(t, o.Flag, "the same matter is raised once")
			}
			_, err := s.writer.Resolve(t.Context(), s.db.Bun, o.ID, order.Resolution{As: order.Partial, Remains: &half, Why: "their support", Actor: "test"})
			if c.kind == "Package" {
				require.ErrorIs(t, err, order.ErrNotResolvable, "nothing of ours counts what is in a package")
				return
			}
			require.NoError(t, err)
			o = s.read(o)
			require.Equal(t, order.Partial, o.State)
			require.EqualValues(t, followersPrice/2, o.Refunded)
			s.audit()
		})
	}
}

func TestAHeldOrderEndsAsSoonAsItsSourceSaysACount(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, always(emulate.Outcome{Result: emulate.Partial, Undelivered: 10}))
	o := s.buy(s.w, s.followers("x"))
	s.panel.Say(o.UpstreamRef, &panel.Said{Remains: "Unknown"})
	o = s.poll(s.w, o, time.Minute)
	require.NotEmpty(t, o.Flag)
	s.panel.Say(o.UpstreamRef, nil)
	o = s.poll(s.w, o, 90*time.Minute)
	require.Equal(t, order.Partial, o.State)
	require.EqualValues(t, 2058, o.Refunded)
	require.Empty(t, o.Flag, "what a person was to look at has ended")
	s.audited()
}

func TestAChargeThatDriftsStaysFlaggedAtTheEnd(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, always(emulate.Outcome{Result: emulate.Success}))
	o := s.buy(s.w, s.followers("x"))
	s.panel.Say(o.UpstreamRef, &panel.Said{Charge: "1.5"})
	o = s.poll(s.w, o, time.Minute)
	require.Equal(t, order.Completed, o.State)
	require.Equal(t, "the source charged 1.5 USD where 0.91875 was expected", o.Flag)
	require.EqualValues(t, 24_000, o.Cost, "what it says it took, by the order's exchange rate")
}

func TestAnAddWhoseAnswerIsLostIsNeverSentAgain(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]emulate.Rule{
		"carried out":     {Kind: emulate.Drop, Endpoint: "purchase", AfterEffect: true},
		"not carried out": {Kind: emulate.Drop, Endpoint: "purchase"},
		"a page":          {Kind: emulate.BlockPage, Status: 502, Endpoint: "purchase", AfterEffect: true},
		"garbled":         {Kind: emulate.Garbled, Endpoint: "purchase", AfterEffect: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPanelStage(t, emulate.Always(0))
			rule.Count = 1
			s.fault(s.panel.Core, rule)
			o := s.buy(s.w, s.followers("x"))
			require.Equal(t, order.Unknown, o.State)
			for range 6 {
				o = s.poll(s.w, o, 12*time.Hour)
				require.NoError(t, s.w.Buy(t.Context(), queue.Task{OrderID: o.ID, Attempt: o.Attempt}))
			}
			require.Equal(t, order.Unknown, s.read(o).State, "age decides nothing")
			require.NotEmpty(t, o.Flag, "a person decides")
			require.Equal(t, 1, s.panel.Books().Arrivals["/api/v2/add"])
			_, err := s.placer.Place(t.Context(), s.request("Default", "x", 1000, nil))
			require.ErrorIs(t, err, order.ErrLinkBusy, "it may run on its link")
			s.audit()
		})
	}
}

func TestManyOrdersAreAskedAboutAHundredAtATime(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, emulate.Always(48*time.Hour))
	_, err := s.db.Pool.Exec(t.Context(), `UPDATE upstreams SET balance = NULL`)
	require.NoError(t, err)
	var os []*order.Order
	for i := range 150 {
		os = append(os, s.buy(s.w, s.order(s.request("Default", fmt.Sprint("https://instagram.com/p/", i), 50, nil))))
		s.advance(time.Second)
	}
	s.poll(s.w, os[0], 10*time.Minute) // each has its first word
	before := s.panel.Books().Arrivals["/api/v2/status"]
	s.advance(time.Hour)
	s.poll(s.w, os[0], 0)
	require.Equal(t, 2, s.panel.Books().Arrivals["/api/v2/status"]-before, "150 in two requests")
	var looks int
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT count(DISTINCT next_run_at) FROM orders`).Scan(&looks))
	require.LessOrEqual(t, looks, 4, "they are looked at together again")
	for _, o := range os {
		o = s.read(o)
		require.WithinRange(t, *o.NextRunAt, s.now.Add(5*time.Minute), s.now.Add(11*time.Minute))
	}
}

func TestEveryKindGoesThroughItsPanel(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, emulate.Always(0))
	lines := strings.TrimSuffix(strings.Repeat("keren\n", 20), "\n")
	for kind, c := range map[string]struct {
		quantity int64
		inputs   map[string]string
	}{
		"Package":                 {0, nil},
		"Custom Comments":         {0, map[string]string{"comments": lines}},
		"Mentions with Hashtags":  {100, map[string]string{"usernames": "a\nb", "hashtags": "#x"}},
		"Mentions Custom List":    {0, map[string]string{"usernames": lines}},
		"Mentions Hashtag":        {100, map[string]string{"hashtag": "#x"}},
		"Mentions User Followers": {100, map[string]string{"username": "https://instagram.com/x"}},
		"Mentions Media Likers":   {100, map[string]string{"media": "https://instagram.com/p/x"}},
		"Mentions":                {100, map[string]string{"usernames": "a"}},
		"Custom Comments Package": {0, map[string]string{"comments": "a\nb"}},
		"Comment Likes":           {100, map[string]string{"username": "x"}},
		"Poll":                    {100, map[string]string{"answer_number": "2"}},
		"Invites from Groups":     {100, map[string]string{"groups": "g"}},
		"Subscriptions":           {0, map[string]string{"min": "50", "max": "100", "posts": "3", "delay": "0"}},
		"Web Traffic":             {500, map[string]string{"country": "ID", "device": "5", "type_of_traffic": "1", "google_keyword": "pulsa"}},
		"SEO":                     {100, map[string]string{"keywords": "a\nb"}},
	} {
		o := s.buy(s.w, s.order(s.request(kind, "https://instagram.com/p/"+strings.ReplaceAll(kind, " ", ""), c.quantity, c.inputs)))
		require.Equal(t, order.Processing, o.State, kind)
		last := s.panel.Books().Purchases[len(s.panel.Books().Purchases)-1]
		require.Equal(t, last.Price, o.Cost, "%s: what we expect is what it takes", kind)
	}
	require.NoError(t, s.w.PollTurn(t.Context(), queue.Task{}))
	s.poll(s.w, s.order(s.request("Default", "z", 100, nil)), time.Minute)
	var done int
	require.NoError(t, s.db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM orders WHERE state = 'completed' AND flag = ''`).Scan(&done))
	require.Equal(t, 15, done)
	s.audit()
}

func TestAHistoryOfChanceLeavesTheBooksClean(t *testing.T) {
	t.Parallel()
	script, err := emulate.Mix(map[string]int{"success": 4, "partial": 3, "cancel": 2, "silent": 1}, 5*time.Minute, 10*time.Minute)
	require.NoError(t, err)
	s := newPanelStage(t, script)
	rng := rand.New(rand.NewPCG(7, 7))
	var os []*order.Order
	for i := range 60 {
		os = append(os, s.buy(s.w, s.order(s.request("Default", fmt.Sprint("p", i), 50+rng.Int64N(400), nil))))
	}
	for range 30 {
		o := os[rng.IntN(len(os))]
		switch rng.IntN(4) {
		case 0:
			_, _ = s.writer.Cancel(t.Context(), s.db.Bun, s.wallet, o.Ref) // may be too late
			require.NoError(t, s.w.Act(t.Context(), queue.Task{OrderID: o.ID}))
		case 1:
			_, _ = s.writer.Refill(t.Context(), s.db.Bun, s.wallet, o.Ref) // may not be completed
		case 2:
			if now := s.read(o); now.State == order.Completed && now.Refunded == 0 {
				require.True(t, s.panel.Turn(now.UpstreamRef, rng.Int64N(now.Quantity)+1))
			}
		}
		s.poll(s.w, o, time.Duration(rng.IntN(90))*time.Minute)
	}
	for range 12 {
		s.poll(s.w, os[0], 5*24*time.Hour)
	}
	s.audit()
	back := int64(0)
	for _, o := range os {
		o = s.read(o)
		back += o.Price - o.Refunded
		switch o.State {
		case order.Completed, order.Partial, order.Canceled:
		default:
			require.Equal(t, order.Processing, o.State)
		}
	}
	require.Equal(t, 10_000_000-back, s.balance())
}
