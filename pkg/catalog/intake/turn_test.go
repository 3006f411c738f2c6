package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/catalog/intake"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
)

// source is an upstream's catalogue: pages by scope.
type source struct {
	roots []upstream.Scope
	pages map[string][]upstream.Page
	fail  error
	asked []string
	hook  func()
}

func (s *source) RootScopes() []upstream.Scope { return s.roots }

func (s *source) CatalogPage(_ context.Context, scope string, page int) (*upstream.Page, error) {
	s.asked = append(s.asked, fmt.Sprintf("%s/%d", scope, page))
	if s.hook != nil {
		s.hook()
	}
	if s.fail != nil {
		return nil, s.fail
	}
	p := s.pages[scope][page-1]
	return &p, nil
}

func otpSource() *source {
	return &source{
		roots: []upstream.Scope{{Key: "services", Every: 24 * time.Hour}, {Key: "h2h", Every: 15 * time.Minute}},
		pages: map[string][]upstream.Page{
			"services": {{
				Services: []upstream.Service{{Code: "7", Name: "Telegram"}, {Code: "8", Name: "WhatsApp"}},
				Scopes:   []upstream.Scope{{Key: "countries:7", Every: time.Hour, Service: "7"}, {Key: "countries:8", Every: time.Hour, Service: "8"}},
			}},
			"h2h": {
				{Offers: []upstream.Offer{game("A", "Mobile Legends 10 Diamond", 2500)}, Next: 2},
				{Offers: []upstream.Offer{game("B", "Mobile Legends 20 Diamond", 5000)}},
			},
			"countries:7": {{Offers: []upstream.Offer{number("7:1:1", "7", "id", "Indonesia", 1, 1000)}}},
			"countries:8": {{Offers: []upstream.Offer{number("8:1:1", "8", "id", "Indonesia", 1, 1200)}}},
		},
	}
}

// turns runs turns until nothing is due, and gives what was asked.
func (d *desk) turns(s *source, name string) []string {
	d.t.Helper()
	s.asked = nil
	for {
		did, err := d.im.Turn(context.Background(), s, name)
		require.NoError(d.t, err)
		if !did {
			return s.asked
		}
	}
}

func TestACatalogueIsReadInTurns(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := otpSource()
	require.Equal(t, []string{"h2h/1", "h2h/2", "services/1", "countries:7/1", "countries:8/1"}, d.turns(s, "beta"))
	require.Equal(t, map[string]string{"beta/A": "MLID10", "beta/B": "MLID20", "beta/7:1:1": "OTPTGID", "beta/8:1:1": "OTPWAID"}, d.skus())
	require.Empty(t, d.turns(s, "beta"))
	due, err := intake.DueUpstreams(t.Context(), d.pool, d.clock.now())
	require.NoError(t, err)
	require.Empty(t, due)

	d.clock.pass(15 * time.Minute)
	due, err = intake.DueUpstreams(t.Context(), d.pool, d.clock.now())
	require.NoError(t, err)
	require.Equal(t, []string{"beta"}, due)
	require.Equal(t, []string{"h2h/1", "h2h/2"}, d.turns(s, "beta"))
}

func TestWhatMerchantsAskForIsReadFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := otpSource()
	d.turns(s, "beta")
	c, err := catalog.Open(t.Context(), d.pool, catalog.Options{Now: d.clock.now})
	require.NoError(t, err)
	require.NoError(t, c.FlushDemand(t.Context()), "nothing to write")
	for range 3 {
		_, ok := c.OTPCountries(catalog.Live, 1, "WA")
		require.True(t, ok)
	}
	require.NoError(t, c.FlushDemand(t.Context()))
	require.Empty(t, d.turns(s, "beta"), "what was read a moment ago is fresh")
	d.clock.pass(10 * time.Minute)
	require.Equal(t, []string{"countries:8/1"}, d.turns(s, "beta"), "demand makes it due before its time")
	require.EqualValues(t, 1, d.one(`SELECT demand FROM catalog_scopes WHERE key = 'countries:8'`), "halved by the reading")
	d.clock.pass(24 * time.Hour)
	require.Equal(t, []string{"h2h/1", "h2h/2", "services/1", "countries:8/1", "countries:7/1"}, d.turns(s, "beta"))
}

