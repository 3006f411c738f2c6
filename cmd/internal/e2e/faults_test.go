package e2e

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream/emulate"
)

// trouble is one thing that goes wrong while orders are placed.
type trouble struct {
	name string
	act  func(w *world, c *crowd)
}

// troubles are all that go wrong, in turn.
func troubles() []trouble {
	return []trouble{
		{"nothing", func(*world, *crowd) {}},
		{"the sources hang after they bought", func(w *world, _ *crowd) {
			w.strike(w.ppob, emulate.Rule{Kind: emulate.Hang, Endpoint: "purchase", AfterEffect: true, Count: 6})
			w.strike(w.otp, emulate.Rule{Kind: emulate.Hang, Endpoint: "purchase", AfterEffect: true, Count: 2})
			w.strike(w.retail, emulate.Rule{Kind: emulate.Hang, Endpoint: "purchase", AfterEffect: true, Count: 3})
			w.strike(w.peer, emulate.Rule{Kind: emulate.Hang, Endpoint: "purchase", AfterEffect: true, Count: 2})
			w.strike(w.smm, emulate.Rule{Kind: emulate.Hang, Endpoint: "purchase", AfterEffect: true, Count: 1})
			w.bother(w.gate, emulate.Rule{Kind: emulate.Hang, AfterEffect: true, Count: 2})
		}},
		{"a worker is killed in mid-call", func(w *world, _ *crowd) { w.killInMidCall(midCall{at: w.ppob, after: true, calls: 12}) }},
		{"redis is flushed", func(w *world, _ *crowd) { w.redis.Flush() }},
		{"the sources close without an answer after they bought", func(w *world, _ *crowd) {
			w.strike(w.ppob, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", AfterEffect: true, Count: 8})
			w.doubt(w.otp, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", AfterEffect: true, Count: 2})
			w.strike(w.retail, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", AfterEffect: true, Count: 3})
			w.strike(w.peer, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", AfterEffect: true, Count: 2})
			w.doubt(w.smm, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", AfterEffect: true, Count: 1})
			w.bother(w.gate, emulate.Rule{Kind: emulate.Drop, AfterEffect: true, Count: 2})
		}},
		{"redis is restarted", func(w *world, _ *crowd) { w.redis.Restart() }},
		{"the sources show pages for people", func(w *world, _ *crowd) {
			w.strike(w.ppob, emulate.Rule{Kind: emulate.BlockPage, Endpoint: "purchase", Status: 503, Count: 2})
			w.strike(w.ppob, emulate.Rule{Kind: emulate.BlockPage, Endpoint: "purchase", Status: 502, AfterEffect: true, Count: 3})
			w.doubt(w.otp, emulate.Rule{Kind: emulate.BlockPage, Endpoint: "purchase", Status: 502, AfterEffect: true, Count: 1})
			w.strike(w.otp, emulate.Rule{Kind: emulate.BlockPage, Endpoint: "read", Status: 403, Count: 1})
			w.strike(w.retail, emulate.Rule{Kind: emulate.BlockPage, Endpoint: "purchase", Status: 502, AfterEffect: true, Count: 1})
			w.strike(w.smm, emulate.Rule{Kind: emulate.BlockPage, Endpoint: "read", Status: 502, Count: 1})
			w.bother(w.gate, emulate.Rule{Kind: emulate.BlockPage, Status: 503, Count: 1})
		}},
		{"postgres is restarted", func(w *world, _ *crowd) { w.pg.Restart() }},
		{"the sources answer 5xx", func(w *world, _ *crowd) {
			w.strike(w.ppob, emulate.Rule{Kind: emulate.Status, Status: 500, Endpoint: "purchase", Count: 4})
			w.strike(w.ppob, emulate.Rule{Kind: emulate.Status, Status: 504, Endpoint: "purchase", AfterEffect: true, Count: 4})
			w.strike(w.ppob, emulate.Rule{Kind: emulate.Status, Status: 502, Endpoint: "read", Count: 2})
			w.doubt(w.otp, emulate.Rule{Kind: emulate.Status, Status: 502, Endpoint: "purchase", AfterEffect: true, Count: 1})
			w.strike(w.otp, emulate.Rule{Kind: emulate.Status, Status: 500, Endpoint: "read", Count: 4})
			w.strike(w.retail, emulate.Rule{Kind: emulate.Status, Status: 500, Endpoint: "purchase", Count: 1})
			w.strike(w.retail, emulate.Rule{Kind: emulate.Status, Status: 504, Endpoint: "purchase", AfterEffect: true, Count: 2})
			w.strike(w.peer, emulate.Rule{Kind: emulate.Status, Status: 503, Endpoint: "purchase", AfterEffect: true, Count: 2})
			w.doubt(w.smm, emulate.Rule{Kind: emulate.Status, Status: 502, Endpoint: "purchase", AfterEffect: true, Count: 1})
			w.bother(w.gate, emulate.Rule{Kind: emulate.Status, Status: 500, Count: 2})
		}},
		{"an api is killed", func(w *world, _ *crowd) {
			w.apis[0].Store(nil)
			w.proc("api-0").Kill()
			w.api(0)
		}},
		{"the sources answer what nobody can read", func(w *world, _ *crowd) {
			for _, kind := range []emulate.Kind{emulate.Garbled, emulate.Truncated, emulate.Cut, emulate.Mistyped} {
				w.strike(w.ppob, emulate.Rule{Kind: kind, Endpoint: "purchase", AfterEffect: true, Count: 2})
				w.strike(w.otp, emulate.Rule{Kind: kind, Endpoint: "read", Count: 2})
				w.strike(w.retail, emulate.Rule{Kind: kind, Endpoint: "purchase", AfterEffect: true, Count: 1})
				w.strike(w.peer, emulate.Rule{Kind: kind, Endpoint: "read", Count: 1})
				w.strike(w.smm, emulate.Rule{Kind: kind, Endpoint: "read", Count: 1})
				w.bother(w.gate, emulate.Rule{Kind: kind, Endpoint: "read", AfterEffect: true, Count: 1})
			}
			w.strike(w.ppob, emulate.Rule{Kind: emulate.Oversized, Endpoint: "purchase", AfterEffect: true, Count: 1})
			w.doubt(w.otp, emulate.Rule{Kind: emulate.Redirect, Endpoint: "purchase", AfterEffect: true, Count: 1})
			w.strike(w.peer, emulate.Rule{Kind: emulate.Redirect, Endpoint: "purchase", AfterEffect: true, Count: 1})
		}},
		{"a scheduler and a deliverer of webhooks are killed", func(w *world, _ *crowd) {
			w.proc("scheduler-0").Kill()
			w.proc("webhooks-0").Kill()
			w.scheduler(0)
			w.webhooks(0)
		}},
		{"the workers of the others are killed in mid-call", func(w *world, _ *crowd) {
			w.killInMidCall(midCall{at: w.retail, after: true, calls: 2}, midCall{at: w.peer, after: true, calls: 2})
			if w.gate != nil {
				w.proc("worker-" + gateName + "-0").Kill()
				w.worker(gateName, 0)
			}
		}},
		{"a worker is frozen in mid-call", func(w *world, _ *crowd) { w.freezeInMidCall(w.ppob, ppobName) }},
		{"every task is queued three times more", func(w *world, _ *crowd) { w.doubled() }},
		{"redis does not answer for a while", func(w *world, c *crowd) { w.frozenRedis(c) }},
		{"the sources are silent before they buy", func(w *world, _ *crowd) {
			w.strike(w.ppob, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", Count: 4})
			w.strike(w.ppob, emulate.Rule{Kind: emulate.Hang, Endpoint: "purchase", Count: 3})
			w.doubt(w.otp, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", Count: 2})
			w.strike(w.peer, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", Count: 2})
			w.doubt(w.smm, emulate.Rule{Kind: emulate.Drop, Endpoint: "purchase", Count: 1})
		}},
		{"the sources find us hasty", func(w *world, _ *crowd) {
			w.strike(w.ppob, emulate.Rule{Kind: emulate.Status, Status: 429, Endpoint: "read", Count: 1})
			for _, e := range []*emulated{w.retail, w.peer} {
				w.strike(e, emulate.Rule{Kind: emulate.Status, Status: 429, Endpoint: "purchase", Count: 1})
			}
		}},
		// Last, since nothing else is bought there while nobody knows what became of these.
		{"the workers of those that nobody can ask are killed", func(w *world, _ *crowd) {
			w.killInMidCall(midCall{at: w.otp, calls: 3}, midCall{at: w.smm, after: true, calls: 2})
		}},
	}
}

// strike adds a fault that hits about a third of what it may, so that there are
// good answers between the bad, and the sources are not given up altogether.
func (w *world) strike(e *emulated, r emulate.Rule) {
	w.t.Helper()
	if e == nil {
		return
	}
	r.Probability = 0.35
	w.struck = append(w.struck, struck{e, e.fault(r), r.Count})
}

// doubt is strike for purchases at a source that can neither be asked nor told again.
// Each of its lost answers keeps its account for a while, until the balance has shown
// what it can: only a large run has the time for more than a few.
func (w *world) doubt(e *emulated, r emulate.Rule) {
	w.t.Helper()
	if w.settings.doubts {
		w.strike(e, r)
	}
}

// bother is strike for a source that is asked too rarely to wait until it was hit.
func (w *world) bother(e *emulated, r emulate.Rule) {
	w.t.Helper()
	if e != nil {
		r.Probability = 0.35
		e.fault(r)
	}
}

// struck is a fault on its way.
type struck struct {
	e     *emulated
	id    int
	count int
}

// spent tells whether all faults so far have hit as often as they may.
func (w *world) spent() bool {
	w.t.Helper()
	for _, s := range w.struck {
		if s.e.hits(s.id) < s.count {
			return false
		}
	}
	w.struck = nil
	return true
}

// midCall is how many purchases are to hang at an upstream, before or after their effect.
type midCall struct {
	at    *emulated
	after bool
	calls int
	fault int // the emulator's number of it
}

// killInMidCall kills the first worker of each upstream while purchases hang at its
// emulator, and starts another. With so many hanging that two workers share, both
// hold some; the audit sees that calls were left behind.
func (w *world) killInMidCall(all ...midCall) {
	w.t.Helper()
	all = slices.DeleteFunc(all, func(c midCall) bool { return c.at == nil })
	for i, c := range all {
		all[i].fault = c.at.fault(emulate.Rule{Kind: emulate.Hang, Endpoint: "purchase", AfterEffect: c.after, Count: c.calls})
	}
	for len(all) > 0 { // as they come: what hangs is given up after a while
		first := -1
		until(w.t, 3*time.Minute, "purchases hang at "+all[0].at.name, func() bool {
			first = slices.IndexFunc(all, func(c midCall) bool { return c.at.hits(c.fault) >= c.calls*2/3 })
			return first >= 0
		})
		name := all[first].at.name
		w.proc("worker-" + name + "-0").Kill()
		w.worker(name, 0)
		all = slices.Delete(all, first, first+1)
	}
}

// freezeInMidCall stops a worker without its knowing (SIGSTOP) while purchases hang at
// the emulator, and lets it go on when others have taken its calls for lost.
func (w *world) freezeInMidCall(e *emulated, name string) {
	w.t.Helper()
	const calls = 12
	id := e.fault(emulate.Rule{Kind: emulate.Hang, Endpoint: "purchase", AfterEffect: true, Count: calls})
	until(w.t, 30*time.Second, "purchases hang at "+name, func() bool { return e.hits(id) >= calls*2/3 })
	victim := w.proc("worker-" + name + "-1")
	require.NoError(w.t, syscall.Kill(victim.PID(), syscall.SIGSTOP))
	defer func() { require.NoError(w.t, syscall.Kill(victim.PID(), syscall.SIGCONT)) }()
	// What is being sent now and still is after a call's time is the frozen worker's.
	rows, err := w.pool.Query(w.t.Context(), `SELECT id FROM orders WHERE state = 'sending' AND upstream = $1`, name)
	require.NoError(w.t, err)
	sending, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	require.NoError(w.t, err)
	until(w.t, time.Minute, "the frozen worker's calls are taken for lost", func() bool {
		return w.count(`SELECT count(*) FROM orders WHERE id = ANY($1) AND state = 'sending'`, sending) == 0
	})
}

// doubled enqueues every purchase that is open three times more, whatever its state,
// and turns for polls beside them.
func (w *world) doubled() {
	w.t.Helper()
	enqueuer := queue.New(w.redis.Client(w.t))
	rows, err := w.pool.Query(w.t.Context(), `SELECT id, upstream, attempt, version FROM orders WHERE upstream <> '' ORDER BY id DESC LIMIT 400`)
	require.NoError(w.t, err)
	defer rows.Close()
	for rows.Next() {
		var id, version int64
		var upstream string
		var attempt int
		require.NoError(w.t, rows.Scan(&id, &upstream, &attempt, &version))
		for again := range 3 {
			require.NoError(w.t, enqueuer.Buy(w.t.Context(), upstream, id, max(attempt-again, 0), int64(1000+again)))
		}
		require.NoError(w.t, enqueuer.Act(w.t.Context(), upstream, id, version+1000))
		require.NoError(w.t, enqueuer.PollTurn(w.t.Context(), upstream, 0, id))
	}
	require.NoError(w.t, rows.Err())
}

// frozenRedis leaves connections open and answers nothing, while orders are accepted
// without it all the same.
func (w *world) frozenRedis(c *crowd) {
	w.t.Helper()
	w.redis.Freeze()
	defer w.redis.Thaw()
	require.NoError(w.t, c.place(w.t.Context(), 20))
}

// calm takes back what is left of the faults.
func (w *world) calm(t testing.TB) {
	t.Helper()
	for _, e := range w.emulated {
		e.clear()
	}
	w.struck = nil
}
