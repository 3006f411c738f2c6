package budget

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// history is one random life of a budget, in virtual time: the server's clock and the processes' are the test's.
type history struct {
	t     *rapid.T
	mini  *miniredis.Miniredis
	rdb   redis.UniversalClient
	limit Limit
	hold  time.Duration
	now   time.Time
	away  bool
	pods  []*Budget
	calls []*flight
	judge judge
	given int
}

// flight is a call on its way. Its arrival is fixed when it leaves; its process may die meanwhile.
type flight struct {
	slot     *Slot
	response time.Time
}

// pod is a process whose turns the test takes.
func (h *history) pod() *Budget {
	b := New(h.rdb, "up", h.limit, h.hold)
	b.running, b.now = true, func() time.Time { return h.now }
	return b
}

// advance lets time pass; responses that come meanwhile return their slots.
func (h *history) advance(d time.Duration) {
	end := h.now.Add(d)
	for {
		next := -1
		for i, c := range h.calls {
			if !c.response.After(end) && (next < 0 || c.response.Before(h.calls[next].response)) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		c := h.calls[next]
		h.calls = append(h.calls[:next], h.calls[next+1:]...)
		h.set(c.response)
		c.slot.Release(context.Background())
	}
	h.set(end)
}

func (h *history) set(now time.Time) {
	h.now = now
	h.mini.SetTime(now)
}

// turn has a process speak with Redis, and its calls that were given a slot leave.
func (h *history) turn(b *Budget) {
	before := make([]*waiter, 0, len(b.waiters))
	for _, w := range b.waiters {
		before = append(before, w)
	}
	_, _ = b.turn(context.Background()) // an error is Redis being away
	for _, w := range before {
		select {
		case r := <-w.result:
			if r.slot != nil {
				h.leave(r.slot)
			}
		default:
		}
	}
}

func (h *history) leave(slot *Slot) {
	if rapid.IntRange(0, 9).Draw(h.t, "unused") == 0 {
		slot.Unused(context.Background())
		return
	}
	h.given++
	left := slot.Deadline().Sub(h.now)
	took := time.Duration(rapid.Int64Range(0, int64(left)).Draw(h.t, "latency"))
	arrival := time.Duration(rapid.Int64Range(0, int64(took)).Draw(h.t, "arrival"))
	h.judge.arrivals = append(h.judge.arrivals, h.now.Add(arrival))
	h.calls = append(h.calls, &flight{slot, h.now.Add(took)})
}

// kill ends a process with all that it holds and waits for; what is under way arrives all the same.
func (h *history) kill(i int) {
	dead := h.pods[i]
	kept := h.calls[:0]
	for _, c := range h.calls {
		if c.slot.b != dead {
			kept = append(kept, c)
		}
	}
	h.calls = kept
	h.pods[i] = h.pod()
}

func (h *history) setAway(away bool) {
	h.away = away
	message := ""
	if away {
		message = "LOADING away"
	}
	h.mini.SetError(message)
}

func (h *history) aPod(t *rapid.T) int { return rapid.IntRange(0, len(h.pods)-1).Draw(t, "pod") }

func (h *history) actions() map[string]func(*rapid.T) {
	work := func(t *rapid.T) {
		b := h.pods[h.aPod(t)]
		for range rapid.IntRange(1, 3).Draw(t, "calls") {
			_, err := b.enqueue(rapid.SampledFrom(Classes()).Draw(t, "class"), false)
			require.NoError(t, err)
		}
		h.turn(b)
	}
	pass := func(t *rapid.T) {
		h.advance(time.Duration(rapid.Int64Range(0, int64(h.limit.Per)).Draw(t, "time")))
		h.turn(h.pods[h.aPod(t)])
	}
	return map[string]func(*rapid.T){
		"work": work, "work more": work, "pass": pass, "pass more": pass, "pass still more": pass,
		"wait for all": func(t *rapid.T) { h.advance(h.hold + 2*h.limit.Per) },
		"leave": func(t *rapid.T) {
			b := h.pods[h.aPod(t)]
			for _, w := range b.waiters {
				_ = b.leave(w, context.Canceled)
				break
			}
		},
		"kill": func(t *rapid.T) { h.kill(h.aPod(t)) },
		"kill amid a flush": func(t *rapid.T) {
			h.setAway(false)
			work(t)
			for i := range h.pods {
				h.kill(i)
			}
			h.mini.FlushAll()
			h.turn(h.pods[0])
			h.advance(h.limit.Per + h.limit.Per/100 + 2*time.Millisecond)
			work(t)
		},
		"flush":         func(*rapid.T) { h.mini.FlushAll() },
		"lose the uses": func(*rapid.T) { h.mini.Del(keysOf("up")[0]) },
		"away":          func(*rapid.T) { h.setAway(!h.away) },
		"forget the scripts": func(t *rapid.T) {
			if !h.away {
				require.NoError(t, h.rdb.ScriptFlush(context.Background()).Err())
			}
		},
		"pause": func(t *rapid.T) {
			_ = h.pods[h.aPod(t)].Close(context.Background(), time.Duration(rapid.Int64Range(0, int64(h.limit.Per)).Draw(t, "for")), "429")
		},
	}
}

func TestNoHistoryBreaksThePromise(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mini, err := miniredis.Run()
		require.NoError(t, err)
		defer mini.Close()
		rdb := redis.NewClient(&redis.Options{Addr: mini.Addr(), MaxRetries: -1})
		defer func() { _ = rdb.Close() }()
		h := &history{t: t, mini: mini, rdb: rdb, limit: Limit{
			Requests: rapid.IntRange(1, 5).Draw(t, "requests"),
			Per:      time.Duration(rapid.Int64Range(1, 10_000).Draw(t, "per ms")) * time.Millisecond,
		}}
		h.hold = time.Duration(rapid.Int64Range(1, 3*h.limit.Per.Milliseconds()).Draw(t, "hold ms")) * time.Millisecond
		h.set(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
		for range rapid.IntRange(1, 3).Draw(t, "pods") {
			h.pods = append(h.pods, h.pod())
		}
		h.turn(h.pods[0])
		h.advance(h.hold + 2*h.limit.Per)
		for range 8 {
			t.Repeat(h.actions())
		}
		t.Logf("%d calls", h.given)

		// Whatever happened, it goes on.
		h.setAway(false)
		for range 2 {
			h.advance(2*h.hold + 3*h.limit.Per + 10*time.Second)
			for i := range h.pods {
				h.kill(i)
			}
			h.turn(h.pods[0])
		}
		slot, err := h.pods[0].enqueue(Buy, false)
		require.NoError(t, err)
		h.turn(h.pods[0])
		require.Empty(t, h.pods[0].waiters, "a slot is free in the end")
		require.NotNil(t, slot)

		breaches, tightest := h.judge.breaches(h.limit)
		require.Zero(t, breaches, "tightest window %s of %s", tightest, h.limit.Per)
	})
}