func TestAReadingThatFailsIsTriedAgainLaterAndLater(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := &source{roots: []upstream.Scope{{Key: "p", Every: 10 * time.Minute}}, fail: errors.New("block page"), pages: map[string][]upstream.Page{"p": {{}}}}
	for _, seconds := range []int{15, 30, 60, 120, 240, 480, 600, 600} {
		did, err := d.im.Turn(t.Context(), s, "alpha")
		require.True(t, did)
		require.ErrorIs(t, err, s.fail)
		d.clock.pass(time.Duration(seconds)*time.Second - time.Millisecond)
		did, err = d.im.Turn(t.Context(), s, "alpha")
		require.NoError(t, err)
		require.False(t, did)
		d.clock.pass(time.Millisecond)
	}
	require.EqualValues(t, 1, d.one(`SELECT count(*) FROM catalog_scopes WHERE last_error = 'block page' AND failures = 8`))
	late, err := intake.Age(t.Context(), d.pool, d.clock.now().Add(time.Minute))
	require.NoError(t, err)
	require.Equal(t, map[string]time.Duration{"alpha": time.Minute}, late)
	s.fail = nil
	d.turns(s, "alpha")
	require.Zero(t, d.one(`SELECT failures FROM catalog_scopes`))
	require.EqualValues(t, 1, d.one(`SELECT count(*) FROM upstreams WHERE name = 'alpha' AND catalog_at IS NOT NULL`))
}

func TestAScopeIsReadByOneAtATime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := otpSource()
	s.roots = s.roots[1:]
	s.hook = func() {
		s.hook = nil
		other, err := intake.DueScope(context.Background(), d.pool, "beta", d.clock.now())
		require.NoError(t, err)
		require.Nil(t, other)
		// Whoever dies with it does not keep it.
		lost, err := intake.DueScope(context.Background(), d.pool, "beta", d.clock.now().Add(6*time.Minute))
		require.NoError(t, err)
		require.NotNil(t, lost)
	}
	did, err := d.im.Turn(t.Context(), s, "beta")
	require.NoError(t, err)
	require.True(t, did)
	require.Nil(t, s.hook)
}

func TestADrainingWorkerGivesItsScopeBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := otpSource()
	s.roots, s.fail = s.roots[1:], context.Canceled
	ctx, cancel := context.WithCancel(t.Context())
	s.hook = cancel
	did, err := d.im.Turn(ctx, s, "beta")
	require.True(t, did)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, d.one(`SELECT failures FROM catalog_scopes`))
	s.fail, s.hook = nil, nil
	require.Len(t, d.turns(s, "beta"), 2, "due at once")
}

func TestPagesMustGoForward(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := &source{roots: []upstream.Scope{{Key: "p"}}, pages: map[string][]upstream.Page{"p": {{Next: 2}, {Next: 1}}}}
	_, err := d.im.Turn(t.Context(), s, "alpha")
	require.ErrorContains(t, err, "page 2 is followed by page 1")
	require.Zero(t, d.one(`SELECT count(*) FROM offers`))
}

func TestAHeldReadingIsRepeatedSoon(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var list []upstream.Offer
	for i := range 30 {
		list = append(list, game(fmt.Sprint(i), fmt.Sprintf("Mobile Legends %d Diamond", i+1), 1000))
	}
	s := &source{roots: []upstream.Scope{{Key: "p", Every: time.Hour}}, pages: map[string][]upstream.Page{"p": {{Offers: list}}}}
	d.turns(s, "alpha")
	s.pages["p"] = []upstream.Page{{}}
	d.clock.pass(time.Hour)
	d.turns(s, "alpha")
	require.Zero(t, d.one(`SELECT count(*) FROM offers WHERE vanished_at IS NOT NULL`))
	d.clock.pass(time.Minute)
	d.turns(s, "alpha")
	require.EqualValues(t, 30, d.one(`SELECT count(*) FROM offers WHERE vanished_at IS NOT NULL`))
}

func TestAnUpstreamReadsOnlyWhatItIsToProvide(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	require.Equal(t, []string{"h2h/1", "h2h/2", "services/1"}, d.turns(otpSource(), "alpha"), "alpha provides ppob only")
}

func TestAnOperatorAsksForAnImportAndSeesItsProgress(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := otpSource()
	_, err := intake.RequestImport(t.Context(), d.pool, "nobody", "test", d.clock.now())
	require.ErrorIs(t, err, catalog.ErrNotFound)
	_, err = intake.RunProgress(t.Context(), d.pool, 99, d.clock.now())
	require.ErrorIs(t, err, catalog.ErrNotFound)

	id, err := intake.RequestImport(t.Context(), d.pool, "beta", "test", d.clock.now())
	require.NoError(t, err)
	look := func() intake.Progress {
		p, err := intake.RunProgress(t.Context(), d.pool, id, d.clock.now())
		require.NoError(t, err)
		return p
	}
	require.Equal(t, intake.Progress{RunID: id, Upstream: "beta"}, look(), "no worker has come yet")
	for range 2 {
		_, err = d.im.Turn(t.Context(), s, "beta")
		require.NoError(t, err)
	}
	require.Equal(t, intake.Progress{RunID: id, Upstream: "beta", Scopes: 4, Done: 2, Offers: 2}, look())
	s.fail = errors.New("no")
	_, err = d.im.Turn(t.Context(), s, "beta")
	require.Error(t, err)
	require.Equal(t, 1, look().Failed)
	require.Equal(t, "no", look().LastError)
	s.fail = nil
	d.clock.pass(time.Minute)
	d.turns(s, "beta")
	require.Equal(t, intake.Progress{RunID: id, Upstream: "beta", Scopes: 4, Done: 4, Offers: 4, Finished: true}, look())
	d.clock.pass(20 * time.Hour)
	require.True(t, look().Finished, "for ever")
	id, err = intake.RequestImport(t.Context(), d.pool, "beta", "test", d.clock.now())
	require.NoError(t, err)
	require.False(t, look().Finished)
	require.Len(t, d.turns(s, "beta"), 5)
	require.True(t, look().Finished)
	require.EqualValues(t, 2, d.one(`SELECT count(*) FROM audit_log WHERE action = 'catalog.import'`))
}

