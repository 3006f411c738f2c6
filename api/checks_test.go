package api_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/check"
	"github.com/muarahq/muara/pkg/queue"
)

// lookers are workers that know banks and games: hiddenone all, hiddenotp DANA only. Accounts
// ending in 04 are nobody's.
type lookers struct {
	w      *world
	mu     sync.Mutex
	asked  []string
	silent map[string]bool
}

func newLookers(w *world) *lookers {
	l := &lookers{w: w, silent: map[string]bool{}}
	w.queue.targets = func(ctx context.Context, upstream, kind string) (string, error) {
		l.note("list " + upstream)
		if l.quiet(upstream) {
			return "", queue.ErrNoAnswer
		}
		targets := []check.Target{{Theirs: "DANA", Name: "DANA  e-wallet", Type: "ewallet"}}
		if upstream == "hiddenone" {
			targets = append(targets, check.Target{Theirs: "bca", Name: "BCA", Type: "bank"}, check.Target{Theirs: "od!d", Name: "HIDDEN"}, check.Target{Theirs: "BCA", Name: "twice"})
		}
		if kind == check.Game {
			targets = []check.Target{{Theirs: "pln", Name: "PLN", Type: "meter"}}
		}
		return check.VerdictDone, w.checks.SaveList(ctx, upstream, kind, targets)
	}
	w.queue.check = func(ctx context.Context, upstream string, id int64) (string, error) {
		q, err := w.checks.ByID(ctx, id)
		if err != nil {
			return "", err
		}
		l.note(upstream + " " + q.Code + " " + q.Number)
		switch {
		case l.quiet(upstream):
			return "", queue.ErrNoAnswer
		case strings.HasSuffix(q.Number, "03"):
			return check.VerdictRefused, w.checks.Fail(ctx, id, "HIDDENCODE", "HIDDEN TEXT")
		case strings.HasSuffix(q.Number, "04"):
			return check.VerdictDone, w.checks.Found(ctx, q, check.Answer{Name: "HIDDEN"})
		}
		return check.VerdictDone, w.checks.Found(ctx, q, check.Answer{Valid: true, Number: "62" + q.Number, Name: " ANTO\nB "})
	}
	return l
}

func (l *lookers) note(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, s)
}

func (l *lookers) quiet(upstream string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silent[upstream]
}

// seen gives what was asked since it was last looked at.
func (l *lookers) seen() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.asked
	l.asked = nil
	return out
}

func (l *lookers) hush(silent ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = map[string]bool{}
	for _, u := range silent {
		l.silent[u] = true
	}
}

func TestWhatCanBeLookedUpIsListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLookers(w)
	c := w.merchant(0)
	l.hush("hiddenone", "hiddenotp")
	c.get("/check/banks").refused(http.StatusServiceUnavailable, "upstream_error")
	l.hush()
	l.seen()
	banks := c.get("/check/banks")
	require.JSONEq(t, `{"ok":true,"data":{"count":2,"banks":[{"bank_code":"bca","bank_name":"BCA","type":"bank"},
		{"bank_code":"dana","bank_name":"DANA e-wallet","type":"ewallet"}]}}`, banks.raw)
	require.Len(t, l.seen(), 2)
	c.on(1).get("/check/banks").data()
	require.Empty(t, l.seen(), "what was told lately is not asked again")
	w.clock.set(w.clock.Now().Add(check.ListFresh))
	l.hush("hiddenone", "hiddenotp")
	require.Equal(t, banks.raw, c.get("/check/banks").raw, "what is old is better than nothing")
	l.hush()
	require.JSONEq(t, `{"ok":true,"data":{"count":1,"games":[{"account_code":"pln","account_name":"PLN","type":"meter"}]}}`, c.get("/check/games").raw)
}

func TestAnAccountIsLookedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLookers(w)
	c := w.merchant(0)
	const path = "/check/bank?bank_code=DANA&account_number="
	found := c.get(path + "0812")
	require.JSONEq(t, `{"ok":true,"data":{"status":"valid","account_number":"620812","account_name":"ANTO B"}}`, found.raw)
	require.Contains(t, l.seen(), "hiddenone DANA 0812")
	require.Equal(t, found.raw, w.merchant(0).on(1).get(path+"0812").raw)
	require.Empty(t, l.seen(), "it was told a moment ago")
	w.clock.set(w.clock.Now().Add(check.Fresh))
	c.get(path + "0812").data()
	require.NotEmpty(t, l.seen())

	nobody := c.get(path + "0804")
	require.JSONEq(t, `{"ok":true,"data":{"status":"invalid","account_number":"0804","account_name":null}}`, nobody.raw)
	l.seen()
	w.clock.set(w.clock.Now().Add(check.FreshInvalid))
	c.get(path + "0804").data()
	require.Equal(t, []string{"hiddenone DANA 0804"}, l.seen(), "an account may be opened")

	l.hush("hiddenone")
	c.get(path + "0855").data()
	require.Equal(t, []string{"hiddenone DANA 0855", "hiddenotp DANA 0855"}, l.seen(), "another source may know")
	c.get("/check/bank?bank_code=bca&account_number=0855").refused(http.StatusServiceUnavailable, "upstream_error")
	l.hush()
	disturbed := c.get(path + "0803")
	disturbed.refused(http.StatusServiceUnavailable, "upstream_error")
	require.NotContains(t, disturbed.raw, "HIDDEN")
	require.NotEmpty(t, disturbed.header.Get("Retry-After"))
	require.Equal(t, "valid", c.get("/check/game?account_code=pln&account_number=1").data()["status"])

	c.get("/check/bank?bank_code=none&account_number=1").refused(http.StatusNotFound, "not_found")
	c.get("/check/bank?bank_code=od!d&account_number=1").refused(http.StatusNotFound, "not_found")
	c.get("/check/bank").invalid("bank_code")
	c.get("/check/bank?bank_code=bca").invalid("account_number")
	c.get("/check/game?account_code=pln&account_number=1%0A2").invalid("account_number")
}

func TestOldLookUpsAreLetGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	newLookers(w)
	c := w.merchant(0)
	c.get("/check/bank?bank_code=bca&account_number=1").data()
	w.clock.set(w.clock.Now().Add(check.Kept + time.Second))
	c.get("/check/bank?bank_code=bca&account_number=2").data()
	require.Equal(t, 1, w.count(`SELECT count(*) FROM account_checks`))
}
