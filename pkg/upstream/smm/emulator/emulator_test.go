package emulator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/upstream/emulate"
	"github.com/muarahq/muara/pkg/upstream/smm/emulator"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 4, 21, 4, 0, 0, 0, time.UTC)} }

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

func post(t *testing.T, e http.Handler, action string, fields ...string) (int, []byte) {
	t.Helper()
	form := url.Values{"key": {"k"}, "action": {action}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "http://panel/api/v2", strings.NewReader(form.Encode()))
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

func add(t *testing.T, e *emulator.Emulator, link string, fields ...string) string {
	t.Helper()
	_, body := post(t, e, "add", append([]string{"service", "1", "link", link, "quantity", "1000"}, fields...)...)
	a, err := wire.DecodeAdded(body)
	require.NoError(t, err, string(body))
	return a.Order.Text
}

func status(t *testing.T, e *emulator.Emulator, id string) *wire.Status {
	t.Helper()
	_, body := post(t, e, "status", "order", id)
	s, err := wire.DecodeStatus(body)
	require.NoError(t, err, string(body))
	return s
}

func refusal(t *testing.T, body []byte) string {
	t.Helper()
	var out struct {
		Error string `json:"error"`
	}
	require.NoError(t, json.Unmarshal(body, &out), string(body))
	return out.Error
}

func TestAnswersHaveTheDocumentedShape(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{Currency: "USD", Rate: "16350"})
	first := add(t, e, "a")
	for name, ask := range map[string][]string{
		"add":             {"add", "service", "1", "link", "b", "quantity", "50"},
		"status":          {"status", "order", first},
		"refill":          {"refill", "order", first},
		"refill_status":   {"refill_status", "refill", "1"},
		"refill_statuses": {"refill_status", "refills", "1,3"},
		"cancel":          {"cancel", "orders", "9," + first},
		"balance":         {"balance"},
	} {
		// Each case has a panel of its own: one asked for a refill makes the next wait.
		e := emulator.New(emulator.Config{Currency: "USD", Rate: "16350"})
		require.Equal(t, first, add(t, e, "a"))
		if name == "refill_status" || name == "refill_statuses" {
			post(t, e, "refill", "order", first)
		}
		example, err := os.ReadFile("../wire/testdata/" + name + ".json")
		require.NoError(t, err)
		code, answer := post(t, e, ask[0], ask[1:]...)
		require.Equal(t, 200, code)
		diff, err := emulate.Shape(example, answer)
		require.NoError(t, err)
		require.Empty(t, diff, "%s: %s", name, answer)
	}
	_, body := post(t, e, "status", "orders", first+",999")
	rows, err := wire.DecodeStatuses(body)
	require.NoError(t, err)
	require.Equal(t, "Completed", string(rows[first].Status.Status))
	require.Equal(t, "Incorrect order ID", rows["999"].Error.Text)
	_, body = post(t, e, "refill", "orders", first+",999")
	refills, err := wire.DecodeRefills(body)
	require.NoError(t, err)
	require.Len(t, refills, 2)
	_, body = post(t, e, "services")
	list, odd, err := wire.DecodeServices(body)
	require.NoError(t, err)
	require.Zero(t, odd)
	require.Len(t, list, len(e.Services()))
}

