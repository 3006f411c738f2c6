package emulate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// shop is the smallest provider: /buy?ref= buys, /balance tells the balance.
type shop struct{}

func (shop) Purchase(path string) bool { return path == "/buy" }

func (shop) Describe(r *emulate.Request) emulate.Subject {
	return emulate.Subject{Ref: r.Query.Get("ref")}
}

func (shop) Answer(b *emulate.Book, r *emulate.Request) emulate.Answer {
	if r.Path != "/buy" {
		return emulate.Answer{Status: 200, Body: map[string]any{"success": true, "data": map[string]int64{"balance": b.Balance()}}}
	}
	p := emulate.Purchase{ID: fmt.Sprint("S", b.Count()), Kind: "shop", Product: "X", Target: r.Query.Get("target"), Ref: r.Query.Get("ref"), Price: 100, At: r.Now, State: "open"}
	o := b.Decide(p)
	var plan []emulate.Step
	if o.Result == emulate.Success {
		plan = append(plan, emulate.Step{At: r.Now.Add(o.After), State: "done", Deliver: true})
	} else {
		plan = append(plan, emulate.Step{At: r.Now.Add(o.After), State: "failed", Refund: true, Reason: o.Reason})
		if o.Late > 0 {
			plan = append(plan, emulate.Step{At: r.Now.Add(o.After + o.Late), State: "done", Deliver: true, Charge: true})
		}
	}
	if b.Buy(p, nil, plan...) == nil {
		return emulate.Answer{Status: 402, Body: map[string]any{"success": false}}
	}
	return emulate.Answer{Status: 200, Body: map[string]any{"success": true, "data": map[string]any{"id": p.ID, "price": 100}}, Lost: o.Lost}
}

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t *testing.T, cfg emulate.Config) (*emulate.Core, *httptest.Server) {
	t.Helper()
	core := emulate.NewCore(cfg, shop{})
	srv := httptest.NewServer(core)
	t.Cleanup(srv.Close)
	return core, srv
}

// ask sends one request on a connection of its own.
func ask(t *testing.T, srv *httptest.Server, target string) (int, http.Header, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+target, nil)
	require.NoError(t, err)
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(body), err
}

func TestEveryFaultShowsBeforeAndAfterEffect(t *testing.T) {
	t.Parallel()
	type seen struct {
		status int
		json   bool
		err    bool
		html   bool
	}
	cases := map[emulate.Kind]seen{
		emulate.Drop:      {err: true},
		emulate.Hang:      {err: true},
		emulate.Status:    {status: 502},
		emulate.BlockPage: {status: 503, html: true},
		emulate.Garbled:   {status: 200},
		emulate.Truncated: {status: 200},
		emulate.Cut:       {status: 200, err: true},
		emulate.Mistyped:  {status: 200, json: true},
		emulate.Oversized: {status: 200, json: true},
		emulate.Redirect:  {status: 307},
	}
	for kind, want := range cases {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s after=%v", kind, after), func(t *testing.T) {
				t.Parallel()
				core, srv := open(t, emulate.Config{})
				_, err := core.AddFault(emulate.Rule{Kind: kind, AfterEffect: after, Count: 1, Delay: emulate.Duration(time.Millisecond), Endpoint: "purchase"})
				require.NoError(t, err)
				status, header, body, err := ask(t, srv, "/buy?ref=A&target=1")
				require.Equal(t, want.err, err != nil, "%v", err)
				require.Equal(t, want.status, status)
				require.Equal(t, want.html, strings.HasPrefix(header.Get("Content-Type"), "text/html"))
				if !want.err {
					require.Equal(t, want.json, json.Valid([]byte(body)), body[:min(len(body), 200)])
				}
				if kind == emulate.Oversized {
					require.Greater(t, len(body), 8<<20)
				}
				if kind == emulate.Mistyped {
					require.NotContains(t, body, `"price":100`)
				}
				books := core.Books()
				require.Len(t, books.Purchases, map[bool]int{true: 1}[after])
				require.Equal(t, 1, books.Arrivals["/buy"])
				require.Equal(t, string(kind), books.Requests[0].Fate)
				_, _, _, err = ask(t, srv, "/buy?ref=B&target=1")
				require.NoError(t, err, "the rule is spent")
			})
		}
	}
}

func TestAReusedConnectionClosesAfterAPurchase(t *testing.T) {
	t.Parallel()
	core, srv := open(t, emulate.Config{})
	_, err := core.AddFault(emulate.Rule{Kind: emulate.CloseReused, Endpoint: "purchase"})
	require.NoError(t, err)
	client := srv.Client()
	get := func(target string) error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+target, nil)
		require.NoError(t, err)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	require.NoError(t, get("/balance"))
	require.NoError(t, get("/buy?ref=A"), "net/http sends it again by itself on a fresh connection, which is not closed")
	require.Len(t, core.Books().Purchases, 2, "so a client that reuses connections falls into the trap")
	_, _, _, err = ask(t, srv, "/buy?ref=B")
	require.NoError(t, err, "a fresh connection is left alone")
	require.Len(t, core.Books().Purchases, 3)
}

