package worker

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/queue"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	panel "github.com/muarahq/muara/pkg/upstream/smm/emulator"
	"github.com/muarahq/muara/pkg/upstream/smm/wire"
)

func TestRefills(t *testing.T) {
	t.Parallel()
	wanted := func(t *testing.T, script emulate.Script, conf func(*panel.Config)) (*panelStage, *order.Order) {
		t.Helper()
		s := newPanelStage(t, script, conf)
		o := s.poll(s.w, s.buy(s.w, s.followers("x")), time.Minute)
		require.Equal(t, order.Completed, o.State)
		o, err := s.writer.Refill(t.Context(), s.db.Bun, s.wallet, o.Ref)
		require.NoError(t, err)
		return s, o
	}
	statuses := func(s *panelStage, o *order.Order) (out []string) {
		for _, e := range s.events(o) {
			if st, ok := e["data"].(map[string]any)["refill_status"].(string); ok {
				out = append(out, st)
			}
		}
		return out
	}
	t.Run("from the wish to its end", func(t *testing.T) {
		t.Parallel()
		s, o := wanted(t, emulate.Always(0), func(c *panel.Config) { c.RefillAfter = time.Hour })
		require.NoError(t, s.w.Act(t.Context(), queue.Task{OrderID: o.ID}))
		o = s.read(o)
		require.Equal(t, order.RefillProcessing, o.Facts.Refill.Status)
		for range 12 {
			o = s.poll(s.w, o, 10*time.Minute)
		}
		require.Equal(t, order.RefillCompleted, o.Facts.Refill.Status)
		require.Equal(t, []string{"processing", "completed"}, statuses(s, o), "each change is an event")
		require.NotNil(t, o.NextRunAt, "it is watched on")
		require.Equal(t, 1, s.panel.Books().Arrivals["/api/v2/refill"])

		// The next one is asked for before the source likes it: it waits its time.
		o, err := s.writer.Refill(t.Context(), s.db.Bun, s.wallet, o.Ref)
		require.NoError(t, err)
		o = s.poll(s.w, o, time.Second)
		require.Equal(t, order.RefillPending, o.Facts.Refill.Status)
		require.Equal(t, 2, s.panel.Books().Arrivals["/api/v2/refill"])
		o = s.poll(s.w, o, 12*time.Hour)
		require.Equal(t, 2, s.panel.Books().Arrivals["/api/v2/refill"], "not before the source said")
		o = s.poll(s.w, o, 12*time.Hour)
		require.Equal(t, 3, s.panel.Books().Arrivals["/api/v2/refill"])
		require.Equal(t, order.RefillProcessing, o.Facts.Refill.Status)
		require.Equal(t, 2, o.Facts.Refill.N)
		s.audited()
	})
	t.Run("rejected in the end", func(t *testing.T) {
		t.Parallel()
		s, o := wanted(t, emulate.Always(0), func(c *panel.Config) { c.RefillsRejected = true })
		o = s.poll(s.w, s.poll(s.w, o, time.Second), 2*time.Minute)
		require.Equal(t, order.RefillRejected, o.Facts.Refill.Status)
		require.Equal(t, []string{"processing", "rejected"}, statuses(s, o))
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		s, o := wanted(t, emulate.Always(0), func(*panel.Config) {})
		require.True(t, s.panel.Turn(o.UpstreamRef, 10))
		o = s.poll(s.w, o, time.Second)
		require.Equal(t, order.RefillRejected, o.Facts.Refill.Status)
		require.Equal(t, []string{"rejected"}, statuses(s, o))
		require.Zero(t, o.Refunded, "that is for its status to say")
	})
	t.Run("an answer that is lost", func(t *testing.T) {
		t.Parallel()
		s, o := wanted(t, emulate.Always(0), func(*panel.Config) {})
		s.fault(s.panel.Core, emulate.Rule{Kind: emulate.Status, Endpoint: "/api/v2/refill", Count: 2})
		o = s.poll(s.w, o, time.Second)
		require.Equal(t, order.RefillPending, o.Facts.Refill.Status)
		for range 4 {
			o = s.poll(s.w, o, time.Minute)
		}
		require.Equal(t, order.RefillCompleted, o.Facts.Refill.Status)
	})
	t.Run("a source that never answers", func(t *testing.T) {
		t.Parallel()
		s, o := wanted(t, emulate.Always(0), func(*panel.Config) {})
		s.fault(s.panel.Core, emulate.Rule{Kind: emulate.Status, Endpoint: "/api/v2/refill"})
		for range 2 * refillTries {
			o = s.poll(s.w, o, 20*time.Minute)
		}
		require.Equal(t, order.RefillRejected, o.Facts.Refill.Status)
		require.Equal(t, refillTries, s.panel.Books().Arrivals["/api/v2/refill"])
	})
	t.Run("many are asked about at once", func(t *testing.T) {
		t.Parallel()
		s := newPanelStage(t, emulate.Always(0), func(c *panel.Config) { c.RefillAfter = time.Hour })
		var os []*order.Order
		for i := range 30 {
			os = append(os, s.buy(s.w, s.order(s.request("Default", fmt.Sprint("p", i), 50, nil))))
		}
		s.poll(s.w, os[0], time.Minute)
		for _, o := range os {
			_, err := s.writer.Refill(t.Context(), s.db.Bun, s.wallet, o.Ref)
			require.NoError(t, err)
		}
		s.poll(s.w, os[0], time.Second)
		require.Equal(t, 30, s.panel.Books().Arrivals["/api/v2/refill"])
		s.poll(s.w, os[0], 2*time.Minute)
		require.Equal(t, 1, s.panel.Books().Arrivals["/api/v2/refill_status"])
		for _, o := range os {
			require.Equal(t, order.RefillProcessing, s.read(o).Facts.Refill.Status)
		}
	})
}