func TestWhatIsRefusedIsNotTaken(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{APIKey: "k", Config: emulate.Config{Script: emulate.Always(time.Hour)}})
	add(t, e, "taken")
	comments := e.ServiceOf("Custom Comments").Service.Text
	for want, fields := range map[string][]string{
		"Incorrect service ID": {"service", "999", "link", "x", "quantity", "100"},
		"Incorrect link":       {"service", "1", "quantity", "100"},
		"Incorrect quantity":   {"service", "1", "link", "x", "quantity", "49"},
		"Incorrect request":    {"service", comments, "link", "x"},
		"Active order with this link exists. Wait until it is completed": {"service", "1", "link", "taken", "quantity", "100"},
	} {
		_, body := post(t, e, "add", fields...)
		require.Equal(t, want, refusal(t, body))
	}
	_, body := post(t, e, "add", "key", "other", "service", "1", "link", "x", "quantity", "100")
	require.Equal(t, "Incorrect API key", refusal(t, body))
	_, body = post(t, e, "dance")
	require.Equal(t, "Incorrect request", refusal(t, body))
	e.SetBalance(10)
	_, body = post(t, e, "add", "service", "1", "link", "x", "quantity", "100")
	require.Equal(t, "Not enough funds on balance", refusal(t, body))
	require.Len(t, e.Books().Purchases, 1)
	require.Equal(t, 1, e.Books().Arrivals["/api/v2/dance"])
}

func TestMoneyFollowsWhatIsDelivered(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{Currency: "USD", Rate: "16350.25", Config: emulate.Config{Clock: c.Now, Balance: 1_000_000, Script: emulate.Digits(time.Minute, 0)}})
	rate, charged := e.Services()[0].Rate.Rat.FloatString(6), int64(0)
	require.Equal(t, "0.899069", rate, "14,700 rupiah")
	whole, half, none := add(t, e, "p/00"), add(t, e, "p/10"), add(t, e, "p/12")
	require.Equal(t, "Pending", string(status(t, e, whole).Status))
	c.Add(30 * time.Second)
	s := status(t, e, whole)
	require.Equal(t, "In progress", string(s.Status))
	require.EqualValues(t, 500, s.Remains.N)
	c.Add(30 * time.Second)
	for id, want := range map[string]struct {
		state, charge string
		remains       int64
	}{
		whole: {"Completed", "0.899069", 0}, half: {"Partial", "0.4495345", 500}, none: {"Canceled", "0", 1000},
	} {
		s := status(t, e, id)
		require.Equal(t, want.state, string(s.Status))
		require.Equal(t, want.charge, s.Charge.Said)
		require.Equal(t, want.remains, s.Remains.N)
		require.Equal(t, "USD", string(s.Currency))
	}
	for _, p := range e.Books().Purchases {
		if !p.Refunded {
			charged += p.Price - p.Back
		}
	}
	require.Equal(t, int64(14_701+7_351), charged, "each rounded up")
	require.Equal(t, 1_000_000-charged, e.Books().Balance)
	require.Equal(t, charged, e.Books().Spent())

	require.True(t, e.Turn(whole, 1000))
	require.Equal(t, "Canceled", string(status(t, e, whole).Status))
	require.EqualValues(t, 7_351, e.Books().Spent(), "what was completed may yet be taken back")
	require.False(t, e.Turn("1", 1))
}

func TestStatesThatTheScriptInvents(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{Config: emulate.Config{Script: func(emulate.Purchase, *rand.Rand) emulate.Outcome { return emulate.Outcome{Word: "Fail"} }}})
	id := add(t, e, "x")
	require.Equal(t, "Fail", string(status(t, e, id).Status))
	require.True(t, e.Say(id, &emulator.Said{Status: "Partial", Remains: "Unknown", Charge: "="}))
	s := status(t, e, id)
	require.Equal(t, "Partial", string(s.Status))
	require.False(t, s.Remains.Known)
	require.False(t, s.Charge.Known)
	require.False(t, e.Say("1", nil))
}

func TestRefillsWaitForEachOther(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{RefillAfter: time.Hour, Config: emulate.Config{Clock: c.Now, Script: emulate.Always(time.Minute)}})
	id := add(t, e, "x")
	_, body := post(t, e, "refill", "order", id)
	require.Equal(t, "Refill is not available for this order", refusal(t, body))
	c.Add(time.Minute)
	_, body = post(t, e, "refill", "order", id)
	require.JSONEq(t, `{"refill":"1"}`, string(body))
	c.Add(14*time.Hour + 57*time.Minute)
	_, body = post(t, e, "refill", "order", id)
	require.Equal(t, "Refill will be available in 9 hours 3 minutes", refusal(t, body))
	_, body = post(t, e, "refill_status", "refill", "1")
	require.JSONEq(t, `{"status":"Completed"}`, string(body))
	require.Equal(t, map[string]int{id: 1}, e.Refills())
}

