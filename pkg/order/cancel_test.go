package order

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/muarahq/muara/pkg/float"
	"github.com/muarahq/muara/pkg/rule"
)

// wanted is an order on its way to or at its source whose merchant wants it canceled.
func (s *scene) wanted(r *Request, steps ...Step) *Order {
	s.t.Helper()
	o := s.place(r)
	for _, step := range steps {
		o = s.do(o, step)
	}
	o, err := s.w.Cancel(s.t.Context(), s.db.Bun, s.wallet, o.Ref)
	require.NoError(s.t, err)
	require.True(s.t, o.CancelRequested)
	require.False(s.t, o.State.Final())
	return o
}

// A cancel that came while an order was being sent once let it be bought elsewhere or
// later, and could not be repeated meanwhile.
func TestWhatIsToBeCanceledIsBoughtNowhereElse(t *testing.T) {
	t.Parallel()
	route := &Route{Upstream: "up-b", OfferID: 8, Code: "56", Cost: 100}
	sent, under, lost := Step{To: Sending}, Step{To: Processing, UpstreamRef: "900", StartCount: ptr[int64](5), Remains: ptr[int64](400)}, Step{To: Unknown}
	for name, c := range map[string]struct {
		before []Step
		step   Step
	}{
		"not one byte left":           {[]Step{sent}, Step{Sends: 1, To: Queued, Outcome: "not_sent"}},
		"too busy to take it":         {[]Step{sent}, Step{Sends: 1, To: Queued, Outcome: "throttled", Flag: "the source keeps refusing for its rate"}},
		"refused, and sold elsewhere": {[]Step{sent}, Step{Sends: 1, To: Queued, Outcome: "rejected", Route: route}},
		"failed there":                {[]Step{sent, under}, Step{To: Queued, Outcome: "failed", Remains: ptr[int64](300), Route: route}},
		"not known by its reference":  {[]Step{sent, lost}, Step{From: Unknown, To: Queued, Outcome: "not_sent"}},
		"not bought by the balance":   {[]Step{sent, lost}, Step{From: Unknown, To: Queued, Outcome: OutcomeNotBought, Flag: "-"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			m := NewMetrics(prometheus.NewRegistry())
			s.w = NewWriter(s.db.Pool, s.accounts, s.clock, slog.New(slog.DiscardHandler), nil, m)
			t.Cleanup(s.w.Close)
			s.limit(t, s.wallet, rule.Change{PerDay: ptr[int64](20_000)})
			s.p = s.limited(t)
			o := s.wanted(followers(s.wallet, "a", "x"), c.before...)
			require.Zero(t, s.balance(t, s.wallet)-80_000)
			o = s.do(o, c.step)
			require.Equal(t, Canceled, o.State)
			require.Equal(t, "up-a", o.Upstream)
			require.Equal(t, o.Price, o.Refunded)
			require.Equal(t, sayWithdrawn, o.Message)
			require.Empty(t, o.Flag)
			require.Nil(t, o.NextRunAt)
			require.Nil(t, o.Facts.Remains)
			require.NotNil(t, o.CompletedAt)
			require.EqualValues(t, 100_000, s.balance(t, s.wallet))
			require.Equal(t, []string{"processing", "canceled"}, last(s.bodies(), "processing", "canceled"))
			require.InDelta(t, 1, testutil.ToFloat64(m.entered.WithLabelValues("up-a", "smm", "live", "canceled")), 0)
			require.InDelta(t, 0, testutil.ToFloat64(m.entered.WithLabelValues("up-a", "smm", "live", "queued")), 0)
			require.InDelta(t, 20_000, testutil.ToFloat64(m.rupiah.WithLabelValues("up-a", "smm", "live", "refund")), 0)

			for _, step := range []Step{c.step, {To: Canceled}, {From: Queued, To: Sending}} {
				_, err := s.try(o, step)
				require.ErrorIs(t, err, ErrStale, "once")
			}
			again, err := s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "a")
			require.NoError(t, err, "asking twice is asking once")
			require.Equal(t, o.Version, again.Version)
			require.EqualValues(t, 100_000, s.balance(t, s.wallet))
			require.Zero(t, s.used(t, s.wallet), "the day's room is given back")
			s.place(followers(s.wallet, "b", "x")) // and the link
			s.clean()
		})
	}
}

// last are the first and the last of some webhooks, which a number of looks may lie between.
func last(all []string, first, end string) []string {
	if len(all) < 2 || all[0] != first || all[len(all)-1] != end {
		return all
	}
	return []string{first, end}
}

func TestAWatchedAccountIsToldOfWhatIsCanceledBeforeItWasBought(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for ref, c := range map[string]struct {
		step  Step
		stand float.Stand
	}{
		"nothing left": {Step{Sends: 1, To: Queued, Outcome: "not_sent"}, float.Void},
		"failed there": {Step{To: Queued, Outcome: "failed"}, float.Back},
		"owed":         {Step{To: Queued, Outcome: "failed", Owed: true}, float.Owed},
	} {
		o := s.claimed(ref)
		_, err := s.w.Cancel(t.Context(), s.db.Bun, s.wallet, ref)
		require.NoError(t, err)
		o = s.do(o, c.step)
		require.Equal(t, Canceled, o.State)
		require.Equal(t, c.stand, s.move(o).Stand, ref)
	}
	s.verify(t)
}

func TestWhatIsToBeCanceledIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.wanted(rented(s.wallet, "a"), Step{To: Sending}, Step{To: Unknown})
	_, err := s.try(o, Step{From: Unknown, To: Sending, Again: true})
	require.ErrorIs(t, err, ErrStale)
	o = s.do(o, Step{To: Processing, UpstreamRef: "R1"})
	require.Equal(t, Processing, o.State, "it was bought: its source decides")

	// A queue that holds one all the same gives it back when it is asked to.
	o = s.place(rented(s.wallet, "b"))
	_, err = s.db.Pool.Exec(t.Context(), `UPDATE orders SET cancel_requested = true WHERE id = $1`, o.ID)
	require.NoError(t, err)
	_, err = s.try(o, Step{From: Queued, To: Sending})
	require.ErrorIs(t, err, ErrStale)
	o, err = s.w.Cancel(t.Context(), s.db.Bun, s.wallet, "b")
	require.NoError(t, err)
	require.Equal(t, Canceled, o.State)
	require.EqualValues(t, 2_000, o.Refunded)
	s.verify(t)
}

func TestWhatAPersonIsToLookAtOfACanceledOrderStays(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.wanted(rented(s.wallet, "a"), Step{To: Sending}, Step{To: Processing, UpstreamRef: "R1"})
	o = s.do(o, Step{To: Queued, Outcome: "failed", Flag: "a charge that is not what was expected", Alert: "a charge that is not what was expected"})
	require.Equal(t, Canceled, o.State)
	require.NotEmpty(t, o.Flag)
}

// The task of a merchant's request and a poll turn once told a source of one wish each:
// the second answer, a refusal, overwrote the first.
func TestTheAnswerToAWishBelongsToItsClaim(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	end := s.now.Add(15 * time.Minute)
	s.do(s.do(s.place(rented(s.wallet, "a")), Step{To: Sending}), Step{To: Completed, UpstreamRef: "R1", ExpiresAt: &end, Messages: []Message{{Code: "1"}}})
	wish := func() *Order {
		o, err := s.w.Resend(t.Context(), s.db.Bun, s.wallet, "a")
		require.NoError(t, err)
		require.True(t, o.Wished())
		return o
	}
	until := s.now.Add(time.Minute)
	claim := func(o *Order) (*Order, error) {
		return s.try(o, Step{From: Completed, Version: o.Version, Wish: WishTelling, Until: until, NextRunAt: &until})
	}
	o := wish()
	first, err := claim(o)
	require.NoError(t, err)
	require.True(t, first.Facts.Telling.Holds(s.now))
	require.False(t, first.Facts.Telling.Holds(until))
	require.Equal(t, first.Version, first.Facts.Telling.Version)
	require.WithinDuration(t, until, *first.NextRunAt, 0)
	require.False(t, first.Facts.WishLost)
	_, err = claim(o)
	require.ErrorIs(t, err, ErrStale, "one of two who saw it open has it")

	second, err := claim(first) // the first does not come back in time
	require.NoError(t, err)
	require.True(t, second.Facts.WishLost, "and may have told it")
	_, err = s.try(o, Step{Telling: first.Facts.Telling.Version, Wish: WishRefused})
	require.ErrorIs(t, err, ErrStale)
	o = s.do(o, Step{Telling: second.Facts.Telling.Version, Wish: WishSent, NextRunAt: &until})
	require.True(t, o.Facts.WishSent)
	require.Nil(t, o.Facts.Telling)
	require.False(t, o.Wished())
	for _, step := range []Step{{Telling: second.Facts.Telling.Version, Wish: WishRefused}, {Wish: WishRefused}} {
		_, err = s.try(o, step)
		require.ErrorIs(t, err, ErrStale, "a refusal undoes nothing that was heard")
	}

	// News on the way of an answer do not make it late; a further wish does.
	o = s.do(o, Step{Messages: []Message{{Code: "2"}}})
	require.False(t, o.ResendRequested)
	o = wish()
	require.False(t, o.Facts.WishLost)
	first, err = claim(o)
	require.NoError(t, err)
	s.do(o, Step{Messages: []Message{{Code: "3"}}, NextRunAt: &until})
	o = wish()
	_, err = s.try(o, Step{Telling: first.Facts.Telling.Version, Wish: WishSent})
	require.ErrorIs(t, err, ErrStale)
	require.True(t, o.Wished())
	first, err = claim(o)
	require.NoError(t, err)
	s.do(o, Step{SN: "x", NextRunAt: &until})
	o = s.do(o, Step{Telling: first.Facts.Telling.Version, Wish: WishLost, NextRunAt: &until})
	require.True(t, o.Wished(), "it is told again")
	require.True(t, o.Facts.WishLost)
	s.verify(t)
}

func TestACancelThatIsBeingToldKeepsNobodyFromAsking(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	look := s.now.Add(3 * time.Second)
	o := s.wanted(rented(s.wallet, "a"), Step{To: Sending}, Step{To: Processing, UpstreamRef: "R1", NextRunAt: &look})
	until := s.now.Add(time.Minute)
	claimed := s.do(o, Step{From: Processing, Version: o.Version, Wish: WishTelling, Until: until, NextRunAt: &until})
	require.Equal(t, o.NextRunAt.UTC(), claimed.NextRunAt.UTC())
	done := s.do(o, Step{To: Completed, Messages: []Message{{Code: "1"}}})
	require.Nil(t, done.Facts.Telling)
	_, err := s.try(o, Step{Telling: claimed.Facts.Telling.Version, Wish: WishTold, NextRunAt: &s.now})
	require.ErrorIs(t, err, ErrStale)
	got, err := ByID(t.Context(), s.db.Bun, o.ID)
	require.NoError(t, err)
	require.Nil(t, got.NextRunAt, "the code came first, and nothing is looked for")
}