// operators answers as an upstream that is asked for an offer's operators.
type operators struct {
	t   *testing.T
	err error
}

func (o operators) Operators(_ context.Context, code string, extra json.RawMessage) ([]upstream.Operator, error) {
	require.Equal(o.t, "7:1:1", code)
	require.JSONEq(o.t, `{"number_id":1}`, string(extra))
	return []upstream.Operator{{ID: "1", Name: "any"}, {ID: "17", Name: "3 (Three)"}, {ID: "18", Name: "AXIS"}, {ID: "19", Name: "axis"}, {ID: "20", Name: "RumahOTP"}, {ID: "21", Name: "電話"}}, o.err
}

func TestWorkersAskAtTheDesk(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.turns(otpSource(), "beta")
	d.imported("alpha", "p", []upstream.Offer{game("a", "Mobile Legends 10 Diamond", 2600)})
	newDesk := func() *intake.Desk {
		return &intake.Desk{
			Pool: d.pool, Importer: d.im, Router: &catalog.Router{Pool: d.pool, Now: d.clock.now}, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
		}
	}
	w := newDesk()
	ctx := t.Context()
	id := func(code string) int64 { return d.one(`SELECT id FROM offers WHERE code = $1`, code) }
	o := &order.Order{ID: 1, ProductID: d.one(`SELECT id FROM products WHERE sku = 'MLID10'`), MaxCost: 2700}
	require.Equal(t, &order.Route{Upstream: "alpha", OfferID: id("a"), Code: "a", Extra: json.RawMessage(`{}`), Cost: 2600}, w.NextRoute(o, []int64{id("A")}))
	require.Nil(t, w.NextRoute(o, []int64{id("A"), id("a")}))
	o.MaxCost = 2550
	require.Nil(t, w.NextRoute(o, []int64{id("A")}), "dearer than the order allows")

	require.Nil(t, w.BalanceKnown("alpha"))
	require.Nil(t, w.BalanceKnown("nobody"))
	require.NoError(t, w.BalanceSeen(ctx, "alpha", 100, d.clock.now()))
	require.EqualValues(t, 100, *w.BalanceKnown("alpha"))
	require.EqualValues(t, 100, *newDesk().BalanceKnown("alpha"))

	for range 3 {
		require.NoError(t, w.ProductFailed(ctx, id("A")))
	}
	require.EqualValues(t, 1, d.one(`SELECT count(*) FROM offers WHERE flagged_until IS NOT NULL`))
	require.NoError(t, w.ProductWorked(ctx, id("A")))
	require.Zero(t, d.one(`SELECT count(*) FROM offers WHERE flagged_until IS NOT NULL`))

	offer := id("7:1:1")
	require.ErrorIs(t, w.AskOperators(ctx, operators{t: t}, 0), catalog.ErrNotFound)
	require.Error(t, w.AskOperators(ctx, operators{t: t, err: errors.New("no")}, offer))
	_, _, known, err := catalog.Operators(ctx, d.pool, offer)
	require.NoError(t, err)
	require.False(t, known)
	require.NoError(t, w.AskOperators(ctx, operators{t: t}, offer))
	said, at, known, err := catalog.Operators(ctx, d.pool, offer)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, d.clock.now(), at)
	require.Equal(t, []catalog.Operator{
		{ID: "any", Name: "any", Code: "1"}, {ID: "3-three", Name: "3 (Three)", Code: "17"}, {ID: "axis", Name: "AXIS", Code: "18"},
		{ID: "axis-2", Name: "axis", Code: "19"}, {ID: "電話", Name: "電話", Code: "21"},
	}, said)
	code, ok, err := catalog.OperatorCode(ctx, d.pool, offer, "axis-2")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "19", code)
	_, ok, err = catalog.OperatorCode(ctx, d.pool, offer, "nobody")
	require.NoError(t, err)
	require.False(t, ok)
	body := string(catalog.OperatorsBody(said).In(catalog.Identity).Bytes)
	require.Contains(t, body, `{"operator_id":"3-three","name":"3 (Three)","image":null}`)
	require.NotContains(t, body, `17`)
}