func TestDelaysAndWindows(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	core, srv := open(t, emulate.Config{Clock: c.Now})
	add := func(r emulate.Rule) {
		_, err := core.AddFault(r)
		require.NoError(t, err)
	}
	add(emulate.Rule{Kind: emulate.Latency, Delay: emulate.Duration(time.Millisecond), Jitter: emulate.Duration(time.Millisecond)})
	add(emulate.Rule{Kind: emulate.Uplink, Delay: emulate.Duration(time.Millisecond)})
	add(emulate.Rule{Kind: emulate.Status, Status: 500, From: emulate.Duration(time.Minute), For: emulate.Duration(time.Minute), Endpoint: "/bal*"})
	want := []int{200, 500, 200}
	for _, status := range want {
		got, _, _, err := ask(t, srv, "/balance")
		require.NoError(t, err)
		require.Equal(t, status, got)
		c.Add(time.Minute)
	}
	for _, r := range core.Faults()[:2] {
		require.Equal(t, 3, r.Hits)
	}
	require.Equal(t, 3, core.ClearFaults(0))
	for _, bad := range []emulate.Rule{{Kind: "odd"}, {Kind: emulate.Drop, Probability: 2}, {Kind: emulate.Drop, Endpoint: "["}, {Kind: emulate.Drop, Count: -1}} {
		_, err := core.AddFault(bad)
		require.Error(t, err)
	}
}