func TestWhatIsTakenBackLaterIsGivenBackOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		left, refunded int64
	}{"in part": {250, followersPrice / 4}, "wholly": {1000, followersPrice}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPanelStage(t, emulate.Always(0))
			o := s.poll(s.w, s.buy(s.w, s.followers("x")), time.Minute)
			require.Equal(t, order.Completed, o.State)
			before := len(s.events(o))
			o = s.poll(s.w, o, 2*time.Hour)
			require.Len(t, s.events(o), before, "nothing new")
			require.True(t, s.panel.Turn(o.UpstreamRef, c.left))
			o = s.poll(s.w, o, 10*time.Hour)
			require.Equal(t, order.Completed, o.State, "a final status never changes")
			require.Equal(t, c.refunded, o.Refunded)
			require.Equal(t, c.left, *o.Facts.Remains)
			require.Equal(t, 10_000_000-followersPrice+c.refunded, s.balance())
			require.Nil(t, o.NextRunAt, "once is all")
			events := s.events(o)
			require.Len(t, events, before+1)
			require.EqualValues(t, c.refunded, events[before]["refunded"])
			require.Equal(t, sayTakenBack, events[before]["data"].(map[string]any)["note"])
			s.audited()

			_, err := s.writer.Do(t.Context(), order.Step{OrderID: o.ID, Attempt: o.Attempt, TakenBack: true, Whole: true})
			require.ErrorIs(t, err, order.ErrStale)
			_, err = s.writer.Refill(t.Context(), s.db.Bun, s.wallet, o.Ref)
			require.ErrorIs(t, err, order.ErrNotAvailable, "what was taken back has no refill")
			s.audited()
		})
	}
}

func TestACompletedOrderIsWatchedForAMonth(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, emulate.Always(0))
	o := s.poll(s.w, s.buy(s.w, s.followers("x")), time.Minute)
	asked := s.panel.Books().Arrivals["/api/v2/status"]
	looks := 0
	for o.NextRunAt != nil {
		s.advance(o.NextRunAt.Sub(s.now) + time.Second)
		o = s.poll(s.w, o, 0)
		require.Less(t, looks, 20)
		looks++
	}
	require.Equal(t, len(watched()), looks)
	require.Equal(t, asked+looks, s.panel.Books().Arrivals["/api/v2/status"])
	require.Greater(t, s.now.Sub(*o.CompletedAt), 30*24*time.Hour)
	require.Equal(t, order.Completed, o.State)
	require.Zero(t, o.Refunded)
}

func TestACancelIsToldOnceAndSettledByWhatIsDelivered(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, emulate.Always(4*time.Hour), func(c *panel.Config) { c.CancelAfter = 10 * time.Minute })
	o := s.buy(s.w, s.followers("x"))
	o = s.poll(s.w, o, 3*time.Hour)
	require.EqualValues(t, 500, *o.Facts.Remains)
	_, err := s.writer.Cancel(t.Context(), s.db.Bun, s.wallet, o.Ref)
	require.NoError(t, err)
	require.NoError(t, s.w.Act(t.Context(), queue.Task{OrderID: o.ID}))
	for range 5 {
		o = s.poll(s.w, o, time.Minute)
		require.NoError(t, s.w.Act(t.Context(), queue.Task{OrderID: o.ID}))
	}
	require.Equal(t, order.Processing, o.State)
	require.True(t, o.CancelRequested)
	require.Equal(t, 1, s.panel.Books().Arrivals["/api/v2/cancel"], "told once")
	for range 3 {
		o = s.poll(s.w, o, 20*time.Minute)
	}
	require.Equal(t, order.Canceled, o.State)
	require.EqualValues(t, followersPrice/2, o.Refunded)
	s.audited()
}

func TestACancelThatGotLostIsToldAgain(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, emulate.Always(24*time.Hour))
	o := s.buy(s.w, s.followers("x"))
	s.fault(s.panel.Core, emulate.Rule{Kind: emulate.Drop, Endpoint: "/api/v2/cancel", Count: 1})
	_, err := s.writer.Cancel(t.Context(), s.db.Bun, s.wallet, o.Ref)
	require.NoError(t, err)
	require.NoError(t, s.w.Act(t.Context(), queue.Task{OrderID: o.ID}))
	require.False(t, s.read(o).Facts.CancelTold)
	o = s.poll(s.w, o, time.Minute) // finds it untold and has it told
	require.NoError(t, s.w.Act(t.Context(), queue.Task{OrderID: o.ID}))
	o = s.poll(s.w, o, time.Minute)
	require.Equal(t, order.Canceled, o.State)
	require.EqualValues(t, followersPrice, o.Refunded)
	s.audited()

	// One that the source refuses is not told again: the order goes on.
	p := s.panel.ServiceOf("Poll")
	s.panel.SetService(p.Service.Text, func(sv *wire.Service) { sv.Cancel = false })
	r := s.request("Poll", "y", 100, map[string]string{"answer_number": "1"})
	r.Terms.Cancel = true // as it was when it was taken
	second := s.buy(s.w, s.order(r))
	_, err = s.writer.Cancel(t.Context(), s.db.Bun, s.wallet, second.Ref)
	require.NoError(t, err)
	before := s.panel.Books().Arrivals["/api/v2/cancel"]
	for range 3 {
		require.NoError(t, s.w.Act(t.Context(), queue.Task{OrderID: second.ID}))
		second = s.poll(s.w, second, time.Minute)
	}
	require.Equal(t, before+1, s.panel.Books().Arrivals["/api/v2/cancel"])
	require.Equal(t, order.Processing, second.State)
}
