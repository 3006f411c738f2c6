package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/catalog"
	"github.com/muarahq/muara/pkg/order"
	"github.com/muarahq/muara/pkg/upstream"
	"github.com/muarahq/muara/pkg/upstream/emulate"
	panel "github.com/muarahq/muara/pkg/upstream/smm/emulator"
)

func TestWhatPanelsRefuse(t *testing.T) {
	t.Parallel()
	t.Run("the link", func(t *testing.T) {
		t.Parallel()
		s := newPanelStage(t, emulate.Always(0))
		o := s.buy(s.w, s.followers("not a link"))
		require.Equal(t, order.Failed, o.State)
		require.Equal(t, sayLink, o.Message)
		require.EqualValues(t, 10_000_000, s.balance())
	})
	t.Run("a link that somebody else's order runs on", func(t *testing.T) {
		t.Parallel()
		s := newPanelStage(t, emulate.Always(time.Hour))
		request := s.request("Default", "busy", 1000, nil)
		theirs := &upstream.Purchase{Code: request.Route.Code, Extra: request.Route.Extra, Target: "busy", Quantity: 1000}
		_, err := s.w.Client.Driver().Submit(t.Context(), theirs)
		require.NoError(t, err)
		o := s.buy(s.w, s.order(request))
		require.Equal(t, order.Failed, o.State)
		require.Equal(t, sayBusy, o.Message)
		require.EqualValues(t, 10_000_000, s.balance())
		s.audit()
	})
	t.Run("a service that is gone", func(t *testing.T) {
		t.Parallel()
		s := newPanelStage(t, emulate.Always(0))
		o := s.followers("x")
		require.True(t, s.panel.Remove(o.Code))
		o = s.buy(s.w, o)
		require.Equal(t, order.Failed, o.State)
		require.Equal(t, sayUnavailable, o.Message)
		require.NoError(t, s.cat.Refresh(t.Context()))
		p, _ := s.cat.Snapshot().Product(o.SKU)
		open, reason, _ := s.cat.Snapshot().Availability(p)
		require.False(t, open)
		require.Equal(t, catalog.Closed, reason, "at the first refusal: the source has no such service")
	})
	t.Run("our key", func(t *testing.T) {
		t.Parallel()
		s := newPanelStage(t, emulate.Always(0), func(c *panel.Config) { c.APIKey = "secret-key" })
		halted := make(chan string, 1)
		o := s.followers("x")
		s.panel = panel.New(panel.Config{APIKey: "another"})
		s.w = s.workerWith("up-s", "smm", s.serve(s.panel), map[string]string{"currency": "USD", "rate": "16000"})
		s.w.Client.OnHalt = func(code string) { halted <- code }
		o = s.buy(s.w, o)
		require.Equal(t, order.Failed, o.State)
		require.Len(t, halted, 1, "the source is paused until a person has put it right")
		require.EqualValues(t, 10_000_000, s.balance())
	})
}

func TestAnotherPanelIsTriedWhereNothingWasBought(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, emulate.Always(0))
	other := panel.New(panel.Config{Config: emulate.Config{Clock: s.clock}, Currency: "USD", Rate: "16000"})
	b := s.sells("up-t", other)
	first := s.product("Default")
	_, err := s.db.Pool.Exec(t.Context(), `UPDATE offers SET product_id = $1, cost = cost - 1 WHERE upstream = 'up-t' AND code = '1'`, first.ID)
	require.NoError(t, err)
	_, err = s.db.Pool.Exec(t.Context(), `UPDATE offers SET cost = cost - 2 WHERE upstream = 'up-s' AND code = '1'`)
	require.NoError(t, err)
	s.changed(first)
	s.panel.SetBalance(0)

	o := s.buy(s.w, s.followers("one"))
	require.Equal(t, order.Queued, o.State)
	require.Equal(t, "up-t", o.Upstream)
	require.EqualValues(t, 14_699, o.Cost, "the whole order's")
	o = s.buy(b, o)
	require.Equal(t, order.Processing, o.State)
	s.audit()

	// The second order for the same link may start at the first panel, where none runs;
	// but it must not be led to the other one.
	second := s.buy(s.w, s.order(s.request("Default", "two", 500, nil)))
	require.Equal(t, "up-t", second.Upstream, "another link")
	third := s.buy(s.w, s.followers("one"))
	require.Equal(t, order.Failed, third.State, "nowhere to go: its link is taken there")
	require.Equal(t, third.Price, third.Refunded)
	require.Len(t, other.Books().Purchases, 1)
	s.audit()
}

func TestALinkTakenBetweenLookAndWriteIsNotRunTwice(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, emulate.Always(0))
	o := s.followers("x")
	claimed, err := s.writer.Do(t.Context(), order.Step{OrderID: o.ID, To: order.Sending, NextRunAt: &s.now})
	require.NoError(t, err)
	elsewhere := s.request("Default", "x", 1000, nil)
	elsewhere.Route.Upstream, elsewhere.Route.Code = "up-t", "77"
	other := s.order(elsewhere)
	calm := s.order(s.request("Package", "calm", 0, nil))
	// In one commit with others: it is refused alone.
	results := make(chan error, 2)
	go func() {
		_, err := s.writer.Do(context.Background(), order.Step{
			OrderID: claimed.ID, Attempt: 1, To: order.Queued, Route: &order.Route{Upstream: "up-t", OfferID: 9, Code: "77", Cost: 1}, NextRunAt: &s.now,
		})
		results <- err
	}()
	_, err = s.writer.Do(t.Context(), order.Step{OrderID: calm.ID, To: order.Sending, NextRunAt: &s.now})
	require.NoError(t, err)
	require.ErrorIs(t, <-results, order.ErrLinkBusy)
	require.Equal(t, order.Sending, s.read(claimed).State)
	require.Equal(t, order.Queued, s.read(other).State)
}

func TestAnIDThatAnotherOrderBearsIsForAPersonToSee(t *testing.T) {
	t.Parallel()
	s := newPanelStage(t, emulate.Always(0), func(c *panel.Config) { c.Repeat = 2 * time.Minute })
	first := s.poll(s.w, s.buy(s.w, s.followers("x")), 30*time.Second)
	require.Equal(t, order.Completed, first.State)
	second := s.buy(s.w, s.followers("x"))
	require.Equal(t, order.Unknown, second.State, "it was not bought anew, and money was taken for it")
	second = s.poll(s.w, second, s.w.DebitLongest+s.w.Client.Timeout)
	require.NotEmpty(t, second.Flag)
	require.Empty(t, second.UpstreamRef)
	require.Len(t, s.panel.Books().Purchases, 1)
	third := s.buy(s.w, s.followers("y"))
	require.Equal(t, order.Processing, third.State)
}