func TestAHangEndsWhenTheClientGoes(t *testing.T) {
	t.Parallel()
	core, srv := open(t, emulate.Config{})
	_, err := core.AddFault(emulate.Rule{Kind: emulate.Hang, AfterEffect: true})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/buy?ref=A", nil)
	require.NoError(t, err)
	gone := make(chan error, 1)
	go func() {
		resp, err := srv.Client().Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		gone <- err
	}()
	require.Eventually(t, func() bool { return len(core.Books().Purchases) == 1 }, 5*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
}

func TestTheLimitBlocksWithAPage(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	core, srv := open(t, emulate.Config{Clock: c.Now, Limit: emulate.Limit{Requests: 2, Per: 10 * time.Second, Block: 30 * time.Second}})
	for i, want := range []int{200, 200, 429, 429} {
		status, header, _, err := ask(t, srv, fmt.Sprintf("/buy?ref=%d", i))
		require.NoError(t, err)
		require.Equal(t, want, status)
		require.Equal(t, want == 429, strings.HasPrefix(header.Get("Content-Type"), "text/html"))
	}
	c.Add(time.Minute)
	status, _, _, err := ask(t, srv, "/balance")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	books := core.Books()
	require.Len(t, books.Violations, 2)
	require.Equal(t, 2, books.Turned)
	require.Len(t, books.Purchases, 2, "what met the closed door was not carried out")
	require.Equal(t, "blocked", books.Requests[3].Fate)
	require.Equal(t, "3", books.Requests[3].Ref)
}

func TestBooksFollowTheScript(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	core, srv := open(t, emulate.Config{Clock: c.Now, Balance: 1000, Script: emulate.Digits(2*time.Second, 0)})
	for i, target := range []string{"0801", "0803", "0809", "0844", "0807"} {
		status, _, _, err := ask(t, srv, fmt.Sprintf("/buy?ref=%d&target=%s", i, target))
		require.NoError(t, err)
		require.Equal(t, map[bool]int{true: 502, false: 200}[target == "0807"], status)
	}
	at := func(ref int) emulate.Purchase { return core.Books().Purchases[ref] }
	require.True(t, at(0).Delivered)
	require.False(t, at(3).Delivered)
	require.EqualValues(t, 500, core.Books().Balance)
	c.Add(2 * time.Second)
	require.True(t, at(1).Refunded)
	require.Equal(t, emulate.ReasonProduct, at(1).Reason)
	require.True(t, at(2).Refunded)
	require.True(t, at(3).Delivered)
	require.True(t, at(4).Delivered)
	require.EqualValues(t, 700, core.Books().Balance)
	c.Add(30 * time.Second)
	require.True(t, at(2).Delivered, "a late success")
	require.False(t, at(2).Refunded)
	books := core.Books()
	require.EqualValues(t, 600, books.Balance)
	require.Equal(t, books.Opening-books.Balance, books.Spent())
	requireChain(t, books)
	require.Len(t, books.Movements, 5+2+1, "five bought, two given back, one taken again")
	require.Empty(t, books.Twice())
	for _, ref := range []string{"8", "9"} {
		_, _, _, err := ask(t, srv, "/buy?target=0801&ref="+ref)
		require.NoError(t, err)
	}
	books = core.Books()
	require.Empty(t, books.Twice(), "other references")
	require.Len(t, books.TwiceByTarget(), 1)
	require.Len(t, books.TwiceByTarget()[0].IDs, 3)
	require.Equal(t, 3, books.Count("X", "0801", ""))
	core.SetBalance(20)
	core.Move(30, "top-up")
	requireChain(t, core.Books())
	status, _, _, err := ask(t, srv, "/buy?ref=10")
	require.NoError(t, err)
	require.Equal(t, 402, status)
	p, ok := books.Find("S1")
	require.True(t, ok)
	require.Len(t, p.Timeline, 2)
	_, ok = books.Find("no")
	require.False(t, ok)
}

// requireChain sees that the movements, in order of time, lead from the opening balance
// to the one there is.
func requireChain(t *testing.T, b emulate.Books) {
	t.Helper()
	left := b.Opening
	var at time.Time
	for _, m := range b.Movements {
		left += m.Amount
		require.Equal(t, left, m.Balance)
		require.False(t, m.At.Before(at), "in order of time")
		at = m.At
	}
	require.Equal(t, b.Balance, left)
}

func TestSettleBringsEverythingToItsEnd(t *testing.T) {
	t.Parallel()
	script, err := emulate.Spec{Mode: "mix", Mix: map[string]int{"success": 1, "fail_customer": 1, "late_success": 1}, After: emulate.Duration(time.Hour)}.Script()
	require.NoError(t, err)
	core, srv := open(t, emulate.Config{Script: script, Seed: 7})
	for i := range 20 {
		_, _, _, err := ask(t, srv, fmt.Sprintf("/buy?ref=%d", i))
		require.NoError(t, err)
	}
	core.Settle()
	states := map[string]int{}
	for _, p := range core.Books().Purchases {
		require.NotEqual(t, p.Delivered, p.Refunded)
		states[p.State]++
	}
	require.Len(t, states, 2)
	requireChain(t, core.Books())
	for _, bad := range []emulate.Spec{{Mode: "odd"}, {Mode: "mix"}, {Mode: "mix", Mix: map[string]int{"odd": 1}}} {
		_, err := bad.Script()
		require.Error(t, err)
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	core, srv := open(t, emulate.Config{})
	control := httptest.NewServer(core.Control())
	t.Cleanup(control.Close)
	do := func(method, path, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, control.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		resp, err := control.Client().Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(b)
	}
	status, body := do("POST", "/control/faults", `{"kind":"status","status":500,"endpoint":"purchase","count":1,"delay":"10ms"}`)
	require.Equal(t, 200, status, body)
	require.JSONEq(t, `{"id":1}`, body)
	status, _ = do("POST", "/control/faults", `{"kind":"odd"}`)
	require.Equal(t, 400, status)
	status, _ = do("POST", "/control/faults", `{"kin":"odd"}`)
	require.Equal(t, 400, status)
	status, _, _, err := ask(t, srv, "/buy?ref=A")
	require.NoError(t, err)
	require.Equal(t, 500, status)
	_, body = do("GET", "/control/faults", "")
	require.Contains(t, body, `"hits":1`)
	_, body = do("DELETE", "/control/faults?id=1", "")
	require.JSONEq(t, `{"removed":1}`, body)
	status, _ = do("DELETE", "/control/faults?id=x", "")
	require.Equal(t, 400, status)
	status, _ = do("POST", "/control/script", `{"mode":"mix","mix":{"fail_product":1},"after":"1h"}`)
	require.Equal(t, 200, status)
	status, _ = do("POST", "/control/script", `{"mode":"odd"}`)
	require.Equal(t, 400, status)
	status, _ = do("POST", "/control/balance", `{"balance":500}`)
	require.Equal(t, 200, status)
	_, _, _, err = ask(t, srv, "/buy?ref=B&target=9")
	require.NoError(t, err)
	status, _ = do("POST", "/control/move", `{"amount":700,"notes":"top-up"}`)
	require.Equal(t, 200, status)
	require.EqualValues(t, 1100, core.Books().Balance)
	status, _ = do("POST", "/control/settle", "")
	require.Equal(t, 200, status)
	var books emulate.Books
	_, body = do("GET", "/control/books?requests=1", "")
	require.NoError(t, json.Unmarshal([]byte(body), &books))
	require.True(t, books.Purchases[0].Refunded)
	require.Len(t, books.Requests, 2)
	_, body = do("GET", "/control/violations", "")
	require.JSONEq(t, "[]", body)
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	core, srv := open(t, emulate.Config{KeepRequests: 10, Limit: emulate.Limit{Requests: 1000, Per: time.Second}})
	_, err := core.AddFault(emulate.Rule{Kind: emulate.Drop, Probability: 0.2, AfterEffect: true})
	require.NoError(t, err)
	var group sync.WaitGroup
	for w := range 8 {
		group.Go(func() {
			for i := range 25 {
				_, _, _, _ = ask(t, srv, fmt.Sprintf("/buy?ref=%d-%d&target=%d%d01", w, i, w, i))
				_ = core.Books()
			}
		})
	}
	group.Wait()
	books := core.Books()
	require.Len(t, books.Purchases, 200, "a drop after effect is an effect")
	require.Empty(t, books.Twice())
	require.Len(t, books.Requests, 10)
	require.Equal(t, 200, books.Arrivals["/buy"])
}