func TestCancelsTakeTheirTime(t *testing.T) {
	t.Parallel()
	c := newClock()
	e := emulator.New(emulator.Config{CancelAfter: time.Minute, Config: emulate.Config{Clock: c.Now, Script: emulate.Always(time.Hour)}})
	id := add(t, e, "x")
	c.Add(30 * time.Minute)
	_, body := post(t, e, "cancel", "orders", id)
	require.JSONEq(t, fmt.Sprintf(`[{"order":%s,"cancel":1}]`, id), string(body))
	require.Equal(t, "In progress", string(status(t, e, id).Status))
	c.Add(time.Minute)
	s := status(t, e, id)
	require.Equal(t, "Canceled", string(s.Status))
	require.EqualValues(t, 500, s.Remains.N, "half of it was delivered by then")
}

func TestDialects(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{
		Repeat:  2 * time.Minute,
		Dialect: emulator.Dialect{Success: true, TextIDs: true, Numbers: true, Lower: true, Keys: true, Bits: true, HTTP: true},
		Config:  emulate.Config{Script: emulate.Digits(0, 0)},
	})
	_, body := post(t, e, "add", "service", "1", "link", "p/12", "quantity", "50")
	require.JSONEq(t, `{"status":"success","order":"23501"}`, string(body))
	_, again := post(t, e, "add", "service", "1", "link", "p/12", "quantity", "50")
	require.Equal(t, string(body), string(again), "the same again within so long is the same order")
	_, body = post(t, e, "status", "order", "23501")
	var s map[string]any
	require.NoError(t, json.Unmarshal(body, &s))
	require.Equal(t, "cancelled", s["status"])
	require.Contains(t, string(body), `"remains":50,`, "a number")
	code, body := post(t, e, "add", "service", "1", "link", "x", "quantity", "1")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Equal(t, "neworder.error.min_quantity", refusal(t, body))
	_, body = post(t, e, "services")
	require.Contains(t, string(body), `"refill":1`)

	link := emulator.New(emulator.Config{Links: emulator.PerLink, Config: emulate.Config{Script: emulate.Always(time.Hour)}})
	add(t, link, "x")
	_, body = post(t, link, "add", "service", "2", "link", "x", "quantity", "50")
	require.Contains(t, refusal(t, body), "Active order")
	free := emulator.New(emulator.Config{Links: emulator.Parallel, Config: emulate.Config{Script: emulate.Always(time.Hour)}})
	first, second := add(t, free, "x"), add(t, free, "x")
	require.NotEqual(t, first, second)
}

func TestControl(t *testing.T) {
	t.Parallel()
	e := emulator.New(emulator.Config{})
	id := add(t, e, "x")
	srv := httptest.NewServer(e.Control())
	t.Cleanup(srv.Close)
	do := func(path, body string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	require.Equal(t, 200, do("/control/orders", `{"order":"`+id+`","status":"Fail"}`))
	require.Equal(t, "Fail", string(status(t, e, id).Status))
	require.Equal(t, 404, do("/control/orders", `{"order":"1","status":"Fail"}`))
	require.Equal(t, 200, do("/control/turn", `{"order":"`+id+`","left":10}`))
	require.Equal(t, 200, do("/control/services", `{"service":"1","rate":"12.5","refill":false,"cancel":0}`))
	require.Equal(t, "12.5", e.Services()[0].Rate.Said)
	require.False(t, bool(e.Services()[0].Refill))
	before := len(e.Services())
	require.Equal(t, 200, do("/control/services", `{"service":"1","remove":true}`))
	require.Len(t, e.Services(), before-1)
	require.Equal(t, 404, do("/control/services", `{"service":"1","remove":true}`))
}
